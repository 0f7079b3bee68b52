package ftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Result tells what a transfer did.
type Result struct {
	// Path is the remote path; for StoreUnique, the name the server chose.
	Path string `json:"path"`
	// Bytes is how many bytes the data connection carried.
	Bytes int64 `json:"bytes"`
	// Offset is where in the file they begin.
	Offset int64 `json:"offset,omitempty"`
	// Duration is the time from the first command of the transfer to its end.
	Duration time.Duration `json:"duration_ns"`
	// Reply is the server's final reply.
	Reply Reply `json:"reply"`
	// Negotiation tells how the data connection was obtained.
	Negotiation *Negotiation `json:"negotiation"`
}

// Progress is the state of a transfer under way.
type Progress struct {
	// Path is the remote path.
	Path string
	// Upload tells the direction.
	Upload bool
	// Bytes have been carried so far, from Offset on.
	Bytes, Offset int64
	// Size is how many bytes the server announced; -1 where it did not.
	Size int64
	// Done is true in the last call.
	Done bool
}

// transfer is an open data connection: it moves bytes, and then it ends, in
// one of three ways: finish after all data, fail after an error of the
// connection, abort where the client breaks it off. Whoever ends it first
// decides the outcome.
type transfer struct {
	client   *Client
	exchange *Exchange
	ctx      context.Context //nolint:containedctx // a stream lives as long as the context it was opened with
	release  func()
	started  time.Time

	raw        net.Conn   // the TCP connection
	conn       net.Conn   // raw, or TLS over it
	transport  *transport // what TLS reads from; nil in clear
	relogged   bool       // the session was made anew for its TLS session
	stopCancel func() bool
	size       int64 // announced; -1 where not
	bytes      int64
	over       bool
	err        error // the outcome, once over
	reply      Reply
}

// start negotiates a data connection for cmd and begins the transfer. The
// caller holds the client; release is called when the transfer is over.
func (c *Client) start(ctx context.Context, cmd transferCommand, release func()) (*transfer, error) {
	if err := c.dataSecured(); err != nil {
		return nil, err
	}
	t := &transfer{
		client:   c,
		exchange: c.newExchange(cmd),
		ctx:      ctx,
		release:  release,
		started:  time.Now(),
	}
	if err := t.connect(); err != nil {
		return nil, err
	}
	return t, nil
}

// startAgain repeats a transfer that is over, because the server had no data
// connection for it, by the next method. The caller has kept the client.
func (c *Client) startAgain(over *transfer, reason error) (*transfer, error) {
	t := &transfer{client: c, exchange: over.exchange, ctx: over.ctx, release: over.release, started: over.started}
	t.exchange.stepDown(causeOf(reason))
	if err := t.connect(); err != nil {
		cmd := t.exchange.transfer
		return nil, c.wrap(cmd.op, cmd.path, err)
	}
	return t, nil
}

// causeOf is an error without the operation that it is told of, for the record of an
// attempt.
func causeOf(err error) error {
	e, ok := err.(*Error) //nolint:errorlint // only the outermost tells the operation
	if !ok {
		return err
	}
	return &Error{Command: e.Command, Reply: e.Reply, Err: e.Err}
}

func (t *transfer) connect() error {
	conn, err := t.exchange.open(t.ctx)
	if err != nil {
		return err
	}
	t.raw, t.conn, t.transport = conn, conn, nil
	t.client.setCut(t.cut)
	err = t.encrypt()
	t.stopCancel = context.AfterFunc(t.ctx, func() { _ = conn.SetDeadline(longAgo) })
	if err == nil {
		err = t.exchange.awaitLateMark(t.ctx)
	}
	t.size = announcedSize(t.exchange.command.mark)
	if err != nil {
		t.detach()
		if t.reuseRefused(err) {
			return t.reconnect(err)
		}
		return err
	}
	return nil
}

// detach undoes what connect did.
func (t *transfer) detach() {
	t.stopCancel()
	t.client.setCut(nil)
	t.exchange.cleanup()
}

func (c *Client) setCut(cut func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	if c.closed && cut != nil {
		cut()
	}
}

// announcedSize reads the size from a reply such as "150 Opening BINARY mode
// data connection for a.bin (1024 bytes)".
func announcedSize(r Reply) int64 {
	text, found := strings.CutSuffix(strings.TrimRight(r.Text(), ". "), " bytes)") // only at the end: a name may hold the like
	size, err := strconv.ParseInt(text[strings.LastIndexByte(text, '(')+1:], 10, 64)
	if !found || err != nil || size < 0 {
		return -1
	}
	return size
}

// Read reads from the data connection. Its io.EOF means that the server has
// confirmed the transfer.
func (t *transfer) Read(p []byte) (int, error) {
	for !t.over {
		if err := t.ready(); err != nil {
			return 0, err
		}
		n, err := t.conn.Read(p)
		t.moved(n)
		if err == nil {
			return n, nil
		}
		if err != io.EOF { //nolint:errorlint // as in copyAll
			return n, t.fail(err)
		}
		outcome := t.finish()
		if outcome != nil && t.startOver(&outcome) {
			continue
		}
		_ = t.end(outcome)
		return n, t.readOutcome()
	}
	return 0, t.readOutcome()
}

func (t *transfer) readOutcome() error {
	if t.err == nil {
		return io.EOF
	}
	return t.err
}

// Write writes to the data connection.
func (t *transfer) Write(p []byte) (int, error) {
	if t.over {
		return 0, t.writeOutcome()
	}
	written := 0
	for {
		if err := t.ready(); err != nil {
			return written, err
		}
		n, err := t.conn.Write(t.chunk(p[written:]))
		t.moved(n)
		written += n
		if err == nil && written == len(p) {
			return written, nil
		}
		if err == nil {
			continue
		}
		if n == 0 || t.ctx.Err() != nil || !isTimeout(err) { // a deadline after progress is no stall
			return written, t.fail(err)
		}
	}
}

var errOver = errors.New("the upload is over: nothing can be written after Close or Abort")

// endOnPanic returns a function to defer around code of the caller: where that
// panics, the transfer is broken off, so that the client is not busy for ever.
func (t *transfer) endOnPanic() func() {
	return func() {
		if p := recover(); p != nil {
			_ = t.abortQuietly()
			panic(p)
		}
	}
}

func (t *transfer) writeOutcome() error {
	if t.err == nil {
		return errOver
	}
	return t.err
}

// ready gives the next read or write its time, unless the caller has given up.
func (t *transfer) ready() error {
	if stall := t.client.opts.Timeouts.Stall; stall > 0 {
		_ = t.raw.SetDeadline(time.Now().Add(stall))
	}
	if t.ctx.Err() != nil { // checked after the deadline is set, which may have undone the one in the past
		return t.breakOff(context.Cause(t.ctx))
	}
	return nil
}

func (t *transfer) moved(n int) {
	t.bytes += int64(n)
	if n > 0 {
		t.exchange.command.taken = true
		t.progress(false)
	}
}

func (t *transfer) progress(done bool) {
	cmd := t.exchange.transfer
	if report := t.client.opts.Progress; report != nil && cmd.isFile() {
		report(Progress{Path: cmd.path, Upload: cmd.upload, Bytes: t.bytes, Offset: cmd.offset, Size: t.size, Done: done})
	}
}

func (t transferCommand) isFile() bool { return t.upload || t.verb == "RETR" }

// finish closes the data connection, over which all has moved, reads the final
// reply and judges the transfer.
func (t *transfer) finish() error {
	return t.settle(t.closeData())
}

// fail ends a transfer whose data connection failed. Where the caller gave up
// or nothing moved for too long, the transfer is broken off; otherwise the
// server knows of the failure and its reply says more.
func (t *transfer) fail(err error) error {
	if isTimeout(err) {
		stall := t.client.opts.Timeouts.Stall
		return t.breakOff(interrupted(t.ctx, err, &TimeoutError{"progress of the transfer", stall, "Timeouts.Stall"}))
	}
	_ = t.raw.Close()
	if isAlert(err) {
		err = tlsError(err)
	}
	return t.end(t.settle(err))
}

// settle reads the final reply and judges the transfer by it and by what
// happened to the data.
func (t *transfer) settle(dataErr error) error {
	limit := &TimeoutError{"final reply to " + t.exchange.transfer.verb, t.client.opts.Timeouts.FinalReply, "Timeouts.FinalReply"}
	reply, err := t.client.ctl.awaitWithin(t.ctx, t.exchange.command, limit)
	t.reply = reply
	return t.judge(dataErr, reply, err)
}

func (t *transfer) judge(dataErr error, reply Reply, replyErr error) error {
	verb := t.exchange.transfer.verb
	switch {
	case dataErr != nil && replyErr != nil:
		return fmt.Errorf("%w: data connection: %w; %w", ErrIncomplete, dataErr, replyErr)
	case dataErr != nil && reply.negative():
		refused := t.refused(reply)
		refused.Err = fmt.Errorf("%w: data connection: %w", refused.Err, dataErr)
		return refused
	case dataErr != nil:
		return &Error{Command: verb, Reply: reply, Err: fmt.Errorf("%w: data connection: %w", ErrIncomplete, dataErr)}
	case replyErr != nil && t.short():
		return fmt.Errorf("%w: %w", t.shortfall(), replyErr)
	case replyErr != nil && t.truncated():
		return fmt.Errorf("%w: %w", ErrTruncated, replyErr)
	case replyErr != nil:
		return fmt.Errorf("%w: all %d bytes moved: %w", ErrUnconfirmed, t.bytes, replyErr)
	case !reply.positive():
		return t.refused(reply)
	case t.short():
		return &Error{Command: verb, Reply: reply, Err: t.shortfall()}
	case t.truncated():
		return &Error{Command: verb, Reply: reply, Err: ErrTruncated}
	}
	return nil
}

// shortfall is the error of a download that is short.
func (t *transfer) shortfall() error {
	err := fmt.Errorf("%w: %d bytes came of the %d that the server announced", ErrIncomplete, t.bytes, t.size)
	if t.endsOpenly() {
		err = fmt.Errorf("%w: %w", ErrTruncated, err)
	}
	return err
}

// short tells whether fewer bytes came than the server announced. What it
// announces for a transfer from an offset, or in ASCII, means different things
// on different servers.
func (t *transfer) short() bool {
	cmd := t.exchange.transfer
	return cmd.verb == "RETR" && cmd.offset == 0 && t.client.typ == TypeImage && t.bytes < t.size
}

// breakOff ends the transfer from this side; the outcome is reason.
func (t *transfer) breakOff(reason error) error {
	if t.over {
		return t.err
	}
	if err := t.client.ctl.abort(t.exchange.command, t.cut, t.client.opts.Timeouts.Abort); err != nil && reason != nil {
		reason = fmt.Errorf("%w (and breaking off the transfer failed: %w)", reason, err)
	}
	t.reply = t.exchange.command.final
	return t.end(reason)
}

// cut closes the data connection at once. An upload is reset: after an orderly
// end the server might take half a file for a whole one.
func (t *transfer) cut() {
	if conn, ok := t.raw.(interface{ SetLinger(int) error }); ok && t.exchange.transfer.upload {
		_ = conn.SetLinger(0)
	}
	_ = t.raw.Close()
}

// end records the outcome and gives the client back.
func (t *transfer) end(err error) error {
	t.over = true
	t.detach()
	if err == nil {
		t.learnLenience()
	} else {
		err = t.client.wrap(t.exchange.transfer.op, t.exchange.transfer.path, t.exchange.annotate(err))
	}
	t.err = err
	if err == nil {
		t.progress(true)
	}
	t.client.trace.transfer(TransferEvent{Result: t.result(), Err: err})
	t.release()
	return err
}

// startOver runs the transfer again by the next method where the server said
// 425 or 426 before a byte had moved: it had no data connection after all.
// Where no method is left, it changes the outcome to say so.
func (t *transfer) startOver(outcome *error) bool {
	if t.bytes > 0 || t.exchange.transfer.upload {
		return false
	}
	var err error
	switch {
	case t.reuseRefused(*outcome):
		t.detach()
		err = t.reconnect(*outcome)
	case noDataConnection(*outcome):
		t.detach()
		t.exchange.stepDown(*outcome)
		err = t.connect()
	default:
		return false
	}
	if err != nil {
		*outcome = err
	}
	return err == nil
}

func (t *transfer) result() Result {
	return Result{
		Path:        t.exchange.transfer.path,
		Bytes:       t.bytes,
		Offset:      t.exchange.transfer.offset,
		Duration:    since(t.started),
		Reply:       t.reply,
		Negotiation: &t.exchange.negotiation,
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// copyBuffers are shared by all transfers: 256 KiB each, enough to keep a fast
// network busy with few system calls.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }} //nolint:gochecknoglobals // a pool is only of use when shared

// copyAll copies until EOF and tells which side failed.
func copyAll(dst io.Writer, src io.Reader) (n int64, readErr, writeErr error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		got, err := src.Read(*buf)
		if got > 0 {
			put, werr := dst.Write((*buf)[:got])
			n += int64(put)
			if werr == nil && put < got {
				werr = io.ErrShortWrite
			}
			if werr != nil {
				return n, nil, werr
			}
		}
		if err == io.EOF { // an error that wraps io.EOF is a failure, and no end of file
			return n, nil, nil
		}
		if err != nil {
			return n, err, nil
		}
	}
}
