package portmap

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Protocol is a way to ask a gateway for a mapping.
type Protocol uint8

const (
	// PCP is the Port Control Protocol, RFC 6887.
	PCP Protocol = iota + 1
	// NATPMP is the NAT Port Mapping Protocol, RFC 6886.
	NATPMP
	// UPnP is the control of an Internet gateway device, IGD version 1 and 2.
	UPnP
)

// String returns the protocol's usual name.
func (p Protocol) String() string {
	switch p {
	case PCP:
		return "PCP"
	case NATPMP:
		return "NAT-PMP"
	case UPnP:
		return "UPnP"
	}
	return fmt.Sprintf("Protocol(%d)", uint8(p))
}

// forwarder is a gateway that is spoken to in one protocol. Its methods are safe
// for concurrent use and return when ctx ends.
type forwarder interface {
	protocol() Protocol
	at() place
	// add creates the mapping, or renews it where it exists. What it returns is
	// what the gateway granted.
	add(ctx context.Context, want mapping) (mapping, error)
	// remove deletes the mapping on the gateway.
	remove(ctx context.Context, m mapping) error
	// external returns the gateway's external address.
	external(ctx context.Context) (netip.Addr, error)
}

// mapping is the forwarding of a TCP port, as it is wanted or as it was granted.
type mapping struct {
	port     uint16         // of this host
	external netip.AddrPort // a suggestion, where it is wanted; the address may be invalid
	lifetime time.Duration  // zero of a granted one: for ever
	nonce    [12]byte       // PCP: says that it is ours
	epoch    uint32         // PCP and NAT-PMP: the gateway's seconds since it has lost its mappings
	hasEpoch bool
}

// empty is the error of a mapping that was granted and is none.
func (m mapping) empty() error {
	if m.lifetime == 0 || m.external.Port() == 0 {
		return fmt.Errorf("the gateway granted a mapping of its port %d for %s", m.external.Port(), m.lifetime)
	}
	return nil
}

// place is where this host stands in its network.
type place struct {
	gateway, local netip.Addr
}

func (p place) at() place { return p }

// seconds is a lifetime on the wire, at least one second where it is not zero.
func seconds(d time.Duration) uint32 {
	if d <= 0 {
		return 0
	}
	return uint32(min(max(d/time.Second, 1), 1<<32-1))
}

// randomPort returns one of the dynamic ports, RFC 6335 section 6.
func randomPort() uint16 { return uint16(49152 + rand.IntN(1<<16-49152)) }
