package ftpproxy_test

import (
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// double is a server of this process that stands in for a proxy. Close ends
// its connections and waits for their handlers.
type double struct {
	Addr string

	ln     net.Listener
	handle func(net.Conn)
	wg     sync.WaitGroup

	mu       sync.Mutex
	open     map[io.Closer]bool
	closed   bool
	requests []string // what was asked for: "CONNECT ftp.test:21"
}

func newDouble(handle func(d *double, conn net.Conn)) (*double, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &double{Addr: ln.Addr().String(), ln: ln, open: make(map[io.Closer]bool)}
	d.handle = func(conn net.Conn) { handle(d, conn) }
	d.wg.Go(d.serve)
	return d, nil
}

func startDouble(t testing.TB, handle func(d *double, conn net.Conn)) *double {
	t.Helper()
	d, err := newDouble(handle)
	require.NoError(t, err)
	t.Cleanup(d.Close)
	return d
}

func (d *double) serve() {
	for {
		conn, err := d.ln.Accept()
		if err != nil {
			return
		}
		d.wg.Go(func() {
			defer conn.Close()
			if d.keep(conn) {
				d.handle(conn)
			}
		})
	}
}

// keep notes what Close has to close; false after Close.
func (d *double) keep(c io.Closer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.open[c] = true
	}
	return !d.closed
}

func (d *double) Close() {
	d.mu.Lock()
	d.closed = true
	for c := range d.open {
		_ = c.Close()
	}
	d.mu.Unlock()
	_ = d.ln.Close()
	d.wg.Wait()
}

func (d *double) note(request string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = append(d.requests, request)
}

// Requests returns what the proxy was asked for so far.
func (d *double) Requests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}

// relay carries bytes both ways until both sides have ended.
func relay(a, b net.Conn) {
	var wg sync.WaitGroup
	oneWay := func(from, to net.Conn) {
		_, _ = io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}
	wg.Go(func() { oneWay(a, b) })
	oneWay(b, a)
	wg.Wait()
}

// step is one act of a scripted proxy; false ends the script.
type step func(conn net.Conn) bool

func hears(n int) step {
	return func(conn net.Conn) bool {
		_, err := io.ReadFull(conn, make([]byte, n))
		return err == nil
	}
}

func says(text string) step {
	return func(conn net.Conn) bool {
		_, err := io.WriteString(conn, text)
		return err == nil
	}
}

// hears until the client has ended a head, as HTTP has one.
func hearsHead(conn net.Conn) bool {
	tail := ""
	var b [1]byte
	for tail != "\r\n\r\n" {
		if _, err := conn.Read(b[:]); err != nil {
			return false
		}
		tail += string(b[:])
		tail = tail[max(0, len(tail)-4):]
	}
	return true
}

// hangs tells that it was reached, and waits for the client to go away.
func hangs(reached chan<- struct{}) step {
	return func(conn net.Conn) bool {
		close(reached)
		_, _ = io.Copy(io.Discard, conn)
		return false
	}
}

// scripted is a proxy that does the steps on every connection, waits for the
// client's side to end and closes.
func scripted(t testing.TB, steps ...step) *double {
	t.Helper()
	return startDouble(t, func(_ *double, conn net.Conn) {
		for _, s := range steps {
			if !s(conn) {
				return
			}
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	})
}
