package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/dualport/ftp"
)

// findings are the rows by what they are about.
type findings struct {
	report                       *Report
	epsv                         Row
	pasvAuto, pasvPeer, pasvSent Row
	port, eprt                   Row

	active ftp.Active // as it was examined, but for its methods
	turned bool       // to implicit TLS, which was not asked for
	pinned bool       // the caller has a way of its own to believe a certificate
}

func sortOut(r *Report) findings {
	f := findings{report: r}
	for _, row := range r.Rows {
		switch {
		case row.Method == ftp.EPSV:
			f.epsv = row
		case row.Method == ftp.PORT:
			f.port = row
		case row.Method == ftp.EPRT:
			f.eprt = row
		case row.Policy == ftp.AddressAuto.String():
			f.pasvAuto = row
		case row.Policy == ftp.AddressControl.String():
			f.pasvPeer = row
		case row.Policy == ftp.AddressServer.String():
			f.pasvSent = row
		}
	}
	return f
}

// advise turns what was found into what to do, the most important first.
func (f findings) advise() []Advice {
	all := f.dataTLS()
	switch {
	case len(all) > 0:
	case f.epsv.ok() || f.pasvAuto.ok():
		all = append(all, f.passiveWorks())
	case f.pasvSent.ok():
		all = append(all, Advice{
			Text:    "Passive mode works only with the address that the server names: believe it.",
			Flags:   "--passive-address server",
			Options: "ftp.Options{Passive: ftp.Passive{Address: ftp.AddressServer}}",
		})
	case f.port.ok() || f.eprt.ok():
		all = append(all, f.activeWorks())
	default:
		all = append(all, f.nothingWorks()...)
	}
	all = append(all, f.wrongAddress()...)
	return append(all, f.tlsAdvice()...)
}

func (r Row) ok() bool { return r.Outcome == Works }

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

func (f findings) activeWorks() Advice {
	flags, fields := activeSettings(f.active)
	mode := "--mode active"
	if !f.port.ok() && f.port.Outcome != NotApplicable {
		mode = "--data-command eprt"
		fields = append([]string{"Methods: []ftp.Method{ftp.EPRT}"}, fields...)
	}
	return Advice{
		Text:    "Passive mode does not work here, active mode does.",
		Flags:   strings.Join(append([]string{mode}, flags...), " "),
		Options: activeOptions(fields),
	}
}

// activeSettings are the ports and the address of active mode, as flags and as
// fields of ftp.Active; none of those that are left to the library.
func activeSettings(a ftp.Active) (flags, fields []string) {
	if a.Ports != (ftp.PortRange{}) {
		flags = append(flags, "--port-range "+a.Ports.String())
		fields = append(fields, fmt.Sprintf("Ports: ftp.PortRange{Lo: %d, Hi: %d}", a.Ports.Lo, a.Ports.Hi))
	}
	if a.External != "" {
		flags = append(flags, "--external-ip "+a.External)
		fields = append(fields, fmt.Sprintf("External: %q", a.External))
	}
	return flags, fields
}

// activeOptions is the Go text of options with these fields of ftp.Active.
func activeOptions(fields []string) string {
	if len(fields) == 0 {
		return "ftp.Options{Mode: ftp.ModeActive}"
	}
	return "ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{" + strings.Join(fields, ", ") + "}}"
}

// nothingWorks says what to ask an administrator for, on either side.
func (f findings) nothingWorks() []Advice {
	all := []Advice{{Text: "No data connection is possible. " + f.passiveFailed()}}
	if f.port.Outcome == NotApplicable && f.eprt.Outcome == NotApplicable {
		return all
	}
	if f.activeRefused() {
		all[0].Text += " The server refuses active mode too, whatever address and port it is told."
		return all
	}
	server, client := hostOf(f.report.Remote), hostOf(f.report.Local)
	wanted := f.active
	which := "the ports that were tried"
	if wanted.Ports == (ftp.PortRange{}) {
		wanted.Ports = ftp.PortRange{Lo: 50000, Hi: 50010}
		which = "a range of ports, such as " + wanted.Ports.String() + ","
	}
	if wanted.External == "" {
		wanted.External = "ADDRESS"
	}
	flags, fields := activeSettings(wanted)
	return append(all, Advice{
		Text: fmt.Sprintf("Or have %s forwarded to %s and opened for TCP connections from %s, "+
			"and use active mode with the address that %s sees you at.", which, client, server, server),
		Flags:   "--mode active " + strings.Join(flags, " "),
		Options: activeOptions(fields),
	})
}

// passiveFailed says what became of EPSV and PASV, none of which works, and what
// to do about it.
func (f findings) passiveFailed() string {
	if ports := f.report.PassivePorts; ports != "" {
		return fmt.Sprintf("Ask the administrators of the firewalls on both sides to let TCP connections from %s to %s through "+
			"on the server's passive ports; those it named were %s, and its configuration tells the whole range.",
			hostOf(f.report.Local), hostOf(f.report.Remote), ports)
	}
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

// activeRefused tells whether the server answered the commands of active mode
// with an error which no other address would have spared. One that was told a
// private address from afar may have refused that address alone.
func (f findings) activeRefused() bool {
	refused := func(r Row) bool { return r.Outcome == Refused || r.Outcome == NotApplicable }
	named := cmp.Or(f.port.Advertised, f.eprt.Advertised)
	return refused(f.port) && refused(f.eprt) && !(isPrivate(hostOf(named)) && !isPrivate(hostOf(f.report.Remote)))
}

func isPrivate(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast())
}

// wrongAddress looks for a 227 that names another address than the server is
// reached at: a NAT the server does not know of, or data movers of their own.
func (f findings) wrongAddress() []Advice {
	sent, peer := hostOf(f.pasvAuto.Advertised), hostOf(f.report.Remote)
	if sent == "" || peer == "" || sent == peer || !f.pasvAuto.ok() {
		return nil
	}
	if hostOf(f.pasvAuto.Dialled) == sent {
		return []Advice{{
			Text:    fmt.Sprintf("The server's data connections are at %s, not at %s. The default found out; believing the server at once is faster.", sent, peer),
			Flags:   "--passive-address server",
			Options: "ftp.Options{Passive: ftp.Passive{Address: ftp.AddressServer}}",
		}}
	}
	return []Advice{{
		Text: fmt.Sprintf("The server's PASV replies name %s, but it is reached at %s: it does not know its external address. "+
			"The default copes; other clients may not. Its administrator should set that address "+
			"(vsftpd: pasv_address, ProFTPD: MasqueradeAddress, Pure-FTPd: -P or ForcePassiveIP).", sent, peer),
		Options: "ftp.Options{}",
	}}
}

// hostOf returns the address of an "address:port", or "" where there is none.
func hostOf(s string) string {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return ""
	}
	return ap.Addr().Unmap().WithZone("").String()
}
