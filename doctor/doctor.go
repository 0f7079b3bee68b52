// Package doctor finds out which data connections an FTP server and the network
// in between permit.
//
// FTP opens a second connection for every transfer and every listing. Run logs
// in, tries each way of obtaining it with a real listing of the working
// directory, over both families of addresses and with and without TLS, and
// returns a Report: a table of what works, what there is of NATs and of firewalls
// that read FTP on the way, and advice on what to set, or what to ask an
// administrator for, where something does not work. It tells as well how the
// server encrypts: the version of TLS, its certificate, the levels of protection,
// and whether data connections must resume the TLS session.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/dualport/ftp"
)

// Config says how to examine.
type Config struct {
	// Limit bounds the whole examination, with the end of its last session. Zero
	// means 60 s; negative means that only the context bounds it. What there was no
	// time for is reported as skipped; where that is everything, the report is
	// inconclusive.
	Limit time.Duration

	lookup func(ctx context.Context, host string) ([]netip.Addr, error) // nil means the system's
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
// Sessions follow one another; there is never more than one. After that which
// opts ask for, up to two find out what a server with TLS demands of data
// connections. One examines the other kind of security: explicit TLS where opts
// ask for a session in clear, with whatever certificate the server has, because
// the password has passed in clear already, and only after a connection without a
// login has shown that there is TLS; or a session in clear where opts ask for
// explicit TLS and for an anonymous login, which has no secret. One examines the other
// family where the host is a name that has addresses of both. A login that the
// server refuses ends this.
func Run(ctx context.Context, address string, opts *ftp.Options, cfg Config) (*Report, error) {
	limit := cfg.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		limited, cancel = context.WithTimeoutCause(ctx, limit-farewell(limit), errLimit)
	}
	defer cancel()
	start := time.Now()
	e := newExamination(address, opts, cfg, limit-farewell(limit))
	err := e.examine(limited)
	e.report.Duration = time.Since(start).Round(time.Microsecond)
	if err != nil {
		return e.refused(err), err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("examining %s: %w", address, context.Cause(ctx))
	}
	e.finish()
	return &e.report, nil
}

// examination is one run: its sections, and what was learned so far.
type examination struct {
	address string
	opts    ftp.Options // the caller's, with shorter timeouts
	config  Config
	memory  ftp.Memory
	main    *section   // what the options ask for
	beside  []*section // what else was examined
	crowded error      // the server admits no further session
	turned  bool       // to implicit TLS, which the options did not ask for
	report  Report
}

func newExamination(address string, opts *ftp.Options, cfg Config, limit time.Duration) *examination {
	e := &examination{address: address, config: cfg, report: Report{Host: address}}
	if opts != nil {
		e.opts = *opts
	}
	e.report.Proxied = e.opts.DialContext != nil
	e.opts.Timeouts = shorten(e.opts.Timeouts, limit)
	e.opts.Memory = &e.memory
	e.opts.Progress = nil
	e.report.TLS.Explicit, e.report.TLS.Implicit = Skipped, Skipped
	e.report.TLS.Private, e.report.TLS.Clear = Skipped, Skipped
	return e
}

// examine goes from what matters most to what matters least. Its error is that
// of the session which the options ask for.
func (e *examination) examine(ctx context.Context) error {
	e.preferImplicit(ctx)
	if err := e.examineMain(ctx); err != nil {
		return err
	}
	e.examineTLS(ctx)
	e.examineSecurity(ctx)
	e.examineFamily(ctx)
	return nil
}

// examineMain examines what the options ask for.
func (e *examination) examineMain(ctx context.Context) error {
	o := e.opts
	e.observe(&o)
	s := newSection(e.address, o)
	e.main = s
	err := s.dial(ctx)
	e.noteSession(err)
	e.report.Local, e.report.Remote, e.report.Via, e.report.Greeting = s.local, s.remote, s.via, s.greeting()
	if err != nil {
		return err
	}
	defer s.close() // some servers admit one session at a time
	s.stayInFamily()
	e.report.Features = s.client.Features()
	if system, err := s.client.System(ctx); err == nil {
		e.report.System = system
	}
	s.examine(ctx, probes(e.opts.Active))
	e.report.Rows = s.rows
	s.morePorts(ctx)
	e.noteAddress(ctx)
	return nil
}

// full is the reason not to log in any more; nil where there is none.
func (e *examination) full() error {
	if e.main.dialErr != nil && loginRefused(e.main.dialErr) {
		return e.main.dialErr
	}
	return e.crowded
}

func loginRefused(err error) bool {
	return errors.Is(err, ftp.ErrLogin) || errors.Is(err, ftp.ErrTooManyConnections)
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

// completeAdvice makes the options in the advice those of this session, and the
// flags too where nobody gave those of its TLS.
func (e *examination) completeAdvice() {
	for i := range e.report.Advice {
		a := &e.report.Advice[i]
		if e.turned {
			a.Flags, a.Options = withImplicit(a.Flags), cmp.Or(a.Options, "ftp.Options{}")
		}
		a.Options = withTLS(a.Options, &e.opts)
	}
}

// withImplicit adds implicit TLS to flags that say nothing of the kind.
func withImplicit(flags string) string {
	if strings.Contains(flags, "--tls ") {
		return flags
	}
	return strings.TrimSpace("--tls implicit " + flags)
}

func (e *examination) finish() {
	if ports := e.memory.PassivePorts(); ports != (ftp.PortRange{}) {
		e.report.PassivePorts = ports.String()
	}
	for _, r := range e.report.Rows {
		e.report.Works = e.report.Works || r.ok() && r.Security == e.main.security()
	}
	e.noteRewrites()
	f := sortOut(&e.report)
	f.examined, f.turned = e.opts.Active, e.turned
	f.wanted, f.limit = e.opts.Mode, cmp.Or(e.config.Limit, defaultLimit)
	f.pinned = e.opts.TLSConfig != nil && e.opts.TLSConfig.VerifyConnection != nil
	e.report.Advice = f.advise()
	e.completeAdvice()
}
