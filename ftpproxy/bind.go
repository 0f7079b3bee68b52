package ftpproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// errCannotListen is the answer to every attempt to listen on an HTTP proxy.
var errCannotListen = fmt.Errorf("an HTTP proxy cannot accept connections; use passive mode or a SOCKS5 proxy (%w)", errors.ErrUnsupported)

// Listener returns the ListenFunc of active mode, which has the proxy open a
// port (BIND, RFC 1928 section 4). server is the FTP server as it was dialled,
// a host or host:port: the proxy is told whom to admit. The network and the
// address that the function is given are of this host, and do not count.
//
// The listener's Addr is the port on the proxy, which PORT or EPRT then names;
// where the proxy is behind a NAT itself, Active.External replaces the address.
// It accepts one connection. That the server made it is the proxy's to check:
// package ftp can do so as well only where server is an IP address.
//
// With an HTTP proxy the function returns an error that matches
// [errors.ErrUnsupported], and never listens on this host instead: the server
// would connect past the proxy.
func (p *Proxy) Listener(server string) func(ctx context.Context, network, address string) (net.Listener, error) {
	return func(ctx context.Context, _, _ string) (net.Listener, error) {
		ln, err := p.bind(ctx, server)
		if err != nil {
			return nil, p.failed(opBind, server, err)
		}
		return ln, nil
	}
}

func (p *Proxy) bind(ctx context.Context, server string) (*listener, error) {
	if !p.CanListen() {
		return nil, errCannotListen
	}
	to, err := parseTarget("tcp", net.JoinHostPort(splitServer(server)))
	if err != nil {
		return nil, err
	}
	var bound net.Addr
	conn, err := p.negotiate(ctx, to, func(conn net.Conn, to target) (err error) {
		bound, err = p.askPort(conn, to)
		return lost(err)
	})
	if err != nil {
		return nil, err
	}
	return &listener{proxy: p, server: server, conn: conn, addr: bound}, nil
}

// askPort has the proxy open a port and returns its address.
func (p *Proxy) askPort(conn net.Conn, to target) (net.Addr, error) {
	if err := p.greet(conn); err != nil {
		return nil, err
	}
	if _, err := conn.Write(request(commandBind, to)); err != nil {
		return nil, err
	}
	bound, err := p.readReply(conn, opBind)
	if err != nil {
		return nil, err
	}
	return boundAddr(bound, conn.RemoteAddr())
}

// boundAddr is the address that a server can be told. Proxies that listen on
// every address name none; the one at which they were reached is meant.
func boundAddr(bound, proxy net.Addr) (net.Addr, error) {
	at, ok := addrPort(bound)
	if !ok {
		return nil, fmt.Errorf("the proxy named its port as %.64q; PORT and EPRT take an IP address only", bound)
	}
	if at.Port() == 0 {
		return nil, errors.New("the proxy opened a port and named it 0; see its log, or use passive mode")
	}
	if !at.Addr().IsUnspecified() {
		return bound, nil
	}
	own, ok := addrPort(proxy)
	if !ok {
		return nil, errors.New("the proxy did not name the address of its port, and its own is not known; use passive mode")
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(own.Addr().Unmap().WithZone(""), at.Port())), nil
}

func addrPort(a net.Addr) (netip.AddrPort, bool) {
	if a == nil { // a dialer of the caller's own may know none
		return netip.AddrPort{}, false
	}
	at, err := netip.ParseAddrPort(a.String())
	return at, err == nil
}

// listener is a port on the proxy. It owns the connection to the proxy until
// Accept hands that out, as the connection that came in.
type listener struct {
	proxy  *Proxy
	server string
	addr   net.Addr

	mu    sync.Mutex
	conn  net.Conn // nil once it was handed out or closed
	taken bool     // an Accept has begun
}

// Addr returns the address of the port on the proxy.
func (l *listener) Addr() net.Addr { return l.addr }

// Accept waits for the proxy's second reply, which tells who connected. Further
// calls return net.ErrClosed at once: there is no second connection to wait for.
func (l *listener) Accept() (net.Conn, error) {
	conn := l.take()
	if conn == nil {
		return nil, l.proxy.failed(opAccept, l.server, fmt.Errorf("the proxy's port takes one connection: %w", net.ErrClosed))
	}
	remote, err := l.proxy.readReply(conn, opAccept)
	if !l.release(conn, err == nil) {
		err = net.ErrClosed
	}
	if err != nil {
		return nil, l.proxy.failed(opAccept, l.server, lost(err))
	}
	return withRemote(conn, remote), nil
}

// take returns the connection to the proxy to the first that asks.
func (l *listener) take() net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken {
		return nil
	}
	l.taken = true
	return l.conn
}

// release ends the ownership of conn, which is closed unless it is to be kept.
// It returns false where Close came first.
func (l *listener) release(conn net.Conn, keep bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := l.conn != nil
	l.conn = nil
	if !keep {
		_ = conn.Close()
	}
	return open
}

// Close closes the port and ends an Accept. It leaves a connection that was
// accepted alone, and closing again does nothing.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil
	}
	err := l.conn.Close()
	l.conn, l.taken = nil, true
	return err
}
