package doctor

import (
	"context"
	"strings"

	"github.com/dualport/ftp"
)

// examineSecurity examines the kind of security that the options do not ask for:
// where the two differ, something on the way reads the control connection.
func (e *examination) examineSecurity(ctx context.Context) {
	if e.eitherFamily() {
		var cancel context.CancelFunc
		ctx, _, cancel = part(ctx, 2) // the other half is for the other family
		defer cancel()
	}
	switch e.main.security() {
	case ftp.TLSNone.String():
		if e.opts.TLS == ftp.TLSNone && e.full() == nil && ctx.Err() == nil {
			e.examineExplicit(ctx)
		}
	case ftp.TLSExplicit.String():
		if e.nothingSecret() {
			e.examineClear(ctx)
		}
	}
}

// examineExplicit examines explicit TLS after a session in clear. The password
// has passed in clear, so that a certificate which does not verify, and is
// reported, puts nothing at risk.
func (e *examination) examineExplicit(ctx context.Context) {
	t := &e.report.TLS
	outcome, err := e.knock(ctx, ftp.TLSExplicit)
	if t.Explicit = outcome; err != nil && outcome != Refused {
		e.noteFailure(err)
	}
	if outcome == Refused || outcome != Works && t.Certificate == nil {
		return
	}
	o := e.opts
	o.TLS, o.Network = ftp.TLSExplicit, e.main.opts.Network
	o.TLSConfig = cloned(o.TLSConfig)
	o.TLSConfig.InsecureSkipVerify = true
	o.TLSConfig.VerifyConnection, o.TLSConfig.VerifyPeerCertificate = nil, nil
	forget := e.forgetful(&o)
	e.observe(&o)
	s := e.examineBeside(ctx, e.address, o)
	if s == nil {
		return
	}
	defer s.close()
	if c := t.Certificate; c != nil && !c.Verifies {
		e.doubtRows(s)
	}
	e.noteReuse(s, func() (*ftp.TLSInfo, error) {
		forget()
		return s.listAgain(ctx)
	})
}

// doubtRows says in the section's rows that nobody verified the certificate.
func (e *examination) doubtRows(s *section) {
	for i := range e.report.Rows {
		if row := &e.report.Rows[i]; row.Family == s.family() && row.Security == s.security() && row.Outcome == Works {
			row.Reason = strings.TrimPrefix(row.Reason+"; the certificate, which does not verify, was believed for this examination", "; ")
		}
	}
}

// nothingSecret tells whether a login in clear would give nothing away.
func (e *examination) nothingSecret() bool {
	user := e.opts.User
	anonymous := user == "" || strings.EqualFold(user, "anonymous") || strings.EqualFold(user, "ftp")
	return anonymous && e.opts.Account == ""
}

// examineClear examines a session in clear after one with TLS. What the caller
// gave as a password stays unsaid.
func (e *examination) examineClear(ctx context.Context) {
	o := e.opts
	o.TLS, o.TLSConfig, o.Network = ftp.TLSNone, nil, e.main.opts.Network
	o.Password = ""
	o.DataProtection, o.RequireSessionReuse, o.ClearControlUnsafe = ftp.DataPrivate, false, false
	if s := e.examineBeside(ctx, e.address, o); s != nil {
		s.close()
	}
}
