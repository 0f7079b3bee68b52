package ftpproxy

import (
	"errors"
	"fmt"
)

// refusal is a SOCKS5 reply other than success (RFC 1928 section 6).
type refusal struct {
	op     string
	code   byte
	asUser bool // after a login
}

// Error says what the code means and what to do.
func (r *refusal) Error() string {
	return fmt.Sprintf("the proxy answered %d: %s", r.code, r.meaning())
}

// Is makes a missing command match errors.ErrUnsupported.
func (r *refusal) Is(target error) bool {
	return r.code == 7 && target == errors.ErrUnsupported
}

func (r *refusal) meaning() string {
	switch r.code {
	case 1:
		return "it failed for a reason of its own, often a name that it cannot resolve; check the name, then its log"
	case 2:
		return r.forbidden()
	case 3:
		return "it has no route to the target's network; check the address family, IPv4 or IPv6, that it can reach"
	case 4:
		return "it cannot reach the host, or does not know its name; check the name"
	case 5:
		return "the target refused the connection; check that the server listens on that port"
	case 6:
		return "the target did not answer in time; a firewall between the proxy and the server may drop the connection"
	case 7:
		return r.unsupported()
	case 8:
		return "it does not take this type of address; give an IPv4 address or a host name"
	}
	return "RFC 1928 does not know that code; see the proxy's log"
}

// forbidden also says, of a proxy that let a client without a login in, that its
// rules may want one: Dante answers so where it serves both.
func (r *refusal) forbidden() string {
	login := ""
	if !r.asUser {
		login = "; or put a user and a password into its URL, if it wants them"
	}
	switch r.op {
	case opBind:
		return "its rules forbid BIND; ask its administrator to permit it, or use passive mode" + login
	case opAccept:
		return "it turned a connection away, by its rules or because it came from another address than the server's; ask its administrator, or use passive mode"
	}
	return "its rules forbid the connection; ask its administrator to permit port 21 and the server's passive ports" + login
}

func (r *refusal) unsupported() string {
	if r.op == opBind {
		return "it has no BIND; use passive mode"
	}
	return "it does not know the command; check that it is a SOCKS5 proxy"
}
