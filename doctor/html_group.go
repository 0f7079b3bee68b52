package doctor

import (
	"strings"

	"github.com/dualport/ftp"
)

// group is a section of the rows as the page shows it.
type group struct {
	methods
	report *Report
}

// groups are in the order of the examination. There is always one, so that the
// control connection has its drawing.
func (r *Report) groups() []group {
	var all []group
	for _, m := range r.sections() {
		all = append(all, group{m, r})
	}
	if len(all) == 0 {
		all = []group{{methods{security: r.TLS.Mode}, r}}
	}
	return all
}

// Title is such as "IPv4, explicit TLS".
func (g group) Title() string { return g.title() }

// Untried tells that there is nothing to draw, and Why tells why there was no
// session; it is empty where there was one.
func (g group) Untried() bool { return g.session.Outcome.class() == "none" }

func (g group) Why() string {
	if g.session.Outcome == 0 {
		return ""
	}
	return g.session.Outcome.String() + ": " + g.session.note()
}

// Findings are the rows as the table shows them.
func (g group) Findings() []finding {
	var all []finding
	for _, row := range g.rows {
		all = append(all, row.finding())
	}
	return all
}

// asked tells whether the group is the session that the options ask for, whose
// control connection the report describes.
func (g group) asked() bool {
	if len(g.report.Rows) == 0 {
		return true
	}
	first := g.report.Rows[0]
	return g.family == first.Family && g.security == first.Security
}

// own tells whether the group has the address family of that session, and so its
// addresses.
func (g group) own() bool {
	local := hostOf(g.report.Local)
	return local == "" || g.family == "" || familyOf(local) == g.family
}

func familyOf(host string) string {
	if strings.Contains(host, ":") {
		return "IPv6"
	}
	return "IPv4"
}

// outcome is what came of the group: Works where one of its rows does, Skipped
// where nothing was tried, Failed otherwise.
func (g group) outcome() Outcome {
	o := Skipped
	for _, row := range g.rows {
		switch row.Outcome.class() {
		case "good":
			return Works
		case "bad":
			o = Failed
		}
	}
	return o
}

// client and server are the addresses at the ends of the path; empty where they
// are not known. A group of the other family has only what its rows tell.
func (g group) client() string {
	if g.own() {
		return hostOf(g.report.Local)
	}
	for _, row := range g.rows {
		if !row.Method.Passive() && row.Advertised != "" {
			return hostOf(row.Advertised)
		}
	}
	return ""
}

func (g group) server() string {
	if g.own() {
		return hostOf(g.report.Remote)
	}
	for _, row := range g.rows {
		if row.Policy != ftp.AddressServer.String() && hostOf(row.Dialled) != "" {
			return hostOf(row.Dialled)
		}
	}
	return ""
}

// named is the address in the server's 227 where that is not the one at which it
// is reached; believed tells that data connections go there all the same.
func (g group) named() (address string, believed bool) {
	server := g.server()
	for _, row := range g.rows {
		sent := hostOf(row.Advertised)
		if row.Method != ftp.PASV || sent == "" || server == "" || sent == server {
			continue
		}
		address = sent
		if row.ok() && hostOf(row.Dialled) == sent {
			return sent, true
		}
	}
	return address, false
}
