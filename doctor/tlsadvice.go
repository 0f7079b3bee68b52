package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dualport/ftp"
)

// adviseDial says what to do where TLS kept the session from coming about.
func adviseDial(r *Report, err error) []Advice {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch c := r.TLS.Certificate; {
	case errors.As(err, &unknown) && c != nil:
		return []Advice{unknownAuthority(c)}
	case errors.As(err, &name) && c != nil:
		return []Advice{{Text: "The certificate is not for the name that was dialled. Use one that it has: " + strings.Join(c.Names, ", ") + "."}}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return []Advice{{Text: "The certificate is not valid today. The server needs a new one; check this host's clock too."}}
	case r.TLS.Explicit == Refused:
		return []Advice{{
			Text:    "The server has no explicit TLS on this port. Ask whether it has implicit TLS on port 990; nothing was sent in clear.",
			Flags:   "--tls implicit",
			Options: "ftp.Options{TLS: ftp.TLSImplicit}",
		}}
	case errors.As(err, &record):
		return []Advice{{
			Text:    "The server does not begin with TLS on this port. Explicit TLS, which begins in clear, is the usual kind on port 21.",
			Flags:   "--tls explicit",
			Options: "ftp.Options{TLS: ftp.TLSExplicit}",
		}}
	case r.TLS.Private == Refused:
		return []Advice{{
			Text:    "The server refuses to encrypt data connections (PROT P). Its administrator should permit it; in clear, files can be read and changed on the way.",
			Flags:   "--prot C",
			Options: "ftp.Options{DataProtection: ftp.DataClear}",
		}}
	case isAlert(err):
		return []Advice{{
			Text:    "The server ended the handshake. It may know only older versions of TLS, or want a client certificate.",
			Flags:   "--tls-min 1.0, or --cert FILE --key FILE",
			Options: "ftp.Options{TLSConfig: &tls.Config{MinVersion: tls.VersionTLS10}}",
		}}
	}
	return nil
}

func unknownAuthority(c *Certificate) Advice {
	text := fmt.Sprintf("The certificate was issued by an authority that is not trusted here (%s). Get its certificate from the server's administrator (--ca-file FILE); "+
		"or ask whether the server's public key is the one named below, and trust that alone.", c.Issuer)
	if c.SelfSigned {
		text = "The certificate is self-signed: no authority answers for it, and anybody on the way could have made one like it. " +
			"Ask the server's administrator whether its public key is the one named below, and trust that alone; or get the certificate itself (--ca-file FILE)."
	}
	return Advice{
		Text:    text,
		Flags:   "--pin " + c.KeyPin,
		Options: fmt.Sprintf("ftp.Options{TLSConfig: config} with config, err := ftp.PinnedTLS(%q)", c.KeyPin),
	}
}

// dataTLS is about data connections that come about, but on which TLS fails.
func (f findings) dataTLS() []Advice {
	for _, row := range f.rows {
		if row.Outcome != TLSFailed {
			continue
		}
		if f.report.TLS.SessionReuse == ReuseDemanded {
			return []Advice{{
				Text: "The server demands that data connections resume the TLS session of the control connection, and does not accept that they do. " +
					"Try TLS 1.2; or its administrator can relax the rule (vsftpd: require_ssl_reuse=NO, ProFTPD: TLSOptions NoSessionReuseRequired).",
				Flags:   "--tls-max 1.2",
				Options: "ftp.Options{TLSConfig: &tls.Config{MaxVersion: tls.VersionTLS12}}",
			}}
		}
		if code := row.replyCode; code == 521 || code == 522 {
			return []Advice{f.protection()}
		}
		return []Advice{{Text: "Data connections come about, but TLS on them fails: " + row.Error + "."}}
	}
	return nil
}

// protection is about a server that wants data connections otherwise than they
// were.
func (f findings) protection() Advice {
	if f.report.TLS.Mode == ftp.TLSNone.String() {
		return Advice{Text: "The server wants data connections encrypted.", Flags: "--tls explicit", Options: "ftp.Options{TLS: ftp.TLSExplicit}"}
	}
	if f.report.TLS.Clear == Works {
		return Advice{Text: "The server wants data connections encrypted: leave them so.", Flags: "--prot P", Options: "ftp.Options{DataProtection: ftp.DataPrivate}"}
	}
	return Advice{Text: "The server wants data connections in clear, in which files can be read and changed on the way.", Flags: "--prot C", Options: "ftp.Options{DataProtection: ftp.DataClear}"}
}

// tlsAdvice is what encryption adds to the advice.
func (f findings) tlsAdvice() []Advice {
	t := &f.report.TLS
	var all []Advice
	if f.turned {
		all = append(all, Advice{
			Text:    "The server speaks implicit TLS on this port, and was examined over it.",
			Flags:   "--tls implicit",
			Options: "ftp.Options{}",
		})
	}
	switch c := t.Certificate; {
	case t.Mode == ftp.TLSNone.String():
		all = append(all, f.offeredTLS()...)
	case c != nil && !c.Verifies && !f.pinned:
		all = append(all, Advice{
			Text: "The certificate was believed although it does not verify: " + c.Problem + ". Anybody on the way could have shown it. " +
				"Trust its authority (--ca-file FILE), or its key, in place of everything.",
			Flags:   "--pin " + c.KeyPin,
			Options: fmt.Sprintf("ftp.Options{TLSConfig: config} with config, err := ftp.PinnedTLS(%q)", c.KeyPin),
		})
	}
	return all
}

// offeredTLS is for a session in clear with a server that has TLS.
func (f findings) offeredTLS() []Advice {
	t := &f.report.TLS
	failed := slices.IndexFunc(f.otherSecurity.rows, func(r Row) bool { return r.Outcome == TLSFailed && r.Method != "" })
	switch c := t.Certificate; {
	case t.Explicit != Works && (t.Explicit != TLSFailed || c == nil) || len(f.blindness()) > 0:
		return nil
	case failed >= 0:
		return []Advice{{Text: "The server offers TLS, but TLS on data connections fails: " + f.otherSecurity.rows[failed].Error + "."}}
	case t.Explicit == Works:
		return []Advice{f.secured(Advice{
			Text:    "The server offers TLS, and this session told it the password in clear: encrypt.",
			Options: "ftp.Options{}",
		})}
	}
	return []Advice{f.secured(Advice{
		Text: "The server offers TLS, but its certificate does not verify: " + t.Certificate.Problem + ". Encrypt: with the certificate of its authority (--ca-file FILE), " +
			"or with the server's public key, if its administrator says that it is the one named below.",
		Options: "ftp.Options{}",
	})}
}

// withTLS adds the session's encryption to the Go text of options, so that what
// the advice says works as it was found to.
func withTLS(literal string, o *ftp.Options) string {
	var fields []string
	add := func(name, field string) {
		if !strings.Contains(literal, name+": ") {
			fields = append(fields, field)
		}
	}
	switch o.TLS {
	case ftp.TLSExplicit:
		add("TLS", "TLS: ftp.TLSExplicit")
	case ftp.TLSImplicit:
		add("TLS", "TLS: ftp.TLSImplicit")
	case ftp.TLSOpportunisticUnsafe:
		add("TLS", "TLS: ftp.TLSOpportunisticUnsafe")
	case ftp.TLSNone:
		return literal
	}
	if o.DataProtection == ftp.DataClear {
		add("DataProtection", "DataProtection: ftp.DataClear")
	}
	if o.ClearControlUnsafe {
		add("ClearControlUnsafe", "ClearControlUnsafe: true")
	}
	rest, found := strings.CutPrefix(literal, "ftp.Options{")
	if !found || len(fields) == 0 {
		return literal
	}
	text := "ftp.Options{" + strings.Join(fields, ", ")
	if !strings.HasPrefix(rest, "}") {
		text += ", "
	}
	return text + rest
}
