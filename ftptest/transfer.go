package ftptest

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// transfer is one use of a data connection.
type transfer struct {
	verb    string
	opening string                  // the 150
	success string                  // the 226
	move    func(p *dataPipe) error // all the data

	plan   *dataPlan
	ctx    context.Context //nolint:containedctx // ends when the transfer is to stop
	cancel context.CancelFunc
	done   chan struct{}

	aborted   atomic.Bool
	announced bool // the 150 was sent; read by others after done
	finished  bool // the final reply was sent; read by others after done

	mu   sync.Mutex
	conn net.Conn
}

// stop ends a transfer wherever it is, by closing what it waits for.
func (t *transfer) stop() {
	t.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn != nil {
		_ = t.conn.Close()
	}
}

// hold makes the connection known to stop.
func (t *transfer) hold(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn = conn
	if t.ctx.Err() != nil {
		_ = conn.Close()
	}
}

// transfer runs one, and reads the control connection meanwhile.
func (s *session) transfer(t *transfer) {
	if s.data == nil {
		s.reply("425 Use EPSV, PASV, EPRT or PORT first.")
		return
	}
	t.plan, s.data = s.data, nil
	t.plan.record.update(func(d *DataConn) { d.Transfer = t.verb })
	t.ctx, t.cancel = context.WithCancel(s.ctx)
	t.done = make(chan struct{})
	defer t.cancel()
	defer context.AfterFunc(t.ctx, t.stop)()
	s.server.work.Go(func() {
		defer close(t.done)
		s.carry(t)
	})
	s.attend(t)
}

// carry is the life of a data connection, in a goroutine of its own.
func (s *session) carry(t *transfer) {
	defer t.plan.close()
	passive := !t.plan.target.IsValid()
	refusal, announce := refusedAfterConnect(t.plan.port)
	early := passive && s.config.Passive.ReplyFirst || !passive && s.config.Active.ReplyFirst
	if early && announce {
		s.announce(t)
	}
	conn, failure := s.openData(t, passive)
	if failure != "" {
		s.conclude(t, s.server.faults.due("226", s.id), failure)
		return
	}
	defer func() { _ = conn.Close() }()
	s.exchange(t, conn, announce, refusal)
}

// exchange is the rest of that life, once there is a connection.
func (s *session) exchange(t *transfer, conn net.Conn, announce bool, refusal string) {
	wrapped, first := conn, s.config.TLS != nil && s.config.TLS.HandshakeFirst
	if first && refusal == "" {
		if wrapped, refusal = s.wrapData(t, conn); refusal != "" {
			announce = false
		}
	}
	if announce {
		s.announce(t)
	}
	final := s.server.faults.due("226", s.id)
	if refusal != "" {
		s.conclude(t, final, refusal)
		return
	}
	if final != nil && final.Early {
		s.conclude(t, final, t.success)
	}
	if !first {
		wrapped, refusal = s.wrapData(t, conn)
	}
	if refusal != "" {
		s.conclude(t, final, refusal)
		return
	}
	s.conclude(t, final, s.moveData(t, conn, wrapped, final))
}

func (s *session) openData(t *transfer, passive bool) (conn net.Conn, refusal string) {
	if passive {
		conn, refusal = s.acceptData(t.ctx, t.plan)
	} else {
		conn, refusal = s.dialData(t.ctx, t.plan)
	}
	if refusal != "" {
		return nil, refusal
	}
	t.hold(conn)
	t.plan.record.update(func(d *DataConn) {
		d.Local, d.Remote = addrPort(conn.LocalAddr()), addrPort(conn.RemoteAddr())
	})
	return conn, ""
}

// moveData transports everything, closes the connection and returns the final reply.
func (s *session) moveData(t *transfer, conn, wrapped net.Conn, final *Fault) string {
	pipe := &dataPipe{Conn: wrapped, raw: conn, ctx: t.ctx, record: t.plan.record}
	pipe.lenient = s.config.TLS != nil && s.config.TLS.LenientEnd
	if f := s.server.faults.due("data", s.id); f != nil {
		s.pause(f.Delay)
		pipe.fault = f.Data
		pipe.shrink()
	}
	err := t.move(pipe)
	if err == nil {
		err = pipe.finished()
	}
	if err == nil && pipe.fault.End == EndResets {
		s.conclude(t, final, t.success)
		reset(conn)
		return t.success
	}
	closeErr := pipe.end()
	switch {
	case err != nil:
		return "426 Data connection broken: the transfer is not complete."
	case closeErr != nil:
		return "426 Data connection broken at its end."
	}
	return t.success
}

// announce sends the 150, once, unless it is to come late.
func (s *session) announce(t *transfer) {
	if t.announced || s.config.Abort == AbortLate150 {
		return
	}
	t.announced = true
	s.perform("150", func() { s.reply(t.opening) })
}

// conclude sends the final reply, unless ABOR has taken that over or it was sent early.
func (s *session) conclude(t *transfer, f *Fault, text string) {
	if t.finished || t.aborted.Load() || s.ctx.Err() != nil {
		return
	}
	t.finished = true
	if s.config.Abort == AbortLate150 && strings.HasPrefix(text, "2") {
		s.reply(t.opening)
	}
	s.performFault(f, func() { s.reply(text) })
}

// attend reads commands while a transfer runs, and returns when it is over.
func (s *session) attend(t *transfer) {
	for {
		lines := s.lines
		if len(s.pending) >= maxPending {
			lines = nil
		}
		select {
		case <-t.done:
			return
		case line, ok := <-lines:
			if !ok {
				t.stop()
				<-t.done
				return
			}
			s.during(t, line)
		}
	}
}

// during treats one command that came in mid-transfer.
func (s *session) during(t *transfer, line string) {
	verb := strings.ToUpper(strings.TrimSpace(line))
	switch {
	case verb == "ABOR" && s.config.Abort != AbortQueued:
		s.perform("ABOR", func() { s.abort(t) })
	case verb == "STAT":
		s.perform("STAT", func() { s.reply("211-Transfer in progress:\n " + t.verb + "\n211 End of status") })
	case verb == "NOOP" && s.config.NoopInTransfer == NoopAtOnce:
		s.perform("NOOP", func() { s.noop("") })
	case verb == "NOOP" && s.config.NoopInTransfer == NoopRefused:
		s.perform("NOOP", func() { s.reply("500 A transfer is running.") })
	case verb == "NOOP" && s.config.NoopInTransfer == NoopIgnored:
	default:
		s.pending = append(s.pending, line)
	}
}

// abort stops the transfer and answers in the style of the configuration.
func (s *session) abort(t *transfer) {
	t.aborted.Store(true)
	t.stop()
	<-t.done
	if t.finished { // the transfer was quicker than the ABOR
		s.abor("")
		return
	}
	switch s.config.Abort {
	case AbortTwo226:
		s.reply("226 Transfer ended.")
		s.reply("226 ABOR done.")
	case AbortOnly225:
		s.reply("225 ABOR done.")
	case AbortLate150:
		s.reply(t.opening)
		s.reply("426 Transfer aborted.")
		s.reply("226 ABOR done.")
	case AbortSilent:
	default:
		s.reply("426 Transfer aborted.")
		s.reply("226 ABOR done.")
	}
}

// abor is ABOR without a transfer to abort.
func (s *session) abor(string) {
	s.dropData()
	if s.config.Abort == AbortSilent {
		return
	}
	s.reply("225 Nothing to abort.")
}

func (s *session) rest(arg string) {
	offset, err := strconv.ParseUint(arg, 10, 63)
	switch {
	case err != nil:
		s.reply("501 REST needs a number of bytes.")
	case s.ascii && offset != 0:
		s.reply("501 REST needs TYPE I.")
	default:
		s.restart = int64(offset)
		s.reply("350 Restarting at " + strconv.FormatUint(offset, 10) + ", send the transfer command.")
	}
}

func (s *session) opening(name string, detail string) string {
	kind := "BINARY"
	if s.ascii {
		kind = "ASCII"
	}
	return fmt.Sprintf("150 Opening %s mode data connection for %s%s.", kind, plain(name), detail)
}

// copyBuffer is a compromise between speed and the memory of many sessions.
const copyBuffer = 128 << 10

// copyData is io.Copy without its shortcuts, which would go around the faults.
func copyData(dst io.Writer, src io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, make([]byte, copyBuffer))
	return err
}
