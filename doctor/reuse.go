package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync/atomic"
	"time"

	"github.com/dualport/ftp"
)

// noteReuse finds out whether the server takes data connections that do not
// resume the TLS session of the control connection. Where the section has not
// shown it, ask lists over such a connection.
func (e *examination) noteReuse(s *section, ask func() (*ftp.TLSInfo, error)) {
	t := &e.report.TLS
	if s.reuseRefused {
		t.SessionReuse, t.ReuseNote = ReuseDemanded, "the server refused a data connection for its TLS session"
		return
	}
	for _, row := range s.rows {
		if row.Outcome == Works && row.TLS != nil && !row.TLS.Resumed {
			t.SessionReuse, t.ReuseNote = ReuseNotDemanded, "a data connection that resumed nothing was accepted"
			return
		}
	}
	if s.working == nil {
		t.ReuseNote = "no data connection came about to find it out with"
		return
	}
	info, err := ask()
	switch {
	case errors.Is(err, ftp.ErrSessionReuse):
		t.SessionReuse, t.ReuseNote = ReuseDemanded, "a data connection that resumed nothing was refused"
	case err != nil:
		t.ReuseNote = "the data connection that should have told failed: " + tlsCause(err)
	case info == nil || info.Resumed:
		t.ReuseNote = "the data connection that should have told was not a new TLS session"
	default:
		t.SessionReuse, t.ReuseNote = ReuseNotDemanded, "a data connection that resumed nothing was accepted"
	}
}

// listAgain lists the working directory once more, by what worked before.
func (s *section) listAgain(ctx context.Context) (*ftp.TLSInfo, error) {
	if err := s.session(ctx); err != nil {
		return nil, err
	}
	s.dialer.current, s.dataTLS = s.working, nil
	err := list(ctx, s.client)
	return s.dataTLS, err
}

// listWithoutResumption lists the working directory on a session of its own,
// over a data connection that offers no TLS session to resume.
func (e *examination) listWithoutResumption(ctx context.Context) (*ftp.TLSInfo, error) {
	o := e.opts
	o.DataProtection, o.RequireSessionReuse = ftp.DataPrivate, false
	forget := e.forgetful(&o)
	s := newSection(e.address, o)
	s.working = e.main.working
	if err := s.dial(ctx); err != nil {
		return nil, err
	}
	defer s.close()
	forget()
	return s.listAgain(ctx)
}

// afterAll is later than any certificate is valid.
func afterAll() time.Time { return time.Date(10000, 1, 2, 0, 0, 0, 0, time.UTC) }

// forgetful makes the session offer nothing to resume from the call of forget
// on: it then tells crypto/tls a time at which every session has expired.
// Certificates are verified as before, by the true time.
func (e *examination) forgetful(o *ftp.Options) (forget func()) {
	config := cloned(o.TLSConfig)
	config.ServerName = e.serverName()
	now := timeOf(config)
	late := new(atomic.Bool)
	config.Time = func() time.Time {
		if late.Load() {
			return afterAll()
		}
		return now()
	}
	believe := !config.InsecureSkipVerify
	verifyPeer, verify := config.VerifyPeerCertificate, config.VerifyConnection
	config.InsecureSkipVerify, config.VerifyPeerCertificate = true, nil //nolint:gosec // VerifyConnection does it
	config.VerifyConnection = func(s tls.ConnectionState) (err error) {
		var chains [][]*x509.Certificate
		if believe {
			chains, err = verifyChain(config, config.ServerName, now(), s.PeerCertificates)
		}
		if err == nil && verifyPeer != nil && !s.DidResume {
			err = verifyPeer(rawCertificates(s), chains)
		}
		if err == nil && verify != nil {
			err = verify(s)
		}
		return err
	}
	o.TLSConfig = config
	return func() { late.Store(true) }
}

func rawCertificates(s tls.ConnectionState) [][]byte {
	raw := make([][]byte, len(s.PeerCertificates))
	for i, c := range s.PeerCertificates {
		raw[i] = c.Raw
	}
	return raw
}
