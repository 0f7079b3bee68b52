package ftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Purpose says what a connection is for.
type Purpose uint8

const (
	// PurposeControl is the connection of commands and replies.
	PurposeControl Purpose = iota + 1
	// PurposeData is the connection of one transfer or listing.
	PurposeData
)

// String returns "control" or "data".
func (p Purpose) String() string {
	switch p {
	case PurposeControl:
		return "control"
	case PurposeData:
		return "data"
	}
	return fmt.Sprintf("Purpose(%d)", uint8(p))
}

type purposeKey struct{}

// ConnPurpose tells, from the context that Options.DialContext was given, what
// the connection is for; 0 from any other context.
func ConnPurpose(ctx context.Context) Purpose {
	p, _ := ctx.Value(purposeKey{}).(Purpose)
	return p
}

// defaultPort is the port of the control connection: 21 (RFC 959 section 8),
// and 990 where TLS comes first.
func (o *Options) defaultPort() string {
	if o.TLS == TLSImplicit {
		return "990"
	}
	return "21"
}

// keepAlive keeps NATs and firewalls from forgetting the control connection
// while a transfer leaves it idle.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 6} //nolint:gochecknoglobals // a constant that Go cannot write as one

// splitAddress reads "host", "host:port", "[v6]:port" or a bare IPv6 address.
func splitAddress(address, defaultPort string) (host, port string, err error) {
	if strings.Contains(address, "://") {
		return "", "", fmt.Errorf("%q is a URL; give its host, or host:port", address)
	}
	bare := address
	if inner, bracketed := strings.CutPrefix(address, "["); bracketed && strings.Count(address, "]") == 1 && strings.HasSuffix(address, "]") {
		bare = strings.TrimSuffix(inner, "]")
	}
	if addr, err := netip.ParseAddr(bare); err == nil && !strings.Contains(bare, "]") {
		return addr.String(), defaultPort, nil
	}
	if !strings.Contains(address, ":") {
		address += ":" + defaultPort
	}
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", fmt.Errorf("%q is no port; use 1 to 65535", port)
	}
	if host == "" {
		return "", "", errors.New("the host is empty; write host or host:port")
	}
	return host, port, nil
}

// dialTCP makes one connection, by the hook where there is one.
func (c *Client) dialTCP(ctx context.Context, p Purpose, address string) (net.Conn, error) {
	start := time.Now()
	ctx = context.WithValue(ctx, purposeKey{}, p)
	conn, err := c.dialNetwork(ctx, p, address)
	if err != nil && (ctx.Err() != nil || pastDeadline(ctx, err)) {
		<-ctx.Done()
		err = c.explainEnd(context.Cause(ctx), err)
	}
	event := DialEvent{Purpose: p, Network: c.opts.Network, Address: address, Duration: since(start), Err: err}
	if conn != nil {
		event.Local, event.Remote = conn.LocalAddr(), conn.RemoteAddr()
	}
	c.trace.dial(event)
	return conn, err
}

// explainEnd is the cause of a dial that was ended. Where a limit ended it, what the
// dial was at by then is told too, if that was not the server: a name that was looked
// up, or a hook, which may have waited for a proxy.
func (c *Client) explainEnd(cause, err error) error {
	var limit *TimeoutError
	var lookup *net.DNSError
	switch {
	case !errors.As(cause, &limit):
		return cause
	case errors.As(err, &lookup):
		return fmt.Errorf("%w: the name %s was still being looked up", cause, lookup.Name)
	case c.opts.DialContext == nil, isContextError(err):
		return cause
	case errors.Is(err, cause):
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// isContextError tells whether err is nothing but the end of a context.
func isContextError(err error) bool {
	return err == context.DeadlineExceeded || err == context.Canceled //nolint:errorlint // one that is wrapped says more
}

// pastDeadline tells whether err is the context's deadline in another guise:
// net.Dialer makes it one of its own, which may pass a moment before.
func pastDeadline(ctx context.Context, err error) bool {
	deadline, bounded := ctx.Deadline()
	return bounded && isTimeout(err) && !time.Now().Before(deadline)
}

func (c *Client) dialNetwork(ctx context.Context, p Purpose, address string) (net.Conn, error) {
	if c.opts.DialContext != nil {
		conn, err := c.opts.DialContext(ctx, c.opts.Network, address)
		if err == nil && conn == nil {
			err = errors.New("Options.DialContext returned neither a connection nor an error")
		}
		return conn, err
	}
	d := net.Dialer{KeepAliveConfig: keepAlive}
	local, err := c.localAddr(p, address)
	if err != nil {
		return nil, err
	}
	if local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return d.DialContext(ctx, c.opts.Network, address)
}

// localAddr is the address to dial from; invalid for any. A data connection to
// the control peer leaves from the address that the control connection has:
// servers compare the two.
func (c *Client) localAddr(p Purpose, address string) (netip.Addr, error) {
	remote, _ := netip.ParseAddrPort(address)
	if p == PurposeData && c.ctl != nil && same(remote.Addr(), c.ctl.peer.addr) {
		return c.ctl.local().Addr(), nil
	}
	if c.opts.Bind == "" {
		return netip.Addr{}, nil
	}
	switch {
	case c.opts.Network == "tcp6", remote.Addr().Is6() && !remote.Addr().Is4In6():
		return bindAddr(c.opts.Bind, true)
	case c.opts.Network == "tcp4", remote.IsValid():
		return bindAddr(c.opts.Bind, false)
	}
	if addr, err := bindAddr(c.opts.Bind, false); err == nil {
		return addr, nil
	}
	return bindAddr(c.opts.Bind, true)
}

// peerOf tells whom conn reached. Behind a hook the other end may be a proxy,
// so that only the address which was asked for counts.
func (c *Client) peerOf(conn net.Conn) controlPeer {
	if c.opts.DialContext == nil {
		addr := addrPortOf(conn.RemoteAddr()).Addr()
		return controlPeer{host: addr.String(), addr: addr}
	}
	addr, _ := netip.ParseAddr(c.host)
	return controlPeer{host: c.host, addr: addr.Unmap()}
}

// lookup turns an IP address or a host name into an address of one family.
func (c *Client) lookup(ctx context.Context, host string, want6 bool) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr, nil
	}
	network := "ip" + strconv.Itoa(familyNumber(want6))
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrs[0].Unmap(), nil
}
