package ftp

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// TLSMode says whether and when a session is encrypted (RFC 4217).
type TLSMode uint8

const (
	// TLSNone sends everything in clear, the password included.
	TLSNone TLSMode = iota
	// TLSExplicit sends AUTH TLS first of all and nothing before it has
	// succeeded: the usual FTPS, on port 21.
	TLSExplicit
	// TLSImplicit starts with TLS at once; the default port is then 990.
	TLSImplicit
	// TLSOpportunisticUnsafe sends AUTH TLS and goes on in clear where the
	// server refuses it. Whoever sits on the way can make it refuse, and then
	// reads the password: use it only where clear text would do as well.
	TLSOpportunisticUnsafe
)

// String returns "none", "explicit", "implicit" or "opportunistic".
func (m TLSMode) String() string {
	switch m {
	case TLSNone:
		return "none"
	case TLSExplicit:
		return "explicit"
	case TLSImplicit:
		return "implicit"
	case TLSOpportunisticUnsafe:
		return "opportunistic"
	}
	return fmt.Sprintf("TLSMode(%d)", uint8(m))
}

// DataProtection is the argument of PROT (RFC 4217 section 9).
type DataProtection uint8

const (
	// DataPrivate encrypts data connections: PROT P.
	DataPrivate DataProtection = iota
	// DataClear leaves data connections in clear within an encrypted session:
	// PROT C. Files and listings can then be read and changed on the way.
	DataClear
)

var (
	// ErrTLS is matched by what went wrong with encryption or a certificate.
	ErrTLS = errors.New("TLS failed")
	// ErrSessionReuse is matched where the server refused a data connection
	// because its TLS session was not that of the control connection, also
	// after a new login; and where Options.RequireSessionReuse did.
	ErrSessionReuse = errors.New("the data connection did not resume the TLS session of the control connection")
	// ErrTruncated is matched where a data connection ended without TLS's own
	// end mark and nothing else shows that the data is whole.
	ErrTruncated = errors.New("the data connection ended without close_notify: the data may be cut off")
)

// errReuseDemanded is ErrSessionReuse where the server refused.
var errReuseDemanded = fmt.Errorf("%w: %w, as the server demands; try TLSConfig.MaxVersion = tls.VersionTLS12, or relax the server (vsftpd require_ssl_reuse=NO, ProFTPD TLSOptions NoSessionReuseRequired)", ErrTLS, ErrSessionReuse)

// TLSInfo tells how one connection was encrypted.
type TLSInfo struct {
	// Version is the protocol, such as "TLS 1.3".
	Version string `json:"version"`
	// CipherSuite is its standard name.
	CipherSuite string `json:"cipher_suite"`
	// Resumed tells whether it resumed an earlier session.
	Resumed bool `json:"resumed"`
}

func newTLSInfo(s tls.ConnectionState) *TLSInfo {
	return &TLSInfo{tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), s.DidResume}
}

// PinnedTLS returns a configuration that trusts a server by its public key
// alone: for self-signed certificates. Each pin is the SHA-256 of the
// certificate's SubjectPublicKeyInfo in base64, with or without the prefix
// "sha256/" or "sha256//". The server's own certificate must match one of them.
func PinnedTLS(pins ...string) (*tls.Config, error) {
	want := make(map[string]bool)
	for _, pin := range pins {
		prefix, text := "", pin
		if i := len(pin) - pinLength; i > 0 {
			prefix, text = pin[:i], pin[i:]
		}
		if prefix != "" && prefix != "sha256/" && prefix != "sha256//" {
			return nil, fmt.Errorf("%q is no pin; write sha256/ and the base64 of a SHA-256", pin)
		}
		sum, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("%q is no pin; write sha256/ and the base64 of a SHA-256", pin)
		}
		want[string(sum)] = true
	}
	if len(want) == 0 {
		return nil, errors.New("no pins were given")
	}
	return &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection takes its place
		VerifyConnection:   func(s tls.ConnectionState) error { return matchPin(s.PeerCertificates, want) },
	}, nil
}

// pinLength is the length of a SHA-256 in base64. A pin may begin with a slash of
// its own, so that only its length tells it from its prefix.
const pinLength = 44

func matchPin(chain []*x509.Certificate, want map[string]bool) error {
	if len(chain) == 0 {
		return errors.New("the server sent no certificate")
	}
	sum := sha256.Sum256(chain[0].RawSubjectPublicKeyInfo)
	if !want[string(sum[:])] {
		return fmt.Errorf("the server's public key sha256/%s is not among the pinned ones", base64.StdEncoding.EncodeToString(sum[:]))
	}
	return nil
}

// tlsConfig is what both connections of a session use: the caller's settings,
// the name of the server, and the session's own tickets.
func (o *Options) tlsConfig(host string) *tls.Config {
	cfg := new(tls.Config)
	if o.TLSConfig != nil {
		cfg = o.TLSConfig.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = strings.TrimSuffix(host, ".")
	}
	cfg.SessionTicketsDisabled = false
	if cfg.InsecureSkipVerify {
		keepExpired(cfg)
	}
	cfg.DynamicRecordSizingDisabled = true // files want throughput, not a fast first byte
	return cfg
}

// keepExpired lets sessions be resumed although the server's certificate, which
// nobody verifies, has expired: crypto/tls would drop them, and servers that
// demand that data connections resume could not be used. Its clock is set back to
// when the certificate was valid.
func keepExpired(cfg *tls.Config) {
	var behind atomic.Int64
	now, check := cfg.Time, cfg.VerifyConnection
	if now == nil {
		now = time.Now
	}
	cfg.Time = func() time.Time { return now().Add(-time.Duration(behind.Load())) }
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		if check != nil {
			if err := check(s); err != nil {
				return err
			}
		}
		if late := now().Sub(s.PeerCertificates[0].NotAfter); late >= 0 {
			behind.Store(int64(late + time.Hour))
		}
		return nil
	}
}

// tlsError says what to change where a handshake failed.
func tlsError(err error) error {
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	advice := ""
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the server closed the connection during the handshake (%w)", ErrTLS, err)
	case errors.As(err, &record) && looksLikeReply(record.RecordHeader):
		advice = "the server speaks in clear here: use TLSExplicit (ftpes://), or check the port"
	case errors.As(err, &record):
		advice = "the server does not speak TLS here: check the port and the TLS mode"
	case errors.As(err, &unknown):
		advice = "add its CA to TLSConfig.RootCAs, or pin its key with PinnedTLS"
	case errors.As(err, &name):
		advice = "dial the server by a name that its certificate has, or set TLSConfig.ServerName"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		advice = "the server needs a new certificate; check this host's clock too"
	case isAlert(err):
		advice = "the server ended the handshake: check TLSConfig.MinVersion and MaxVersion, and whether the server wants a client certificate (TLSConfig.Certificates)"
	case strings.Contains(err.Error(), "version"): // crypto/tls has no type for it
		advice = "client and server have no version in common: check TLSConfig.MinVersion and MaxVersion"
	}
	if advice == "" {
		return fmt.Errorf("%w: %w", ErrTLS, err)
	}
	return fmt.Errorf("%w: %w; %s", ErrTLS, err, advice)
}

// isAlert tells whether err is an alert that the other side sent. In TLS 1.3 the
// one about a missing client certificate comes after the client's handshake.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// looksLikeReply tells whether the first bytes are those of a greeting.
func looksLikeReply(header [5]byte) bool {
	return header[0] >= '1' && header[0] <= '5' && header[1] >= '0' && header[1] <= '9' && header[2] >= '0' && header[2] <= '9'
}

// transport lets TLS's reader be asked whether the connection ended below it:
// crypto/tls reports the end of TCP at a record boundary as if it were the
// close_notify of an orderly end.
type transport struct {
	net.Conn
	ended bool // a Read has returned io.EOF
}

// SetWriteDeadline does nothing: crypto/tls gives its close_notify five seconds of
// its own, which a slow server can take to make room, and the upload would end
// without it. The transfer sets its deadlines on the connection below.
func (t *transport) SetWriteDeadline(time.Time) error { return nil }

func (t *transport) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if n > 0 {
		return n, nil // an error that came with data comes again without
	}
	t.ended = t.ended || err != nil
	return n, err
}
