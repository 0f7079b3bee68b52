package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
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
	return Advice{
		Text: fmt.Sprintf("The certificate was issued by an authority that is not trusted here (%s). Get its certificate from the server's administrator; "+
			"or ask whether the server's public key is the one named below, and trust that alone.", c.Issuer),
		Flags:   "--ca-file FILE, or --pin " + c.KeyPin,
		Options: fmt.Sprintf("ftp.Options{TLSConfig: config} with config, err := ftp.PinnedTLS(%q)", c.KeyPin),
	}
}

// dataTLS is about data connections that come about, but on which TLS fails.
func (f findings) dataTLS() []Advice {
	for _, row := range f.report.Rows {
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
	if f.blind() {
		all = append(all, blindNAT())
	}
	switch c := t.Certificate; {
	case t.Mode == ftp.TLSNone.String() && t.Explicit == Works:
		all = append(all, Advice{
			Text:    "The server offers TLS, and this session told it the password in clear: encrypt.",
			Flags:   "--tls explicit",
			Options: "ftp.Options{TLS: ftp.TLSExplicit}",
		})
	case t.Mode == ftp.TLSNone.String() && t.Explicit == TLSFailed && c != nil:
		all = append(all, Advice{
			Text:    "The server offers TLS, but its certificate does not verify: " + c.Problem + ". Get the certificate of its authority, and encrypt.",
			Flags:   "--tls explicit --ca-file FILE",
			Options: "ftp.Options{TLS: ftp.TLSExplicit, TLSConfig: &tls.Config{RootCAs: pool}}",
		})
	case c != nil && !c.Verifies && !f.pinned:
		all = append(all, Advice{
			Text: "The certificate was believed although it does not verify: " + c.Problem + ". Anybody on the way could have shown it. " +
				"Trust its authority, or its key, in place of everything.",
			Flags:   "--ca-file FILE, or --pin " + c.KeyPin,
			Options: fmt.Sprintf("ftp.Options{TLSConfig: config} with config, err := ftp.PinnedTLS(%q)", c.KeyPin),
		})
	}
	return all
}

// blind tells whether a method failed in the way in which it does when a NAT or a
// firewall would have to read the control connection and cannot.
func (f findings) blind() bool {
	if !f.report.TLS.encrypted() || f.report.TLS.Cleared || f.epsv.ok() || f.pasvAuto.ok() {
		return false
	}
	for _, row := range f.report.Rows {
		if row.Outcome == TimedOut || row.Outcome == Failed || row.Outcome == Refused && !row.Method.Passive() {
			return true
		}
	}
	return false
}

func blindNAT() Advice {
	return Advice{
		Text: "The control connection is encrypted, so that a NAT or firewall which reads FTP, to rewrite addresses and to open ports, cannot. " +
			"If these methods work without TLS, that is why. Best is a fixed range of passive ports that the server's firewall lets in; " +
			"in active mode, a forwarded range of ports here and the external address; and where the server permits it, " +
			"a control connection that goes on in clear after the login (names and addresses can then be read and changed on the way).",
		Flags:   "--ccc, or --mode active --port-range LO-HI --external-ip ADDRESS",
		Options: "ftp.Options{ClearControlUnsafe: true}",
	}
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
