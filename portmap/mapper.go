package portmap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/dualport/ftp"
)

// What limits a call, where ctx does not end it before.
const (
	// answerWithin is for PCP and for NAT-PMP, each: three or four requests.
	answerWithin = 1750 * time.Millisecond
	// igdWithin is for UPnP in all; discoverWithin is the part of it in which a
	// gateway has to make itself known.
	igdWithin      = 8 * time.Second
	discoverWithin = 3 * time.Second
	// releaseWithin is for the deletion of a mapping.
	releaseWithin = 2 * time.Second
	// abandonWithin is for that of a mapping which perhaps does not exist, while
	// the caller has given up already.
	abandonWithin = 250 * time.Millisecond
	// despairFor is how long a gateway that was waited for in vain is not asked
	// again.
	despairFor = time.Minute
)

// defaultLease is what RFC 6887 section 15 and home gateways are content with, and
// soon over where this host dies with the mapping.
const defaultLease = 10 * time.Minute

// Mapper is an [ftp.PortMapper]: it asks the gateway of this network to forward
// ports to this host. The zero Mapper is right: it finds the gateway in the routing
// table and tries PCP, NAT-PMP and UPnP in turn, then keeps to what worked. It is
// safe for concurrent use, so that the clients of one host may share it. Its fields
// must not be changed after the first use, and it must not be copied.
type Mapper struct {
	// Gateway is the IPv4 address of the gateway. Zero means that of the route to
	// the Internet.
	Gateway netip.Addr
	// Local is the IPv4 address of this host that ports are forwarded to. Zero
	// means the one from which the gateway is reached.
	Local netip.Addr
	// Protocols are those to try, in order. Empty means PCP, NATPMP and UPnP.
	Protocols []Protocol
	// Lease is the lifetime of a mapping, at least 8 seconds; the gateway may grant
	// another. At half of it the mapping is renewed, as long as it is held. Zero
	// means 10 minutes.
	Lease time.Duration
	// AllowPrivate takes a mapping of a gateway that has no address of the
	// Internet, for a server that stands before the next NAT. Without it, such a
	// gateway is an error that matches [ErrBehindNAT].
	AllowPrivate bool
	// Notice, where not nil, is told in a sentence what was tried and what came
	// of it, also between calls, when a renewal fails. It may be called
	// concurrently.
	Notice func(message string)

	tune tuning

	mu      sync.Mutex
	closed  bool
	known   forwarder // what worked last
	where   place     // of known and of despair
	despair despair
	held    map[*lease]bool
	epochs  map[clock]epoch
	restart time.Time // when a gateway was last seen to have started anew
}

// tuning is what tests change.
type tuning struct {
	gatewayPort, searchPort uint16        // zero: the assigned ones
	limit                   time.Duration // of every wait; zero: each its own
}

func (t tuning) within(limit time.Duration) time.Duration { return cmp.Or(t.limit, limit) }

func (t tuning) search() uint16 { return cmp.Or(t.searchPort, searchPort) }

// Map implements [ftp.PortMapper]: it forwards a TCP port of the gateway, the one
// of the same number where it is free, to that port of this host. It takes up to 12
// seconds where the gateway is silent, and one round trip or two when it is known
// which protocol works. A refusal is a [ResultError]; a gateway that was silent in
// every protocol is not asked again for a minute. Release deletes the mapping and
// returns within two seconds; it may be called more than once.
func (m *Mapper) Map(ctx context.Context, port uint16) (external netip.AddrPort, release func(), err error) {
	if err := m.check(port); err != nil {
		return netip.AddrPort{}, nil, err
	}
	want := mapping{port: port, external: netip.AddrPortFrom(netip.Addr{}, port), lifetime: cmp.Or(m.Lease, defaultLease), nonce: newNonce()}
	var held *lease
	err = m.each(ctx, func(ctx context.Context, f forwarder) error {
		got, err := f.add(ctx, want)
		if err != nil {
			m.abandon(ctx, f, want)
			return err
		}
		if err := m.reachable(got.external.Addr()); err != nil {
			m.discard(ctx, f, got)
			return err
		}
		held, err = m.hold(ctx, f, want, got)
		return err
	})
	if err != nil {
		return netip.AddrPort{}, nil, err
	}
	got := held.mapping()
	m.notice("%s: port %d of this host is reached at %s, for %s", held.via.protocol(), port, got.external, lifetime(got.lifetime))
	return got.external, held.release, nil
}

func (m *Mapper) check(port uint16) error {
	switch {
	case port == 0:
		return errors.New("port 0 cannot be mapped")
	case m.Lease != 0 && m.Lease < 2*minRenewal:
		return fmt.Errorf("Mapper.Lease is %s; use at least %s, or zero for %s", m.Lease, 2*minRenewal, defaultLease)
	}
	return nil
}

// External is an [ftp.ExternalFunc]: the external address of the gateway. Of a
// mapping that is held it is known; otherwise the gateway is asked.
func (m *Mapper) External(ctx context.Context, _ *ftp.Exchange, local netip.AddrPort) (netip.Addr, error) {
	if addr := m.heldFor(local.Port()); addr.IsValid() {
		return addr, nil
	}
	var addr netip.Addr
	err := m.each(ctx, func(ctx context.Context, f forwarder) (err error) {
		if addr, err = f.external(ctx); err != nil {
			return err
		}
		return m.reachable(addr)
	})
	if err != nil {
		return netip.Addr{}, err
	}
	return addr, nil
}

// Close releases the mappings that are still held, all at once, and returns within
// about two seconds. It does so for a Mapper in use, too; every later call returns
// [ErrClosed]. The error is always nil.
func (m *Mapper) Close() error {
	m.mu.Lock()
	m.closed = true
	var left []*lease
	for l := range m.held {
		left = append(left, l)
	}
	m.mu.Unlock()
	var releases sync.WaitGroup
	for _, l := range left {
		releases.Go(l.release)
	}
	releases.Wait()
	return nil
}

// each tries the protocols until do succeeds in one: first the one that worked
// last, which is forgotten where it fails now.
func (m *Mapper) each(ctx context.Context, do func(context.Context, forwarder) error) error {
	at, err := m.locate(ctx)
	if err != nil {
		return err
	}
	known, err := m.recall(at)
	if err != nil {
		return err
	}
	var failed error
	if known != nil {
		err := m.attempt(ctx, at, known.protocol(), func(ctx context.Context) error { return do(ctx, known) })
		if err == nil || m.final(ctx, err) {
			return err
		}
		m.notice("%v", err)
		failed = err
	}
	for _, p := range m.protocols() {
		if known != nil && p == known.protocol() && p != UPnP { // whose device may have moved
			continue
		}
		err := m.attempt(ctx, at, p, func(ctx context.Context) error { return m.tryOne(ctx, at, p, do) })
		if err == nil || m.final(ctx, err) {
			return err
		}
		m.notice("%v", err)
		failed = join(failed, err)
	}
	return m.giveUp(at, failed)
}

func (m *Mapper) tryOne(ctx context.Context, at place, p Protocol, do func(context.Context, forwarder) error) error {
	f, err := m.open(ctx, at, p)
	if err != nil {
		return err
	}
	if err := do(ctx, f); err != nil {
		return err
	}
	m.remember(at, f)
	return nil
}

// attempt bounds what is done in one protocol.
func (m *Mapper) attempt(ctx context.Context, at place, p Protocol, do func(context.Context) error) error {
	limit := m.tune.within(answerWithin)
	if p == UPnP {
		limit = m.tune.within(igdWithin)
	}
	bounded, cancel := context.WithTimeoutCause(ctx, limit, &silence{at.gateway.String(), limit})
	defer cancel()
	err := do(bounded)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, new(*ResultError)):
		return err // says the protocol itself
	}
	return fmt.Errorf("%s: %w", p, err)
}

// final tells whether no other protocol can make good of the error.
func (m *Mapper) final(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, ErrBehindNAT) || errors.Is(err, ErrClosed)
}

func (m *Mapper) protocols() []Protocol {
	if len(m.Protocols) > 0 {
		return m.Protocols
	}
	return []Protocol{PCP, NATPMP, UPnP}
}

// open prepares a protocol; UPnP looks for the device.
func (m *Mapper) open(ctx context.Context, at place, p Protocol) (forwarder, error) {
	port := cmp.Or(m.tune.gatewayPort, gatewayPort)
	switch p {
	case PCP:
		return &pcpClient{at, port}, nil
	case NATPMP:
		return &natpmpClient{at, port}, nil
	case UPnP:
		return m.discover(ctx, at)
	}
	return nil, fmt.Errorf("Mapper.Protocols holds %s; use PCP, NATPMP and UPnP", p)
}

// reachable refuses the external address of a gateway that nobody can connect to.
func (m *Mapper) reachable(addr netip.Addr) error {
	if !addr.IsValid() || addr.IsUnspecified() {
		return errors.New(adviceNoWAN)
	}
	if why := behindNAT(addr); why != "" && !m.AllowPrivate {
		return fmt.Errorf("%w: its external address %s is %s; forward the port on the outer gateway too, ask the provider for a public address, or use passive mode", ErrBehindNAT, addr, why)
	}
	return nil
}

// abandon asks for the deletion of a mapping that the caller no longer waits for:
// the gateway may have created it all the same. In UPnP a deletion could hit a
// mapping of another host; there the lease ends it.
func (m *Mapper) abandon(ctx context.Context, f forwarder, want mapping) {
	if ctx.Err() == nil || errors.Is(context.Cause(ctx), ErrNoAnswer) || f.protocol() == UPnP {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonWithin)
	defer cancel()
	_ = f.remove(ctx, want)
}

// discard deletes a mapping that is not to be used.
func (m *Mapper) discard(ctx context.Context, f forwarder, got mapping) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.tune.within(releaseWithin))
	defer cancel()
	if err := f.remove(ctx, got); err != nil {
		m.notice("%s: the mapping of port %d could not be deleted and stays for up to %s: %v", f.protocol(), got.port, lifetime(got.lifetime), err)
	}
}

func (m *Mapper) notice(format string, args ...any) {
	if m.Notice != nil {
		m.Notice(fmt.Sprintf(format, args...))
	}
}

// lifetime is that of a granted mapping in words.
func lifetime(d time.Duration) string {
	if d == 0 {
		return "ever"
	}
	return d.String()
}
