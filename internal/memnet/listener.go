package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Listener is a listening address of a Network.
type Listener struct {
	network *Network
	addr    netip.AddrPort
	backlog int

	mu       sync.Mutex
	changed  sync.Cond
	queue    []*Conn
	closed   bool
	deadline deadline
}

func newListener(n *Network, addr netip.AddrPort, backlog int) *Listener {
	ln := &Listener{network: n, addr: addr, backlog: backlog}
	ln.changed.L = &ln.mu
	return ln
}

// Addr returns the listening address, a *net.TCPAddr.
func (ln *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(ln.addr) }

// Accept waits for a connection. After Close it returns net.ErrClosed, after the deadline os.ErrDeadlineExceeded.
func (ln *Listener) Accept() (net.Conn, error) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	for {
		switch {
		case ln.closed:
			return nil, opError("accept", "tcp", ln.addr, netip.AddrPort{}, net.ErrClosed)
		case ln.deadline.passed:
			return nil, opError("accept", "tcp", ln.addr, netip.AddrPort{}, os.ErrDeadlineExceeded)
		case len(ln.queue) > 0:
			conn := ln.queue[0]
			ln.queue = ln.queue[1:]
			ln.changed.Broadcast()
			return conn, nil
		}
		ln.changed.Wait()
	}
}

// SetDeadline bounds Accept; the zero time means no bound.
func (ln *Listener) SetDeadline(t time.Time) error {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.closed {
		return opError("set", "tcp", ln.addr, netip.AddrPort{}, net.ErrClosed)
	}
	ln.deadline.setLocked(&ln.mu, &ln.changed, t)
	return nil
}

// Close stops the listener and resets the connections that wait in its queue. The second call returns net.ErrClosed.
func (ln *Listener) Close() error {
	ln.mu.Lock()
	if ln.closed {
		ln.mu.Unlock()
		return opError("close", "tcp", ln.addr, netip.AddrPort{}, net.ErrClosed)
	}
	ln.closed = true
	orphans := ln.queue
	ln.queue = nil
	ln.deadline.stopLocked()
	ln.changed.Broadcast()
	ln.mu.Unlock()

	ln.network.forget(ln)
	for _, conn := range orphans {
		conn.reset()
	}
	return nil
}

// enqueue puts the far end of a dialled connection into the accept queue.
func (ln *Listener) enqueue(ctx context.Context, conn *Conn) error {
	stop := context.AfterFunc(ctx, func() {
		ln.mu.Lock()
		defer ln.mu.Unlock()
		ln.changed.Broadcast()
	})
	defer stop()
	ln.mu.Lock()
	defer ln.mu.Unlock()
	for {
		switch {
		case ln.closed:
			return syscall.ECONNREFUSED
		case ctx.Err() != nil:
			return dialEnd(ctx)
		case len(ln.queue) < ln.backlog:
			ln.queue = append(ln.queue, conn)
			ln.changed.Broadcast()
			return nil
		}
		ln.changed.Wait()
	}
}

// dialEnd is the error of a dial whose context ended; a deadline reads as a timeout, as the net package has it.
func dialEnd(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return os.ErrDeadlineExceeded
	}
	return context.Cause(ctx)
}
