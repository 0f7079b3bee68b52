package ftp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/dualport/ftp/internal/wire"
)

// control is the control connection of one login. The Client owns it; an open
// transfer borrows it until the transfer ends.
//
// Replies carry no name of the command they answer, so all that keeps client
// and server in step is the order: queue holds the commands that were sent and
// still wait for their final reply, oldest first. A command whose caller gave
// up stays in the queue, so that its late reply is not taken for another's.
type control struct {
	raw      net.Conn // the TCP connection
	conn     net.Conn // raw, or TLS over it
	reader   *wire.Reader
	peer     controlPeer
	timeout  time.Duration // for a reply
	patience time.Duration // for replies that are owed to callers who gave up
	trace    *tracer
	secrets  secrets

	security *security // nil in plain FTP

	queue  []*command
	line   []byte // scratch for the command line
	broken error  // set once; every later call returns it

	restart bool // REST was sent and no transfer command after it
}

// command is a command on the wire and what was answered so far.
type command struct {
	verb  string
	sent  time.Time
	mark  Reply // the last 1xx; Code 0 where none came
	marks int   // how many came
	taken bool  // the server has shown that it has the data connection
	final Reply
	done  bool        // final is set
	then  func(Reply) // called with the final reply, also where its caller gave up; may be nil
}

func newControl(conn net.Conn, peer controlPeer, opts *Options, trace *tracer) *control {
	return &control{
		raw:      conn,
		conn:     conn,
		reader:   wire.NewReader(conn, opts.Limits.wire()),
		peer:     peer,
		timeout:  opts.Timeouts.Reply,
		patience: opts.Timeouts.FinalReply,
		trace:    trace,
		secrets:  opts.secrets(),
	}
}

// secrets lists what must never be shown. The password of an anonymous login
// is none: hiding it would only garble replies that happen to hold it.
func (o *Options) secrets() secrets {
	var s secrets
	if !isAnonymous(o.User) && o.Password != "" {
		s = append(s, o.Password)
	}
	if o.Account != "" {
		s = append(s, o.Account)
	}
	return s
}

// local is the address of this end of the control connection; invalid where
// the connection is not a plain TCP one.
func (c *control) local() netip.AddrPort {
	return addrPortOf(c.raw.LocalAddr())
}

func addrPortOf(a net.Addr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// roundTrip sends one command and returns its final reply.
func (c *control) roundTrip(ctx context.Context, verb string, args ...string) (Reply, error) {
	cmd, err := c.send(ctx, verb, args...)
	if err != nil {
		return Reply{}, err
	}
	return c.await(ctx, cmd)
}

// send puts one command line on the wire, after all replies that are still owed
// have come, and queues the reply that is due.
func (c *control) send(ctx context.Context, verb string, args ...string) (*command, error) {
	if err := c.drain(ctx); err != nil {
		return nil, err
	}
	return c.put(ctx, verb, args...)
}

// drain reads the replies to commands whose callers gave up. A command on top of
// them would rely on the server to answer in order while it is busy, which not
// every server does.
func (c *control) drain(ctx context.Context) error {
	for len(c.queue) > 0 && c.broken == nil {
		owed := c.queue[0]
		if _, err := c.awaitWithin(ctx, owed, &TimeoutError{"reply to " + owed.verb, c.patience, "Timeouts.FinalReply"}); err != nil {
			return err
		}
	}
	return c.broken
}

// put is send without waiting for what is owed.
func (c *control) put(ctx context.Context, verb string, args ...string) (*command, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	line, err := wire.AppendCommand(c.line[:0], verb, args...)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if len(c.queue) == 0 && c.reader.Pending() {
		return nil, c.unasked()
	}
	c.line = line
	c.learnSecret(verb, args)
	c.trace.command(redactCommand(verb, args))
	cmd := &command{verb: strings.ToUpper(verb), sent: time.Now()}
	if err := c.write(ctx, line); err != nil {
		if len(c.queue) == 0 && ctx.Err() == nil && !isTimeout(err) {
			_ = c.unasked() // the server may have said why it hung up
		}
		return nil, c.fail(fmt.Errorf("sending %s: %w", verb, err))
	}
	c.queue = append(c.queue, cmd)
	return cmd, nil
}

// lastWords is how long a reply that no command asked for may take to arrive
// whole.
const lastWords = 100 * time.Millisecond

// unasked reads a reply that came between two commands, and breaks the session
// over it: to take it for the answer to the next command would be to read every
// later reply one command late.
func (c *control) unasked() error {
	limit := &TimeoutError{"whole reply", lastWords, "Timeouts.Reply"}
	err := c.read(context.Background(), limit, limit.start())
	if err == nil {
		err = c.fail(errors.New("a reply came that no command asked for"))
	}
	return err
}

// sendable refuses, without repeating them, strings that cannot be the argument
// of a command.
func sendable(args ...string) error {
	for _, arg := range args {
		if err := wire.CheckArgument(arg); err != nil {
			return err
		}
	}
	return nil
}

// learnSecret notes a password that came by a way other than Options.
func (c *control) learnSecret(verb string, args []string) {
	if (strings.EqualFold(verb, "PASS") || strings.EqualFold(verb, "ACCT")) && len(args) > 0 && !strings.HasSuffix(args[0], "@") {
		c.secrets = append(c.secrets, args[0])
	}
}

func (c *control) write(ctx context.Context, line []byte) error {
	limit := &TimeoutError{"room to send a command", c.timeout, "Timeouts.Reply"}
	done := interruptible(ctx, c.conn.SetWriteDeadline, limit.start())
	_, err := c.conn.Write(line)
	done()
	if err != nil {
		return interrupted(ctx, err, limit)
	}
	return nil
}

// await reads until cmd has its final reply.
func (c *control) await(ctx context.Context, cmd *command) (Reply, error) {
	return c.awaitWithin(ctx, cmd, c.replyLimit(cmd))
}

func (c *control) replyLimit(cmd *command) *TimeoutError {
	return &TimeoutError{"reply to " + cmd.verb, c.timeout, "Timeouts.Reply"}
}

func (c *control) awaitWithin(ctx context.Context, cmd *command, limit *TimeoutError) (Reply, error) {
	until := limit.start()
	for !cmd.done {
		if err := c.read(ctx, limit, until); err != nil {
			return Reply{}, err
		}
	}
	return cmd.final, nil
}

// awaitMark reads until cmd has its 1xx or its final reply, and returns it.
func (c *control) awaitMark(ctx context.Context, cmd *command) (Reply, error) {
	limit := c.replyLimit(cmd)
	until := limit.start()
	for !cmd.done && cmd.mark.Code == 0 {
		if err := c.read(ctx, limit, until); err != nil {
			return Reply{}, err
		}
	}
	if cmd.done {
		return cmd.final, nil
	}
	return cmd.mark, nil
}

// read takes one reply off the wire and gives it to the command it belongs to.
// A wait that ctx ends leaves the session in step: the reply is still owed to
// the queue. A wait that the limit ends does not: such a server has stopped to
// answer.
func (c *control) read(ctx context.Context, limit *TimeoutError, until time.Time) error {
	if c.broken != nil {
		return c.broken
	}
	done := interruptible(ctx, c.conn.SetReadDeadline, until)
	r, err := c.reader.ReadReply()
	done()
	if err == nil {
		return c.deliver(newReply(r))
	}
	err = interrupted(ctx, err, limit)
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return c.fail(lost(c.secrets.hideQuote(err)))
}

var errHungUp = errors.New("the server closed the control connection")

// lost says what the end of the control connection means.
func lost(err error) error {
	if isAlert(err) {
		return tlsError(err)
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return fmt.Errorf("%w: the server answered in clear on the encrypted control connection: it has given up this session", ErrTLS)
	}
	if errors.Is(err, io.EOF) {
		return errHungUp
	}
	return err
}

// deliver gives r to the oldest command that is owed a reply.
func (c *control) deliver(r Reply) error {
	event := ReplyEvent{Reply: r}
	var cmd *command
	if len(c.queue) > 0 {
		cmd = c.queue[0]
		event.Command, event.Duration = cmd.verb, time.Since(cmd.sent)
	}
	event.Reply = c.secrets.hide(r)
	if r.negative() || cmd == nil || !readForContent(cmd.verb) {
		r = event.Reply
	}
	c.trace.reply(event)
	switch {
	case cmd == nil:
		return c.fail(fmt.Errorf("the server said %q, which no command asked for", r))
	case r.preliminary():
		cmd.mark = r
		if cmd.marks++; cmd.marks > maxMarks {
			return c.fail(fmt.Errorf("the server sent %d preliminary replies to %s and no final one", cmd.marks, cmd.verb))
		}
	default:
		cmd.final, cmd.done = r, true
		c.queue = c.queue[1:]
		if cmd.then != nil {
			cmd.then(r)
		}
	}
	if r.Code == 421 {
		_ = c.fail(refusal(cmd.verb, r)) // the command still gets its reply; the next one gets this
	}
	return nil
}

// maxMarks bounds the 1xx replies to one command, each of which renews the wait
// for the next. Restart markers (110) are the only honest use of many.
const maxMarks = 1000

// readForContent tells whether the text of a positive reply is data, in which
// nothing may be hidden: a file may be named like a password.
func readForContent(verb string) bool {
	switch verb {
	case "PWD", "MLST", "SIZE", "MDTM", "FEAT", "EPSV", "PASV", "STOU":
		return true
	}
	return false
}

// greet reads the server's first reply: 220, or 120 and then 220, or 230 where
// no login is wanted (RFC 959 section 5.4).
func (c *control) greet(ctx context.Context, limit time.Duration) (Reply, error) {
	greeting := &command{sent: time.Now()}
	c.queue = append(c.queue, greeting)
	timeout := &TimeoutError{"greeting from the server", limit, "Timeouts.Dial"}
	ctx, cancel := withLimit(ctx, timeout) // for all of it: a 120 does not buy a server more time
	defer cancel()
	r, err := c.awaitWithin(ctx, greeting, timeout)
	if err != nil {
		return r, err
	}
	if !r.positive() {
		return r, refusal("the connection", r)
	}
	if other := (wire.Reply{Code: r.Code, Lines: r.Lines}).LooksLike(); other != "" {
		return r, fmt.Errorf("the greeting %q is that of %s; check the port", r, other)
	}
	return r, nil
}

// fail marks the session as broken, closes it and returns the error that every
// later call will get. Only the first reason counts.
func (c *control) fail(reason error) error {
	if c.broken == nil {
		c.broken = &brokenError{reason}
		_ = c.raw.Close()
	}
	return c.broken
}

// brokenError matches ErrBroken and tells what broke the session.
type brokenError struct{ reason error }

func (e *brokenError) Error() string   { return ErrBroken.Error() + ": " + e.reason.Error() }
func (e *brokenError) Unwrap() []error { return []error{ErrBroken, e.reason} }

// watch reads the control connection while something else is waited for, so
// that a server which gives up ends the wait at once. The returned context
// ends, with the server's reply as its cause, when cmd (nil for none) got a
// negative final reply or the session broke. The caller must call stop, which
// joins the reader and returns what ended the watch, if anything did.
func (c *control) watch(ctx context.Context, cmd *command) (watched context.Context, stop func() error) {
	watched, cancel := context.WithCancelCause(ctx)
	join := c.readAside(cmd, func(err error) {
		if err != nil {
			cancel(err)
		}
	})
	return watched, func() error {
		defer cancel(nil)
		return join()
	}
}

// readAside reads replies in a goroutine until cmd has its final one or the
// session breaks, and then calls ended. The caller must call stop, which joins
// the goroutine, and must not use c before.
func (c *control) readAside(cmd *command, ended func(error)) (stop func() error) {
	result := make(chan error, 1)
	go func() {
		err := c.readUntil(cmd)
		ended(err)
		result <- err
	}()
	return func() error {
		_ = c.conn.SetReadDeadline(longAgo)
		err := <-result
		_ = c.conn.SetReadDeadline(time.Time{})
		return err
	}
}

// readUntil reads replies until cmd has its final one, the session breaks, or
// a deadline in the past interrupts it, which is no error.
func (c *control) readUntil(cmd *command) error {
	for {
		if cmd != nil && cmd.done {
			if cmd.final.negative() {
				return refusal(cmd.verb, cmd.final)
			}
			return nil
		}
		r, err := c.reader.ReadReply()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return c.fail(lost(c.secrets.hideQuote(err)))
		}
		if err := c.deliver(newReply(r)); err != nil {
			return err
		}
	}
}
