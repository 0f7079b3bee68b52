package doctor

import (
	"fmt"
	"net/netip"

	"github.com/dualport/ftp"
)

// findings are the rows by what they are about.
type findings struct {
	report                       *Report
	epsv                         Row
	pasvAuto, pasvPeer, pasvSent Row
	port, eprt                   Row

	turned bool // to implicit TLS, which was not asked for
	pinned bool // the caller has a way of its own to believe a certificate
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
	a := Advice{
		Text:    "Passive mode does not work here, active mode does.",
		Flags:   "--mode active",
		Options: "ftp.Options{Mode: ftp.ModeActive}",
	}
	if !f.port.ok() && f.port.Outcome != NotApplicable {
		a.Flags = "--data-command eprt"
		a.Options = "ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Methods: []ftp.Method{ftp.EPRT}}}"
	}
	return a
}

// nothingWorks says what to ask an administrator for, on either side.
func (f findings) nothingWorks() []Advice {
	server, client := hostOf(f.report.Remote), hostOf(f.report.Local)
	var all []Advice
	if ports := f.report.PassivePorts; ports != "" {
		all = append(all, Advice{Text: fmt.Sprintf("No data connection is possible. Ask the administrators of the firewalls on both sides to let TCP connections "+
			"from %s to %s through on the server's passive ports; those it named were %s, and its configuration tells the whole range.", client, server, ports)})
	} else {
		all = append(all, Advice{Text: "No data connection is possible. The server refuses passive mode: " +
			"ask its administrator to enable it and to open a range of passive ports in its firewall."})
	}
	return append(all, Advice{
		Text: fmt.Sprintf("Or have a range of ports, such as 50000-50010, forwarded to %s and opened for TCP connections from %s, "+
			"and use active mode with the address that %s sees you at.", client, server, server),
		Flags:   "--mode active --port-range 50000-50010 --external-ip ADDRESS",
		Options: `ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Ports: ftp.PortRange{Lo: 50000, Hi: 50010}, External: "ADDRESS"}}`,
	})
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
