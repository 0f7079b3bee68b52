package ftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// Active is the [DataDialer] that lets the server connect to a port which the
// client listens on and names with PORT (RFC 959 section 4.1.2) or EPRT
// (RFC 2428). The zero Active listens on the control connection's own address,
// on any port, and accepts a connection from the control peer alone.
type Active struct {
	// Methods are the permitted ones, in order. Empty means PORT, then EPRT;
	// on an IPv6 control connection EPRT only.
	Methods []Method
	// Listen is the local IP address, or the name of the network interface, to
	// listen on. Empty means the control connection's local address.
	Listen string
	// Ports is the range of local ports. Zero means any port. Every transfer
	// of the process that names the same range shares its ports; where all are
	// in use, a transfer waits for one within Timeouts.Accept.
	Ports PortRange
	// External is the IP address, or the host name, to name to the server in
	// place of the local address: that of the NAT in front of this host.
	External string
	// ExternalFunc, where not nil, finds the address to name. It overrides
	// External.
	ExternalFunc ExternalFunc
	// Mapper, where not nil, asks a gateway to forward a port. What it returns
	// is named to the server unless External or ExternalFunc is set.
	Mapper PortMapper
	// ExternalOnLAN names the external address even to a server on a loopback,
	// private or link-local address. By default such a server is told the
	// local address, because it stands on this side of the NAT.
	ExternalOnLAN bool
	// AcceptFrom says which hosts may connect. The zero value is [AcceptPeer].
	AcceptFrom AcceptPolicy
	// AcceptFunc, where not nil, decides instead of AcceptFrom. control is
	// invalid where only the name of the server is known.
	AcceptFunc func(remote, control netip.Addr) bool
	// ListenFunc, where not nil, opens the listener in place of net.Listen, for
	// a port that a proxy opens. The listener's Addr is what is named to the
	// server. Where the server is known by name alone, because a proxy resolves
	// it, whom the listener accepts is taken for the server.
	ListenFunc func(ctx context.Context, network, address string) (net.Listener, error)
}

// PortMapper asks a gateway to forward an external port to a local one.
type PortMapper interface {
	// Map forwards a port of the gateway to the local TCP port until release
	// is called, which it is when the data connection is closed.
	Map(ctx context.Context, port uint16) (external netip.AddrPort, release func(), err error)
}

// AcceptPolicy says whose connection to the listener of an active transfer is
// taken for the server's. Any other is closed, and the wait goes on.
type AcceptPolicy uint8

const (
	// AcceptPeer takes connections from the control peer's address only.
	AcceptPeer AcceptPolicy = iota
	// AcceptNetwork also takes those of the peer's IPv4 /24 or IPv6 /64: for
	// servers whose data movers have addresses of their own.
	AcceptNetwork
	// AcceptAny takes the first connection, whoever makes it: anyone who can
	// reach the port can then read or replace the file.
	AcceptAny
)

// DialData implements [DataDialer].
func (a Active) DialData(ctx context.Context, x *Exchange) (net.Conn, error) {
	return climb(ctx, x, a)
}

func (a Active) check() error {
	for _, m := range a.Methods {
		if m != PORT && m != EPRT {
			return fmt.Errorf("Options.Active.Methods holds %q; use PORT and EPRT", m)
		}
	}
	if a.AcceptFrom > AcceptAny {
		return fmt.Errorf("Options.Active.AcceptFrom is %d; use AcceptPeer, AcceptNetwork or AcceptAny", a.AcceptFrom)
	}
	return a.Ports.check("Options.Active.Ports")
}

// methods returns the permitted methods that can name this end's address:
// PORT has room for an IPv4 address only.
func (a Active) methods(x *Exchange) []Method {
	wanted := a.Methods
	if len(wanted) == 0 {
		wanted = []Method{PORT, EPRT}
	}
	if !x.LocalAddr().Addr().Is6() {
		return wanted
	}
	var methods []Method
	for _, m := range wanted {
		if m != PORT {
			methods = append(methods, m)
		}
	}
	return methods
}

// attempt listens, names the address to the server, sends the transfer command
// and waits for the server's connection.
func (a Active) attempt(ctx context.Context, x *Exchange, m Method) (net.Conn, error) {
	start := time.Now()
	rung := Rung{Method: m}
	conn, err := a.negotiate(ctx, x, &rung)
	rung.Duration, rung.Err = since(start), err
	if conn != nil {
		rung.Local, rung.Remote = Endpoint{addrPortOf(conn.LocalAddr())}, Endpoint{addrPortOf(conn.RemoteAddr())}
	}
	x.Record(rung)
	return conn, err
}

func (a Active) negotiate(ctx context.Context, x *Exchange, rung *Rung) (net.Conn, error) {
	ln, err := a.listen(ctx, x)
	if err != nil {
		return nil, err
	}
	defer func() { _ = ln.Close() }()
	local := addrPortOf(ln.Addr())
	rung.Listened = Endpoint{local}
	advertised, reason, err := a.advertise(ctx, x, local)
	if err != nil {
		return nil, err
	}
	rung.Advertised, rung.Reason = Endpoint{advertised}, reason
	if err := x.name(ctx, rung.Method, advertised); err != nil {
		return nil, err
	}
	if err := x.Begin(ctx); err != nil {
		return nil, err
	}
	return watching(ctx, x, func(ctx context.Context) (net.Conn, error) {
		return a.accept(ctx, x, ln, rung.Method)
	})
}

// name tells the server the address.
func (x *Exchange) name(ctx context.Context, m Method, advertised netip.AddrPort) error {
	format := formatPORT
	if m == EPRT {
		format = formatEPRT
	}
	arg, err := format(advertised)
	if err != nil {
		return err
	}
	r, err := x.Command(ctx, string(m), arg)
	if err != nil {
		return err
	}
	if !r.positive() {
		return x.refuse(m, r)
	}
	return nil
}

// listen opens the listener, on a leased port where a range is set. The lease
// ends with the data connection.
func (a Active) listen(ctx context.Context, x *Exchange) (net.Listener, error) {
	host, err := a.listenAddr(x)
	if err != nil {
		return nil, err
	}
	open := func(port uint16) (net.Listener, error) {
		return a.open(ctx, netip.AddrPortFrom(host, port))
	}
	if a.Ports.any() {
		return open(0)
	}
	ctx, cancel := withLimit(ctx, &TimeoutError{"free port in " + a.Ports.String(), x.client.opts.Timeouts.Accept, "Timeouts.Accept"})
	defer cancel()
	return watching(ctx, x, func(ctx context.Context) (net.Listener, error) {
		ln, release, err := activePorts.listen(ctx, host, a.Ports, open)
		x.Defer(release)
		return ln, err
	})
}

func (a Active) open(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
	network := "tcp4"
	if at.Addr().Is6() {
		network = "tcp6"
	}
	if a.ListenFunc != nil {
		ln, err := a.ListenFunc(ctx, network, at.String())
		if err == nil && ln == nil {
			err = errors.New("Active.ListenFunc returned neither a listener nor an error")
		}
		return ln, err
	}
	return new(net.ListenConfig).Listen(ctx, network, at.String())
}

func (a Active) listenAddr(x *Exchange) (netip.Addr, error) {
	local := x.LocalAddr().Addr()
	if a.Listen == "" {
		if !local.IsValid() {
			return netip.Addr{}, errors.New("the control connection has no local IP address to listen on; set Active.Listen")
		}
		return local, nil
	}
	return bindAddr(a.Listen, local.Is6())
}

// advertise decides which address the server is told, and says why.
func (a Active) advertise(ctx context.Context, x *Exchange, local netip.AddrPort) (netip.AddrPort, string, error) {
	_, peer := x.ControlPeer()
	if !a.external() {
		return local, "the local address", nil
	}
	if peer.IsValid() && isLocalNetwork(peer) && !a.ExternalOnLAN {
		return local, fmt.Sprintf("the local address, because the server %s is on a local network (Active.ExternalOnLAN)", peer), nil
	}
	at, reason, err := a.externalAddr(ctx, x, local)
	if err != nil {
		return at, reason, fmt.Errorf("finding the external address: %w", err)
	}
	if at.Addr().Is4() != local.Addr().Is4() {
		return at, reason, fmt.Errorf("the external address %s is not of the family of %s, which the server must connect to", at.Addr(), local.Addr())
	}
	return at, reason, nil
}

func (a Active) external() bool {
	return a.ExternalFunc != nil || a.External != "" || a.Mapper != nil
}

// externalAddr applies the sources in their order: the configured address, then
// the mapper, which also tells the port. A mapper is asked for the forwarding
// even where the address is configured.
func (a Active) externalAddr(ctx context.Context, x *Exchange, local netip.AddrPort) (netip.AddrPort, string, error) {
	at, reason := local, ""
	if a.Mapper != nil {
		mapped, release, err := a.Mapper.Map(ctx, local.Port())
		if err != nil {
			return at, "", fmt.Errorf("mapping port %d on the gateway: %w", local.Port(), err)
		}
		x.Defer(release)
		at, reason = mapped, "the gateway's address, from the port mapper"
	}
	var addr netip.Addr
	var err error
	switch {
	case a.ExternalFunc != nil:
		addr, err = a.ExternalFunc(ctx, x, local)
		reason = "from Active.ExternalFunc"
	case a.External != "":
		addr, err = x.client.lookup(ctx, a.External, local.Addr().Is6())
		reason = "from Active.External"
	default:
		addr = at.Addr()
	}
	if err == nil && !addr.IsValid() {
		err = errors.New("no valid address was returned")
	}
	return netip.AddrPortFrom(addr.Unmap(), at.Port()), reason, err
}

// accept waits for the server's connection and turns strangers away.
func (a Active) accept(ctx context.Context, x *Exchange, ln net.Listener, m Method) (net.Conn, error) {
	start := time.Now()
	ctx, cancel := withLimit(ctx, &TimeoutError{"connection from the server to " + ln.Addr().String(), x.client.opts.Timeouts.Accept, "Timeouts.Accept"})
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	for {
		conn, err := ln.Accept()
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil && !a.accepts(x, conn) {
			x.notice(m, "a stranger connected from %s and was turned away", conn.RemoteAddr())
			_ = conn.Close()
			continue
		}
		event := DialEvent{Purpose: PurposeData, Network: ln.Addr().Network(), Address: ln.Addr().String(), Local: ln.Addr(), Duration: since(start), Err: err}
		if err == nil {
			event.Local, event.Remote = conn.LocalAddr(), conn.RemoteAddr()
		}
		x.client.trace.dial(event)
		return conn, err
	}
}

// accepts applies the policy to the other end of conn. Where the server's
// address is not known, because a proxy resolved its name, only a ListenFunc
// can vouch for who connects.
func (a Active) accepts(x *Exchange, conn net.Conn) bool {
	remote := addrPortOf(conn.RemoteAddr()).Addr()
	_, peer := x.ControlPeer()
	switch {
	case a.AcceptFunc != nil:
		return a.AcceptFunc(remote, peer)
	case a.AcceptFrom == AcceptAny, same(remote, peer):
		return true
	case !peer.IsValid():
		return a.ListenFunc != nil
	case a.AcceptFrom == AcceptNetwork:
		return sameNetwork(remote, peer)
	}
	return false
}

func sameNetwork(a, b netip.Addr) bool {
	bits := 24
	if b.Is6() {
		bits = 64
	}
	prefix, err := b.WithZone("").Prefix(bits)
	return err == nil && prefix.Contains(a.WithZone(""))
}

// bindAddr reads an IP address or the name of a network interface, of which it
// takes the first address of the wanted family.
func bindAddr(s string, want6 bool) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Unmap(), nil
	}
	iface, err := net.InterfaceByName(s)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is neither an IP address nor a network interface of this host: %w", s, err)
	}
	addrs, err := iface.Addrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Unmap().Is6() == want6 {
			return prefix.Addr().Unmap(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("the network interface %s has no IPv%s address", s, strconv.Itoa(familyNumber(want6)))
}

func familyNumber(six bool) int {
	if six {
		return 6
	}
	return 4
}
