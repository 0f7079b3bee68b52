package ftp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dualport/ftp/internal/wire"
)

// Trace is a set of hooks that are told of every step of a session; a nil hook
// is not called. Hooks are called one at a time, while the session waits, and must
// not call the client. What they are given holds no secret: the arguments of PASS
// and ACCT, and passwords that a server repeats, are replaced.
type Trace struct {
	// Dial is called after each TCP connection was made, accepted or failed.
	Dial func(DialEvent)
	// TLS is called after each TLS handshake, also one that failed.
	TLS func(TLSEvent)
	// Command is called before a command line is sent.
	Command func(CommandEvent)
	// Reply is called after a reply was read.
	Reply func(ReplyEvent)
	// Rung is called after each attempt at a data connection.
	Rung func(Rung)
	// Notice is called for each decision a person may want to know of.
	Notice func(Notice)
	// Transfer is called at the end of each transfer and listing.
	Transfer func(TransferEvent)
}

// DialEvent is a TCP connection that was made, accepted or failed.
type DialEvent struct {
	Purpose  Purpose
	Network  string
	Address  string // what was dialled, or listened on
	Local    net.Addr
	Remote   net.Addr
	Duration time.Duration
	Err      error
}

// TLSEvent is a TLS handshake. Where Err is not nil, Info and State hold what had
// been settled until then.
type TLSEvent struct {
	Purpose  Purpose
	Info     TLSInfo
	State    tls.ConnectionState
	Duration time.Duration
	Err      error
}

// CommandEvent is a command line, without its line ending.
type CommandEvent struct {
	Line string
}

// ReplyEvent is a reply, and how long after the command it came.
type ReplyEvent struct {
	Command  string // the verb; empty for the greeting
	Reply    Reply
	Duration time.Duration
}

// Notice is one decision, in a sentence.
type Notice struct {
	Method Method // of the data connection it is about; empty for others
	Text   string
}

// TransferEvent is a transfer or listing that ended.
type TransferEvent struct {
	Result Result
	Err    error
}

// SlogTrace returns a Trace that writes to l: commands, replies and
// connections at debug level, notices at info, failed attempts at a data
// connection at warn.
func SlogTrace(l *slog.Logger) *Trace {
	log := func(level slog.Level, msg string, args ...any) {
		l.Log(context.Background(), level, msg, args...)
	}
	return &Trace{
		Dial: func(e DialEvent) {
			log(slog.LevelDebug, "ftp connection", "purpose", e.Purpose, "address", e.Address, "duration", e.Duration, "err", e.Err)
		},
		TLS: func(e TLSEvent) {
			log(slog.LevelDebug, "ftp tls", "purpose", e.Purpose, "version", e.Info.Version, "cipher", e.Info.CipherSuite, "resumed", e.Info.Resumed, "duration", e.Duration, "err", e.Err)
		},
		Command: func(e CommandEvent) { log(slog.LevelDebug, "ftp command", "line", e.Line) },
		Reply: func(e ReplyEvent) {
			log(slog.LevelDebug, "ftp reply", "code", e.Reply.Code, "text", e.Reply.Text(), "duration", e.Duration)
		},
		Rung: func(r Rung) {
			level := slog.LevelDebug
			if r.Err != nil {
				level = slog.LevelWarn
			}
			log(level, "ftp data connection", "method", r.Method, "advertised", r.Advertised, "dialled", r.Dialled, "listened", r.Listened, "duration", r.Duration, "err", r.Err)
		},
		Notice: func(n Notice) { log(slog.LevelInfo, "ftp: "+n.Text, "method", n.Method) },
		Transfer: func(e TransferEvent) {
			log(slog.LevelDebug, "ftp transfer", "path", e.Result.Path, "bytes", e.Result.Bytes, "duration", e.Result.Duration, "err", e.Err)
		},
	}
}

// tracer calls the hooks of a Trace, one at a time: a data connection may be
// dialled while the control connection is read. Its zero value calls none.
type tracer struct {
	mu    sync.Mutex
	hooks Trace
}

func newTracer(t *Trace) *tracer {
	if t == nil {
		return new(tracer)
	}
	return &tracer{hooks: *t}
}

func call[E any](t *tracer, hook func(E), event E) {
	if hook == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	hook(event)
}

func (t *tracer) dial(e DialEvent)          { call(t, t.hooks.Dial, e) }
func (t *tracer) tls(e TLSEvent)            { call(t, t.hooks.TLS, e) }
func (t *tracer) command(line string)       { call(t, t.hooks.Command, CommandEvent{line}) }
func (t *tracer) reply(e ReplyEvent)        { call(t, t.hooks.Reply, e) }
func (t *tracer) rung(r Rung)               { call(t, t.hooks.Rung, r) }
func (t *tracer) notice(m Method, s string) { call(t, t.hooks.Notice, Notice{m, s}) }
func (t *tracer) transfer(e TransferEvent)  { call(t, t.hooks.Transfer, e) }

// redacted stands where a secret stood.
const redacted = "****"

// redactCommand returns the command line as a person may see it.
func redactCommand(verb string, args []string) string {
	upper := strings.ToUpper(verb)
	switch {
	case len(args) == 0:
		return verb
	case upper == "PASS" || upper == "ACCT":
		return verb + " " + redacted
	case upper == "SITE" && changesPassword(args[0]):
		return verb + " " + strings.Fields(args[0])[0] + " " + redacted
	}
	return verb + " " + strings.Join(args, " ")
}

// changesPassword tells whether a SITE command sets a password: such commands
// are not standardised, but their names all say so.
func changesPassword(arg string) bool {
	fields := strings.Fields(arg)
	if len(fields) == 0 {
		return false
	}
	name := strings.ToUpper(fields[0])
	return strings.Contains(name, "PSWD") || strings.Contains(name, "PASS") || strings.Contains(name, "PWD")
}

// secrets are strings that must not be shown even where a server repeats them.
type secrets []string

// minSecret is the length below which a password is not looked for in what a
// server says: replacing each "a" would tell more than it hides.
const minSecret = 3

// hide returns the reply with every secret in it replaced.
func (s secrets) hide(r Reply) Reply {
	for _, secret := range s {
		if len(secret) < minSecret || !strings.Contains(r.Text(), secret) {
			continue
		}
		lines := make([]string, len(r.Lines))
		for i, line := range r.Lines {
			lines[i] = strings.ReplaceAll(line, secret, redacted)
		}
		r.Lines = lines
	}
	return r
}

// hideQuote returns err, of which the bytes that a malformed reply is quoted by
// hold no secret.
func (s secrets) hideQuote(err error) error {
	var malformed *wire.ProtocolError
	if !errors.As(err, &malformed) {
		return err
	}
	hidden := *malformed
	for _, secret := range s {
		if quoted := strings.Trim(strconv.QuoteToASCII(secret), `"`); len(secret) >= minSecret {
			hidden.Quote = strings.ReplaceAll(hidden.Quote, quoted, redacted)
		}
	}
	return &hidden
}
