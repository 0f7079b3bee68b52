// Package doctor finds out which data connections an FTP server and the network
// in between permit.
//
// FTP opens a second connection for every transfer and every listing. Run logs
// in, tries each way of obtaining it with a real listing of the working
// directory, and returns a Report: a table of what works, and advice on what to
// set, or what to ask an administrator for, where something does not. It tells as
// well how the server encrypts: the version of TLS, its certificate, the levels of
// protection, and whether data connections must resume the TLS session.
package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/dualport/ftp"
)

// Config says how to examine.
type Config struct {
	// Limit bounds the whole examination. Zero means 60 s; negative means that
	// only the context bounds it. What there was no time for is reported as
	// skipped.
	Limit time.Duration
}

const defaultLimit = 60 * time.Second

// errLimit is the cause of a context that ended with Config.Limit.
var errLimit = errors.New("the time for the examination was over")

// Run logs in to address, as [ftp.Dial] does, and examines every way to a data
// connection. opts may be nil; what it says of the mode, of the methods and of
// the passive address is not used, because that is what is examined, and its
// timeouts are shortened so that every method gets its turn within the limit.
//
// The error tells that no session came about, or that ctx ended; a server that
// permits no data connection at all is a finding, and no error. Where TLS kept
// the session from coming about, the Report is there too, and holds what was
// learned of the server's TLS and of its certificate.
//
// Where the session is encrypted, up to three more logins find out what the
// server demands of data connections; where it is in clear, one more connection without
// a login finds out whether the server has explicit TLS.
func Run(ctx context.Context, address string, opts *ftp.Options, cfg Config) (*Report, error) {
	limit := cfg.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		limited, cancel = context.WithTimeoutCause(ctx, limit, errLimit)
	}
	defer cancel()
	start := time.Now()
	e := newExamination(address, opts, limit)
	e.preferImplicit(limited)
	if err := e.dial(limited); err != nil {
		e.noteSession(err)
		e.report.Duration = time.Since(start).Round(time.Microsecond)
		return e.refused(err), err
	}
	defer e.close()
	e.noteSession(nil)
	e.askSystem(limited)
	for _, p := range probes(opts) {
		e.report.Rows = append(e.report.Rows, e.run(limited, p))
	}
	e.examineTLS(limited)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("examining %s: %w", address, context.Cause(ctx))
	}
	e.finish()
	e.report.Duration = time.Since(start).Round(time.Microsecond)
	return &e.report, nil
}

// examination is one run: a session that is made anew where a method broke it,
// and what was learned so far.
type examination struct {
	address string
	opts    ftp.Options
	memory  ftp.Memory
	dialer  switchDialer
	client  *ftp.Client
	dialErr error // why there is no session any more
	rungs   []ftp.Rung
	dataTLS *ftp.TLSInfo   // of the last data connection
	working ftp.DataDialer // the first one that led to a data connection
	turned  bool           // to implicit TLS, which the options did not ask for
	report  Report

	outerTrace *ftp.Trace  // the caller's
	outerTLS   *tls.Config // the caller's
}

func newExamination(address string, opts *ftp.Options, limit time.Duration) *examination {
	e := &examination{address: address, report: Report{Host: address}}
	if opts != nil {
		e.opts = *opts
	}
	e.opts.Timeouts = shorten(e.opts.Timeouts, limit)
	e.opts.Memory = &e.memory
	e.opts.DataDialer = &e.dialer
	e.outerTrace, e.outerTLS = e.opts.Trace, e.opts.TLSConfig
	e.report.TLS.Explicit, e.report.TLS.Implicit = Skipped, Skipped
	e.report.TLS.Private, e.report.TLS.Clear = Skipped, Skipped
	e.observe(&e.opts)
	e.opts.Trace = e.listenIn(e.opts.Trace)
	e.opts.Progress = nil
	return e
}

// shorten bounds the waits so that the six probes fit into the limit even where
// each of them times out.
func shorten(t ftp.Timeouts, limit time.Duration) ftp.Timeouts {
	if limit <= 0 {
		return t
	}
	atMost := func(d *time.Duration, most time.Duration) {
		if *d <= 0 || *d > most {
			*d = most
		}
	}
	atMost(&t.Dial, min(limit/3, 30*time.Second))
	atMost(&t.TLSHandshake, min(limit/6, 15*time.Second))
	atMost(&t.Reply, min(limit/6, 30*time.Second))
	atMost(&t.DataConnect, min(limit/12, 10*time.Second))
	atMost(&t.Accept, min(limit/8, 20*time.Second))
	atMost(&t.Stall, min(limit/6, 60*time.Second))
	atMost(&t.FinalReply, min(limit/6, 60*time.Second))
	atMost(&t.Abort, min(limit/12, 5*time.Second))
	return t
}

func (e *examination) dial(ctx context.Context) error {
	client, err := ftp.Dial(ctx, e.address, &e.opts)
	if err != nil {
		return err
	}
	e.client = client
	e.report.Features = client.Features()
	return nil
}

func (e *examination) close() {
	if e.client != nil {
		_ = e.client.Close() // nothing is under way
	}
}

// session returns a session that is in step, dialling again where the last
// method broke it. A refused login is not tried a second time.
func (e *examination) session(ctx context.Context) error {
	if e.dialErr != nil {
		return e.dialErr
	}
	if err := e.client.NoOp(ctx); err == nil || !errors.Is(err, ftp.ErrBroken) && !errors.Is(err, ftp.ErrTooManyConnections) {
		return nil // a server without NOOP has answered too
	}
	e.close()
	e.dialErr = e.dial(ctx)
	return e.dialErr
}

func (e *examination) askSystem(ctx context.Context) {
	system, err := e.client.System(ctx)
	if err == nil {
		e.report.System = system
	}
}

// refused is the report of a server with which no session came about; nil where
// that has nothing to do with TLS.
func (e *examination) refused(err error) *Report {
	if !tlsRelated(err) {
		return nil
	}
	e.report.Advice = adviseDial(&e.report, err)
	e.completeAdvice()
	return &e.report
}

// completeAdvice makes the options in the advice those of this session.
func (e *examination) completeAdvice() {
	for i := range e.report.Advice {
		e.report.Advice[i].Options = withTLS(e.report.Advice[i].Options, &e.opts)
	}
}

func (e *examination) finish() {
	if ports := e.memory.PassivePorts(); ports != (ftp.PortRange{}) {
		e.report.PassivePorts = ports.String()
	}
	for _, r := range e.report.Rows {
		e.report.Works = e.report.Works || r.Outcome == Works
	}
	f := sortOut(&e.report)
	f.active, f.turned = e.opts.Active, e.turned
	f.pinned = e.outerTLS != nil && e.outerTLS.VerifyConnection != nil
	e.report.Advice = f.advise()
	e.completeAdvice()
}

// listenIn returns a trace that notes what the report tells, and passes
// everything on to the caller's.
func (e *examination) listenIn(outer *ftp.Trace) *ftp.Trace {
	var t ftp.Trace
	if outer != nil {
		t = *outer
	}
	t.Dial = both(t.Dial, func(d ftp.DialEvent) {
		if d.Purpose == ftp.PurposeControl && d.Err == nil {
			e.report.Local, e.report.Remote = addrText(d.Local), addrText(d.Remote)
		}
	})
	t.Reply = both(t.Reply, func(r ftp.ReplyEvent) {
		if r.Command == "" && r.Reply.Code >= 200 { // a 120 only announces it
			e.report.Greeting = r.Reply.Text()
		}
	})
	t.Transfer = both(t.Transfer, func(t ftp.TransferEvent) { e.dataTLS = t.Result.Negotiation.TLS })
	t.Rung = both(t.Rung, func(r ftp.Rung) { e.rungs = append(e.rungs, r) })
	return &t
}

// addrText: a connection that Options.DialContext made may have no addresses.
func addrText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

func both[E any](first, second func(E)) func(E) {
	if first == nil {
		return second
	}
	return func(event E) {
		first(event)
		second(event)
	}
}
