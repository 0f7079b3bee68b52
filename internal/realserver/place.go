package realserver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Place is an address and port to listen on, and the network they belong to, such as a
// network namespace. The port may be below 1024. No other is tried when it is taken.
type Place struct {
	// Addr is what the daemon listens on. 0.0.0.0 is all IPv4 addresses of the place and
	// :: all of both families, except for pure-ftpd, where it is all IPv6 addresses; the
	// loopback device must be up then.
	Addr netip.AddrPort
	// Exec is the command that runs another, appended to it, in the place, such as
	// "ip netns exec NAME". It must become the other by exec, so that its process is the
	// daemon's. Nil: the place is in the network of the test.
	Exec []string
	// Dial connects inside the place, to see that the daemon greets. Nil: as
	// net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (p *Place) validate() error {
	if !p.Addr.IsValid() || p.Addr.Port() == 0 {
		return errors.New("the place has no address or no port; set both in Addr")
	}
	if p.Addr.Addr().Is4In6() {
		return errors.New("the place has an IPv4 address in IPv6 form; unmap it")
	}
	return nil
}

// names are what a certificate is for by default.
func (p *Place) names() []string {
	if p == nil || p.Addr.Addr().IsUnspecified() {
		return []string{certificateName}
	}
	return []string{p.Addr.Addr().WithZone("").String(), certificateName}
}

// exec is the command to run the daemon by, or nil.
func (p *Place) exec() []string {
	if p == nil {
		return nil
	}
	return p.Exec
}

// dial connects to the daemon, but does not wait for long. A daemon that listens on all
// addresses it meets on loopback: package net tries 0.0.0.0 besides ::, and from another
// thread, which is not in the namespace that a hook has entered.
func (p *Place) dial(addr netip.AddrPort) (net.Conn, error) {
	if addr.Addr().IsUnspecified() {
		addr = netip.AddrPortFrom(loopback(addr.Addr().Is6()), addr.Port())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	dial := new(net.Dialer).DialContext
	if p != nil && p.Dial != nil {
		dial = p.Dial
	}
	return dial(ctx, "tcp", addr.String())
}

// command is the program of l with its arguments and environment. A command which runs
// it elsewhere gets none of that environment: the libraries in it are the program's.
func (l launch) command() (argv, env []string) {
	if len(l.exec) == 0 {
		return append([]string{l.path}, l.args...), l.env
	}
	return slices.Concat(l.exec, []string{"env"}, l.env, []string{l.path}, l.args), nil
}
