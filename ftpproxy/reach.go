package ftpproxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// reach connects to the proxy itself, over TLS for the https scheme.
func (p *Proxy) reach(ctx context.Context) (net.Conn, error) {
	conn, err := p.dial(ctx)
	if err == nil && conn == nil {
		err = errors.New("Options.DialContext returned neither a connection nor an error")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if p.scheme != schemeHTTPS {
		return conn, nil
	}
	secured := tls.Client(conn, p.tlsConfig())
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w over TLS: %w", ErrUnreachable, err)
	}
	return secured, nil
}

func (p *Proxy) tlsConfig() *tls.Config {
	config := new(tls.Config)
	if p.opts.TLSConfig != nil {
		config = p.opts.TLSConfig.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = p.host
	}
	return config
}

func (p *Proxy) dial(ctx context.Context) (net.Conn, error) {
	if p.opts.DialContext != nil {
		return p.opts.DialContext(ctx, "tcp", p.address())
	}
	// As in package ftp: NATs must not forget the control connection while a
	// transfer leaves it idle.
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 6}}
	if p.opts.Bind != "" {
		local, err := p.bindAddr()
		if err != nil {
			return nil, err
		}
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return d.DialContext(ctx, "tcp", p.address())
}

// bindAddr returns the address of Options.Bind. Of a network interface it takes
// one of the proxy's family; a proxy with a name is dialled over IPv4 where
// the interface has an IPv4 address.
func (p *Proxy) bindAddr() (netip.Addr, error) {
	if addr, err := netip.ParseAddr(p.opts.Bind); err == nil {
		return addr.Unmap(), nil
	}
	iface, err := net.InterfaceByName(p.opts.Bind)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is neither an IP address nor a network interface of this host: %w", p.opts.Bind, err)
	}
	addrs, err := iface.Addrs()
	if err != nil {
		return netip.Addr{}, err
	}
	literal, _ := netip.ParseAddr(p.host)
	var found netip.Addr
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		addr := prefix.Addr().Unmap()
		if literal.IsValid() && addr.Is4() != literal.Unmap().Is4() {
			continue
		}
		if !found.IsValid() || found.Is6() && addr.Is4() {
			found = addr
		}
	}
	if !found.IsValid() {
		return found, fmt.Errorf("the network interface %s has no address from which %s can be reached", p.opts.Bind, p.host)
	}
	return found, nil
}
