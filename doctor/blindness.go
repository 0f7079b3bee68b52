package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dualport/ftp"
)

// clear is the section without TLS; empty where it was not examined.
func (f findings) clear() methods {
	for _, m := range []methods{f.methods, f.otherSecurity} {
		if m.security == ftp.TLSNone.String() {
			return m
		}
	}
	return methods{}
}

// blindness is about NATs and firewalls that read the control connection, to
// rewrite addresses and to open ports, and cannot where it is encrypted.
func (f findings) blindness() []Advice {
	clear, encrypted := f.clear(), f.encrypted()
	inClear := f.security == ftp.TLSNone.String()
	switch {
	case !encrypted.any() || f.report.TLS.Cleared:
		return nil
	case encrypted.passive():
		if inClear && clear.active() && encrypted.activeBroken() {
			return []Advice{f.secured(Advice{
				Text: "In clear, active mode works because something on the way reads the control connection. " +
					"TLS hides it, and active mode comes to nothing; passive mode works: use it, with TLS.",
				Flags:   "--mode passive",
				Options: "ftp.Options{Mode: ftp.ModePassive}",
			})}
		}
		return nil
	case inClear && encrypted.active() && clear.passive():
		return append([]Advice{f.secured(Advice{
			Text:    "Passive mode works in clear only: a firewall on the way reads the control connection to open ports. With TLS use active mode, which works.",
			Flags:   "--mode active",
			Options: "ftp.Options{Mode: ftp.ModeActive}",
		})}, f.openForGood()...)
	case encrypted.active() || !f.blinded(clear, encrypted):
		return nil
	case inClear:
		return f.blindedWithTLS(clear)
	}
	return f.blindedSession(clear)
}

// blinded tells whether TLS makes data connections fail: because they work in
// clear, or, where that was not examined, because they fail in the way in which
// they do then.
func (f findings) blinded(clear, encrypted methods) bool {
	if clear.any() && clear.session.Outcome == 0 {
		return clear.passive() && encrypted.passiveBroken() || clear.active() && encrypted.activeBroken()
	}
	return slices.ContainsFunc(encrypted.rows, func(row Row) bool {
		return row.Outcome == TimedOut || row.Outcome == Failed || row.Outcome == Refused && !row.Method.Passive()
	})
}

// blindedWithTLS is what to do to go over to TLS where data connections come
// about in clear only.
func (f findings) blindedWithTLS(clear methods) []Advice {
	var all []Advice
	if clear.passive() {
		all = append(all, f.openForGood()...)
	}
	for _, a := range f.forwarding() {
		all = append(all, f.secured(a))
	}
	why := "Data connections come about in clear, and not with TLS, which hides the control connection from a NAT or firewall that reads FTP. "
	all[0].Text = why + all[0].Text
	return append(all, f.secured(clearAgain()))
}

// blindedSession adds to the advice of a session with TLS over which nothing
// works, which tells already what to open and to forward.
func (f findings) blindedSession(clear methods) []Advice {
	a := clearAgain()
	why := "If data connections come about without TLS, that is why: "
	if clear.any() {
		why = "Data connections come about without TLS, and this is why: "
	}
	a.Text = why + "the control connection is encrypted, so that a NAT or firewall which reads FTP, to rewrite addresses and to open ports, cannot. " + a.Text
	return []Advice{a}
}

// clearAgain gives the readers on the way back what they read.
func clearAgain() Advice {
	return Advice{
		Text: "Where the server permits it, the control connection can go on in clear after the login; " +
			"names and addresses can then be read and changed on the way.",
		Flags:   "--ccc",
		Options: "ftp.Options{ClearControlUnsafe: true}",
	}
}

// openForGood is what to open where a firewall would have to read which port to
// open.
func (f findings) openForGood() []Advice {
	var all []Advice
	for _, a := range f.opening() {
		all = append(all, f.secured(a))
	}
	return all
}

// secured makes advice about TLS one for a caller whose session was in clear.
func (f findings) secured(a Advice) Advice {
	if f.security != ftp.TLSNone.String() {
		return a
	}
	flags, fields, with := "--tls explicit", "TLS: ftp.TLSExplicit", ""
	if c := f.report.TLS.Certificate; c != nil && !c.Verifies {
		flags += " --pin " + c.KeyPin
		fields += ", TLSConfig: config"
		with = fmt.Sprintf(" with config, err := ftp.PinnedTLS(%q)", c.KeyPin)
	}
	a.Flags = strings.TrimSuffix(flags+" "+a.Flags, " ")
	rest := strings.TrimPrefix(a.Options, "ftp.Options{")
	if !strings.HasPrefix(rest, "}") {
		fields += ", "
	}
	a.Options = "ftp.Options{" + fields + rest + with
	return a
}
