// Package memnet is a TCP-like network that lives in memory.
//
// It has addresses, listeners, bounded buffers, half close, resets, deadlines and refused connections, and uses nothing but
// mutexes, condition variables and timers, so that it works inside a testing/synctest bubble, where real sockets do not.
// Names are not resolved: an address is an IP literal and a port; "localhost" stands for 127.0.0.1.
package memnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
)

const (
	firstEphemeral = 49152
	lastEphemeral  = 65535
	defaultBacklog = 128
)

// Network is one isolated network: only connections made through the same Network meet. Make one with New.
type Network struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]*Listener
	nextPort  uint16
}

// New returns an empty network.
func New() *Network {
	return &Network{listeners: make(map[netip.AddrPort]*Listener), nextPort: firstEphemeral}
}

// Listen opens a listener. The network is "tcp", "tcp4" or "tcp6"; port 0 takes the next free ephemeral port, in order, so
// that the same program sees the same ports at every run. An address without a host listens on every IPv4 address.
// It fails with syscall.EADDRINUSE where the address is taken.
func (n *Network) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	ln, err := n.listen(ctx, network, address, defaultBacklog)
	if err != nil {
		return nil, err
	}
	return ln, nil
}

// BlackHole opens a listener that swallows connection attempts: a dial to it neither succeeds nor fails until its context
// ends. Accept on it blocks until Close.
func (n *Network) BlackHole(ctx context.Context, network, address string) (net.Listener, error) {
	ln, err := n.listen(ctx, network, address, 0)
	if err != nil {
		return nil, err
	}
	return ln, nil
}

func (n *Network) listen(ctx context.Context, network, address string, backlog int) (*Listener, error) {
	if err := ctx.Err(); err != nil {
		return nil, opError("listen", network, netip.AddrPort{}, netip.AddrPort{}, err)
	}
	addr, err := parseAddress(network, address)
	if err != nil {
		return nil, opError("listen", network, netip.AddrPort{}, netip.AddrPort{}, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if addr.Port() == 0 {
		port, ok := n.freePortLocked(addr.Addr())
		if !ok {
			return nil, opError("listen", network, addr, netip.AddrPort{}, syscall.EADDRINUSE)
		}
		addr = netip.AddrPortFrom(addr.Addr(), port)
	}
	if n.lookupLocked(addr) != nil {
		return nil, opError("listen", network, addr, netip.AddrPort{}, syscall.EADDRINUSE)
	}
	ln := newListener(n, addr, backlog)
	n.listeners[addr] = ln
	return ln, nil
}

// DialContext connects to address from the loopback address of its family. It has the shape of net.Dialer.DialContext.
// It fails with syscall.ECONNREFUSED where nobody listens, and waits, as a full accept queue makes a TCP client wait, until
// there is room or the context ends.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return n.DialFrom(ctx, netip.AddrPort{}, network, address)
}

// DialFrom is DialContext from a chosen local address. The zero local address means the loopback address of the family,
// local port 0 the next free ephemeral port.
func (n *Network) DialFrom(ctx context.Context, local netip.AddrPort, network, address string) (net.Conn, error) {
	remote, err := parseAddress(network, address)
	if err != nil {
		return nil, opError("dial", network, local, netip.AddrPort{}, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, opError("dial", network, local, remote, context.Cause(ctx))
	}
	if !local.Addr().IsValid() {
		local = netip.AddrPortFrom(loopback(remote.Addr()), local.Port())
	}
	if local.Addr().Is4() != remote.Addr().Is4() {
		return nil, opError("dial", network, local, remote, syscall.EAFNOSUPPORT)
	}
	ln, local, err := n.route(local, remote)
	if err != nil {
		return nil, opError("dial", network, local, remote, err)
	}
	near, far := newPair(local, remote)
	if err := ln.enqueue(ctx, far); err != nil {
		return nil, opError("dial", network, local, remote, err)
	}
	return near, nil
}

// route finds the listener of a dial and gives the dialler a port.
func (n *Network) route(local, remote netip.AddrPort) (*Listener, netip.AddrPort, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if local.Port() == 0 {
		port, ok := n.freePortLocked(local.Addr())
		if !ok {
			return nil, local, syscall.EADDRNOTAVAIL
		}
		local = netip.AddrPortFrom(local.Addr(), port)
	}
	ln := n.lookupLocked(remote)
	if ln == nil {
		return nil, local, syscall.ECONNREFUSED
	}
	return ln, local, nil
}

// Host is the network as one of its hosts sees it: its dials leave from the host's address.
type Host struct {
	network *Network
	addr    netip.Addr
}

// Host returns the host with the given address. Any address will do, also a public one; nothing has to be set up for it.
func (n *Network) Host(addr netip.Addr) *Host { return &Host{network: n, addr: addr} }

// DialContext connects to address from the host's own address.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return h.network.DialFrom(ctx, netip.AddrPortFrom(h.addr, 0), network, address)
}

// DialFrom connects from a chosen local address; the zero address means the host's own.
func (h *Host) DialFrom(ctx context.Context, local netip.AddrPort, network, address string) (net.Conn, error) {
	if !local.Addr().IsValid() {
		local = netip.AddrPortFrom(h.addr, local.Port())
	}
	return h.network.DialFrom(ctx, local, network, address)
}

// Listen opens a listener, as Network.Listen does.
func (h *Host) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	return h.network.Listen(ctx, network, address)
}

// BlackHole opens a listener that never answers, as Network.BlackHole does.
func (h *Host) BlackHole(ctx context.Context, network, address string) (net.Listener, error) {
	return h.network.BlackHole(ctx, network, address)
}

func (n *Network) freePortLocked(addr netip.Addr) (uint16, bool) {
	for range lastEphemeral - firstEphemeral + 1 {
		port := n.nextPort
		if n.nextPort == lastEphemeral {
			n.nextPort = firstEphemeral
		} else {
			n.nextPort++
		}
		if n.lookupLocked(netip.AddrPortFrom(addr, port)) == nil {
			return port, true
		}
	}
	return 0, false
}

func (n *Network) lookupLocked(addr netip.AddrPort) *Listener {
	if ln := n.listeners[addr]; ln != nil {
		return ln
	}
	wildcard := netip.IPv6Unspecified()
	if addr.Addr().Is4() {
		wildcard = netip.IPv4Unspecified()
	}
	return n.listeners[netip.AddrPortFrom(wildcard, addr.Port())]
}

func (n *Network) forget(ln *Listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[ln.addr] == ln {
		delete(n.listeners, ln.addr)
	}
}

func loopback(like netip.Addr) netip.Addr {
	if like.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

func parseAddress(network, address string) (netip.AddrPort, error) {
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return netip.AddrPort{}, net.UnknownNetworkError(network)
	}
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port %q is not a number from 0 to 65535", portText)
	}
	addr, err := parseHost(network, host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addr, uint16(port)), nil
}

func parseHost(network, host string) (netip.Addr, error) {
	switch {
	case host == "" && network == "tcp6":
		return netip.IPv6Unspecified(), nil
	case host == "":
		return netip.IPv4Unspecified(), nil
	case host == "localhost" && network == "tcp6":
		return netip.IPv6Loopback(), nil
	case host == "localhost":
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("host %q: use an IP literal or localhost", host)
	}
	addr = addr.Unmap()
	if addr.Is4() && network == "tcp6" || addr.Is6() && network == "tcp4" {
		return netip.Addr{}, &net.AddrError{Err: "no suitable address for " + network, Addr: host}
	}
	return addr, nil
}

func opError(op, network string, local, remote netip.AddrPort, err error) error {
	e := &net.OpError{Op: op, Net: network, Err: err}
	if local.IsValid() {
		e.Source = net.TCPAddrFromAddrPort(local)
	}
	if remote.IsValid() {
		e.Addr = net.TCPAddrFromAddrPort(remote)
	}
	return e
}
