package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/dualport/ftp"
)

// noteAddress finds out from which address the server sees this host come, and
// so whether there is a NAT between them.
func (e *examination) noteAddress(ctx context.Context) {
	addr, by := e.main.seen(ctx)
	if !addr.IsValid() {
		return
	}
	e.report.SeenAs, e.report.SeenBy = addr.String(), by
	if local := addrOf(e.main.local); e.opts.DialContext == nil && local.IsValid() {
		e.report.NAT = Present
		if addr == local {
			e.report.NAT = Absent
		}
	}
}

// seen asks the server by STAT, then looks at what it has said anyway, and last
// provokes it by a PORT.
func (s *section) seen(ctx context.Context) (addr netip.Addr, by string) {
	ctx, _, cancel := part(ctx, 6)
	defer cancel()
	if s.session(ctx) == nil {
		if addr, err := s.client.SeenAs(ctx); err == nil && addr.IsValid() {
			return addr.WithZone(""), "STAT"
		}
	}
	if addr, by = s.seenInSayings(); addr.IsValid() || s.toldLocal() {
		return addr, by
	}
	if s.opts.DialContext == nil && s.session(ctx) == nil {
		s.dialer.current = namer{}
		_ = list(ctx, s.client) // never comes about
	}
	return s.seenInSayings()
}

// toldLocal tells whether the server was told the local address already, so that
// telling it again would bring nothing new to light.
func (s *section) toldLocal() bool {
	for _, said := range s.sayings {
		if at := said.named(); at.IsValid() && at.Addr() == addrOf(s.local) {
			return true
		}
	}
	return false
}

// errNamed is the outcome of every data connection that namer is asked for.
var errNamed = errors.New("the address was named only to see what the server says of it")

// namer names the local address of the control connection to the server by PORT
// or EPRT, for what the answer tells. No transfer follows.
type namer struct{}

// DialData implements [ftp.DataDialer].
func (namer) DialData(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
	local := x.LocalAddr()
	verb, arg := "EPRT", fmt.Sprintf("|2|%s|%d|", local.Addr().WithZone(""), local.Port())
	if local.Addr().Is4() {
		b := local.Addr().As4()
		verb, arg = "PORT", fmt.Sprintf("%d,%d,%d,%d,%d,%d", b[0], b[1], b[2], b[3], local.Port()>>8, local.Port()&0xff)
	}
	if _, err := x.Command(ctx, verb, arg); err != nil {
		return nil, err
	}
	return nil, errNamed
}

// seenInSayings looks for the address in refusals of PORT and EPRT, such as "I
// won't open a connection to 192.168.1.10 (only to 203.0.113.7)" (Pure-FTPd), in
// the greeting and in what was said to the login; and takes one that arrived in
// PORT or EPRT in place of the one that was named.
func (s *section) seenInSayings() (addr netip.Addr, by string) {
	for _, said := range s.sayings {
		if addr := said.client(addrOf(s.local), addrOf(s.remote)); addr.IsValid() {
			return addr, said.where()
		}
	}
	for _, said := range s.sayings {
		if _, arrived, changed := said.echo(); changed && arrived.Addr() != said.named().Addr() {
			return arrived.Addr(), "the address that arrived in " + said.verb()
		}
	}
	return netip.Addr{}, ""
}

// where names the reply for a person.
func (s saying) where() string {
	if s.line == "" {
		return "the greeting"
	}
	return "the answer to " + s.verb()
}

// client looks for an address of which the text says that it is the client's.
// Servers mention their own address in the same texts, and none sees a private
// address across the Internet.
func (s saying) client(local, server netip.Addr) netip.Addr {
	for _, m := range mentions(s.reply.Text()) {
		if m.addr == server && server != local || isPrivate(m.addr.String()) && server.IsValid() && !isPrivate(server.String()) {
			continue
		}
		if m.follows(s.clientWords()...) {
			return m.addr
		}
	}
	return netip.Addr{}
}

// clientWords are what precedes the client's own address.
func (s saying) clientWords() []string {
	if s.named().IsValid() {
		return []string{"only to", "only", "your ip", "your address", "you are", "expected"}
	}
	return []string{
		"your ip", "your address", "your host", "your current ip", "your current address", "you are", "you're", "you come from",
		"connected from", "connection from", "connecting from", "logged in from", "login from", "access from",
	}
}

// reach is how far before an address the words may end that are about it.
const reach = 24

// follows tells whether one of the phrases stands right before the address, but
// for some other words.
func (m mention) follows(phrases ...string) bool {
	for _, phrase := range phrases {
		at := strings.LastIndex(m.before, phrase)
		if at < 0 {
			continue
		}
		between := m.before[at+len(phrase):]
		if len(between) <= reach && len(mentions(between)) == 0 {
			return true
		}
	}
	return false
}

// echo is the address that the answer to PORT or EPRT repeats, and whether it is
// another than was named.
func (s saying) echo() (named, arrived netip.AddrPort, changed bool) {
	named = s.named()
	if !named.IsValid() {
		return named, arrived, false
	}
	for _, m := range mentions(s.reply.Text()) {
		if m.addr.Is4() != named.Addr().Is4() || m.follows(s.clientWords()...) {
			continue
		}
		if m.port == 0 {
			m.port = named.Port()
		}
		arrived = netip.AddrPortFrom(m.addr, m.port)
		if arrived == named {
			return named, arrived, false
		}
	}
	return named, arrived, arrived.IsValid()
}
