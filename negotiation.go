package ftp

import (
	"encoding/json"
	"errors"
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

// Advice says in a sentence what to change so that a data connection may come
// about; empty where the negotiation succeeded.
func (n *Negotiation) Advice() string {
	if n == nil || len(n.Rungs) == 0 || n.Final().Err == nil {
		return ""
	}
	var passiveRefused, passiveSilent, passiveUnreachable, activeRefused, activeUnreached bool
	for _, r := range n.Rungs {
		switch {
		case errors.Is(r.Err, ErrPortRange):
			return "every port of Active.Ports is in use on this host: widen the range"
		case r.Method.Passive() && r.Dialled == "" && isTimeout(r.Err):
			passiveSilent = true
		case r.Method.Passive() && r.Dialled == "":
			passiveRefused = true
		case r.Method.Passive():
			passiveUnreachable = true
		case r.Advertised.IsZero(): // a failure on this side, whose error says what to do
		case ReplyCode(r.Err) != 0 && !noDataConnection(r.Err):
			activeRefused = true
		default:
			activeUnreached = true
		}
	}
	const forward = "behind a NAT forward a port range to this host and set Active.Ports and Active.External"
	switch {
	case activeUnreached && passiveUnreachable:
		return "neither side can open a connection to the other: have the firewall let out the server's passive ports, or " + forward
	case activeUnreached && passiveRefused:
		return "the server refuses passive mode and could not connect to the address listened on: " + forward
	case activeUnreached:
		return "the server could not connect to the address listened on: " + forward + ", or use ModeAuto to try passive mode too"
	case passiveUnreachable && activeRefused:
		return "the server's passive ports cannot be reached from here and it refuses active mode: open its passive ports in the firewall, or set Passive.ForcedIP where the address is wrong"
	case passiveUnreachable:
		return "the server's passive ports cannot be reached from here: open them in the firewall, set Passive.ForcedIP where the address is wrong, or use ModeAuto to try active mode too"
	case passiveSilent && activeRefused:
		return "the server, or something on the way, does not answer EPSV and PASV, and the server refuses active mode"
	case passiveSilent && !activeUnreached:
		return "the server, or something on the way, does not answer this command: try other methods with ModeAuto"
	case passiveRefused && activeRefused:
		return "the server refuses both passive and active mode"
	case passiveRefused:
		return "the server refuses passive mode: use ModeActive or ModeAuto"
	case activeRefused:
		return "the server refuses active mode: use ModePassive or ModeAuto"
	}
	return ""
}
