package doctor

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dualport/ftp"
)

func (f findings) activeWorks() Advice {
	flags, fields := activeSettings(f.examined)
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
	if a.ExternalOnLAN {
		flags = append(flags, "--external-on-lan")
		fields = append(fields, "ExternalOnLAN: true")
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

// unknownAddress stands in advice for an address that nothing told.
const unknownAddress = "ADDRESS"

// reachable is active mode as it can be made to work: with a range of ports that
// can be forwarded, and the address at which the server sees this host.
func (f findings) reachable() ftp.Active {
	a := f.examined
	if a.Ports == (ftp.PortRange{}) {
		a.Ports = ftp.PortRange{Lo: 50000, Hi: 50010}
	}
	if a.External == "" && f.natted() {
		a.External = cmp.Or(f.report.SeenAs, unknownAddress)
		a.ExternalOnLAN = a.ExternalOnLAN || isPrivate(hostOf(f.report.Remote))
	}
	return a
}

// forwarding says how the server's connections can be made to reach this host.
func (f findings) forwarding() []Advice {
	if f.report.Proxied {
		return []Advice{f.listeningProxy()}
	}
	server, local := hostOf(f.report.Remote), hostOf(f.report.Local)
	wanted := f.reachable()
	flags, fields := activeSettings(wanted)
	which := "the ports that were tried"
	if f.examined.Ports == (ftp.PortRange{}) {
		which = "a range of ports, such as " + wanted.Ports.String() + ","
	}
	a := Advice{
		Flags:    strings.Join(append([]string{"--mode active"}, flags...), " "),
		Options:  activeOptions(fields),
		Commands: f.letIn(wanted),
	}
	switch {
	case wanted.External == "":
		a.Text = fmt.Sprintf("For active mode, have %s opened for TCP connections from %s to %s, in every firewall on the way.", which, server, local)
		return []Advice{a}
	case wanted.External == unknownAddress:
		a.Text = fmt.Sprintf("For active mode, have %s forwarded to %s and opened for TCP connections from %s, %s, "+
			"and name the address at which %s sees this host; it does not tell which that is, and the router in front of this host knows.", which, local, server, f.onEachNAT(), server)
	default:
		a.Text = fmt.Sprintf("For active mode, have %s forwarded from %s to %s and opened for TCP connections from %s, %s.", which, wanted.External, local, server, f.onEachNAT())
	}
	return append([]Advice{a}, f.mapping()...)
}

// onEachNAT is where to forward: a router behind another one, such as a carrier's,
// gets nothing that the other does not forward to it.
func (f findings) onEachNAT() string {
	if isPrivate(hostOf(f.report.Remote)) {
		return "on each NAT between this host and the server"
	}
	return "on each NAT between this host and the Internet"
}

// listeningProxy is about active mode through a proxy, where nothing has to reach
// this host.
func (f findings) listeningProxy() Advice {
	flags, fields := activeSettings(f.examined)
	return Advice{
		Text: "For active mode, have the proxy open ports for connections of the server (BIND), and have them opened in the firewalls in front of it, " +
			"and forwarded to it where it stands behind a NAT.",
		Flags:   strings.Join(append([]string{"--mode active"}, flags...), " "),
		Options: activeOptions(fields),
	}
}

// mapping lets the gateway forward ports by itself. Only a NAT has need of it.
func (f findings) mapping() []Advice {
	if !f.natted() || f.examined.External != "" {
		return nil
	}
	return []Advice{{
		Text: "Or let the router forward a port for each transfer by itself, where it speaks PCP, NAT-PMP or UPnP " +
			`(in a program, with the package "github.com/dualport/ftp/portmap").`,
		Flags:   "--mode active --portmap",
		Options: "ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Mapper: new(portmap.Mapper)}}",
	}}
}

// activeRefused tells whether the server answered the commands of active mode
// with an error which no other address would have spared. One that was told an
// address at which it does not see this host may have refused that address alone.
func (f findings) activeRefused() bool {
	refused := func(r Row) bool { return r.Outcome == Refused || r.Outcome == NotApplicable }
	return refused(f.port) && refused(f.eprt) && !f.strangeToServer(cmp.Or(f.port.Advertised, f.eprt.Advertised))
}

// strangeToServer tells whether the server cannot know this host by an address.
func (f findings) strangeToServer(endpoint string) bool {
	named := hostOf(endpoint)
	if f.report.NAT == Present {
		return named != f.report.SeenAs
	}
	return isPrivate(named) && !isPrivate(hostOf(f.report.Remote))
}
