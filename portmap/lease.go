package portmap

import (
	"context"
	"sync"
	"time"
)

const (
	// minRenewal is the least time between two requests to renew, RFC 6887 section
	// 11.2.1.
	minRenewal = 4 * time.Second
	// expiredRenewal is that of a mapping which has run out.
	expiredRenewal = 30 * time.Second
)

// lease is a mapping that is held. A goroutine renews it until it is released.
type lease struct {
	mapper *Mapper
	via    forwarder
	want   mapping
	sooner chan struct{}
	done   chan struct{} // closed when the goroutine has ended

	release func() // once

	mu  sync.Mutex
	got mapping
}

// hold keeps what was granted until it is released. A Mapper that was closed
// meanwhile gives it back.
func (m *Mapper) hold(ctx context.Context, f forwarder, want, got mapping) (*lease, error) {
	l := &lease{mapper: m, via: f, want: want, got: got, sooner: make(chan struct{}, 1), done: make(chan struct{})}
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.release = sync.OnceFunc(func() {
		stop()
		<-l.done
		m.drop(l)
		m.discard(keeping, f, l.mapping())
	})
	if !m.take(l) {
		stop()
		m.discard(ctx, f, got)
		return nil, ErrClosed
	}
	m.observe(l, got)
	if got.lifetime == 0 { // permanent
		close(l.done)
		return l, nil
	}
	go l.keep(keeping)
	return l, nil
}

func (m *Mapper) take(l *lease) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	if m.held == nil {
		m.held = make(map[*lease]bool)
	}
	m.held[l] = true
	return true
}

func (m *Mapper) drop(l *lease) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.held, l)
}

func (l *lease) mapping() mapping {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got
}

func (l *lease) set(got mapping) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = got
}

// hurry has the mapping renewed now.
func (l *lease) hurry() {
	select {
	case l.sooner <- struct{}{}:
	default:
	}
}

// keep renews the mapping at half of its time, and where that fails at half of what
// is left of it, and so on (RFC 6887 section 11.2.1).
func (l *lease) keep(ctx context.Context) {
	defer close(l.done)
	expires := time.Now().Add(l.mapping().lifetime)
	for l.wait(ctx, time.Until(expires)) {
		asked := time.Now()
		err := l.renew(ctx)
		switch {
		case ctx.Err() != nil, err == nil && l.mapping().lifetime == 0: // released, or permanent from now on
			return
		case err == nil:
			expires = asked.Add(l.mapping().lifetime)
		case asked.After(expires):
			l.mapper.notice("the mapping of port %d has run out and could not be renewed: %v", l.want.port, err)
		default:
			l.mapper.notice("the mapping of port %d could not be renewed yet: %v", l.want.port, err)
		}
	}
}

// wait returns true when the time to renew has come, and false when the mapping is
// released.
func (l *lease) wait(ctx context.Context, left time.Duration) bool {
	pause := max(left/2, minRenewal)
	if left <= 0 {
		pause = expiredRenewal
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.sooner:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *lease) renew(ctx context.Context) error {
	before := l.mapping()
	want := before
	want.lifetime = l.want.lifetime
	var got mapping
	err := l.mapper.attempt(ctx, l.via.at(), l.via.protocol(), func(ctx context.Context) (err error) {
		got, err = l.via.add(ctx, want)
		return err
	})
	if err != nil {
		return err
	}
	l.set(got)
	if got.external != before.external {
		l.mapper.notice("the gateway has moved the mapping of port %d from %s to %s: a server that was told the former cannot connect", got.port, before.external, got.external)
	}
	l.mapper.observe(l, got)
	return nil
}
