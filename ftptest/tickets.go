package ftptest

import (
	"crypto/tls"
	"fmt"
	"sync"
)

// Tickets says how TLS sessions can be resumed. In the zero value every connection hands out one ticket, which can be used any
// number of times. With TLS 1.2 it is part of the handshake, and the ticket of a resumed session stands for that same session;
// with TLS 1.3 it comes when the handshake is over, as from OpenSSL, and a client that closes a data connection without having
// read it resets the connection. The fields combine.
//
// A ticket that is not accepted is no error: a full handshake takes place, which TLS.RequireReuse then refuses.
type Tickets struct {
	None        bool // no tickets are handed out
	Expired     bool // tickets are handed out, and none is ever accepted
	SingleUse   bool // with TLS 1.3, a ticket is accepted once; TLS 1.2 has one ticket for a whole session
	ControlOnly bool // data connections accept the tickets of control connections only

	// Late holds the ticket of TLS 1.3 back further, until the server has something else to send: on a control connection the next
	// reply, in a download the first data, in an upload the server's close_notify.
	Late bool
}

// stamp is what the server writes into a ticket, to know it again.
type stamp struct {
	family int // the control connection
	data   bool
	serial uint64
}

const stampFormat = "ftptest ticket of session %d, data %t, number %d"

func (s stamp) bytes() []byte { return fmt.Appendf(nil, stampFormat, s.family, s.data, s.serial) }

func parseStamp(extra [][]byte) (s stamp, ok bool) {
	for _, b := range extra {
		if n, err := fmt.Sscanf(string(b), stampFormat, &s.family, &s.data, &s.serial); err == nil && n == 3 {
			return s, true
		}
	}
	return stamp{}, false
}

// ticketBook knows the tickets of a server.
type ticketBook struct {
	mu     sync.Mutex
	serial uint64
	used   map[uint64]bool
}

func (b *ticketBook) next() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serial++
	return b.serial
}

// use reports whether it is the first use of a ticket.
func (b *ticketBook) use(serial uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used[serial] {
		return false
	}
	if b.used == nil {
		b.used = make(map[uint64]bool)
	}
	b.used[serial] = true
	return true
}

// ticketUse is the giving and taking of tickets on one connection.
type ticketUse struct {
	family int
	data   bool

	book  *ticketBook
	rules Tickets
	keys  *tls.Config
	conn  *carrier
	taken stamp // of the ticket that was accepted; crypto/tls may still decide against it
}

// wrap is tls.Config.WrapSession.
func (u *ticketUse) wrap(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
	s := stamp{family: u.family, data: u.data, serial: u.book.next()}
	if state.Version >= tls.VersionTLS13 {
		u.conn.due = true
	} else if state.DidResume { // the same session under another cover
		s.family, s.data = u.taken.family, u.taken.data
	}
	session.Extra = append(session.Extra, s.bytes())
	return u.keys.EncryptTicket(state, session)
}

// unwrap is tls.Config.UnwrapSession.
func (u *ticketUse) unwrap(identity []byte, state tls.ConnectionState) (*tls.SessionState, error) {
	session, err := u.keys.DecryptTicket(identity, state)
	if session == nil || err != nil {
		return nil, err
	}
	s, ok := parseStamp(session.Extra)
	switch {
	case !ok, u.rules.Expired, u.rules.ControlOnly && u.data && s.data:
		return nil, nil
	case u.rules.SingleUse && state.Version >= tls.VersionTLS13 && !u.book.use(s.serial):
		return nil, nil
	}
	u.taken = s
	return session, nil
}
