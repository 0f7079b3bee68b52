package ftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Passive is the [DataDialer] that connects to the address which the server
// names in its reply to EPSV (RFC 2428) or PASV (RFC 959 section 4.1.2). The
// zero Passive tries EPSV, then PASV, and never lets a server aim the client
// at a host of the client's own network.
type Passive struct {
	// Methods are the permitted ones, in order. Empty means EPSV, then PASV.
	Methods []Method
	// Address says which host to connect to where a 227 names one. The zero
	// value is [AddressAuto].
	Address AddressPolicy
	// ForcedIP, where valid, is the host of every passive connection, whatever
	// the server says. It overrides Address.
	ForcedIP netip.Addr
	// AddressFunc, where not nil, returns the address to connect to. advertised
	// is what the server named; for EPSV it holds the control peer's address.
	// control is the control peer's address, invalid where only a name is
	// known. It overrides ForcedIP and Address.
	AddressFunc func(advertised netip.AddrPort, control netip.Addr) (netip.AddrPort, error)
	// Ports is the range a firewall lets out. Where the server names a port
	// outside, it is asked again, a few times. Zero permits every port.
	Ports PortRange
	// AvoidPorts are ports never to connect to; the server is asked again.
	AvoidPorts []uint16
	// Stagger is how long the first of two possible addresses has a head start
	// before the second is tried beside it. Zero means 250 ms; negative means
	// that the second waits until the first has failed.
	Stagger time.Duration
}

const (
	// maxPortRequests bounds how often a server is asked for another port.
	maxPortRequests = 8
	// defaultStagger is the head start of RFC 8305 section 8.
	defaultStagger = 250 * time.Millisecond
)

// DialData implements [DataDialer].
func (p Passive) DialData(ctx context.Context, x *Exchange) (net.Conn, error) {
	return climb(ctx, x, p)
}

func (p Passive) check() error {
	for _, m := range p.Methods {
		if !m.Passive() {
			return fmt.Errorf("Options.Passive.Methods holds %q; use EPSV and PASV", m)
		}
	}
	if p.Address > AddressServer {
		return fmt.Errorf("Options.Passive.Address is %d; use AddressAuto, AddressControl or AddressServer", p.Address)
	}
	return p.Ports.check("Options.Passive.Ports")
}

// methods returns the permitted methods. PASV stays in the ladder where the
// control connection is IPv6: behind a NAT64 the server may know only IPv4.
func (p Passive) methods(*Exchange) []Method {
	if len(p.Methods) > 0 {
		return p.Methods
	}
	return []Method{EPSV, PASV}
}

// attempt asks the server for an address by one method, connects to it and
// sends the transfer command.
func (p Passive) attempt(ctx context.Context, x *Exchange, m Method) (net.Conn, error) {
	start := time.Now()
	advertised, err := p.ask(ctx, x, m)
	if err == nil {
		var conn net.Conn
		if conn, err = p.connect(ctx, x, m, advertised, start); err == nil {
			return conn, nil
		}
		return nil, err
	}
	x.Record(Rung{Method: m, Advertised: advertised.endpoint(), Duration: since(start), Err: err})
	return nil, err
}

// ask gets an address from the server whose port is permitted.
func (p Passive) ask(ctx context.Context, x *Exchange, m Method) (passiveReply, error) {
	var last passiveReply
	for range maxPortRequests {
		advertised, err := p.askOnce(ctx, x, m)
		if err != nil || p.permits(advertised.port) {
			return advertised, err
		}
		last = advertised
		x.notice(m, "server named port %d, which is not permitted; asking again", advertised.port)
	}
	return last, fmt.Errorf("server named %d ports, none of them permitted by Passive.Ports (%s) and Passive.AvoidPorts; the last was %d", maxPortRequests, p.Ports, last.port)
}

func (p Passive) permits(port uint16) bool {
	return p.Ports.Contains(port) && !slices.Contains(p.AvoidPorts, port)
}

// askOnce sends the method's command, after PRET where the server wants to know
// the transfer beforehand, and reads the reply by what it contains.
func (p Passive) askOnce(ctx context.Context, x *Exchange, m Method) (passiveReply, error) {
	if x.client.features.Has("PRET") {
		if err := x.pret(ctx); err != nil {
			return passiveReply{}, err
		}
	}
	r, err := x.askPassive(ctx, m)
	if err != nil {
		return passiveReply{}, err
	}
	if !r.positive() {
		return passiveReply{}, x.refuse(m, r)
	}
	advertised, err := parsePassive(r.Text(), r.Code)
	if err != nil {
		return passiveReply{}, &Error{Command: string(m), Reply: r, Err: err}
	}
	x.client.opts.Memory.sawPort(advertised.port)
	return advertised, nil
}

// pret announces the transfer to a server that chooses a data mover by it. Such
// a server may refuse the transfer itself here already.
func (x *Exchange) pret(ctx context.Context) error {
	verb, path := x.Transfer()
	args := []string{verb}
	if path != "" {
		args = append(args, path)
	}
	r, err := x.Command(ctx, "PRET", args...)
	if err != nil {
		return err
	}
	if r.negative() && !r.notImplemented() {
		return refusal("PRET", r)
	}
	return nil
}

// askPassive sends EPSV or PASV. A server that answers EPSV with a 522 whose
// list holds the family in use wants that family named.
func (x *Exchange) askPassive(ctx context.Context, m Method) (Reply, error) {
	r, err := x.Command(ctx, string(m))
	if err != nil || m != EPSV || r.Code != 522 {
		return r, err
	}
	_, peer := x.ControlPeer()
	protocol := 1
	if peer.Is6() {
		protocol = 2
	}
	if !slices.Contains(r.protocols(), protocol) {
		return r, nil
	}
	return x.Command(ctx, string(m), strconv.Itoa(protocol))
}

// connect dials what the address policy makes of the advertised address, then
// sends the transfer command.
func (p Passive) connect(ctx context.Context, x *Exchange, m Method, advertised passiveReply, start time.Time) (net.Conn, error) {
	targets, err := p.targets(x, m, advertised)
	if err != nil {
		x.Record(Rung{Method: m, Advertised: advertised.endpoint(), Duration: since(start), Err: err})
		return nil, err
	}
	race := race{exchange: x, stagger: p.stagger(), base: Rung{Method: m, Advertised: advertised.endpoint()}, start: start}
	conn, err := watching(ctx, x, func(ctx context.Context) (net.Conn, error) {
		return race.run(ctx, targets)
	})
	race.record(conn, err)
	if err != nil {
		return nil, err
	}
	if err := x.Begin(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (p Passive) stagger() time.Duration {
	if p.Stagger == 0 {
		return defaultStagger
	}
	return p.Stagger
}

// targets applies the address policy, and lets the address that answered last
// time go first.
func (p Passive) targets(x *Exchange, m Method, advertised passiveReply) ([]dialTarget, error) {
	rule := addressRule{policy: p.Address, forced: p.ForcedIP, fn: p.AddressFunc}
	targets, err := rule.targets(advertised, x.client.ctl.peer)
	if err != nil {
		return nil, err
	}
	if len(targets) == 0 {
		return nil, errors.New("the address policy permits no address")
	}
	if len(targets) > 1 && x.client.opts.Memory.believesAdvertised() {
		slices.Reverse(targets)
		targets[0].reason = fmt.Sprintf("server sent passive reply with address %s, using it first, because it was right before", targets[0].addr)
	}
	if advertised.addr.IsValid() && (len(targets) > 1 || targets[0].addr != advertised.addr) {
		x.notice(m, "%s", targets[0].reason)
	}
	return targets, nil
}

func (r passiveReply) endpoint() Endpoint { return Endpoint{netip.AddrPortFrom(r.addr, r.port)} }

func (t dialTarget) address() string { return net.JoinHostPort(t.host, strconv.Itoa(int(t.port))) }
