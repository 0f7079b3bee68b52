package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/dualport/ftp"
)

const (
	familyIPv4 = "IPv4"
	familyIPv6 = "IPv6"
)

// lookupLimit bounds the question for the addresses of a host that was reached
// already.
const lookupLimit = 3 * time.Second

// examineFamily examines the family which the session did not come about over.
func (e *examination) examineFamily(ctx context.Context) {
	addr := e.otherAddress(ctx)
	if !addr.IsValid() {
		return
	}
	o := e.opts
	o.Network = networkOf(addr)
	if o.TLS != ftp.TLSNone {
		o.TLSConfig = cloned(o.TLSConfig)
		o.TLSConfig.ServerName = e.serverName()
	}
	_, port := splitHost(e.address)
	if port == "" {
		port = defaultPort(o.TLS)
	}
	if s := e.examineBeside(ctx, net.JoinHostPort(addr.String(), port), o); s != nil {
		s.close()
	}
}

// examineBeside examines one section more, in what time is left, and returns it;
// nil where no session came about.
func (e *examination) examineBeside(ctx context.Context, address string, o ftp.Options) *section {
	ctx, share, cancel := part(ctx, 1)
	defer cancel()
	o.Timeouts = shorten(o.Timeouts, share)
	s := newSection(address, o)
	if err := e.full(); err != nil {
		e.report.Rows = append(e.report.Rows, s.untried("the server refused a login, and was not asked for another: "+err.Error()))
		return nil
	}
	if ctx.Err() != nil {
		e.report.Rows = append(e.report.Rows, s.untried(errLimit.Error()))
		return nil
	}
	if err := s.dial(ctx); err != nil {
		if errors.Is(err, ftp.ErrTooManyConnections) {
			e.crowded = err
		}
		e.report.Rows = append(e.report.Rows, s.unreached(err))
		return nil
	}
	s.examine(ctx, methodProbes(o.Active))
	s.morePorts(ctx)
	e.report.Rows = append(e.report.Rows, s.rows...)
	e.beside = append(e.beside, s)
	return s
}

// untried is the row of a section that was not tried.
func (s *section) untried(why string) Row {
	return Row{Family: s.intended(), Security: s.security(), Outcome: Skipped, Error: why}
}

// unreached is the row of a section of which no session came about.
func (s *section) unreached(err error) Row {
	outcome := outcomeOf(err)
	var timeout *ftp.TimeoutError
	switch {
	case loginRefused(err):
		outcome = Refused
	case errors.As(err, &timeout):
		outcome = TimedOut
	}
	return Row{Family: s.intended(), Security: s.security(), Outcome: outcome, Dialled: s.address, Error: causeText(err)}
}

// intended is the family of a session that may not have come about.
func (s *section) intended() string {
	switch s.opts.Network {
	case "tcp4":
		return familyIPv4
	case "tcp6":
		return familyIPv6
	}
	return s.family()
}

// otherAddress is an address of the host in the other family; invalid where the
// host is an address, or the options say which family to use.
func (e *examination) otherAddress(ctx context.Context) netip.Addr {
	if !e.eitherFamily() {
		return netip.Addr{}
	}
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	host, _ := splitHost(e.address)
	addrs, err := e.lookup(ctx, host)
	if err != nil {
		return netip.Addr{}
	}
	used := addrOf(e.main.remote)
	for _, addr := range addrs {
		if addr = addr.Unmap(); addr.Is4() != used.Is4() {
			return addr
		}
	}
	return netip.Addr{}
}

// eitherFamily tells whether the session could have come about over the other
// family.
func (e *examination) eitherFamily() bool {
	host, _ := splitHost(e.address)
	_, notName := netip.ParseAddr(host)
	_, bindsName := netip.ParseAddr(e.opts.Bind)
	return notName != nil && bindsName != nil && e.opts.DialContext == nil &&
		(e.opts.Network == "" || e.opts.Network == "tcp") && addrOf(e.main.remote).IsValid()
}

func (e *examination) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if e.config.lookup != nil {
		return e.config.lookup(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

func networkOf(addr netip.Addr) string {
	if addr.Is4() {
		return "tcp4"
	}
	return "tcp6"
}

// defaultPort is the one that [ftp.Dial] takes where the address names none.
func defaultPort(mode ftp.TLSMode) string {
	if mode == ftp.TLSImplicit {
		return "990"
	}
	return "21"
}

func cloned(c *tls.Config) *tls.Config {
	if c == nil {
		return new(tls.Config)
	}
	return c.Clone()
}
