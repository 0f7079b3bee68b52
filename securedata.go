package ftp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	// drainLimit bounds the wait for the server's end of an upload.
	drainLimit = 10 * time.Second
	// refusalGrace is how long an upload whose data connection resumed nothing
	// waits, before it takes a byte from its caller, for a refusal.
	refusalGrace = 250 * time.Millisecond
	// lateTickets is how long tickets are awaited that may lie behind the final
	// reply of an upload.
	lateTickets = 250 * time.Millisecond
	// handshakeGrace is how long a handshake may take to end after its caller
	// has given up.
	handshakeGrace = time.Second
	// markGrace is how long a server's 1xx is awaited before the handshake is
	// begun without it: a few servers wait for the client's first.
	markGrace = 500 * time.Millisecond
	// maxRecord is the most that one TLS record carries (RFC 8446 section 5.1).
	maxRecord = 16 << 10
)

// encrypt puts TLS on the data connection where PROT P holds. It comes after
// the 1xx, before which servers do not listen for it, and also for files that
// turn out to be empty. The client has the client's part in active mode too
// (RFC 4217 section 7).
func (t *transfer) encrypt() error {
	s := t.client.ctl.security
	if s == nil || !s.private {
		return nil
	}
	t.transport = &transport{Conn: t.raw}
	secured, err := t.handshake(s)
	if err != nil {
		return t.handshakeFailed(err)
	}
	t.conn = secured
	info := newTLSInfo(secured.ConnectionState())
	t.exchange.negotiation.TLS = info
	s.tickets.outcome(info.Resumed)
	t.exchange.command.taken = true
	if t.ctx.Err() != nil {
		t.drop()
		return context.Cause(t.ctx)
	}
	if !info.Resumed && t.client.opts.RequireSessionReuse {
		t.drop()
		return fmt.Errorf("%w: %w, as Options.RequireSessionReuse demands; the server hands out no sessions that can be resumed", ErrTLS, ErrSessionReuse)
	}
	if !info.Resumed && !s.lenient && t.exchange.transfer.upload {
		return t.earlyRefusal()
	}
	return nil
}

// handshake runs the TLS handshake of the data connection. Where it goes ahead of
// the 1xx, the server may yet refuse the transfer, which ends it at once.
func (t *transfer) handshake(s *security) (*tls.Conn, error) {
	limit := t.client.opts.Timeouts.TLSHandshake
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.ctx))
	defer cancel(nil)
	stop := context.AfterFunc(t.ctx, func() { // servers (vsftpd, Pure-FTPd) give up the session over half a handshake
		time.AfterFunc(handshakeGrace, func() { cancel(context.Cause(t.ctx)) })
	})
	defer stop()
	if !t.exchange.unmarked {
		return s.handshake(ctx, t.transport, PurposeData, limit, t.client.trace)
	}
	return watching(ctx, t.exchange, func(ctx context.Context) (*tls.Conn, error) {
		return s.handshake(ctx, t.transport, PurposeData, limit, t.client.trace)
	})
}

// handshakeFailed asks the server why, unless the reason is on this side.
func (t *transfer) handshakeFailed(err error) error {
	if final := t.exchange.command.final; final.negative() { // it came during the handshake
		_ = t.raw.Close()
		return t.exchange.annotate(t.refused(final))
	}
	if t.ctx.Err() != nil || isTimeout(err) || !endedByPeer(err) {
		t.drop()
		return t.exchange.annotate(fmt.Errorf("data connection: %w", err))
	}
	_ = t.raw.Close()
	outcome := t.settle(err)
	if t.exchange.unmarked && t.reply.negative() { // the transfer was refused, and the handshake failed for that
		outcome = t.refused(t.reply)
	}
	return t.exchange.annotate(outcome)
}

// endedByPeer tells whether a handshake failed because the other side ended it,
// so that the server has more to say.
func endedByPeer(err error) bool {
	var network *net.OpError // alerts are of this type too
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// drop breaks the transfer off before it carried anything.
func (t *transfer) drop() {
	_ = t.client.ctl.abort(t.exchange.command, t.cut, t.client.opts.Timeouts.Abort) // a failure leaves the session broken
}

// earlyRefusal gives a server that demands reuse the time to say so. In TLS 1.3
// the client's handshake is over before the server has judged it, and the bytes
// of an upload would be lost.
func (t *transfer) earlyRefusal() error {
	ctx, cancel := context.WithTimeout(t.ctx, refusalGrace)
	defer cancel()
	ctl := t.client.ctl
	reply, err := ctl.awaitWithin(ctx, t.exchange.command, new(TimeoutError))
	switch {
	case err == nil && reply.negative():
		_ = t.raw.Close()
		return t.exchange.annotate(t.refused(reply))
	case err != nil && ctl.broken != nil:
		return t.exchange.annotate(err)
	}
	return nil
}

// reuseRefused tells whether the server refused the data connection because of
// its TLS session. There is no code for it; vsftpd says 522, ProFTPD 425 with
// the text of EPERM, others name the session.
func (t *transfer) reuseRefused(err error) bool {
	var e *Error
	s := t.client.ctl.security
	if s == nil || !s.private || !errors.As(err, &e) || !e.Reply.negative() {
		return false
	}
	return e.Reply.Code == 522 || e.Reply.mentions("session reuse", "reuse", "resum", "ssl session", "tls session") ||
		e.Reply.Code == 425 && e.Reply.mentions("operation not permitted")
}

// refused is the error of a transfer that the server ended with a negative
// reply.
func (t *transfer) refused(reply Reply) *Error {
	e := &Error{Command: t.exchange.transfer.verb, Reply: reply, Err: ErrIncomplete}
	if t.reuseRefused(e) {
		e.Err = errReuseDemanded
	}
	return e
}

// reconnect makes the session anew, once a transfer, and starts the transfer
// again: a new login brings new TLS sessions to resume.
func (t *transfer) reconnect(reason error) error {
	if t.relogged {
		return reason
	}
	t.relogged = true
	x := t.exchange
	x.notice(x.negotiation.Method(), "the server refuses the TLS session of the data connection; logging in again")
	x.failed(reason)
	x.negotiation.Relogin = true
	x.command = nil
	if err := t.client.relogin(t.ctx); err != nil {
		return x.annotate(err)
	}
	return t.connect()
}

// chunk is the part of p that is written under one stall timeout. TLS cannot go
// on after a record that was written in part, so there it is one record.
func (t *transfer) chunk(p []byte) []byte {
	if t.transport != nil && len(p) > maxRecord {
		return p[:maxRecord]
	}
	return p
}

// closeData ends the data connection after all has moved. Of an encrypted
// upload the end is: close_notify, half-close, read to the end. Closing while
// the server's session tickets lie unread would make the kernel reset the
// connection, and the server would lose what it has not yet read.
func (t *transfer) closeData() error {
	secured, ok := t.conn.(*tls.Conn)
	if !ok || !t.exchange.transfer.upload {
		_ = t.raw.SetWriteDeadline(time.Now().Add(lateTickets)) // for the close_notify of a download, which may find no room
		_ = t.conn.Close()                                      // what was written is on its way; only the reply tells whether it came in
		return nil
	}
	defer func() { _ = t.raw.Close() }()
	if err := t.ready(); err != nil {
		return err
	}
	if err := secured.CloseWrite(); err != nil {
		return fmt.Errorf("sending close_notify: %w", err)
	}
	if half, ok := t.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	t.drain(secured)
	return nil
}

// drain reads until the server has closed its side too, or has sent its final
// reply: then it has read everything.
func (t *transfer) drain(secured *tls.Conn) {
	_ = t.raw.SetDeadline(time.Now().Add(drainLimit))
	if t.ctx.Err() != nil { // checked after the deadline is set, which may have undone the one in the past
		return
	}
	stop := t.client.ctl.readAside(t.exchange.command, func(error) {
		_ = t.raw.SetReadDeadline(time.Now().Add(lateTickets))
	})
	_, _ = io.Copy(io.Discard, secured)
	_ = stop() // the final reply, or its absence, is judged by who awaits it
}

// truncated tells whether an encrypted download ended without close_notify and
// its size does not prove that it is whole.
func (t *transfer) truncated() bool {
	if !t.endsOpenly() {
		return false
	}
	cmd := t.exchange.transfer
	if cmd.verb != "RETR" || t.client.typ != TypeImage {
		return true
	}
	if cmd.offset == 0 && t.size >= 0 || t.client.ctl.broken != nil {
		return cmd.offset > 0 || t.bytes != t.size
	}
	size, err := t.client.size(t.ctx, cmd.path)
	return err != nil || size != cmd.offset+t.bytes
}

// endsOpenly tells whether an encrypted download ended without close_notify.
func (t *transfer) endsOpenly() bool {
	return t.transport != nil && t.transport.ended && !t.exchange.transfer.upload
}

// learnLenience notes that this server takes data connections that resume
// nothing.
func (t *transfer) learnLenience() {
	if info := t.exchange.negotiation.TLS; info != nil && !info.Resumed {
		t.client.ctl.security.lenient = true
	}
}

// handshakeFirst tells whether the TLS handshake of this data connection has to
// come before the 1xx. That is found out once, by a server that says nothing.
func (x *Exchange) handshakeFirst(ctx context.Context) bool {
	ctl := x.client.ctl
	s := ctl.security
	if s == nil || !s.private {
		return false
	}
	if !s.handshakeFirst {
		grace, cancel := context.WithTimeout(ctx, markGrace)
		defer cancel()
		_, err := ctl.awaitMark(grace, x.command)
		s.handshakeFirst = err != nil && ctl.broken == nil && ctx.Err() == nil
	}
	return s.handshakeFirst
}

// awaitLateMark waits for the 1xx of a server that wanted the handshake first. A
// server that was merely slow is remembered as what it is.
func (x *Exchange) awaitLateMark(ctx context.Context) error {
	if !x.unmarked {
		return nil
	}
	r, err := x.client.ctl.awaitMark(ctx, x.command)
	if err == nil && r.negative() {
		err = x.annotate(refusal(x.transfer.verb, r))
	}
	return err
}
