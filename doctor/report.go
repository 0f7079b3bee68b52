package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/dualport/ftp"
)

// Report is what an examination found. It holds no password.
type Report struct {
	// Host is the address as Run was given it.
	Host string `json:"host"`
	// Local and Remote are the ends of the control connection. Behind a hook, which
	// may lead to a proxy, Remote is the address that was asked for; it is empty
	// where that is a name, which the proxy resolves.
	Local  string `json:"control_local"`
	Remote string `json:"control_remote"`
	// Proxied tells that the connections go through Options.DialContext.
	Proxied bool `json:"proxied,omitempty"`
	// Via is the other end of the connection that Options.DialContext made, such
	// as the proxy's; empty where there is no such hook, or it does not tell.
	Via string `json:"via,omitempty"`
	// Greeting is the text that the server began with.
	Greeting string `json:"greeting"`
	// System is the server's answer to SYST; empty where it gave none.
	System string `json:"system,omitempty"`
	// Features are the names that the server listed in its answer to FEAT.
	Features []string `json:"features,omitempty"`
	// SeenAs is the address from which the server sees this host come; empty
	// where nothing that it said tells.
	SeenAs string `json:"seen_as,omitempty"`
	// SeenBy tells how that was found out, such as "STAT".
	SeenBy string `json:"seen_by,omitempty"`
	// NAT tells whether the address of this host is translated on the way.
	NAT Presence `json:"nat"`
	// Rewrites tells of what changes the control connection on the way.
	Rewrites []Rewrite `json:"rewrites,omitempty"`
	// TLS is what was found out about encryption.
	TLS TLS `json:"tls"`
	// Rows are the ways to a data connection, in the order of the examination:
	// first those of the session that the options ask for, then those of the other
	// security and of the other family, as far as they were examined.
	Rows []Row `json:"rows"`
	// Works tells whether one of them works with the security that the options ask
	// for.
	Works bool `json:"works"`
	// PassivePorts is the smallest range that holds every port which the server
	// named, such as "50000-50010"; empty where it named none. The range that
	// the server is configured for may be larger.
	PassivePorts string `json:"passive_ports,omitempty"`
	// Advice is what to do, the most important first.
	Advice []Advice `json:"advice"`
	// Duration is how long the examination took.
	Duration time.Duration `json:"duration_ns"`
}

// Inconclusive tells that a session came about and that no way to a data connection
// was tried on it, mostly for lack of time: Works says nothing then.
func (r *Report) Inconclusive() bool {
	return len(r.Rows) > 0 && !slices.ContainsFunc(r.Rows, Row.tried)
}

// tried tells whether the row is of a method, and anything came of it.
func (r Row) tried() bool {
	return r.Method != "" && r.Outcome != Skipped && r.Outcome != NotApplicable
}

// Row is one way to a data connection and what came of it.
type Row struct {
	// Family is that of the session: "IPv4" or "IPv6"; empty where a proxy hides
	// it.
	Family string `json:"family,omitempty"`
	// Security is how the session was encrypted: "none", "explicit" or
	// "implicit".
	Security string `json:"security"`
	// Method is the command that negotiates the connection. It is empty in the one
	// row of a family or a security of which no session came about: Outcome and
	// Error tell why.
	Method ftp.Method `json:"method"`
	// Policy says which address was dialled after a 227: "auto", "control" or
	// "server". It is empty for the other methods, which leave no choice.
	Policy string `json:"address_policy,omitempty"`
	// Outcome is what came of it.
	Outcome Outcome `json:"outcome"`
	// Advertised is the address that the server named, or that was named to it.
	Advertised string `json:"advertised,omitempty"`
	// Dialled is what the client connected to; empty in active mode.
	Dialled string `json:"dialled,omitempty"`
	// Listened is where the client awaited the server; empty in passive mode.
	Listened string `json:"listened,omitempty"`
	// TLS is how the data connection was encrypted; nil where it was not.
	TLS *ftp.TLSInfo `json:"tls,omitempty"`
	// Duration is how long the whole listing took.
	Duration time.Duration `json:"duration_ns"`
	// Reason tells why this address was chosen, or why nothing was tried.
	Reason string `json:"reason,omitempty"`
	// Error is what went wrong; it may be set where the connection works but
	// the server refused to list the directory.
	Error string `json:"error,omitempty"`

	replyCode int  // of the server's refusal, or of the reply that was no good
	late      bool // skipped for the limit
}

// Outcome is what came of one way to a data connection. In texts it is a word
// such as "works".
type Outcome uint8

// The outcomes.
const (
	// Works means that a data connection came about.
	Works Outcome = iota + 1
	// Refused means that the server answered the method with an error.
	Refused
	// Failed means that the connection was refused, reset or not accepted.
	Failed
	// TimedOut means that the connection or a reply did not come in time.
	TimedOut
	// NotApplicable means that the method has no meaning on this network.
	NotApplicable
	// Skipped means that it was not tried for lack of time or of a session.
	Skipped
	// TLSFailed means that the connection came about, but TLS on it did not.
	TLSFailed
)

// String returns "works", "refused", "failed", "timed out", "not applicable",
// "skipped" or "TLS failed".
func (o Outcome) String() string {
	switch o {
	case Works:
		return "works"
	case Refused:
		return "refused"
	case Failed:
		return "failed"
	case TimedOut:
		return "timed out"
	case NotApplicable:
		return "not applicable"
	case Skipped:
		return "skipped"
	case TLSFailed:
		return "TLS failed"
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// MarshalText returns what String returns.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Presence is whether there is something on the way. In texts it is "not known",
// "yes" or "no".
type Presence uint8

// The answers.
const (
	Unknown Presence = iota
	Present
	Absent
)

// String returns "not known", "yes" or "no".
func (p Presence) String() string {
	switch p {
	case Unknown:
		return "not known"
	case Present:
		return "yes"
	case Absent:
		return "no"
	}
	return fmt.Sprintf("Presence(%d)", uint8(p))
}

// MarshalText returns what String returns.
func (p Presence) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Rewrite is a change that a NAT or firewall which reads FTP makes to the control
// connection.
type Rewrite struct {
	// What is changed: "PORT", "EPRT", "227" or "229".
	What string `json:"what"`
	// Said is the address as its sender wrote it, and Arrived as it arrived;
	// either is empty where it is not known.
	Said    string `json:"said,omitempty"`
	Arrived string `json:"arrived,omitempty"`
	// Evidence tells how that was found out.
	Evidence string `json:"evidence"`
}

// Command is text to give to an administrator, or to a shell.
type Command struct {
	// For says whose it is: "nftables on the router of this host", "vsftpd".
	For string `json:"for"`
	// Text is one line or several.
	Text string `json:"text"`
}

// Advice is one thing to do.
type Advice struct {
	// Text is the sentence for a person.
	Text string `json:"text"`
	// Flags are those of the dualport command that do it; empty where the
	// defaults do.
	Flags string `json:"flags,omitempty"`
	// Options is the Go text of the ftp.Options that do it; empty where no
	// option can.
	Options string `json:"options,omitempty"`
	// Commands do it on a firewall, a NAT or the server.
	Commands []Command `json:"commands,omitempty"`
}
