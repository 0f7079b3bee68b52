package ftp

import (
	"crypto/tls"
	"slices"
	"sync"
)

// maxTickets bounds what a session keeps; servers send one or two at a time.
const maxTickets = 32

// tickets are the TLS sessions that one control connection and its data
// connections can resume. Servers that tie data connections to the control
// connection accept no others.
//
// A TLS 1.3 ticket is meant for one connection (RFC 8446 appendix C.4), so the
// newest unused one goes first. Some servers hand out two at the login and none
// with an upload (ProFTPD); when all are used, the last one is offered again,
// which those servers accept, until one does not: its tickets are single-use,
// and none is offered twice from then on. Tickets of TLS 1.2 are good for any
// number of connections.
type tickets struct {
	mu       sync.Mutex
	unused   []ticket // the newest last
	used     ticket   // the one offered last
	again    bool     // it was offered a second time
	multiUse bool     // TLS 1.2 or older

	singleUse   bool // the server took no ticket twice
	controlOnly bool // the server took no ticket of a data connection
}

// ticket is one session to resume.
type ticket struct {
	session *tls.ClientSessionState
	data    bool // it came with a data connection
}

// Put implements [tls.ClientSessionCache] for the control connection. There is
// one server, so the key says nothing new.
func (t *tickets) Put(_ string, session *tls.ClientSessionState) {
	t.put(ticket{session: session})
}

// dataTickets is the store as data connections see it.
type dataTickets struct{ *tickets }

// Put implements [tls.ClientSessionCache] for data connections.
func (t dataTickets) Put(_ string, session *tls.ClientSessionState) {
	t.put(ticket{session, true})
}

func (t *tickets) put(one ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.session == nil || t.controlOnly && one.data {
		return
	}
	t.unused = append(t.unused, one)
	if len(t.unused) > maxTickets {
		t.unused = t.unused[1:]
	}
}

// Get implements [tls.ClientSessionCache] for both.
func (t *tickets) Get(string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := len(t.unused) - 1; last >= 0 {
		t.used, t.unused, t.again = t.unused[last], t.unused[:last], false
		return t.used.session, true
	}
	if t.used.session == nil || t.singleUse {
		return nil, false
	}
	t.again = !t.multiUse
	return t.used.session, true
}

// established tells which protocol the control connection speaks.
func (t *tickets) established(version uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.multiUse = version < tls.VersionTLS13
}

// outcome tells whether the last data connection resumed what it was offered.
func (t *tickets) outcome(resumed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case resumed || t.used.session == nil:
	case t.again:
		t.singleUse = true
	case t.used.data:
		t.controlOnly = true
		t.unused = slices.DeleteFunc(t.unused, func(one ticket) bool { return one.data })
		t.used = ticket{}
	}
}

// successor is the empty store of a new control connection to the same server.
func (t *tickets) successor() *tickets {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &tickets{singleUse: t.singleUse, controlOnly: t.controlOnly}
}
