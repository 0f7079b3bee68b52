package ftp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// PortRange is an inclusive range of TCP ports. The zero PortRange means any
// port.
type PortRange struct {
	Lo, Hi uint16
}

// ParsePortRange reads "50000-50010", or "50000" for a range of one port.
func ParsePortRange(s string) (PortRange, error) {
	lo, hi, two := strings.Cut(s, "-")
	if !two {
		hi = lo
	}
	first, errLo := strconv.ParseUint(strings.TrimSpace(lo), 10, 16)
	last, errHi := strconv.ParseUint(strings.TrimSpace(hi), 10, 16)
	r := PortRange{uint16(first), uint16(last)}
	if errLo != nil || errHi != nil || r.Lo == 0 || r.Hi < r.Lo {
		return PortRange{}, fmt.Errorf("%q is no port range; write it as LO-HI with 1 <= LO <= HI <= 65535", s)
	}
	return r, nil
}

// String returns "50000-50010", or "any port" for the zero PortRange.
func (r PortRange) String() string {
	switch {
	case r.any():
		return "any port"
	case r.Lo == r.Hi:
		return strconv.Itoa(int(r.Lo))
	}
	return fmt.Sprintf("%d-%d", r.Lo, r.Hi)
}

// Contains tells whether port is in the range.
func (r PortRange) Contains(port uint16) bool {
	return r.any() || r.Lo <= port && port <= r.Hi
}

func (r PortRange) any() bool { return r == PortRange{} }

// size is the number of ports of a range that is not "any port".
func (r PortRange) size() int { return int(r.Hi) - int(r.Lo) + 1 }

func (r PortRange) check(field string) error {
	if !r.any() && (r.Lo == 0 || r.Hi < r.Lo) {
		return fmt.Errorf("%s is %d-%d; the lower port must be at least 1 and not above the upper one", field, r.Lo, r.Hi)
	}
	return nil
}

// ErrPortRange is matched by the error of an active transfer that found every
// port of [Active.Ports] in use.
var ErrPortRange = errors.New("no free port in the local port range")

// activePorts is the book of this process: two clients with the same range
// must not be given the same port, whoever made them.
var activePorts = newPortBook(rand.IntN) //nolint:gochecknoglobals // a firewall's port range belongs to the host, not to a client

// portBook leases the local ports of active transfers. A lease lasts until the
// data connection is closed, and not only until it is accepted: the server may
// connect from a fixed port, and then the same pair of ports cannot be used
// twice at a time.
type portBook struct {
	random func(n int) int

	mu      sync.Mutex
	leased  map[netip.AddrPort]bool
	lastUse map[netip.AddrPort]uint64 // larger is later; absent is never
	uses    uint64
	waiting map[chan struct{}]bool // closed at the next release
}

func newPortBook(random func(n int) int) *portBook {
	return &portBook{
		random:  random,
		leased:  make(map[netip.AddrPort]bool),
		lastUse: make(map[netip.AddrPort]uint64),
		waiting: make(map[chan struct{}]bool),
	}
}

// listen opens a listener on a free port of r, waiting for one within ctx where
// other transfers of this process hold them all. The release function returns
// the lease.
func (b *portBook) listen(ctx context.Context, host netip.Addr, r PortRange, open func(port uint16) (net.Listener, error)) (net.Listener, func(), error) {
	for {
		released := b.enqueue()
		ln, release, held, err := b.sweep(host, r, open)
		if ln != nil || !held {
			b.dequeue(released)
			return ln, release, err
		}
		select {
		case <-released:
		case <-ctx.Done():
			b.dequeue(released)
			return nil, nil, fmt.Errorf("%w %s: other transfers of this process hold its ports: %w", ErrPortRange, r, context.Cause(ctx))
		}
	}
}

// enqueue returns a channel that the next release closes. It is taken before the
// sweep, so that a release in its course is not missed.
func (b *portBook) enqueue() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	released := make(chan struct{})
	b.waiting[released] = true
	return released
}

func (b *portBook) dequeue(released chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, released)
}

// sweep tries each port of the range once. It reports as held whether a port
// was passed over only because this process uses it.
func (b *portBook) sweep(host netip.Addr, r PortRange, open func(port uint16) (net.Listener, error)) (ln net.Listener, release func(), held bool, err error) {
	var busy error
	for port := range b.candidates(host, r) {
		at := netip.AddrPortFrom(host, port)
		if !b.lease(at) {
			held = true
			continue
		}
		ln, err := open(port)
		if err == nil {
			return ln, sync.OnceFunc(func() { b.release(at) }), false, nil
		}
		if !portTaken(err) {
			b.release(at)
			return nil, nil, false, err
		}
		b.giveBack(at)
		busy = err
	}
	if held {
		return nil, nil, true, nil
	}
	return nil, nil, false, fmt.Errorf("%w %s: every port is taken: %w", ErrPortRange, r, busy)
}

// candidates yields the ports of r: those never used first, from a random place
// on, then the others, the one that has rested longest first. A server keeps
// the address pair of a closed data connection in TIME_WAIT and may be unable
// to connect to the same port again so soon.
func (b *portBook) candidates(host netip.Addr, r PortRange) func(yield func(uint16) bool) {
	return func(yield func(uint16) bool) {
		start := b.random(r.size())
		for i := range r.size() {
			port := r.Lo + uint16((start+i)%r.size())
			if !b.used(netip.AddrPortFrom(host, port)) && !yield(port) {
				return
			}
		}
		for _, port := range b.rested(host, r) {
			if !yield(port) {
				return
			}
		}
	}
}

func (b *portBook) used(at netip.AddrPort) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lastUse[at] != 0
}

func (b *portBook) rested(host netip.Addr, r PortRange) []uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ports []uint16
	for at := range b.lastUse {
		if at.Addr() == host && r.Contains(at.Port()) {
			ports = append(ports, at.Port())
		}
	}
	slices.SortFunc(ports, func(x, y uint16) int {
		return int(int64(b.lastUse[netip.AddrPortFrom(host, x)]) - int64(b.lastUse[netip.AddrPortFrom(host, y)]))
	})
	return ports
}

func (b *portBook) lease(at netip.AddrPort) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leased[at] {
		return false
	}
	b.leased[at] = true
	return true
}

// giveBack ends the lease of a port that another process turned out to hold.
// That frees nothing, so it wakes nobody.
func (b *portBook) giveBack(at netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.leased, at)
}

// release ends a lease and wakes those who wait for one.
func (b *portBook) release(at netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.leased, at)
	b.uses++
	b.lastUse[at] = b.uses
	for released := range b.waiting {
		close(released)
	}
	clear(b.waiting)
}

// portTaken tells whether another port may work where this one did not: it is
// in use, or this user may not bind it. Windows has numbers of its own for both.
func portTaken(err error) bool {
	const wsaEACCES, wsaEADDRINUSE = syscall.Errno(10013), syscall.Errno(10048)
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case syscall.EADDRINUSE, syscall.EACCES, wsaEACCES, wsaEADDRINUSE:
		return true
	}
	return false
}
