package ftp

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Method is a command that negotiates a data connection.
type Method string

// The four methods. EPSV and EPRT serve both address families (RFC 2428);
// PASV and PORT are the IPv4 forms of RFC 959.
const (
	EPSV Method = "EPSV"
	PASV Method = "PASV"
	EPRT Method = "EPRT"
	PORT Method = "PORT"
)

// Passive tells whether the client opens the connection.
func (m Method) Passive() bool { return m == EPSV || m == PASV }

// Negotiation tells how the data connection of one transfer was obtained, or
// why it was not.
type Negotiation struct {
	// Rungs are the attempts, in the order in which they ended. Of a transfer
	// that came about, the last one is the connection that carried it.
	Rungs []Rung `json:"rungs"`
	// Relogin tells that the session had to be made anew on the way, because a
	// server never answered a method.
	Relogin bool `json:"relogin,omitempty"`
	// ControlPeer is the server's address on the control connection; invalid where
	// a proxy resolved its name.
	ControlPeer netip.Addr `json:"control_peer,omitzero"`
	// ControlEncrypted tells that the methods were negotiated over TLS: no NAT or
	// firewall on the way could read them.
	ControlEncrypted bool `json:"control_encrypted,omitempty"`
	// TLS tells how the data connection was encrypted; nil where it was not.
	TLS *TLSInfo `json:"tls,omitempty"`
}

// Rung is one attempt at a data connection: one method with one address.
type Rung struct {
	Method Method `json:"method"`
	// Advertised is what the 227 or 229 said, or what PORT or EPRT said. Its
	// address is invalid for a 229, which tells only a port.
	Advertised Endpoint `json:"advertised,omitzero"`
	// Dialled is the host:port that the client connected to; empty in active
	// mode.
	Dialled string `json:"dialled,omitempty"`
	// Listened is the local address that awaited the server; zero in passive
	// mode.
	Listened Endpoint `json:"listened,omitzero"`
	// Local and Remote are the ends of the connection that came about.
	Local  Endpoint `json:"local,omitzero"`
	Remote Endpoint `json:"remote,omitzero"`
	// Reason tells why this address was chosen.
	Reason string `json:"reason,omitempty"`
	// Duration is the time from the method's command to the outcome.
	Duration time.Duration `json:"duration_ns"`
	// Err is why it failed; nil for the connection that was used.
	Err error `json:"-"`
}

// Endpoint is an IP address and port; in texts and in JSON, an address that is
// not known is left out: ":50000".
type Endpoint struct{ netip.AddrPort }

// IsZero tells whether nothing is known.
func (e Endpoint) IsZero() bool { return e.AddrPort == netip.AddrPort{} }

// String returns "192.0.2.1:50000", ":50000", or "" for the zero Endpoint.
func (e Endpoint) String() string {
	switch {
	case e.IsZero():
		return ""
	case !e.Addr().IsValid():
		return fmt.Sprintf(":%d", e.Port())
	}
	return e.AddrPort.String()
}

// MarshalText returns what String returns.
func (e Endpoint) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// Final returns the rung that carried the transfer, or the last one tried; the
// zero Rung where none was.
func (n *Negotiation) Final() Rung {
	if n == nil || len(n.Rungs) == 0 {
		return Rung{}
	}
	return n.Rungs[len(n.Rungs)-1]
}

// Method is the method of the final rung.
func (n *Negotiation) Method() Method { return n.Final().Method }

// String tells the attempt on one line.
func (r Rung) String() string {
	var b strings.Builder
	b.WriteString(string(r.Method))
	if !r.Advertised.IsZero() {
		b.WriteString(" advertised " + r.Advertised.String())
	}
	if r.Dialled != "" {
		b.WriteString(", dialled " + r.Dialled)
	}
	if !r.Listened.IsZero() {
		b.WriteString(", listened on " + r.Listened.String())
	}
	if r.Err != nil {
		b.WriteString(": " + r.Err.Error())
	}
	return b.String()
}

// MarshalJSON writes the fields by their tags, and Err as the text "error".
func (r Rung) MarshalJSON() ([]byte, error) {
	type fields Rung // without this method
	out := struct {
		fields
		Error string `json:"error,omitempty"`
	}{fields: fields(r)}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return json.Marshal(out)
}

// explain tells every attempt and what to try next.
func (n *Negotiation) explain() string {
	tries := make([]string, len(n.Rungs))
	for i, r := range n.Rungs {
		tries[i] = r.String()
	}
	text := strings.Join(tries, "; ")
	if advice := n.Advice(); advice != "" {
		text += "; " + advice
	}
	return text
}
