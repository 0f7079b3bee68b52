package portmap

import (
	"context"
	"net/netip"
	"net/url"
	"time"
)

// Tune has the gateway listen on other ports than the assigned ones, and each wait
// last no longer than limit, where that is not zero.
func (m *Mapper) Tune(gatewayPort, searchPort uint16, limit time.Duration) {
	m.tune = tuning{gatewayPort, searchPort, limit}
}

// AskSTUN is the question to one server, with a limit.
func AskSTUN(ctx context.Context, server string, local netip.Addr, limit time.Duration) (netip.Addr, error) {
	return askSTUN(ctx, server, local, limit)
}

// OpenIGD reads the description of a device and picks a service of it.
func OpenIGD(ctx context.Context, gateway netip.Addr, location string) error {
	u, err := url.Parse(location)
	if err == nil {
		_, err = openIGD(ctx, place{gateway, gateway}, u)
	}
	return err
}
