package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dualport/ftp"
)

// noteRewrites looks for signs of a NAT or firewall that changes addresses on
// the control connection. It can do so in clear only.
func (e *examination) noteRewrites() {
	for _, s := range append([]*section{e.main}, e.beside...) {
		if s.security() == ftp.TLSNone.String() {
			e.noteEchoes(s)
		}
	}
	clear, encrypted := e.report.compared()
	e.noteUnchanged(encrypted)
	e.noteReached(clear)
	if encrypted.any() {
		e.compareActive(clear, encrypted)
		e.comparePassive(clear, encrypted)
	}
	if e.report.NAT == Unknown && e.opts.DialContext == nil && slices.ContainsFunc(e.report.Rewrites, Rewrite.active) {
		e.report.NAT = Present
	}
}

func (r Rewrite) active() bool { return r.What == string(ftp.PORT) || r.What == string(ftp.EPRT) }

// noteRewrite keeps the first sign, and the reasons of all. Several signs of the
// same are one finding.
func (e *examination) noteRewrite(found Rewrite) {
	for i := range e.report.Rewrites {
		if known := &e.report.Rewrites[i]; known.What == found.What {
			if !strings.Contains(known.Evidence, found.Evidence) {
				known.Evidence += "; " + found.Evidence
			}
			return
		}
	}
	e.report.Rewrites = append(e.report.Rewrites, found)
}

// noteEchoes looks for a server that repeats another address than it was told.
func (e *examination) noteEchoes(s *section) {
	for _, said := range s.sayings {
		if named, arrived, changed := said.echo(); changed {
			e.noteRewrite(Rewrite{
				What: said.verb(), Said: named.String(), Arrived: arrived.String(),
				Evidence: "the server repeats another address in its answer",
			})
			return
		}
	}
}

// noteUnchanged: where the server connected to the local address although nothing
// on the way could have changed it, no NAT is between them.
func (e *examination) noteUnchanged(encrypted methods) {
	local := hostOf(e.main.local)
	if e.report.SeenAs != "" || e.report.TLS.Cleared || local == "" || e.opts.DialContext != nil {
		return
	}
	for _, row := range []Row{encrypted.port, encrypted.eprt} {
		if row.ok() && hostOf(row.Advertised) == local {
			e.report.SeenAs, e.report.NAT = local, Absent
			e.report.SeenBy = "its connection to the address that " + string(row.Method) + " named over TLS"
			return
		}
	}
}

// noteReached looks for a server that connected although it was told an address
// at which it does not see this host.
func (e *examination) noteReached(clear methods) {
	if e.report.NAT != Present {
		return
	}
	for _, row := range []Row{clear.port, clear.eprt} {
		if named := hostOf(row.Advertised); row.ok() && named != "" && named != e.report.SeenAs && sameFamily(named, e.report.SeenAs) {
			e.noteRewrite(Rewrite{
				What: string(row.Method), Said: row.Advertised,
				Evidence: fmt.Sprintf("the server sees this host at %s, was told %s, and connected all the same", e.report.SeenAs, named),
			})
		}
	}
}

func sameFamily(a, b string) bool { return strings.Contains(a, ":") == strings.Contains(b, ":") }

// compareActive looks for a method that works in clear only, with an address of
// which a server out there cannot make anything.
func (e *examination) compareActive(clear, encrypted methods) {
	pairs := [][2]Row{{clear.port, encrypted.port}, {clear.eprt, encrypted.eprt}}
	for _, pair := range pairs {
		plain, tls := pair[0], pair[1]
		named := hostOf(plain.Advertised)
		useless := e.report.NAT == Present || isPrivate(named) && !isPrivate(hostOf(e.report.Remote))
		if plain.ok() && tls.broken() && useless && named != e.report.SeenAs {
			e.noteRewrite(Rewrite{
				What: string(plain.Method), Said: plain.Advertised,
				Evidence: fmt.Sprintf("with the address %s it works in clear, and not over TLS, where nothing on the way can change it", named),
			})
		}
	}
}

// comparePassive looks for a 227 that names another address in clear than over
// TLS.
func (e *examination) comparePassive(clear, encrypted methods) {
	said, arrived := hostOf(encrypted.pasvAuto.Advertised), hostOf(clear.pasvAuto.Advertised)
	if said == "" || arrived == "" || said == arrived {
		return
	}
	if arrived == hostOf(e.report.Remote) || isPrivate(said) && !isPrivate(arrived) {
		e.noteRewrite(Rewrite{
			What: "227", Said: said, Arrived: arrived,
			Evidence: fmt.Sprintf("over TLS, where nothing on the way can change it, the server names %s, and in clear %s arrives", said, arrived),
		})
	}
}
