package doctor

import (
	"strings"

	"github.com/dualport/ftp"
)

// group is the rows of one address family and one kind of encryption, which
// share a drawing.
type group struct {
	Family, Security string
	Rows             []Row

	report *Report
}

// groups are in the order of the examination. There is always one, so that the
// control connection has its drawing.
func (r *Report) groups() []group {
	var all []group
	for _, row := range r.Rows {
		at := -1
		for i := range all {
			if all[i].Family == row.Family && all[i].Security == row.Security {
				at = i
			}
		}
		if at < 0 {
			at = len(all)
			all = append(all, group{Family: row.Family, Security: row.Security, report: r})
		}
		all[at].Rows = append(all[at].Rows, row)
	}
	if len(all) == 0 {
		all = []group{{Security: r.TLS.Mode, report: r}}
	}
	return all
}

// Title is such as "IPv4, explicit TLS".
func (g group) Title() string {
	security := g.Security
	switch security {
	case ftp.TLSNone.String():
		security = "in clear"
	case ftp.TLSExplicit.String(), ftp.TLSImplicit.String():
		security += " TLS"
	}
	var parts []string
	for _, part := range []string{g.Family, security} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// Findings are the rows as the table shows them.
func (g group) Findings() []finding {
	var all []finding
	for _, row := range g.Rows {
		all = append(all, row.finding())
	}
	return all
}

// own tells whether the control connection that the report describes was one of
// this group.
func (g group) own() bool {
	local := hostOf(g.report.Local)
	return local == "" || g.Family == "" || familyOf(local) == g.Family
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
	for _, row := range g.Rows {
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
	for _, row := range g.Rows {
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
	for _, row := range g.Rows {
		if row.Method.Passive() && row.Policy != ftp.AddressServer.String() && row.Dialled != "" {
			return hostOf(row.Dialled)
		}
	}
	return ""
}

// named is the address in the server's 227 where that is not the one at which it
// is reached; believed tells that data connections go there all the same.
func (g group) named() (address string, believed bool) {
	server := g.server()
	for _, row := range g.Rows {
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
