package doctor

import (
	"net/netip"
	"time"

	"github.com/dualport/ftp"
)

// methods are the rows of one section by what they are about.
type methods struct {
	family, security             string
	rows                         []Row
	session                      Row // why there are no others; its Method is empty
	epsv                         Row
	pasvAuto, pasvPeer, pasvSent Row
	port, eprt                   Row
}

func (r Row) ok() bool { return r.Outcome == Works }

// broken tells whether the method was tried, or refused, and leads nowhere.
func (r Row) broken() bool {
	return r.Outcome == Refused || r.Outcome == Failed || r.Outcome == TimedOut
}

// any tells whether there is such a section at all.
func (m methods) any() bool { return m.security != "" }

func (m methods) passive() bool { return m.epsv.ok() || m.pasvAuto.ok() }
func (m methods) active() bool  { return m.port.ok() || m.eprt.ok() }

// activeBroken tells whether active mode was tried and leads nowhere.
func (m methods) activeBroken() bool { return !m.active() && (m.port.broken() || m.eprt.broken()) }

func (m methods) passiveBroken() bool {
	return !m.passive() && (m.epsv.broken() || m.pasvAuto.broken())
}

func (m *methods) add(row Row) {
	m.rows = append(m.rows, row)
	switch {
	case row.Method == "":
		m.session = row
	case row.Method == ftp.EPSV:
		m.epsv = row
	case row.Method == ftp.PORT:
		m.port = row
	case row.Method == ftp.EPRT:
		m.eprt = row
	case row.Policy == ftp.AddressAuto.String():
		m.pasvAuto = row
	case row.Policy == ftp.AddressControl.String():
		m.pasvPeer = row
	case row.Policy == ftp.AddressServer.String():
		m.pasvSent = row
	}
}

// sections are the rows of a report, section by section; the first is what the
// options asked for.
func (r *Report) sections() []methods {
	var all []methods
	for _, row := range r.Rows {
		if last := len(all) - 1; last < 0 || all[last].family != row.Family || all[last].security != row.Security {
			all = append(all, methods{family: row.Family, security: row.Security})
		}
		all[len(all)-1].add(row)
	}
	return all
}

// compared are the sections in clear and with TLS over the same family; where
// there is no second one it is empty.
func (r *Report) compared() (clear, encrypted methods) {
	all := r.sections()
	for _, m := range all {
		switch {
		case m.family != all[0].family:
		case m.security == ftp.TLSNone.String():
			clear = m
		default:
			encrypted = m
		}
	}
	return clear, encrypted
}

// findings are what advice is made of.
type findings struct {
	report *Report
	methods
	otherSecurity methods // over the same family, with the other security; may be empty
	otherFamily   methods // over the other family; may be empty

	examined ftp.Active // as it was examined, but for its methods
	wanted   ftp.Mode   // that the options ask for
	limit    time.Duration
	turned   bool // to implicit TLS, which was not asked for
	pinned   bool // the caller has a way of its own to believe a certificate
}

func sortOut(r *Report) findings {
	f := findings{report: r}
	for i, m := range r.sections() {
		switch {
		case i == 0:
			f.methods = m
		case m.family == f.family:
			f.otherSecurity = m
		default:
			f.otherFamily = m
		}
	}
	return f
}

// local and server are the ends of the control connection; invalid where a
// proxy hides them. This end of a connection to a proxy is no address of use to
// those who open firewalls for the server.
func (f findings) local() netip.Addr {
	if f.report.Proxied {
		return netip.Addr{}
	}
	return addrOf(f.report.Local)
}

func (f findings) server() netip.Addr { return addrOf(f.report.Remote) }

// internal is the server's own address behind the NAT in front of it, which it
// tells in a 227; invalid where there is no such NAT, or it is not known.
func (f findings) internal() netip.Addr {
	for _, m := range []methods{f.encrypted(), f.methods, f.otherSecurity} {
		addr := addrOf(m.pasvAuto.Advertised)
		if f.server().Is4() && addr != f.server() && addr.IsPrivate() {
			return addr
		}
	}
	return netip.Addr{}
}

// neighbour tells whether an address lies in the network of this host, as far as can
// be known of it. A server that names one may mean a host of its own network, which
// has the same addresses, or aim at this one.
func (f findings) neighbour(addr netip.Addr) bool {
	network, err := addrOf(f.report.Local).Prefix(24)
	return err == nil && addr.Is4() && network.Contains(addr)
}

// encrypted is the section with TLS, in which nothing changes a 227 on the way.
func (f findings) encrypted() methods {
	for _, m := range []methods{f.methods, f.otherSecurity} {
		if m.any() && m.security != ftp.TLSNone.String() {
			return m
		}
	}
	return methods{}
}

// natted tells whether this host is known, or has to be taken, to be behind a
// NAT that the server is on the other side of.
func (f findings) natted() bool {
	switch {
	case f.report.NAT == Present:
		return true
	case f.report.NAT == Absent, f.report.Proxied:
		return false
	}
	return isPrivate(hostOf(f.report.Local)) && !isPrivate(hostOf(f.report.Remote))
}

// shared is the range of the addresses of carriers' NATs (RFC 6598).
func shared() netip.Prefix { return netip.MustParsePrefix("100.64.0.0/10") }

func isPrivate(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || shared().Contains(addr))
}
