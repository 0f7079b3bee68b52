package doctor

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dualport/ftp"
)

// station is one place on the path between the two hosts.
type station struct {
	Kind     string // "client", "nat", "proxy", "network" or "server"
	Name     string
	Note     string // what the address is
	Address  string
	Doubtful bool // it may not be there
}

// path is what lies between the client and the server, from the first to the
// last; the numbers say which station is what, and those of NATs that are not
// there are the network's.
type path struct {
	stations               []station
	nat, network, innerNAT int
	proxy                  int // 0 where there is none
	g                      group
}

func (p path) server() int { return len(p.stations) - 1 }

func (g group) path() path {
	p := path{g: g}
	p.add(station{Kind: "client", Name: "client", Address: g.client()})
	nat, hasNAT := g.clientNAT()
	if hasNAT {
		p.nat = p.add(nat)
	}
	if g.report.proxied() {
		p.proxy = p.add(station{Kind: "proxy", Name: "proxy", Address: hostOf(g.report.Via)})
	}
	p.network = p.add(station{Kind: "network", Name: "network", Note: "firewall"})
	if !hasNAT {
		p.nat = p.network
	}
	p.innerNAT = p.network
	server := station{Kind: "server", Name: "server", Address: cmp.Or(g.server(), g.host())}
	if named, believed := g.named(); named != "" && believed {
		server.Note = "data at " + named
	} else if named != "" {
		p.innerNAT = p.add(station{
			Kind: "nat", Name: "NAT", Note: "reached at", Address: server.Address,
			Doubtful: !isPrivate(named) && g.outcome() != Works,
		})
		server.Note, server.Address = "names itself", named
	}
	p.add(server)
	return p
}

func (p *path) add(s station) int {
	if s.Doubtful {
		s.Name += "?"
	}
	p.stations = append(p.stations, s)
	return len(p.stations) - 1
}

// host is what the report has where no connection came about.
func (g group) host() string {
	if g.report.Remote != "" {
		return ""
	}
	return g.report.Host
}

// clientNAT is drawn where it was found, and in doubt where a private address
// reaches a public one.
func (g group) clientNAT() (station, bool) {
	nat := station{Kind: "nat", Name: "NAT"}
	switch {
	case !g.own(), g.report.Proxied:
		return nat, false
	case g.report.NAT == Present:
		nat.Note = "address not known"
		if g.report.SeenAs != "" {
			nat.Note, nat.Address = "seen as", g.report.SeenAs
		}
		return nat, true
	case g.report.NAT == Unknown && isPrivate(g.client()) && g.server() != "" && !isPrivate(g.server()):
		nat.Note, nat.Doubtful = "not known", true
		return nat, true
	}
	return nat, false
}

// connection is a line of the drawing: the control connection, or rows that
// differ in their ports alone.
type connection struct {
	Name     string
	Outcome  Outcome
	Details  []string
	From, To int  // stations; To is where it arrives or breaks off
	Broken   bool // it did not get to the other end
	Asked    bool // all there was is the command, on the control connection
}

// connections are the lines of a group, the control connection first.
func (p path) connections() []connection {
	all := []connection{p.control()}
	if p.g.session.Outcome != 0 {
		return all
	}
	for _, rows := range merged(p.g.rows) {
		all = append(all, p.connection(rows))
	}
	return all
}

// control is the control connection. Where there was a row, there was a session.
func (p path) control() connection {
	r := p.g.report
	c := connection{Name: "control connection", Outcome: Works, To: p.server()}
	switch session := p.g.session.Outcome; {
	case len(p.g.rows) == 0 && r.TLS.Error != "":
		c.Outcome = TLSFailed
	case len(p.g.rows) == 0:
		c.Outcome = Failed
	case session != 0:
		c.Outcome = session
	}
	if p.g.asked() && r.control() != "" {
		c.Details = append(c.Details, r.control())
	}
	if p.g.asked() && c.Outcome == Works && r.TLS.encrypted() {
		c.Details = append(c.Details, r.TLS.Version)
	}
	c.Broken = c.Outcome.class() == "bad"
	if c.Outcome == Failed || c.Outcome == TimedOut {
		c.To = p.network
	}
	return c
}

// merged puts rows together that a drawing need not tell apart: policies that led
// to the same hosts, by the same command, with the same outcome.
func merged(rows []Row) [][]Row {
	same := func(a, b Row) bool {
		return a.Method == b.Method && a.Outcome == b.Outcome &&
			hostOf(a.Advertised) == hostOf(b.Advertised) && hostOf(a.Dialled) == hostOf(b.Dialled)
	}
	var all [][]Row
	for _, row := range rows {
		last := len(all) - 1
		if last >= 0 && same(all[last][0], row) {
			all[last] = append(all[last], row)
		} else {
			all = append(all, []Row{row})
		}
	}
	return all
}

func (p path) connection(rows []Row) connection {
	row := rows[0]
	c := connection{Name: string(row.Method), Outcome: row.Outcome, Details: details(rows)}
	var policies []string
	for _, r := range rows {
		if r.Policy != "" {
			policies = append(policies, r.Policy)
		}
	}
	if len(policies) > 0 {
		c.Name += " (" + strings.Join(policies, ", ") + ")"
	}
	c.From, c.To = 0, p.server()
	c.Asked = row.Outcome == Refused || row.Dialled == "" && row.Listened == ""
	if !row.Method.Passive() && !c.Asked {
		c.From, c.To = c.To, c.From
	}
	if row.Outcome.class() == "bad" {
		c.Broken, c.To = true, p.breaks(row, c)
	}
	return c
}

// breaks is the station at which a connection most likely broke off. What the
// server refuses, or answers by nonsense, ends there, and TLS at the end of the
// connection; an address that leads nowhere ends on the way, or where the server
// cannot reach it; and what no one answers, at a NAT or a firewall.
func (p path) breaks(row Row, c connection) int {
	switch {
	case row.Outcome == Refused:
		return p.server()
	case row.Outcome == TLSFailed:
		return c.To
	case row.unreadable():
		return p.server()
	case c.Asked:
		return p.network
	case !row.Method.Passive() && p.unreachable(row):
		return p.server()
	case !row.Method.Passive():
		return p.nat
	case row.Outcome == Failed && p.proxy > 0:
		return p.proxy
	case row.Outcome == Failed && hostOf(row.Dialled) == p.g.server():
		return p.server()
	}
	return p.network
}

// unreachable tells whether the server was told a private address at which it cannot
// see this host, so that its connection goes nowhere from where it is. What a NAT
// rewrites on the way the server was not told.
func (p path) unreachable(row Row) bool {
	r, named := p.g.report, hostOf(row.Advertised)
	if slices.ContainsFunc(r.Rewrites, func(w Rewrite) bool { return w.What == string(row.Method) }) && row.Security == ftp.TLSNone.String() {
		return false
	}
	translated := p.g.own() && r.NAT == Present && r.SeenAs != "" && named != r.SeenAs
	return isPrivate(named) && (translated || !isPrivate(p.g.server()))
}

// unreadable tells whether the server answered EPSV or PASV by a reply that names no
// address or port.
func (r Row) unreadable() bool {
	return r.Outcome == Failed && r.Method.Passive() && r.Dialled == "" && (r.replyCode == 227 || r.replyCode == 229)
}

// details are the addresses of a connection.
func details(rows []Row) []string {
	var advertised, dialled, listened []string
	for _, r := range rows {
		advertised = append(advertised, r.Advertised)
		dialled = append(dialled, r.Dialled)
		listened = append(listened, r.Listened)
	}
	sent, to, at := addresses(advertised), addresses(dialled), addresses(listened)
	row := rows[0]
	var all []string
	add := func(word, address string) {
		if address != "" {
			all = append(all, word+" "+address)
		}
	}
	if row.Method.Passive() {
		if hostOf(row.Advertised) != hostOf(row.Dialled) && hostOf(row.Advertised) != "" || to == "" {
			add("server named", sent)
		}
		add("dialled", to)
	} else {
		add("server was told", sent)
		if at != sent {
			add("listened at", at)
		}
	}
	if row.TLS != nil {
		all = append(all, row.TLS.Version)
	}
	return append(all, explained(row)...)
}

// explained is what a drawing says of a line that has no addresses.
func explained(row Row) []string {
	switch {
	case row.Outcome == Refused:
		return []string{"the server refused the command"}
	case row.unreadable():
		return []string{"the server's reply makes no sense"}
	case row.Outcome == TimedOut && row.Dialled == "" && row.Listened == "":
		return []string{"no answer to the command"}
	case row.Outcome == TimedOut && !row.Method.Passive():
		return []string{"the server did not come"}
	}
	return nil
}

// addresses joins those of several rows; of those of one host only the ports
// differ.
func addresses(all []string) string {
	var parts []string
	host, seen := "", map[string]bool{}
	for _, a := range all {
		if a == "" || seen[a] {
			continue
		}
		seen[a] = true
		if h := hostOf(a); h != "" && h == host {
			a = a[strings.LastIndexByte(a, ':')+1:]
		} else {
			host = h
		}
		parts = append(parts, a)
	}
	return strings.Join(parts, ", ")
}

// place is the station at which a rewriting is drawn.
func (p path) place(w Rewrite) int {
	if w.What == string(ftp.PORT) || w.What == string(ftp.EPRT) {
		return p.nat
	}
	return p.innerNAT
}
