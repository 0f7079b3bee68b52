package ftptest

import (
	"context"
	"net"
	"net/netip"
)

// Network is where a server listens and, for active data connections, dials from. The zero Config uses the host's own
// network; a test that runs in a testing/synctest bubble brings one that lives in memory.
type Network interface {
	// Listen opens a listener on a literal address; its connections tell their addresses as *net.TCPAddr does.
	Listen(ctx context.Context, network, address string) (net.Listener, error)
	// DialFrom connects from a local address, of which the port may be 0.
	DialFrom(ctx context.Context, local netip.AddrPort, network, address string) (net.Conn, error)
	// BlackHole occupies an address so that connection attempts to it neither succeed nor fail, until the returned
	// listener is closed. A network that has no such thing returns an error.
	BlackHole(ctx context.Context, network, address string) (net.Listener, error)
}

// hostNetwork is the network of the operating system.
type hostNetwork struct{}

func (hostNetwork) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, network, address)
}

func (hostNetwork) DialFrom(ctx context.Context, local netip.AddrPort, network, address string) (net.Conn, error) {
	dialer := net.Dialer{}
	if local.Addr().IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(local)
	}
	return dialer.DialContext(ctx, network, address)
}

// addrPort reads an address that a connection or listener tells.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		ap, err := netip.ParseAddrPort(a.String())
		if err != nil {
			return netip.AddrPort{}
		}
		return ap
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// reset closes a connection so that the peer sees it reset.
func reset(conn net.Conn) {
	if lingerer, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = lingerer.SetLinger(0) // a connection that is gone already needs no reset
	}
	_ = conn.Close()
}
