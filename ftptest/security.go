package ftptest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"time"
)

// changesLayer reports whether a command decides on what the next one travels: the reader stops behind it until it has been
// carried out.
func changesLayer(line string) bool {
	verb, _, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	return verb == "AUTH" || verb == "CCC"
}

// auth is AUTH, RFC 4217 section 4. What the client sends right behind it is taken for its side of the handshake.
func (s *session) auth(mechanism string) {
	switch {
	case s.secure != nil:
		s.reply("503 The connection is secure already.")
		return
	case s.config.TLS.Implicit:
		s.reply("504 TLS comes before the greeting here.")
		return
	}
	switch strings.ToUpper(mechanism) {
	case "TLS", "TLS-C", "SSL":
	default:
		s.reply("504 Mechanism not known, use TLS.")
		return
	}
	s.replyAnd("234 Begin the handshake.", s.config.TLS.Inject)
	s.reinitialise()
	s.loggedIn = s.open
	s.sized, s.protected = false, false
	s.secureControl()
}

// secureControl carries out the handshake. A session whose handshake failed is over.
func (s *session) secureControl() bool {
	use := &ticketUse{family: s.id}
	ctx, cancel := context.WithTimeout(s.ctx, s.config.DataTimeout)
	defer cancel()
	conn, err := s.server.tls.handshake(ctx, &recordConn{Conn: s.raw, in: s.clear}, use)
	if err != nil {
		s.quit.Store(true)
		return false
	}
	s.family = s.id
	if state := conn.ConnectionState(); state.DidResume && state.Version < tls.VersionTLS13 {
		s.family = use.taken.family // with TLS 1.2 it is the old session itself
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.secure, s.control, s.in = conn, conn, bufio.NewReader(conn)
	return true
}

// ccc is CCC: the reply is the last thing that TLS protects, then both sides end TLS and go on in clear.
func (s *session) ccc(string) {
	if s.secure == nil {
		s.reply("533 The control connection is in clear already.")
		return
	}
	s.reply("200 The control connection goes on in clear.")
	if err := s.endTLS(); err != nil {
		s.quit.Store(true)
		_ = s.raw.Close()
		return
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.secure, s.control, s.in = nil, s.raw, s.clear
}

// endTLS sends a close_notify and waits for the client's.
func (s *session) endTLS() error {
	if err := s.secure.CloseWrite(); err != nil {
		return err
	}
	if err := s.raw.SetReadDeadline(time.Now().Add(s.config.DataTimeout)); err != nil {
		return err
	}
	if _, err := s.in.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("no close_notify after CCC"), err)
	}
	return s.raw.SetDeadline(time.Time{}) // CloseWrite has left a write deadline behind
}

// bufferSize is PBSZ, which RFC 4217 section 8 requires before PROT.
func (s *session) bufferSize(size string) {
	switch {
	case s.secure == nil:
		s.reply("503 Send AUTH first.")
	case size == "" || strings.Trim(size, "0123456789") != "":
		s.reply("501 PBSZ needs a number.")
	default:
		s.sized = true
		s.reply("200 PBSZ=0")
	}
}

func (s *session) protection(level string) {
	level = strings.ToUpper(level)
	switch {
	case s.secure == nil:
		s.reply("503 Send AUTH first.")
	case !s.sized:
		s.reply("503 Send PBSZ first.")
	case level == "P", level == "C":
		s.protected = level == "P"
		s.reply("200 Protection level is " + level + ".")
	case level == "S", level == "E":
		s.reply("536 Protection level not supported, use P or C.")
	default:
		s.reply("504 Protection level not known, use P or C.")
	}
}

// clearRefusal is the reply to a command that TLS.Required refuses in clear, or empty.
func (s *session) clearRefusal(verb string) string {
	if s.config.TLS == nil || !s.config.TLS.Required {
		return ""
	}
	switch verb {
	case "USER", "PASS", "ACCT":
		if s.secure == nil {
			return "530 Not in clear: send AUTH TLS first."
		}
	case "RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD":
		if !s.protected {
			return "522 Data connections must be protected: send PROT P first."
		}
	}
	return ""
}
