package doctor

import (
	"context"
	"net/netip"
)

// WithAddresses makes an examination believe that every name has these addresses.
func (c Config) WithAddresses(addrs ...netip.Addr) Config {
	c.lookup = func(context.Context, string) ([]netip.Addr, error) { return addrs, nil }
	return c
}
