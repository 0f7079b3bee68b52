package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/dualport/ftp"
)

// tlsFailed tells whether it was encryption or a certificate that failed.
func tlsFailed(err error) bool {
	var timeout *ftp.TimeoutError
	return errors.Is(err, ftp.ErrTLS) || errors.Is(err, ftp.ErrSessionReuse) || remoteAlert(err) ||
		errors.As(err, &timeout) && timeout.Option == "Timeouts.TLSHandshake"
}

// remoteAlert tells whether the server ended TLS with an alert. In TLS 1.3 the
// one for a missing client certificate comes after the handshake, in place of
// a reply.
func remoteAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// tlsHint says what to try where encryption failed.
func (f *flags) tlsHint(err error) string {
	var e *ftp.Error
	var record tls.RecordHeaderError
	var timeout *ftp.TimeoutError
	if hint := certificateHint(err); hint != "" {
		return hint
	}
	switch {
	case errors.Is(err, ftp.ErrSessionReuse):
		return "--tls-max 1.2"
	case errors.As(err, &record):
		return "ftpes:// for explicit TLS, or another port; implicit TLS is usually on port 990"
	case errors.As(err, &timeout):
		return "a longer --tls-timeout, or ftpes:// for explicit TLS"
	case errors.As(err, &e) && e.Command == "AUTH":
		return "ftps:// if the server has implicit TLS, usually on port 990"
	case errors.As(err, &e) && e.Command == "PROT" && !strings.EqualFold(f.tls.prot, "C"):
		return "--prot C if files and listings may go in clear"
	case errors.As(err, &e) && e.Command == "PROT":
		return "the same without --prot C"
	case errors.As(err, &e) && e.Command == "CCC":
		return "the same without --ccc"
	case remoteAlert(err) && f.tls.cert == "":
		return "--tls-min 1.0 for an old server, --cert FILE where it wants a client certificate"
	case remoteAlert(err), strings.Contains(err.Error(), "protocol version"):
		return "other values of --tls-min and --tls-max"
	}
	return ""
}

// certificateHint is about a server's certificate that was not believed.
func certificateHint(err error) string {
	var refused *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &name):
		names := namesOf(name.Certificate)
		if len(names) == 0 {
			return ""
		}
		return "a URL with a name that the certificate has: " + strings.Join(names, ", ")
	case errors.As(err, &unknown) && errors.As(err, &refused) && len(refused.UnverifiedCertificates) > 0:
		return "--ca-file FILE with the certificate of its CA; or --pin " + pinOf(refused.UnverifiedCertificates[0]) + " if the server's administrator confirms that key"
	case errors.As(err, &unknown):
		return "--ca-file FILE with the certificate of its CA"
	}
	return ""
}

// maxNames bounds the names of a certificate that a hint repeats.
const maxNames = 5

func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names[:min(len(names), maxNames)]
}

// pinOf is what --pin wants for a certificate's key.
func pinOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return fmt.Sprintf("sha256/%s", base64.StdEncoding.EncodeToString(sum[:]))
}

// clearHint looks for signs that the server wants TLS where there was none.
func (j *job) clearHint(err error) string {
	var e *ftp.Error
	var timeout *ftp.TimeoutError
	switch {
	case !errors.As(err, &e) || j.encryption.session != nil:
		return ""
	case wantsTLS(e.Reply) && j.encryption.mode == ftp.TLSNone && e.Reply.Code >= 400:
		return "ftpes:// or --tls explicit: the server wants TLS"
	case e.Op == "dial" && j.encryption.silent && j.encryption.mode != ftp.TLSImplicit && errors.As(err, &timeout):
		return "a longer --dial-timeout, or ftps:// if the server speaks implicit TLS on this port"
	}
	return ""
}
