package portmap

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// despair is the outcome of waiting for a gateway in vain.
type despair struct {
	err   error
	until time.Time
}

// recall returns the protocol that worked last at this place, or nil; or why to ask
// for nothing now.
func (m *Mapper) recall(at place) (forwarder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return nil, ErrClosed
	case m.where != at: // another network
		return nil, nil
	case m.despair.err != nil && time.Now().Before(m.despair.until):
		return nil, fmt.Errorf("%w (asked less than %s ago)", m.despair.err, despairFor)
	}
	return m.known, nil
}

func (m *Mapper) remember(at place, f forwarder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.where, m.known, m.despair = at, f, despair{}
}

// giveUp makes the error of a gateway that no protocol worked with, and remembers
// it where the next caller would wait as long for the same.
func (m *Mapper) giveUp(at place, failed error) error {
	err := fmt.Errorf("the gateway %s maps no port: %w; switch on UPnP, NAT-PMP or PCP there, or forward the ports by hand and set Active.External and Active.Ports", at.gateway, failed)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.where, m.known, m.despair = at, nil, despair{}
	if errors.Is(failed, ErrNoAnswer) {
		m.despair = despair{err, time.Now().Add(despairFor)}
	}
	return err
}

// heldFor returns the external address of the mapping of a port that is held.
func (m *Mapper) heldFor(port uint16) netip.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	for l := range m.held {
		if got := l.mapping(); got.port == port {
			return got.external.Addr()
		}
	}
	return netip.Addr{}
}

// observe takes the clock of the gateway that the reply for a lease told. Where it
// has started anew, everything else that is held is renewed at once; but a gateway
// that says so again and again is not answered in haste each time.
func (m *Mapper) observe(told *lease, got mapping) {
	f := told.via
	if !got.hasEpoch || !m.restarted(clock{f.at(), f.protocol()}, epoch{got.epoch, time.Now()}) {
		return
	}
	m.notice("%s: the gateway has lost its mappings, as in a restart; they are asked for again", f.protocol())
	m.mu.Lock()
	defer m.mu.Unlock()
	for l := range m.held {
		if l != told {
			l.hurry()
		}
	}
}

func (m *Mapper) restarted(c clock, now epoch) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.epochs[c]
	if m.epochs == nil {
		m.epochs = make(map[clock]epoch)
	}
	m.epochs[c] = now
	if !before.lost(now) || now.read.Sub(m.restart) < minRenewal {
		return false
	}
	m.restart = now.read
	return true
}
