package memnet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Conn is one end of a connection. Beside net.Conn it has CloseWrite and SetLinger, as *net.TCPConn has.
type Conn struct {
	local, remote netip.AddrPort
	in, out       *stream

	mu     sync.Mutex
	closed bool
	abrupt bool // SetLinger(0): Close resets
}

// newPair returns the dialling end and the accepting end of a new connection.
func newPair(local, remote netip.AddrPort) (near, far *Conn) {
	up, down := newStream(), newStream()
	near = &Conn{local: local, remote: remote, in: down, out: up}
	far = &Conn{local: remote, remote: local, in: up, out: down}
	return near, far
}

// LocalAddr returns this end's address, a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr returns the other end's address, a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// Read reads what the other end has written; io.EOF after its half close or Close.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = opError("read", "tcp", c.local, c.remote, err)
	}
	return n, err
}

// Write blocks while the buffer is full, until the write deadline.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	if err != nil {
		err = opError("write", "tcp", c.local, c.remote, err)
	}
	return n, err
}

// CloseWrite ends the outgoing stream; the other end reads io.EOF after what is buffered.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return opError("close", "tcp", c.local, c.remote, net.ErrClosed)
	}
	c.out.finish()
	return nil
}

// SetLinger with zero makes Close reset the connection; any other value restores the normal end.
func (c *Conn) SetLinger(seconds int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return opError("set", "tcp", c.local, c.remote, net.ErrClosed)
	}
	c.abrupt = seconds == 0
	return nil
}

// Close ends both directions. What was written is still delivered, unless input was left unread or SetLinger(0) was
// called: then the other end sees syscall.ECONNRESET, and what it has not read yet is lost, as TCP may lose it. The second
// call returns net.ErrClosed.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return opError("close", "tcp", c.local, c.remote, net.ErrClosed)
	}
	c.closed = true
	unread := c.in.abandon()
	if c.abrupt || unread {
		c.out.fail(syscall.ECONNRESET)
	}
	c.out.closeWriter()
	return nil
}

// reset is what happens to a connection nobody accepted.
func (c *Conn) reset() {
	c.mu.Lock()
	c.abrupt = !c.closed
	c.mu.Unlock()
	_ = c.Close()
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds Read, also one that is waiting; the zero time means no bound.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, c.in.setReadDeadline) }

// SetWriteDeadline bounds Write, also one that is waiting; the zero time means no bound.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, c.out.setWriteDeadline) }

func (c *Conn) setDeadline(t time.Time, set func(time.Time)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return opError("set", "tcp", c.local, c.remote, net.ErrClosed)
	}
	set(t)
	return nil
}
