package ftpproxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"time"
)

// Proxy is a proxy and the way to reach it. It never changes and is safe for
// concurrent use. It holds the credentials, and prints without the password.
type Proxy struct {
	scheme     string // socks5, http or https
	host, port string
	login      func() credentials // nil for none; a function, because no verb of fmt looks into one
	opts       Options
}

type credentials struct{ user, password string }

// Options says how a [Proxy] is reached. A nil *Options and the zero Options
// mean the same. They are copied; changing a value afterwards changes nothing.
type Options struct {
	// Bind is the local IP address, or the name of the network interface, of
	// connections to the proxy. Empty means that the routing table decides.
	Bind string
	// DialContext, where not nil, makes the TCP connections to the proxy. It
	// overrides Bind.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// TLSConfig is for the connection to an https proxy. Nil means that its
	// certificate must be valid for its host by the roots of the system.
	TLSConfig *tls.Config
	// Timeout bounds how long reaching the proxy and its answer to a request
	// may take: 30 s where it is zero, no limit where it is negative. The
	// context may end both before. The wait of an Accept has no limit but
	// the listener's Close.
	Timeout time.Duration
}

const defaultTimeout = 30 * time.Second

func (o *Options) resolve() Options {
	var r Options
	if o != nil {
		r = *o
	}
	if r.Timeout == 0 {
		r.Timeout = defaultTimeout
	}
	if r.TLSConfig != nil {
		r.TLSConfig = r.TLSConfig.Clone()
	}
	return r
}

// DialContext connects to address, a host:port, through the proxy. network is
// "tcp", "tcp4" or "tcp6"; the proxy chooses the address of a host name, and
// with it the family. The connection is the one to the proxy, unwrapped, so
// that its RemoteAddr is the proxy's: what package ftp expects of a dial hook.
// The error is an [*Error].
func (p *Proxy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := parseTarget(network, address)
	if err != nil {
		return nil, p.failed(opConnect, address, err)
	}
	dialogue := p.connectHTTP
	if p.CanListen() {
		dialogue = p.connectSOCKS
	}
	conn, err := p.negotiate(ctx, to, dialogue)
	if err != nil {
		return nil, p.failed(opConnect, address, err)
	}
	return conn, nil
}

// CanListen tells whether the proxy can accept a connection, so that active
// mode is possible: a SOCKS5 proxy can by its protocol, an HTTP proxy never.
func (p *Proxy) CanListen() bool { return p.scheme == schemeSOCKS }

// String returns scheme://user@host:port, without the password.
func (p *Proxy) String() string {
	u := p.url()
	if p.login != nil {
		u.User = url.User(p.login().user)
	}
	return u.String()
}

// GoString returns what String does, so that %#v prints no password either.
func (p *Proxy) GoString() string { return p.String() }

// label names the proxy in errors: without the user, which may be a token.
func (p *Proxy) label() string { return p.url().String() }

func (p *Proxy) url() *url.URL { return &url.URL{Scheme: p.scheme, Host: p.address()} }

func (p *Proxy) address() string { return net.JoinHostPort(p.host, p.port) }

// negotiate reaches the proxy and runs the dialogue that asks it for the
// target. The connection is closed where that fails.
func (p *Proxy) negotiate(ctx context.Context, to target, dialogue func(net.Conn, target) error) (net.Conn, error) {
	ctx, cancel := p.limit(ctx)
	defer cancel()
	conn, err := p.reach(ctx)
	if err != nil {
		return nil, endedBy(ctx, err)
	}
	done := interruptible(ctx, conn)
	err = dialogue(conn, to)
	done()
	if err != nil {
		_ = conn.Close()
		return nil, endedBy(ctx, err)
	}
	return conn, nil
}
