package ftptest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// DataConn is the record of one data connection, from the command that asked for it.
type DataConn struct {
	Session    int            // the control connection, counted from 1
	Method     string         // EPSV, PASV, EPRT or PORT: the command that was received, whatever the answer was
	Transfer   string         // the verb that used it; empty if none did
	Advertised netip.AddrPort // what the reply, or the client's PORT or EPRT, named
	Local      netip.AddrPort // the server's end: where it listened, or from where it connected
	Remote     netip.AddrPort // the client's end; zero if there was no connection
	Sent       int64          // bytes from the server to the client
	Received   int64          // bytes from the client to the server

	TLSVersion  uint16 // tls.VersionTLS13 for example; 0 in clear, and where the handshake failed
	Resumed     bool   // the client resumed a TLS session, whosever that was
	CloseNotify bool   // the client ended an upload as TLS requires
}

// dataRecord is a DataConn that still grows.
type dataRecord struct {
	mu   sync.Mutex
	conn DataConn
}

func (r *dataRecord) snapshot() DataConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conn
}

func (r *dataRecord) update(change func(*DataConn)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.conn)
}

// dataPlan is what PASV, EPSV, PORT or EPRT arranged for the next transfer.
type dataPlan struct {
	record *dataRecord

	// passive
	port     PortBehaviour
	listener net.Listener  // nil where the port is closed
	hit      chan struct{} // closed when a connection was reset, with PortResets
	resetter sync.WaitGroup

	// active
	target   netip.AddrPort
	stranger net.Conn
}

// close gives back what the plan holds.
func (p *dataPlan) close() {
	if p.listener != nil {
		_ = p.listener.Close()
	}
	if p.stranger != nil {
		_ = p.stranger.Close()
	}
	p.resetter.Wait()
}

// dropData forgets the arrangement for a data connection, if there is one.
func (s *session) dropData() {
	if s.data != nil {
		s.data.close()
		s.data = nil
	}
}

// arrange makes a plan the session's.
func (s *session) arrange(p *dataPlan) {
	s.dropData()
	s.data = p
}

// wrapData is the one place where a data connection may get another layer, TLS, around it. It is called for empty transfers too.
func (s *session) wrapData(t *transfer, conn net.Conn) (wrapped net.Conn, refusal string) {
	if !s.protected {
		return conn, ""
	}
	return s.secureData(t, conn)
}

// errCut is the end of a transfer that a fault cut short.
var errCut = errors.New("cut short")

// dataPipe is a data connection as a transfer uses it: it counts, and goes wrong where it was told to.
type dataPipe struct {
	net.Conn
	ctx    context.Context //nolint:containedctx // ends with the transfer
	raw    net.Conn
	fault  DataFault
	record *dataRecord
	passed int64
	upload bool

	lenient bool // TLS need not be ended by the client
}

// Write is io.Writer.
func (p *dataPipe) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := p.next(len(b) - done)
		if err == nil {
			err = p.pace(n)
		}
		if err != nil {
			return done, err
		}
		n, err = p.Conn.Write(b[done : done+n])
		done += n
		p.passed += int64(n)
		p.record.update(func(d *DataConn) { d.Sent += int64(n) })
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Read is io.Reader.
func (p *dataPipe) Read(b []byte) (int, error) {
	p.upload = true
	n, err := p.next(len(b))
	if err != nil {
		return 0, err
	}
	n, err = p.Conn.Read(b[:n])
	p.passed += int64(n)
	p.record.update(func(d *DataConn) { d.Received += int64(n) })
	if err != nil {
		return n, p.ended(err)
	}
	return n, p.pace(n)
}

// next returns how many bytes may pass now, or does what the fault says.
func (p *dataPipe) next(want int) (int, error) {
	if p.fault.Pace > 0 {
		want = int(min(int64(want), max(1, p.fault.Pace/20)))
	}
	if p.fault.Action == DataFlows {
		return want, nil
	}
	if left := p.fault.After - p.passed; left > 0 {
		return int(min(int64(want), left)), nil
	}
	return 0, p.breakOff()
}

// shrink makes the kernel's receive buffer as small as the fault wants it.
func (p *dataPipe) shrink() {
	if conn, ok := p.raw.(interface{ SetReadBuffer(bytes int) error }); ok && p.fault.ReadBuffer > 0 {
		_ = conn.SetReadBuffer(p.fault.ReadBuffer)
	}
}

// pace waits as long as n bytes take.
func (p *dataPipe) pace(n int) error {
	if p.fault.Pace <= 0 {
		return nil
	}
	timer := time.NewTimer(time.Duration(n) * time.Second / time.Duration(p.fault.Pace))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

func (p *dataPipe) breakOff() error {
	switch p.fault.Action {
	case DataResets:
		reset(p.raw)
	case DataStalls:
		p.stall()
	}
	return errCut
}

// stall waits until the client is gone. Reading is the only way to notice that, so it is left to a download; an upload stalls
// until ABOR or the end of the session.
func (p *dataPipe) stall() {
	if p.upload {
		<-p.ctx.Done()
		return
	}
	_, _ = p.Conn.Read(make([]byte, 1))
}

// finished settles the fault at the end of a download: one that is due exactly there, or beyond, still happens.
func (p *dataPipe) finished() error {
	if p.fault.Action == DataFlows || p.fault.After > p.passed {
		return nil
	}
	return p.breakOff()
}
