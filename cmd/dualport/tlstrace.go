package main

import (
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
	silent  bool        // a control connection is there, and the server has said nothing yet
	session *sessionTLS // of the last control connection; nil while it is in clear
	show    func(format string, args ...any)
}

// dialled notes a control connection, which nobody has encrypted yet.
func (e *encryption) dialled(d ftp.DialEvent) {
	if d.Purpose == ftp.PurposeControl && d.Err == nil {
		e.silent, e.session = true, nil
	}
}

// handshake keeps what a control connection has settled, and shows what any has.
func (e *encryption) handshake(h ftp.TLSEvent) {
	if h.Err != nil {
		return // the error is told by the call that it ended
	}
	if h.Purpose == ftp.PurposeControl {
		e.session = &sessionTLS{e.mode.String(), h.Info.Version, h.Info.CipherSuite, e.ccc}
	}
	if e.show == nil {
		return
	}
	kind := "new session"
	if h.Info.Resumed {
		kind = "resumed session"
	}
	e.show("* %s connection encrypted: %s, %s, %s", h.Purpose, h.Info.Version, h.Info.CipherSuite, kind)
	if h.Purpose == ftp.PurposeControl && len(h.State.PeerCertificates) > 0 {
		c := h.State.PeerCertificates[0]
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
