package doctor

import (
	"fmt"
	"strings"

	"github.com/dualport/ftp"
)

// advise turns what was found into what to do, the most important first.
func (f findings) advise() []Advice {
	all := f.dataTLS()
	switch {
	case len(all) > 0:
	case f.report.Inconclusive():
		all = append(all, f.notExamined()...)
	case f.passive():
		all = append(all, f.passiveWorks())
		if f.wanted == ftp.ModeActive && f.activeBroken() {
			all = append(all, f.forwarding()...)
		}
	case f.pasvSent.ok():
		all = append(all, f.believeServer("Passive mode works only with the address that the server names: believe it."))
	case f.active():
		all = append(all, f.activeWorks())
		all = append(all, f.openPassive()...)
	default:
		all = append(all, f.longer()...)
		all = append(all, f.useFamily()...)
		all = append(all, f.nothingWorks()...)
	}
	all = append(all, f.ofServices()...)
	all = append(all, f.wrongAddress()...)
	all = append(all, f.blindness()...)
	all = append(all, f.deadFamily()...)
	return append(all, f.tlsAdvice()...)
}

// passiveWorks: the defaults get through; all there is to gain is time.
func (f findings) passiveWorks() Advice {
	switch {
	case f.epsv.ok():
		return Advice{Text: "Nothing to change: passive mode works.", Options: "ftp.Options{}"}
	case f.epsv.Outcome == Refused:
		return Advice{
			Text:    "Nothing to change: the server refuses EPSV, and the default goes on with PASV, which works.",
			Options: "ftp.Options{}",
		}
	}
	return Advice{
		Text:    fmt.Sprintf("Passive mode works by PASV. EPSV does not (%s), and trying it first costs every session time.", f.epsv.Outcome),
		Flags:   "--data-command pasv",
		Options: "ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{ftp.PASV}}}",
	}
}

// believeServer is about data connections to another address than the server's.
// EPSV cannot name one.
func (f findings) believeServer(text string) Advice {
	a := Advice{
		Text:    text,
		Flags:   "--passive-address server",
		Options: "ftp.Options{Passive: ftp.Passive{Address: ftp.AddressServer}}",
	}
	if !f.epsv.ok() {
		a.Flags = "--data-command pasv " + a.Flags
		a.Options = "ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{ftp.PASV}, Address: ftp.AddressServer}}"
	}
	return a
}

// nothingWorks says what to ask an administrator for, on either side.
func (f findings) nothingWorks() []Advice {
	all := f.openPassive()
	if len(all) == 0 {
		all = []Advice{{Text: f.passiveFailed()}}
	}
	all[0].Text = "No data connection is possible. " + all[0].Text
	switch {
	case f.port.Outcome == NotApplicable && f.eprt.Outcome == NotApplicable:
		return all
	case f.activeRefused():
		all[0].Text += " The server refuses active mode too, whatever address and port it is told."
		return all
	}
	return append(all, f.forwarding()...)
}

// passiveFailed says what became of EPSV and PASV, none of which works, and what
// to do about it.
func (f findings) passiveFailed() string {
	switch epsv, pasv := f.epsv.Outcome, f.pasvAuto.Outcome; {
	case epsv == Refused && pasv == Refused:
		return "The server refuses passive mode: ask its administrator to enable it and to open a range of passive ports in its firewall."
	case epsv == TimedOut && pasv == TimedOut:
		return "Nothing answers EPSV and PASV: a firewall or NAT on the way which reads FTP may swallow them, or their replies, " +
			"and TLS hides them from it where the server has that; or the server itself keeps silent, which its log can tell its administrator."
	}
	return fmt.Sprintf("Passive mode came to nothing (EPSV: %s; PASV: %s): ask the server's administrator for what its log tells of it.",
		f.epsv.Outcome, f.pasvAuto.Outcome)
}

// useFamily: the other family is better than any work on firewalls.
func (f findings) useFamily() []Advice {
	how := ""
	switch {
	case f.otherFamily.passive():
		how = "passive"
	case f.otherFamily.active():
		how = "active"
	default:
		return nil
	}
	a := Advice{
		Text:    fmt.Sprintf("Over %s no data connection comes about, over %s it does, in %s mode: use that.", f.family, f.otherFamily.family, how),
		Flags:   familyFlag(f.otherFamily.family),
		Options: fmt.Sprintf("ftp.Options{Network: %q}", familyNetwork(f.otherFamily.family)),
	}
	if how == "active" {
		a.Flags += " --mode active"
		a.Options = strings.TrimSuffix(a.Options, "}") + ", Mode: ftp.ModeActive}"
	}
	return []Advice{a}
}

// deadFamily: each new session tries in vain what is not to be reached.
func (f findings) deadFamily() []Advice {
	dead := f.otherFamily
	if dead.session.Outcome != TimedOut || f.family == "" {
		return nil
	}
	return []Advice{{
		Text: fmt.Sprintf("The name of the server has an address of %s at which nothing answers (%s). Clients try it and lose time: "+
			"its administrator should see to it, or take it out of the DNS.", dead.family, dead.session.Dialled),
		Flags:   familyFlag(f.family),
		Options: fmt.Sprintf("ftp.Options{Network: %q}", familyNetwork(f.family)),
	}}
}

func familyFlag(family string) string { return "-" + strings.TrimPrefix(family, "IPv") }

func familyNetwork(family string) string { return "tcp" + strings.TrimPrefix(family, "IPv") }
