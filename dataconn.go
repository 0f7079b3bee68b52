package ftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// DataDialer obtains the data connection of one transfer. [Passive] and
// [Active] are the two that FTP knows, [Auto] joins them; a program may plug
// in its own with Options.DataDialer.
type DataDialer interface {
	// DialData negotiates over x and returns a connection. It calls x.Begin at
	// the point where the server needs the transfer command: a passive dialer
	// before or after it has connected, an active one before it accepts.
	// Where it does not call Begin, the client does so afterwards.
	//
	// The attempts that it calls x.Record for are the transfer's Negotiation; the
	// last of them counts as the connection that is returned.
	//
	// If the server then answers 425 or 426, DialData is called again with the
	// same Exchange, and should try another way or return an error.
	DialData(ctx context.Context, x *Exchange) (net.Conn, error)
}

// Exchange is one transfer's use of the control connection, lent to a
// DataDialer while it obtains the data connection. It must not be used after
// DialData has returned, nor by two goroutines at a time.
type Exchange struct {
	client      *Client
	transfer    transferCommand
	negotiation Negotiation
	command     *command // the transfer command once it was sent
	unmarked    bool     // its 1xx is to come after the TLS handshake
	tried       []Method // by this transfer, in vain
	calls       int      // of DialData
	cleanups    []func()
}

func (c *Client) newExchange(cmd transferCommand) *Exchange {
	return &Exchange{client: c, transfer: cmd, negotiation: Negotiation{
		ControlPeer:      c.ctl.peer.known(),
		ControlEncrypted: c.ctl.security != nil && c.ctl.security.info != nil,
	}}
}

// transferCommand is what starts a transfer or a listing.
type transferCommand struct {
	op     string // for errors: "retrieve"
	verb   string // RETR
	path   string // its argument; empty for none
	offset int64  // REST goes first where it is positive
	upload bool
}

func (t transferCommand) args() []string {
	if t.path == "" {
		return nil
	}
	return []string{t.path}
}

// maxDialCalls bounds how often one transfer may start over after a 425 or 426.
// The library's own dialers run out of methods before that.
const maxDialCalls = 6

// Command sends a command that belongs to the negotiation and returns its
// reply, which may be negative.
func (x *Exchange) Command(ctx context.Context, verb string, args ...string) (Reply, error) {
	return x.client.ctl.roundTrip(ctx, verb, args...)
}

// Begin sends the transfer command, with REST before it where the transfer
// starts at an offset. Its reply is awaited later. A second call has no effect.
func (x *Exchange) Begin(ctx context.Context) error {
	if x.command != nil {
		return nil
	}
	ctl := x.client.ctl
	if x.transfer.offset > 0 || ctl.restart { // an offset of an earlier call that was cancelled must not hold for this one
		if err := ctl.restartAt(ctx, x.transfer.offset); err != nil {
			return err
		}
	}
	cmd, err := ctl.send(ctx, x.transfer.verb, x.transfer.args()...)
	if err != nil {
		return err
	}
	ctl.restart = false
	x.command = cmd
	return nil
}

// restartAt sets the offset at which the next transfer begins (RFC 3659 section
// 5).
func (c *control) restartAt(ctx context.Context, offset int64) error {
	c.restart = true
	r, err := c.roundTrip(ctx, "REST", strconv.FormatInt(offset, 10))
	if err != nil {
		return err
	}
	if !r.intermediate() {
		c.restart = false
		return refusal("REST", r)
	}
	return nil
}

// Transfer returns the transfer command and its argument, as PRET wants them.
func (x *Exchange) Transfer() (verb, path string) { return x.transfer.verb, x.transfer.path }

// ControlPeer returns the server's side of the control connection: its host,
// and its address, which is invalid where the connection goes through
// Options.DialContext to a host name.
func (x *Exchange) ControlPeer() (host string, addr netip.Addr) {
	return x.client.ctl.peer.host, x.client.ctl.peer.addr
}

// LocalAddr returns the client's side of the control connection.
func (x *Exchange) LocalAddr() netip.AddrPort { return x.client.ctl.local() }

// Dial connects to address, a host:port, within Timeouts.DataConnect. A
// negative reply on the control connection ends it at once.
func (x *Exchange) Dial(ctx context.Context, address string) (net.Conn, error) {
	return watching(ctx, x, func(ctx context.Context) (net.Conn, error) {
		return x.dial(ctx, address)
	})
}

func (x *Exchange) dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := withLimit(ctx, &TimeoutError{"connection to " + address, x.client.opts.Timeouts.DataConnect, "Timeouts.DataConnect"})
	defer cancel()
	return x.client.dialTCP(ctx, PurposeData, address)
}

// watching runs wait, which dials, listens or accepts, while the control
// connection is read.
func watching[C io.Closer](ctx context.Context, x *Exchange, wait func(context.Context) (C, error)) (C, error) {
	watched, stop := x.client.ctl.watch(ctx, x.command)
	c, err := wait(watched)
	if ended := stop(); ended != nil {
		if err == nil {
			_ = c.Close()
		}
		var none C
		return none, ended
	}
	return c, err
}

// Record adds an attempt to the transfer's Negotiation.
func (x *Exchange) Record(r Rung) {
	x.negotiation.Rungs = append(x.negotiation.Rungs, r)
	x.client.trace.rung(r)
}

// Defer has f called when the data connection is closed, or has failed.
func (x *Exchange) Defer(f func()) {
	if f != nil {
		x.cleanups = append(x.cleanups, f)
	}
}

func (x *Exchange) cleanup() {
	for _, f := range slices.Backward(x.cleanups) {
		f()
	}
	x.cleanups = nil
}

// notice tells the trace of a decision, in a sentence.
func (x *Exchange) notice(m Method, format string, args ...any) {
	x.client.trace.notice(m, fmt.Sprintf(format, args...))
}

// open obtains the data connection and starts the transfer: it returns once
// the server has said 1xx. On an error, the session is in step or broken.
func (x *Exchange) open(ctx context.Context) (net.Conn, error) {
	for {
		conn, err := x.start(ctx)
		if err == nil {
			x.client.opts.Memory.worked(x.negotiation.Method())
			return conn, nil
		}
		if !noDataConnection(err) || errors.Is(err, ErrDataConnection) { // the latter has tried all there is, whatever the last reply was
			x.retract()
			return nil, x.annotate(err)
		}
		x.stepDown(err)
	}
}

// start makes one call of the dialer and waits for the reply to the transfer
// command.
func (x *Exchange) start(ctx context.Context) (net.Conn, error) {
	x.calls++
	if x.calls > maxDialCalls {
		return nil, ErrDataConnection
	}
	conn, err := x.client.dialer.DialData(ctx, x)
	if err != nil {
		return nil, err
	}
	if conn == nil {
		return nil, errors.New("Options.DataDialer returned neither a connection nor an error")
	}
	if err := x.awaitMark(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// awaitMark waits until the server says 1xx. Some servers go straight to a
// 2xx, which is as good.
func (x *Exchange) awaitMark(ctx context.Context) error {
	if err := x.Begin(ctx); err != nil {
		return err
	}
	if x.unmarked = x.handshakeFirst(ctx); x.unmarked {
		return nil
	}
	r, err := x.client.ctl.awaitMark(ctx, x.command)
	if err != nil {
		return err
	}
	if x.transfer.upload {
		if r, err = x.afterMark(ctx, r); err != nil {
			return err
		}
	}
	if r.preliminary() || r.positive() {
		return nil
	}
	return refusal(x.transfer.verb, r)
}

// afterMark reads what came right behind the 1xx: it may be a 425, and then not
// a byte of the upload has been taken from the caller yet.
func (x *Exchange) afterMark(ctx context.Context, mark Reply) (Reply, error) {
	ctl := x.client.ctl
	limit := ctl.replyLimit(x.command)
	for until := limit.start(); !x.command.done && ctl.reader.Pending(); {
		if err := ctl.read(ctx, limit, until); err != nil {
			return mark, err
		}
	}
	if x.command.done {
		return x.command.final, nil
	}
	return mark, nil
}

// stepDown notes that the last method did not work although the server went
// along with it.
func (x *Exchange) stepDown(reason error) {
	method := x.negotiation.Method()
	x.failed(reason)
	x.tried = append(x.tried, method)
	x.client.opts.Memory.failed(method)
	x.notice(method, "%s led to no data connection: %s", method, reason)
	x.retract()
}

// failed puts the reason into the record of the attempt that seemed to work.
func (x *Exchange) failed(reason error) {
	if n := len(x.negotiation.Rungs); n > 0 && x.negotiation.Rungs[n-1].Err == nil {
		x.negotiation.Rungs[n-1].Err = reason
		x.client.trace.rung(x.negotiation.Rungs[n-1])
	}
}

// retract takes the transfer command back, if one was sent and is not yet
// answered, so that it can be sent again over another method.
func (x *Exchange) retract() {
	x.cleanup()
	if x.command != nil && !x.command.done {
		_ = x.client.ctl.abort(x.command, func() {}, x.client.opts.Timeouts.Abort) // a failure leaves the session broken
	}
	x.command = nil
}

// annotate adds the record of the negotiation to an error.
func (x *Exchange) annotate(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // only the outermost error may be completed
		annotated := *e
		annotated.Negotiation = &x.negotiation
		return &annotated
	}
	return &Error{Negotiation: &x.negotiation, Err: err}
}

// noDataConnection tells whether the server reported, after the transfer
// command, that it has no data connection.
func noDataConnection(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Reply.noDataConnection()
}

// withLimit returns a context that ends, with limit as its cause, after the
// limit's time.
func withLimit(ctx context.Context, limit *TimeoutError) (context.Context, context.CancelFunc) {
	if limit.Limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, limit.Limit, limit)
}

// since is the time from start, for the records.
func since(start time.Time) time.Duration { return time.Since(start).Round(time.Microsecond) }
