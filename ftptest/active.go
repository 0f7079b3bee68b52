package ftptest

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Active describes the data connections that the server opens. The zero value connects to where PORT and EPRT say, as long as
// that is the host of the control connection and the port is 1024 or above, from the local address of the control connection.
type Active struct {
	PORT, EPRT ActiveMethod

	// From is the local address that the server connects from. The zero value means that of the control connection.
	From netip.Addr

	// Stranger, if set, is the address of a third party: before the server connects, a connection from there comes in, says
	// something that is not data, and stays.
	Stranger netip.Addr

	// Delay is waited before the server connects.
	Delay time.Duration

	// Never makes the server give up, after Delay, without having connected.
	Never bool

	// Refusal is the reply when the server could not connect, or would not. Empty means "425 …".
	Refusal string

	// Rewrite changes the address of PORT and EPRT on its way in, as a NAT with an FTP helper does, or one that fails to.
	Rewrite func(netip.AddrPort) netip.AddrPort

	// AnyHost accepts any address and any port.
	AnyHost bool

	// ReplyFirst sends the 150 before the server connects; otherwise it comes after.
	ReplyFirst bool
}

// ActiveMethod is how one of PORT and EPRT behaves. The zero value works.
type ActiveMethod struct {
	Reply  string // replaces the reply; 4xx and 5xx refuse
	Silent bool   // no reply, ever
}

func (s *session) port(arg string) {
	target, ok := parsePort(arg)
	if s.local.Addr().Is6() && s.config.Active.PORT == (ActiveMethod{}) {
		s.reply("501 PORT cannot name an IPv6 address, use EPRT.")
		return
	}
	s.active("PORT", s.config.Active.PORT, target, ok)
}

func (s *session) eprt(arg string) {
	family, target, ok := parseEPRT(arg)
	own := "1"
	if s.local.Addr().Is6() {
		own = "2"
	}
	if ok && family != own && s.config.Active.EPRT == (ActiveMethod{}) {
		s.reply("522 Network protocol not supported, use (" + own + ")")
		return
	}
	s.active("EPRT", s.config.Active.EPRT, target, ok)
}

func (s *session) active(verb string, method ActiveMethod, target netip.AddrPort, parsed bool) {
	if rewrite := s.config.Active.Rewrite; rewrite != nil && parsed {
		target = rewrite(target)
	}
	refused := strings.HasPrefix(method.Reply, "4") || strings.HasPrefix(method.Reply, "5")
	switch {
	case method.Silent:
		return
	case refused:
		s.reply(method.Reply)
		return
	case s.epsvAll:
		s.reply("501 " + verb + " is not allowed after EPSV ALL.")
		return
	case !parsed:
		s.reply("501 " + verb + " not understood.")
		return
	case !s.config.Active.AnyHost && (target.Addr() != s.remote.Addr() || target.Port() < 1024):
		s.reply("500 I will not connect to " + target.String() + ", only to " + s.remote.Addr().String() + ".")
		return
	}
	record := s.server.record(DataConn{Session: s.id, Method: verb, Advertised: target})
	s.arrange(&dataPlan{record: record, target: target})
	s.reply(orDefault(method.Reply, "200 "+verb+" noted."))
}

// parsePort reads h1,h2,h3,h4,p1,p2.
func parsePort(arg string) (netip.AddrPort, bool) {
	fields := strings.Split(arg, ",")
	if len(fields) != 6 {
		return netip.AddrPort{}, false
	}
	var b [6]byte
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 8)
		if err != nil {
			return netip.AddrPort{}, false
		}
		b[i] = byte(n)
	}
	port := uint16(b[4])<<8 | uint16(b[5])
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), port), port != 0
}

// parseEPRT reads |family|address|port| with any delimiter, RFC 2428 section 2.
func parseEPRT(arg string) (family string, target netip.AddrPort, ok bool) {
	if arg == "" {
		return "", target, false
	}
	fields := strings.Split(arg, arg[:1])
	if len(fields) != 5 || fields[4] != "" {
		return "", target, false
	}
	addr, err := netip.ParseAddr(fields[2])
	if err != nil || addr.Zone() != "" {
		return fields[1], target, false
	}
	port, err := strconv.ParseUint(fields[3], 10, 16)
	if err != nil || port == 0 {
		return fields[1], target, false
	}
	matches := fields[1] == "1" && addr.Is4() || fields[1] == "2" && addr.Is6()
	return fields[1], netip.AddrPortFrom(addr, uint16(port)), matches || fields[1] != "1" && fields[1] != "2"
}

// dialData connects to the client. The refusal is the reply to give instead of a transfer.
func (s *session) dialData(ctx context.Context, plan *dataPlan) (conn net.Conn, refusal string) {
	config := s.config.Active
	if config.Stranger.IsValid() {
		s.sendStranger(ctx, plan)
	}
	if config.Delay > 0 {
		timer := time.NewTimer(config.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if config.Never {
		return nil, config.Refusal
	}
	from := config.From
	if !from.IsValid() && plan.target.Addr().Is4() == s.local.Addr().Is4() {
		from = s.local.Addr()
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.DataTimeout)
	defer cancel()
	conn, err := s.config.Network.DialFrom(ctx, netip.AddrPortFrom(from, 0), "tcp", plan.target.String())
	if err != nil {
		return nil, config.Refusal
	}
	return conn, ""
}

// sendStranger lets the third party in first. Where it cannot connect there is none.
func (s *session) sendStranger(ctx context.Context, plan *dataPlan) {
	ctx, cancel := context.WithTimeout(ctx, s.config.DataTimeout)
	defer cancel()
	from := netip.AddrPortFrom(s.config.Active.Stranger, 0)
	conn, err := s.config.Network.DialFrom(ctx, from, "tcp", plan.target.String())
	if err != nil {
		return
	}
	plan.stranger = conn
	_, _ = conn.Write([]byte("this is not your data\r\n"))
}
