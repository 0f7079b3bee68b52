package main

import (
	"crypto/tls"
	"strings"
	"time"

	"github.com/dualport/ftp"
)

// sessionTLS is how a control connection was encrypted.
type sessionTLS struct {
	Mode        string `json:"mode"`
	Version     string `json:"version"`
	CipherSuite string `json:"cipher_suite"`
	// Cleared tells that it goes on in clear after the login (CCC).
	Cleared bool `json:"cleared,omitempty"`
}

// encryption is what a run sees of its TLS handshakes.
type encryption struct {
	mode    ftp.TLSMode
	ccc     bool
	control bool        // the next handshake is that of a control connection
	silent  bool        // a control connection is there, and the server has said nothing yet
	session *sessionTLS // of the last control connection; nil while it is in clear
	show    func(format string, args ...any)
}

// watchTLS has every handshake of the run shown and kept for the result.
// VerifyConnection is called for resumed sessions too, after the certificate
// was accepted.
func (j *job) watchTLS(config *tls.Config) {
	if config == nil {
		return
	}
	verify := config.VerifyConnection
	config.VerifyConnection = func(s tls.ConnectionState) error {
		if verify != nil {
			if err := verify(s); err != nil {
				return err
			}
		}
		j.encryption.handshake(s)
		return nil
	}
}

// dialled notes a connection: the handshake of a control connection is the
// first one after it was made.
func (e *encryption) dialled(d ftp.DialEvent) {
	if d.Purpose == ftp.PurposeControl && d.Err == nil {
		e.control, e.silent, e.session = true, true, nil
	}
}

func (e *encryption) handshake(s tls.ConnectionState) {
	purpose := ftp.PurposeData
	if e.control {
		purpose = ftp.PurposeControl
		e.control = false
		e.session = &sessionTLS{e.mode.String(), tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), e.ccc}
	}
	if e.show == nil {
		return
	}
	kind := "new session"
	if s.DidResume {
		kind = "resumed session"
	}
	e.show("* %s connection encrypted: %s, %s, %s", purpose, tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), kind)
	if purpose == ftp.PurposeControl && len(s.PeerCertificates) > 0 {
		c := s.PeerCertificates[0]
		e.show("* certificate of %s, issued by %s, valid until %s", c.Subject, c.Issuer, c.NotAfter.UTC().Format(time.DateOnly))
	}
}

// warnOfClear tells the person that opportunistic TLS came to nothing.
func (j *job) warnOfClear(t target) {
	if t.tls == ftp.TLSOpportunisticUnsafe && j.encryption.session == nil && !(j.flags.json && j.stdoutTaken) {
		j.say("dualport: warning: the server refused TLS; everything, the password too, goes in clear")
	}
}

// wantsTLS tells whether a server's refusal is about the missing encryption.
func wantsTLS(r ftp.Reply) bool {
	text := strings.ToUpper(r.Text())
	for _, word := range []string{"TLS", "SSL", "ENCRYPT", "CLEARTEXT", "CLEAR TEXT", "AUTH FIRST"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
