package ftp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Advice says in a sentence what to change so that a data connection may come
// about, in the form "why: what, or what else"; empty where the negotiation
// succeeded.
func (n *Negotiation) Advice() string {
	if n == nil || len(n.Rungs) == 0 || n.Final().Err == nil {
		return ""
	}
	s := n.symptoms()
	why, what := s.explain()
	if len(what) == 0 {
		return why
	}
	return why + ": " + strings.Join(what, ", or ")
}

// symptoms are what the attempts at one data connection have in common.
type symptoms struct {
	noPort          bool // on this side
	passive, active methodSymptoms
	passiveSilent   bool       // no reply to EPSV or PASV
	behindNAT       netip.Addr // the private address that a public server was told; invalid for none
	seen            netip.Addr // where a refusal says that the server sees this host; invalid for none
	translated      bool       // the server was told another address or port than is listened on
	encrypted       bool       // nobody on the way can read the control connection
}

// methodSymptoms are those of EPSV and PASV, or of PORT and EPRT.
type methodSymptoms struct {
	refused   bool // by the server
	unreached bool // no connection came about
}

func (n *Negotiation) symptoms() symptoms {
	s := symptoms{encrypted: n.ControlEncrypted}
	for _, r := range n.Rungs {
		switch {
		case errors.Is(r.Err, ErrPortRange):
			s.noPort = true
		case r.Method.Passive() && r.Dialled == "" && isTimeout(r.Err):
			s.passiveSilent = true
		case r.Method.Passive() && r.Dialled == "":
			s.passive.refused = true
		case r.Method.Passive():
			s.passive.unreached = true
		case r.Advertised.IsZero(): // a failure on this side, whose error says what to do
		default:
			s.noteActive(r, n.ControlPeer)
		}
	}
	return s
}

func (s *symptoms) noteActive(r Rung, peer netip.Addr) {
	told := r.Advertised.Addr()
	if peer.IsValid() && !isLocalNetwork(peer) && classify(told).unroutable() {
		s.behindNAT = told
	}
	if !refusedMethod(r) {
		s.active.unreached = true
		return
	}
	s.active.refused, s.translated = true, r.Advertised != r.Listened
	if addr := seenInRefusal(r.Err, told, peer); addr.IsValid() {
		s.seen = addr
	}
}

// refusedMethod tells whether the server refused the method's own command, and not
// the transfer for want of a connection.
func refusedMethod(r Rung) bool {
	var e *Error
	return errors.As(r.Err, &e) && e.Command == string(r.Method)
}

// seenInRefusal reads the address in a refusal such as Pure-FTPd's "I won't open a
// connection to 192.168.1.10 (only to 203.0.113.2)": the one that is neither what
// the server was told nor its own.
func seenInRefusal(err error, told, peer netip.Addr) netip.Addr {
	var e *Error
	if !errors.As(err, &e) {
		return netip.Addr{}
	}
	for _, word := range strings.FieldsFunc(e.Reply.Text(), notInAddr) {
		if addr := addrIn(word); addr.IsValid() && !same(addr, told) && !same(addr, peer) && !classify(addr).unroutable() {
			return addr
		}
	}
	return netip.Addr{}
}

// explain turns the symptoms into why there was no connection, and what may be done
// about it: any one of it.
func (s *symptoms) explain() (why string, what []string) {
	if s.noPort {
		return "every port of Active.Ports is in use on this host", []string{"widen the range"}
	}
	why, what = s.byMode()
	if s.encrypted && (s.passive.unreached || s.behindNAT.IsValid()) {
		what = append(what, "where a NAT or firewall on the way reads FTP to open the way, which it cannot do on this encrypted control connection, set ClearControlUnsafe")
	}
	return why, what
}

func (s *symptoms) byMode() (why string, what []string) {
	unreachable := "the server's passive ports cannot be reached from here"
	switch notReached := s.active.unreached || s.behindNAT.IsValid(); {
	case notReached && s.passive.unreached:
		return "neither side can open a connection to the other", []string{"have the firewall let out the server's passive ports", s.forward()}
	case notReached && s.passive.refused:
		return "the server refuses passive mode and " + s.notConnected(), []string{s.forward()}
	case notReached:
		return "the server " + s.notConnected(), []string{s.forward(), "use ModeAuto to try passive mode too"}
	case s.passive.unreached && s.active.refused:
		return unreachable + " and it refuses active mode", []string{"open its passive ports in the firewall", "set Passive.ForcedIP where the address is wrong"}
	case s.passive.unreached:
		return unreachable, []string{"open them in the firewall", "set Passive.ForcedIP where the address is wrong", "use ModeAuto to try active mode too"}
	}
	return s.byRefusal()
}

func (s *symptoms) byRefusal() (why string, what []string) {
	const silent = "the server, or something on the way, does not answer"
	switch {
	case s.passiveSilent && s.active.refused:
		return silent + " EPSV and PASV, and the server refuses active mode", nil
	case s.passiveSilent:
		return silent + " this command", []string{"try other methods with ModeAuto"}
	case s.passive.refused && s.active.refused:
		return "the server refuses both passive and active mode", nil
	case s.passive.refused:
		return "the server refuses passive mode", []string{"use ModeActive or ModeAuto"}
	case s.active.refused && s.seen.IsValid():
		return fmt.Sprintf("the server connects only to %s, the address that it sees this host at", s.seen), []string{"set Active.Ports and Active.External"}
	case s.active.refused && s.translated:
		return "the server refuses active mode, or the address or port that it was told, which is not this host's", []string{"check Active.External", "use ModePassive or ModeAuto"}
	case s.active.refused:
		return "the server refuses active mode", []string{"use ModePassive or ModeAuto"}
	}
	return "", nil
}

// notConnected says what the server could not do in active mode.
func (s *symptoms) notConnected() string {
	if s.behindNAT.IsValid() {
		return fmt.Sprintf("was told the private address %s, to which it cannot connect from outside", s.behindNAT)
	}
	return "could not connect to the address listened on"
}

// forward says what makes active mode work behind a NAT.
func (s *symptoms) forward() string {
	const text = "behind a NAT forward a port range to this host and set Active.Ports and Active.External"
	if s.seen.IsValid() {
		return fmt.Sprintf("%s, which is %s as the server sees it", text, s.seen)
	}
	return text
}
