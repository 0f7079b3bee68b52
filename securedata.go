package ftp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// drainLimit bounds the wait for the server's end of an upload.
	drainLimit = 10 * time.Second
	// refusalGrace is how long an upload whose data connection resumed nothing
	// waits, before it takes a byte from its caller, for a refusal.
	refusalGrace = 250 * time.Millisecond
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
	secured, err := s.handshake(t.ctx, t.transport, t.client.opts.Timeouts.TLSHandshake)
	if err != nil {
		return t.handshakeFailed(err)
	}
	t.conn = secured
	info := newTLSInfo(secured.ConnectionState())
	t.exchange.negotiation.TLS = info
	s.tickets.outcome(info.Resumed)
	if !info.Resumed && t.client.opts.RequireSessionReuse {
		t.drop()
		return fmt.Errorf("%w: the data connection did not resume the session (Options.RequireSessionReuse)", ErrSessionReuse)
	}
	if !info.Resumed && !s.lenient && t.exchange.transfer.upload {
		return t.earlyRefusal()
	}
	return nil
}

// handshakeFailed asks the server why, unless the reason is on this side.
func (t *transfer) handshakeFailed(err error) error {
	err = fmt.Errorf("data connection: %w", err)
	var certificate *tls.CertificateVerificationError
	if t.ctx.Err() != nil || isTimeout(err) || errors.As(err, &certificate) || errors.As(err, new(x509.HostnameError)) {
		t.drop()
		return t.exchange.annotate(err)
	}
	_ = t.raw.Close()
	return t.exchange.annotate(t.settle(err))
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
func (t *transfer) refused(reply Reply) error {
	e := &Error{Command: t.exchange.transfer.verb, Reply: reply, Err: ErrIncomplete}
	if t.reuseRefused(e) {
		e.Err = fmt.Errorf("%w: %w", ErrTLS, ErrSessionReuse)
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
func (t *transfer) closeData() {
	secured, ok := t.conn.(*tls.Conn)
	if !ok || !t.exchange.transfer.upload {
		_ = t.conn.Close()
		return
	}
	defer func() { _ = t.raw.Close() }()
	if stall := t.client.opts.Timeouts.Stall; stall > 0 {
		_ = t.raw.SetDeadline(time.Now().Add(stall))
	}
	if err := secured.CloseWrite(); err != nil {
		return
	}
	if half, ok := t.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	t.drain(secured)
}

// drain reads until the server has closed its side too, or has sent its final
// reply: then it has read everything.
func (t *transfer) drain(secured *tls.Conn) {
	_ = t.raw.SetDeadline(time.Now().Add(drainLimit))
	stop := t.client.ctl.readAside(t.exchange.command, func(error) { _ = t.raw.SetReadDeadline(longAgo) })
	_, _ = io.Copy(io.Discard, secured)
	_ = stop() // the final reply, or its absence, is judged by who awaits it
}

// truncated tells whether an encrypted download ended without close_notify and
// its size does not prove that it is whole.
func (t *transfer) truncated() bool {
	if t.transport == nil || !t.transport.ended || t.exchange.transfer.upload {
		return false
	}
	cmd := t.exchange.transfer
	if cmd.verb != "RETR" || t.client.typ != TypeImage {
		return true
	}
	if cmd.offset == 0 && t.size >= 0 {
		return t.bytes != t.size
	}
	size, err := t.client.size(t.ctx, cmd.path)
	return err != nil || size != cmd.offset+t.bytes
}

// learnLenience notes that this server takes data connections that resume
// nothing.
func (t *transfer) learnLenience() {
	if info := t.exchange.negotiation.TLS; info != nil && !info.Resumed {
		t.client.ctl.security.lenient = true
	}
}
