package portmap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"

	"github.com/libp2p/go-netroute"
)

// pcpAnycast is an address on the Internet side of every gateway (RFC 7723): the
// route to it is the route to the gateway. Nothing is sent to it.
func pcpAnycast() net.IP { return net.IPv4(192, 0, 0, 9) }

// locate finds the gateway and the address of this host that it is reached from.
func (m *Mapper) locate(ctx context.Context) (place, error) {
	at := place{m.Gateway.Unmap(), m.Local.Unmap()}
	if !at.gateway.IsValid() {
		gateway, err := defaultGateway()
		if err != nil {
			return at, err
		}
		at.gateway = gateway
	}
	if at.gateway.Is6() || at.local.Is6() {
		return at, fmt.Errorf("ports are mapped for IPv4 only, not by the gateway %s for %s: in IPv6, let the server in at the firewall", at.gateway, at.local)
	}
	if at.local.IsValid() {
		return at, nil
	}
	conn, err := dialUDP(ctx, at.local, netip.AddrPortFrom(at.gateway, gatewayPort))
	if err != nil {
		return at, fmt.Errorf("no way to the gateway: %w", err)
	}
	defer func() { _ = conn.Close() }()
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	at.local = local.Addr().Unmap()
	return at, err
}

// defaultGateway asks the routing table. It is read by system calls and not from
// the output of a program, so that it is quick and needs no context.
func defaultGateway() (netip.Addr, error) {
	router, err := netroute.New()
	if err != nil {
		return netip.Addr{}, noGateway(err)
	}
	_, gateway, _, err := router.Route(pcpAnycast())
	if err != nil {
		return netip.Addr{}, noGateway(err)
	}
	addr, ok := netip.AddrFromSlice(gateway)
	if !ok || addr.IsUnspecified() {
		return netip.Addr{}, noGateway(errors.New("the way to the Internet leads through no gateway"))
	}
	return addr.Unmap(), nil
}

func noGateway(err error) error {
	return fmt.Errorf("no gateway in the routing table (%s): %w; set Mapper.Gateway", runtime.GOOS, err)
}

// behindNAT tells why nobody on the Internet can connect to a gateway with this
// external address, or returns "". Documentation addresses pass: laboratories use
// them as public ones.
func behindNAT(addr netip.Addr) string {
	shared := netip.MustParsePrefix("100.64.0.0/10")
	assignments := netip.MustParsePrefix("192.0.0.0/24")
	switch {
	case shared.Contains(addr):
		return "shared with other customers of the provider (CGNAT, RFC 6598)"
	case addr.IsPrivate():
		return "private (RFC 1918)"
	case assignments.Contains(addr):
		return "of a tunnel to the provider's NAT (DS-Lite, RFC 6333)"
	case addr.IsLoopback(), addr.IsLinkLocalUnicast(), addr.IsMulticast():
		return "of no network beyond the gateway"
	case addr.Is4() && (addr.As4()[0] == 0 || addr.As4()[0] >= 240):
		return "reserved"
	}
	return ""
}
