package ftp

import (
	"errors"
	"fmt"
	"net/netip"
)

// AddressPolicy says which address to dial after a passive reply. A reply that
// names only a port (229) always means the control peer.
type AddressPolicy uint8

const (
	// AddressAuto dials the control peer first. An advertised address that
	// differs is a second chance if it is a public one, and is never dialled if
	// it is not.
	AddressAuto AddressPolicy = iota
	// AddressControl never dials anything but the control peer.
	AddressControl
	// AddressServer believes the address the server advertises. Loopback,
	// multicast and unspecified addresses are still refused, unless the control
	// peer is loopback itself.
	AddressServer
)

// String returns "auto", "control" or "server".
func (p AddressPolicy) String() string {
	switch p {
	case AddressAuto:
		return "auto"
	case AddressControl:
		return "control"
	case AddressServer:
		return "server"
	}
	return fmt.Sprintf("AddressPolicy(%d)", uint8(p))
}

// MarshalText returns what String does; an unknown policy is an error.
func (p AddressPolicy) MarshalText() ([]byte, error) {
	if p > AddressServer {
		return nil, fmt.Errorf("unknown address policy %d", uint8(p))
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads "auto", "control" or "server".
func (p *AddressPolicy) UnmarshalText(text []byte) error {
	for policy := AddressAuto; policy <= AddressServer; policy++ {
		if string(text) == policy.String() {
			*p = policy
			return nil
		}
	}
	return fmt.Errorf("unknown address policy %.40q: use auto, control or server", text)
}

// controlPeer is the far end of the control connection.
type controlPeer struct {
	host string     // IP text or, through a proxy, a name
	addr netip.Addr // invalid through a proxy
}

// known returns the peer's address, invalid if there is only a name.
func (p controlPeer) known() netip.Addr {
	if p.addr.IsValid() {
		return p.addr.Unmap()
	}
	addr, err := netip.ParseAddr(p.host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// words names the peer in a reason: "address 203.0.113.7", "name ftp.example.net".
func (p controlPeer) words() string {
	if addr := p.known(); addr.IsValid() {
		return "address " + addr.String()
	}
	return "name " + p.host
}

func (p controlPeer) target(port uint16, reason string) dialTarget {
	if addr := p.known(); addr.IsValid() {
		return dialTarget{host: addr.String(), port: port, addr: addr, reason: reason}
	}
	return dialTarget{host: p.host, port: port, reason: reason}
}

// dialTarget is one address to dial for a data connection.
type dialTarget struct {
	host   string
	port   uint16
	addr   netip.Addr // invalid where host is a name
	reason string     // the sentence of why this address
}

func addrTarget(addr netip.Addr, port uint16, reason string) dialTarget {
	addr = addr.Unmap()
	return dialTarget{host: addr.String(), port: port, addr: addr, reason: reason}
}

// addressRule decides which addresses to dial. The function beats the forced
// address, which beats the policy.
type addressRule struct {
	policy AddressPolicy
	forced netip.Addr
	fn     func(advertised netip.AddrPort, control netip.Addr) (netip.AddrPort, error)
}

// targets returns the addresses to dial after a passive reply, in order; there is
// at least one unless the error is set.
func (r addressRule) targets(adv passiveReply, peer controlPeer) ([]dialTarget, error) {
	adv.addr = adv.addr.Unmap()
	if adv.port == 0 {
		return nil, errors.New("passive reply names no port")
	}
	switch {
	case r.fn != nil:
		return r.chosen(adv, peer)
	case r.forced.IsValid():
		reason := fmt.Sprintf("passive address is set to %s", r.forced.Unmap())
		return []dialTarget{addrTarget(r.forced, adv.port, reason)}, nil
	case peer.host == "" && !peer.addr.IsValid():
		return nil, errors.New("host of the control connection is not known")
	case !adv.addr.IsValid():
		reason := "server advertised a port alone, using host " + peer.words()
		return []dialTarget{peer.target(adv.port, reason)}, nil
	case adv.addr == peer.known().WithZone(""):
		reason := "server advertised its host " + peer.words()
		return []dialTarget{peer.target(adv.port, reason)}, nil
	}
	switch r.policy {
	case AddressAuto:
		return automatic(adv, peer), nil
	case AddressControl:
		reason := fmt.Sprintf("address policy is control, using host %s instead of %s", peer.words(), adv.addr)
		return []dialTarget{peer.target(adv.port, reason)}, nil
	case AddressServer:
		return believed(adv, peer)
	}
	return nil, fmt.Errorf("unknown address policy %d", uint8(r.policy))
}

// automatic is AddressAuto for an advertised address that is not the peer's. A
// peer on a private network gets no exception: its server could name any other
// machine there. IPv4 advertised to an IPv6 client means a translator (NAT64) on
// the way, behind which only the address of the control connection is reachable.
func automatic(adv passiveReply, peer controlPeer) []dialTarget {
	if class := classify(adv.addr); class.unroutable() {
		reason := fmt.Sprintf("server sent passive reply with unroutable address %s, using host %s instead", adv.addr, peer.words())
		return []dialTarget{peer.target(adv.port, reason)}
	}
	if peer.known().Is6() && adv.addr.Is4() {
		reason := fmt.Sprintf("server sent IPv4 address %s over IPv6, using host %s instead", adv.addr, peer.words())
		return []dialTarget{peer.target(adv.port, reason)}
	}
	first := fmt.Sprintf("server sent passive reply with address %s, using host %s first", adv.addr, peer.words())
	second := fmt.Sprintf("server sent passive reply with address %s, using it after host %s", adv.addr, peer.words())
	return []dialTarget{peer.target(adv.port, first), addrTarget(adv.addr, adv.port, second)}
}

// believed is AddressServer for an advertised address that is not the peer's.
func believed(adv passiveReply, peer controlPeer) ([]dialTarget, error) {
	switch class := classify(adv.addr); class {
	case classLoopback, classMulticast, classUnspecified, classBroadcast:
		if classify(peer.known()) == classLoopback {
			break
		}
		return nil, fmt.Errorf("server advertised the %s address %s, which is never dialled: "+
			"set the passive address to auto, to control or to an IP", class, adv.addr)
	}
	reason := fmt.Sprintf("address policy is server, using advertised address %s instead of host %s", adv.addr, peer.words())
	return []dialTarget{addrTarget(adv.addr, adv.port, reason)}, nil
}

// chosen asks the user's function. It sees the peer's address where the server
// advertised none.
func (r addressRule) chosen(adv passiveReply, peer controlPeer) ([]dialTarget, error) {
	if !adv.addr.IsValid() {
		adv.addr = peer.known()
	}
	to, err := r.fn(netip.AddrPortFrom(adv.addr, adv.port), peer.known())
	if err != nil {
		return nil, fmt.Errorf("passive address function: %w", err)
	}
	if !to.Addr().IsValid() || to.Port() == 0 {
		return nil, errors.New("passive address function returned no address or no port")
	}
	return []dialTarget{addrTarget(to.Addr(), to.Port(), "passive address function returned "+to.String())}, nil
}
