package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/dualport/ftp"
)

// TLS is what an examination found out about encryption. Only the port that was
// named is examined: servers that have both kinds have them on two ports.
type TLS struct {
	// Mode is how the session was encrypted: "none", "explicit", "implicit" or
	// "opportunistic".
	Mode string `json:"mode"`
	// Explicit and Implicit tell what came of each kind; Skipped where it was
	// not tried.
	Explicit Outcome `json:"explicit"`
	Implicit Outcome `json:"implicit"`
	// Error tells why TLS did not come about.
	Error string `json:"error,omitempty"`
	// Version and CipherSuite are those of the control connection; where the
	// session was in clear, those of the one with TLS that was examined beside it.
	// They are empty where there was none.
	Version     string `json:"version,omitempty"`
	CipherSuite string `json:"cipher_suite,omitempty"`
	// Cleared tells that the control connection went on in clear after the login
	// (CCC), as the options asked for.
	Cleared bool `json:"cleared,omitempty"`
	// Certificate is what the server showed, also where it was not believed; nil
	// where there was none.
	Certificate *Certificate `json:"certificate,omitempty"`
	// Private and Clear tell whether the server accepts encrypted data
	// connections (PROT P) and such in clear (PROT C). For PROT C only the
	// server's word is asked; nothing is sent in clear.
	Private Outcome `json:"prot_p"`
	Clear   Outcome `json:"prot_c"`
	// SessionReuse tells whether data connections must resume the TLS session of
	// the control connection.
	SessionReuse Reuse `json:"session_reuse"`
	// ReuseNote tells how that was found out, or why not.
	ReuseNote string `json:"session_reuse_note,omitempty"`
}

// Reuse is whether a server demands that data connections resume the TLS session
// of their control connection. In texts it is a word such as "demanded".
type Reuse uint8

// The answers.
const (
	ReuseUnknown Reuse = iota
	ReuseDemanded
	ReuseNotDemanded
)

// String returns "not known", "demanded" or "not demanded".
func (r Reuse) String() string {
	switch r {
	case ReuseUnknown:
		return "not known"
	case ReuseDemanded:
		return "demanded"
	case ReuseNotDemanded:
		return "not demanded"
	}
	return fmt.Sprintf("Reuse(%d)", uint8(r))
}

// MarshalText returns what String returns.
func (r Reuse) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// encrypted tells whether the session's control connection was.
func (t *TLS) encrypted() bool { return t.Mode != ftp.TLSNone.String() && t.Version != "" }

// tlsRelated tells whether err is about encryption or a certificate.
func tlsRelated(err error) bool {
	var timeout *ftp.TimeoutError
	return errors.Is(err, ftp.ErrTLS) || errors.Is(err, ftp.ErrSessionReuse) || isAlert(err) ||
		errors.As(err, &timeout) && timeout.Option == "Timeouts.TLSHandshake"
}

// isAlert tells whether the server ended TLS with an alert.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// outcomeOf is what a login, or an attempt at one, tells of TLS.
func outcomeOf(err error) Outcome {
	var refused *ftp.Error
	switch {
	case err == nil:
		return Works
	case errors.As(err, &refused) && refused.Command == "AUTH" && refused.Reply.Code >= 400:
		return Refused
	case isTimeout(err):
		return TimedOut
	case tlsRelated(err):
		return TLSFailed
	}
	return Failed
}

// serverName is the name that certificates are verified against.
func (e *examination) serverName() string {
	if c := e.opts.TLSConfig; c != nil && c.ServerName != "" {
		return c.ServerName
	}
	host, _ := splitHost(e.address)
	return strings.TrimSuffix(host, ".")
}

// splitHost splits an address that [ftp.Dial] took; port is empty where it names
// none.
func splitHost(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return strings.Trim(address, "[]"), ""
	}
	return host, port
}

// observe makes o note its first handshake, which is that of the control
// connection. crypto/tls calls VerifyConnection after it has believed the
// certificate itself, or was told not to ask.
func (e *examination) observe(o *ftp.Options) {
	config := cloned(o.TLSConfig)
	config.ServerName = e.serverName()
	verify := config.VerifyConnection
	first := true
	config.VerifyConnection = func(s tls.ConnectionState) (err error) {
		if verify != nil {
			err = verify(s)
		}
		if first {
			first = false
			e.noteHandshake(s, config, err)
		}
		return err
	}
	o.TLSConfig = config
}

func (e *examination) noteHandshake(s tls.ConnectionState, config *tls.Config, problem error) {
	t := &e.report.TLS
	t.Version, t.CipherSuite = tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite)
	if problem == nil && config.InsecureSkipVerify {
		_, problem = verifyChain(config, config.ServerName, timeOf(config)(), s.PeerCertificates)
	}
	t.Certificate = newCertificate(s.PeerCertificates, problem)
}

func timeOf(c *tls.Config) func() time.Time {
	if c.Time != nil {
		return c.Time
	}
	return time.Now
}

// noteFailure keeps what a session that did not come about tells of TLS.
func (e *examination) noteFailure(err error) {
	t := &e.report.TLS
	t.Error = tlsCause(err)
	var unbelieved *tls.CertificateVerificationError
	if errors.As(err, &unbelieved) {
		t.Certificate = newCertificate(unbelieved.UnverifiedCertificates, unbelieved.Err)
	}
}

// tlsCause is the text of the innermost error that a person can make sense of:
// the advice is the report's own.
func tlsCause(err error) string {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	var timeout *ftp.TimeoutError
	var refused *ftp.Error
	switch {
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &record):
		return record.Error()
	case errors.As(err, &alert) && isAlert(err):
		return alert.Error()
	case errors.As(err, &timeout):
		return timeout.Error()
	case errors.As(err, &refused) && refused.Reply.Code >= 400:
		return causeText(&ftp.Error{Command: refused.Command, Reply: refused.Reply})
	}
	return causeText(err)
}

// noteSession tells what a login, or the failure of one, shows of TLS.
func (e *examination) noteSession(err error) {
	t := &e.report.TLS
	t.Mode = e.opts.TLS.String()
	level := &t.Private
	if e.opts.DataProtection == ftp.DataClear {
		level = &t.Clear
	}
	outcome := outcomeOf(err)
	switch {
	case e.opts.TLS == ftp.TLSNone:
		return
	case err == nil && t.Version == "": // opportunistic TLS that was refused
		t.Explicit = Refused
		return
	case err == nil:
		*level, t.Cleared = Works, e.opts.ClearControlUnsafe
	case refusedProt(err):
		*level, outcome = Refused, Works
	}
	if e.opts.TLS == ftp.TLSImplicit {
		t.Implicit = outcome
	} else {
		t.Explicit = outcome
	}
	if err != nil {
		e.noteFailure(err)
	}
}

func refusedProt(err error) bool {
	var refused *ftp.Error
	return errors.As(err, &refused) && refused.Command == "PROT" && refused.Reply.Code >= 400
}

// knock starts a session with TLS and goes no further: nobody logs in.
func (e *examination) knock(ctx context.Context, mode ftp.TLSMode) (Outcome, error) {
	o := e.opts
	o.TLS, o.SkipLogin = mode, true
	e.observe(&o)
	c, err := dialPatiently(ctx, e.address, &o)
	if err == nil {
		_ = c.Close() // nothing is under way
	}
	return outcomeOf(err), err
}

// preferImplicit turns to implicit TLS where the port is the one that is meant
// for it and the server speaks it: in clear it would keep silent.
func (e *examination) preferImplicit(ctx context.Context) {
	_, port := splitHost(e.address)
	if port != "990" || e.opts.TLS == ftp.TLSImplicit {
		return
	}
	outcome, err := e.knock(ctx, ftp.TLSImplicit)
	e.report.TLS.Implicit = outcome
	var certificate *tls.CertificateVerificationError
	if outcome == Works || errors.As(err, &certificate) {
		e.opts.TLS, e.turned = ftp.TLSImplicit, true
	}
}

// examineTLS asks what an encrypted session itself has not shown.
func (e *examination) examineTLS(ctx context.Context) {
	t := &e.report.TLS
	if e.main.dialErr != nil || ctx.Err() != nil || !t.encrypted() {
		return
	}
	if t.Clear == Skipped {
		e.probeClear(ctx)
	}
	e.noteReuse(e.main, func() (*ftp.TLSInfo, error) { return e.listWithoutResumption(ctx) })
}

// probeClear asks for PROT C. No data connection follows.
func (e *examination) probeClear(ctx context.Context) {
	o := e.opts
	o.DataProtection, o.RequireSessionReuse = ftp.DataClear, false
	c, err := dialPatiently(ctx, e.address, &o)
	switch {
	case err == nil:
		e.report.TLS.Clear = Works
		_ = c.Close() // nothing is under way
	case refusedProt(err):
		e.report.TLS.Clear = Refused
	}
}
