package doctor

import (
	"fmt"
	"math"

	"github.com/dualport/ftp"
)

// widest is the largest range of ports that is taken for one which a server was
// configured for. Wider ones are of servers that take any free port.
const widest = 1024

func wide(ports ftp.PortRange) bool { return int(ports.Hi)-int(ports.Lo) >= widest }

// servedPorts is the range to open on the server's side: the one that it was seen
// to use, unless it has none. A single port is none that serves two transfers at a
// time, and ProFTPD does not take it for a range.
func (f findings) servedPorts() ftp.PortRange {
	switch seen := f.observed(); {
	case seen == (ftp.PortRange{}) || wide(seen):
		return ftp.PortRange{Lo: 50000, Hi: 50099}
	case seen.Lo == seen.Hi && seen.Hi < math.MaxUint16-9:
		return ftp.PortRange{Lo: seen.Lo, Hi: seen.Hi + 9}
	default:
		return seen
	}
}

// dialledPorts is the range to open on this side, to the server as it is, and the
// reason for it.
func (f findings) dialledPorts() (ports ftp.PortRange, why string) {
	seen := f.observed()
	if wide(seen) {
		return ftp.PortRange{Lo: 1024, Hi: 65535}, fmt.Sprintf("the server seems to take any free port (%s were seen)", seen)
	}
	return seen, "those are the ports that it named, and its configuration tells the whole range"
}

// openPassive says what to open so that passive connections come through; nothing
// where the server named no port, or where they do not fail for a firewall.
func (f findings) openPassive() []Advice {
	if f.observed() == (ftp.PortRange{}) || !f.passiveBroken() {
		return nil
	}
	return f.opening()
}

// opening is what firewalls on either side have to let through in passive mode.
func (f findings) opening() []Advice {
	ports, why := f.dialledPorts()
	if ports == (ftp.PortRange{}) {
		return nil
	}
	if f.report.Proxied {
		return []Advice{{
			Text:    fmt.Sprintf("For passive mode, have the proxy, and the firewalls on the way, let TCP connections to the server's ports %s through; %s.", ports, why),
			Options: "ftp.Options{}",
		}}
	}
	return []Advice{
		{
			Text: fmt.Sprintf("For passive mode, ask the administrators of the firewalls on this side to let TCP connections from %s to %s through on ports %s; %s.",
				f.local(), f.server(), ports, why),
			Options:  "ftp.Options{}",
			Commands: f.letOut(ports),
		},
		{
			Text: fmt.Sprintf("And ask those of the server to let TCP connections in to its passive ports, and to forward them, and to set its external address, "+
				"where it stands behind a NAT; it should be configured for the range that is opened (%s).", f.servedPorts()),
			Options:  "ftp.Options{}",
			Commands: f.serve(),
		},
	}
}

// wrongAddress looks for a 227 that names another address than the server is
// reached at: a NAT the server does not know of, or data movers of their own.
// Over IPv6 a 227 cannot name the right one.
func (f findings) wrongAddress() []Advice {
	sent, peer := hostOf(f.pasvAuto.Advertised), hostOf(f.report.Remote)
	if sent == "" || !addrOf(f.report.Remote).Is4() || sent == peer || !f.pasvAuto.ok() {
		return nil
	}
	if hostOf(f.pasvAuto.Dialled) == sent {
		return []Advice{f.believeServer(fmt.Sprintf(
			"The server's data connections are at %s, not at %s. The default found out; believing the server at once is faster.", sent, peer))}
	}
	return []Advice{{
		Text: fmt.Sprintf("The server's PASV replies name %s, but it is reached at %s: it does not know its external address. "+
			"The default copes; other clients may not. Its administrator should set that address "+
			"(vsftpd: pasv_address, ProFTPD: MasqueradeAddress, Pure-FTPd: -P or ForcePassiveIP).", sent, peer),
		Options:  "ftp.Options{}",
		Commands: f.tellAddress(),
	}}
}
