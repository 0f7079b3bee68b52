package ftpproxy

import (
	"errors"
	"fmt"
)

// Sentinels, matched with [errors.Is]. That the proxy has no BIND, or cannot
// have it, matches [errors.ErrUnsupported].
var (
	// ErrUnreachable is matched where there is no connection to the proxy: the
	// target was not even asked for.
	ErrUnreachable = errors.New("the proxy cannot be reached")
	// ErrCredentials is matched where the proxy wants credentials, or refuses
	// those it was given.
	ErrCredentials = errors.New("the proxy does not accept the login")
)

const (
	opConnect = "connect"
	opBind    = "bind"
	opAccept  = "accept"
)

// Error is the error of connecting and of listening through a [Proxy]. It holds
// no credentials.
type Error struct {
	// Op is "connect"; "bind" for opening a port on the proxy, or "accept" for
	// the wait for a connection to it.
	Op string
	// Proxy is the proxy as scheme://host:port.
	Proxy string
	// Target is the host:port that the proxy was asked for; with bind and
	// accept, the server that is to connect.
	Target string
	// Code is the reply of a SOCKS5 proxy that refused (RFC 1928 section 6); 0
	// where there was none.
	Code byte
	// Status is the status of an HTTP proxy's answer; 0 where there was none.
	Status int
	// Err is the cause, with what to do about it.
	Err error
}

// Error says what was asked of which proxy, and what came of it, on one line.
func (e *Error) Error() string {
	what := map[string]string{opConnect: "connecting to", opBind: "opening a port for", opAccept: "waiting for"}[e.Op]
	return fmt.Sprintf("ftpproxy: %s %s through %s: %v", what, e.Target, e.Proxy, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// failed makes the error of one operation.
func (p *Proxy) failed(op, target string, err error) *Error {
	e := &Error{Op: op, Proxy: p.label(), Target: fmt.Sprintf("%.300s", target), Err: err}
	var refused *refusal
	if errors.As(err, &refused) {
		e.Code = refused.code
	}
	var answer *statusError
	if errors.As(err, &answer) {
		e.Status = answer.status
	}
	return e
}
