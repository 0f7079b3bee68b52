package ftptest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Passive describes the data connections that the client opens. The zero value answers EPSV and PASV and listens where the
// control connection arrived.
type Passive struct {
	EPSV, PASV PassiveMethod

	// Advertise is the address that 227 names. The zero value means the local address of the control connection. Over IPv6,
	// PASV is refused unless this is set.
	Advertise netip.Addr

	// AdvertisePort changes the port that 227 and 229 name, as a port forward does. Nil means the true one.
	AdvertisePort func(port uint16) uint16

	// DataAddr is the address that data connections are accepted on. The zero value means the local address of the control
	// connection; another one makes the server one of a cluster, with Advertise set as well, or one that EPSV cannot reach.
	DataAddr netip.Addr

	// PortMin and PortMax are the range of ports, both included. Zero means any.
	PortMin, PortMax uint16

	// AnyPeer accepts a data connection from another host than the control connection's; otherwise it is answered with 425.
	AnyPeer bool

	// ReplyFirst sends the 150 before the data connection is accepted; otherwise it comes after.
	ReplyFirst bool
}

// PassiveMethod is how one of EPSV and PASV behaves. The zero value works.
type PassiveMethod struct {
	// Reply replaces the reply. In it {pasv} stands for h1,h2,h3,h4,p1,p2, {host} for the advertised address and {port} for the
	// advertised port, so that "229 (|||{port}|)" is a proper 229 even to PASV, and "227 =10,0,0,1,4,5" is taken as it is.
	// A port is opened unless the reply is 4xx or 5xx.
	Reply string

	// Silent sends no reply, ever.
	Silent bool

	// Port is what the advertised port does.
	Port PortBehaviour
}

// PortBehaviour is what an advertised passive port does.
type PortBehaviour int

// After the first three the server goes on as if it waited for a connection: it answers the transfer command with 425 when
// Config.DataTimeout is over.
const (
	PortOpen       PortBehaviour = iota
	PortRefused                  // nobody listens there
	PortBlackHole                // connection attempts are neither accepted nor refused (see Network.BlackHole)
	PortResets                   // connections are accepted and reset at once; some clients see it while they connect
	PortAnswers425               // the transfer command is answered with 425 in place of 150
	PortLate425                  // the transfer command is answered with 150, then 425
	PortLate426                  // the transfer command is answered with 150, then 426
)

func (s *session) pret(string) {
	if !s.config.PRET {
		s.reply("500 Unknown command.")
		return
	}
	s.prepared = true
	s.reply("200 Ready to open a port for that.")
}

func (s *session) pasv(string) {
	host := s.config.Passive.Advertise
	if !host.IsValid() {
		host = s.local.Addr()
	}
	switch method := s.config.Passive.PASV; {
	case s.epsvAll:
		s.reply("501 PASV is not allowed after EPSV ALL.")
	case !host.Is4() && method.Reply == "" && !method.Silent:
		s.reply("501 PASV cannot name an IPv6 address, use EPSV.")
	default:
		s.passive("PASV", method, host, "227 Entering Passive Mode ({pasv}).")
	}
}

func (s *session) epsv(arg string) {
	own := "1"
	if s.local.Addr().Is6() {
		own = "2"
	}
	switch arg = strings.ToUpper(arg); arg {
	case "ALL":
		s.epsvAll = true
		s.reply("200 EPSV ALL it is.")
	case "", own:
		s.passive("EPSV", s.config.Passive.EPSV, s.local.Addr(), "229 Entering Extended Passive Mode (|||{port}|)")
	case "1", "2":
		s.reply("522 Network protocol not supported, use (" + own + ")")
	default:
		s.reply("501 EPSV takes no argument, a protocol number or ALL.")
	}
}

func (s *session) passive(verb string, method PassiveMethod, host netip.Addr, normal string) {
	if method.Silent {
		return
	}
	text := orDefault(method.Reply, normal)
	if strings.HasPrefix(text, "4") || strings.HasPrefix(text, "5") {
		s.reply(text)
		return
	}
	if s.config.PRET && !s.prepared {
		s.reply("503 Send PRET first.")
		return
	}
	s.prepared = false
	plan, bound, err := s.listenData(method.Port)
	if err != nil {
		s.reply("425 Cannot open a port: " + plain(err.Error()))
		return
	}
	port := bound.Port()
	if shift := s.config.Passive.AdvertisePort; shift != nil {
		port = shift(port)
	}
	advertised := netip.AddrPortFrom(host, port)
	plan.record = s.server.record(DataConn{Session: s.id, Method: verb, Advertised: advertised, Local: bound})
	s.arrange(plan)
	s.reply(fillPassive(text, advertised))
}

// fillPassive puts the advertised address into a reply.
func fillPassive(text string, at netip.AddrPort) string {
	pasv := ""
	if host := at.Addr(); host.Is4() {
		h := host.As4()
		pasv = fmt.Sprintf("%d,%d,%d,%d,%d,%d", h[0], h[1], h[2], h[3], at.Port()>>8, at.Port()&0xff)
	}
	return strings.NewReplacer("{pasv}", pasv, "{host}", at.Addr().String(), "{port}", strconv.Itoa(int(at.Port()))).Replace(text)
}

// listenData opens the port of a passive data connection.
func (s *session) listenData(port PortBehaviour) (*dataPlan, netip.AddrPort, error) {
	open := s.config.Network.Listen
	if port == PortBlackHole {
		open = s.config.Network.BlackHole
	}
	ln, err := s.listenInRange(open)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	plan := &dataPlan{port: port, listener: ln}
	bound := addrPort(ln.Addr())
	switch port {
	case PortRefused:
		_ = ln.Close()
		plan.listener = nil
	case PortResets:
		plan.hit = make(chan struct{})
		plan.resetter.Go(func() { resetAll(ln, plan.hit) })
	}
	return plan, bound, nil
}

func resetAll(ln net.Listener, hit chan struct{}) {
	for first := true; ; first = false {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		reset(conn)
		if first {
			close(hit)
		}
	}
}

type listenFunc func(ctx context.Context, network, address string) (net.Listener, error)

// listenInRange takes the next free port of the range; the search starts after the port that was taken last.
func (s *session) listenInRange(open listenFunc) (net.Listener, error) {
	host := s.server.dataAddr(s.local.Addr())
	low, high := int(s.config.Passive.PortMin), int(s.config.Passive.PortMax)
	if high == 0 {
		return open(s.ctx, "tcp", netip.AddrPortFrom(host, 0).String())
	}
	var err error
	for range max(1, high-low+1) {
		port := low + s.server.rotate(max(1, high-low+1))
		var ln net.Listener
		if ln, err = open(s.ctx, "tcp", netip.AddrPortFrom(host, uint16(port)).String()); err == nil {
			return ln, nil
		}
	}
	return nil, fmt.Errorf("no port free from %d to %d: %w", low, high, err)
}

// rotate returns 0, 1, … n-1, 0, … in turn.
func (s *Server) rotate(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.nextPort % n
	s.nextPort = at + 1
	return at
}

// acceptData waits for the client's connection. The refusal is the reply to give instead of a transfer.
func (s *session) acceptData(ctx context.Context, plan *dataPlan) (conn net.Conn, refusal string) {
	const failed = "425 Cannot open the data connection: nobody came."
	ctx, cancel := context.WithTimeout(ctx, s.config.DataTimeout)
	defer cancel()
	if plan.port == PortRefused || plan.port == PortResets {
		select {
		case <-ctx.Done():
		case <-plan.hit:
		}
		return nil, failed
	}
	defer context.AfterFunc(ctx, func() { _ = plan.listener.Close() })()
	conn, err := plan.listener.Accept()
	if err != nil {
		return nil, failed
	}
	_ = plan.listener.Close()
	if peer := addrPort(conn.RemoteAddr()).Addr(); peer != s.remote.Addr() && !s.config.Passive.AnyPeer {
		_ = conn.Close()
		return nil, "425 Security: the data connection came from another host."
	}
	return conn, ""
}

// refusedAfterConnect is the answer that the behaviour of the port has in place of a transfer, and whether a 150 comes before it.
func refusedAfterConnect(port PortBehaviour) (refusal string, announce bool) {
	switch port {
	case PortAnswers425:
		return "425 Cannot use the data connection.", false
	case PortLate425:
		return "425 Cannot use the data connection.", true
	case PortLate426:
		return "426 Data connection failed.", true
	}
	return "", true
}
