package ftp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/dualport/ftp/internal/listing"
	"github.com/dualport/ftp/internal/wire"
)

// Options says how a [Client] connects, logs in and transfers. A nil *Options
// and the zero Options mean the same: an anonymous login over plain FTP, with
// passive data connections and the default timeouts.
//
// Dial copies Options; changing a value afterwards changes nothing.
type Options struct {
	// User is the argument of USER. Empty means "anonymous".
	User string
	// Password is the argument of PASS, sent only where the server asks for
	// one. Empty means "anonymous@" for an anonymous login.
	Password string
	// Account is the argument of ACCT, sent where the server asks for one
	// (RFC 959 section 4.1.1, reply 332).
	Account string
	// VirtualHost is the argument of HOST, sent before the login (RFC 7151).
	// Empty means that HOST is not sent. A server that refuses it fails Dial.
	VirtualHost string
	// SkipLogin makes Dial stop after the greeting; the caller calls Login.
	SkipLogin bool

	// Network is "tcp" (also the empty string), "tcp4" or "tcp6". With "tcp"
	// both families of a dual-stack host are tried (RFC 8305).
	Network string
	// Bind is the local IP address, or the name of the network interface, of
	// both connections. Empty means that the routing table decides.
	Bind string
	// DialContext, where not nil, makes every outgoing TCP connection. It gets
	// the logical address: the host as Dial was given it, so that a proxy can
	// resolve the name, also for data connections. [ConnPurpose] tells from
	// its context what the connection is for.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// TLS says whether and when the session is encrypted. The zero value is
	// plain FTP.
	TLS TLSMode
	// TLSConfig holds the CA, client certificate and versions. It may be nil.
	// Dial clones it, sets ServerName to the host that is dialled where it is
	// empty, and keeps the sessions to resume itself. Data connections are
	// verified as the control connection is.
	TLSConfig *tls.Config
	// DataProtection says whether data connections are encrypted too. The zero
	// value is DataPrivate; a server that refuses it fails Dial.
	DataProtection DataProtection
	// ClearControlUnsafe ends the encryption of the control connection after
	// the login (CCC), so that a NAT which reads it can do its work. Commands,
	// names and addresses then pass in clear, and can be changed on the way.
	ClearControlUnsafe bool
	// RequireSessionReuse fails a transfer whose data connection did not resume
	// the TLS session: no third party can then have taken its place.
	RequireSessionReuse bool

	// Mode chooses between passive and active data connections.
	Mode Mode
	// Passive tunes data connections that the client opens.
	Passive Passive
	// Active tunes data connections that the server opens.
	Active Active
	// DataDialer, where not nil, replaces what Mode, Passive and Active say.
	DataDialer DataDialer
	// Memory is what earlier transfers learned about the way to this server.
	// Clients of the same server and the same network may share one; nil
	// means that the client keeps its own.
	Memory *Memory

	// Timeouts bounds every wait of the session.
	Timeouts Timeouts
	// Limits bounds what a server may send.
	Limits Limits

	// Location is the time zone of the times in LIST lines; nil means UTC.
	// Times of MLSD, MLST and MDTM are in UTC by definition.
	Location *time.Location

	// Trace, where not nil, is told of every step. It never sees a secret.
	Trace *Trace
	// Progress, where not nil, is called from the transferring goroutine
	// after each chunk of a Retrieve or Store, and once at the end. A Store that
	// begins anew, by another method, counts from nothing again.
	Progress func(Progress)
}

// Mode says which side opens data connections.
type Mode uint8

const (
	// ModePassive makes the client connect to the server: EPSV, then PASV.
	ModePassive Mode = iota
	// ModeActive makes the server connect to the client: PORT and EPRT.
	ModeActive
	// ModeAuto tries passive, then active.
	ModeAuto
)

// String returns "passive", "active" or "auto".
func (m Mode) String() string {
	switch m {
	case ModePassive:
		return "passive"
	case ModeActive:
		return "active"
	case ModeAuto:
		return "auto"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// Timeouts bounds each kind of wait. In every field zero means the default
// that its comment gives, and a negative value means no limit. A whole
// transfer has no limit but its context.
type Timeouts struct {
	// Dial bounds the connection to the server and its greeting: 30 s.
	Dial time.Duration
	// TLSHandshake bounds each TLS handshake: 15 s.
	TLSHandshake time.Duration
	// Reply bounds the wait for the reply to a command: 30 s.
	Reply time.Duration
	// DataConnect bounds the connection to one passive address: 10 s.
	DataConnect time.Duration
	// Accept bounds the wait for the server's connection in active mode: 20 s.
	Accept time.Duration
	// Stall bounds the time in which not one byte of a transfer moves: 60 s.
	Stall time.Duration
	// FinalReply bounds the wait for the reply that ends a transfer, and for
	// one that is still owed to a call that was cancelled: 60 s.
	FinalReply time.Duration
	// Abort bounds how long breaking off a transfer may take: 5 s.
	Abort time.Duration
}

// Limits bounds what a server may send. In every field zero means the default
// that its comment gives.
type Limits struct {
	// ReplyLine is the length of one line of a reply, in bytes: 8 KiB.
	ReplyLine int
	// ReplyLines is the number of lines of one reply: 4096.
	ReplyLines int
	// ReplyBytes is the size of one whole reply, in bytes: 1 MiB.
	ReplyBytes int
	// ListLine is the length of one line of a listing, in bytes: 16 KiB.
	ListLine int
	// ListLines is the number of lines of one listing: no limit. A listing is
	// streamed, so a long one costs time and no memory.
	ListLines int
}

func (l Limits) wire() wire.Limits {
	return wire.Limits{Line: l.ReplyLine, Lines: l.ReplyLines, Total: l.ReplyBytes}
}

func (l Limits) listing() listing.Limits {
	return listing.Limits{Line: int64(l.ListLine), Lines: l.ListLines}
}

// resolve returns a copy of o with every default filled in, or says which
// field cannot be right.
func (o *Options) resolve() (Options, error) {
	var r Options
	if o != nil {
		r = *o
	}
	if r.User == "" {
		r.User = "anonymous"
	}
	if r.Password == "" && isAnonymous(r.User) {
		r.Password = "anonymous@"
	}
	if r.Network == "" {
		r.Network = "tcp"
	}
	if r.Location == nil {
		r.Location = time.UTC
	}
	if r.Memory == nil {
		r.Memory = new(Memory)
	}
	if r.TLSConfig != nil {
		r.TLSConfig = r.TLSConfig.Clone()
	}
	r.Timeouts = r.Timeouts.resolve()
	r.Passive.Methods = append([]Method(nil), r.Passive.Methods...)
	r.Passive.AvoidPorts = append([]uint16(nil), r.Passive.AvoidPorts...)
	r.Active.Methods = append([]Method(nil), r.Active.Methods...)
	return r, r.check()
}

func isAnonymous(user string) bool {
	return strings.EqualFold(user, "anonymous") || strings.EqualFold(user, "ftp")
}

func (o *Options) check() error {
	switch o.Network {
	case "tcp", "tcp4", "tcp6":
	default:
		return fmt.Errorf("Options.Network is %q; use tcp, tcp4 or tcp6", o.Network)
	}
	if o.TLS > TLSOpportunisticUnsafe {
		return fmt.Errorf("Options.TLS is %d; use TLSNone, TLSExplicit, TLSImplicit or TLSOpportunisticUnsafe", o.TLS)
	}
	if o.DataProtection > DataClear {
		return fmt.Errorf("Options.DataProtection is %d; use DataPrivate or DataClear", o.DataProtection)
	}
	if o.RequireSessionReuse && (o.TLS == TLSNone || o.DataProtection == DataClear) {
		return errors.New("field RequireSessionReuse of Options needs encrypted data connections; set TLS, and DataPrivate")
	}
	if o.ClearControlUnsafe && o.TLS == TLSNone {
		return errors.New("field ClearControlUnsafe of Options ends TLS, and needs TLS to be set")
	}
	for _, field := range []struct{ name, value string }{
		{"User", o.User}, {"Password", o.Password}, {"Account", o.Account}, {"VirtualHost", o.VirtualHost},
	} {
		if err := sendable(field.value); err != nil {
			return fmt.Errorf("field %s of Options: %w", field.name, err)
		}
	}
	if o.Mode > ModeAuto {
		return fmt.Errorf("Options.Mode is %d; use ModePassive, ModeActive or ModeAuto", o.Mode)
	}
	return errors.Join(o.Passive.check(), o.Active.check())
}

func (t Timeouts) resolve() Timeouts {
	def := func(d *time.Duration, standard time.Duration) {
		switch {
		case *d == 0:
			*d = standard
		case *d < 0:
			*d = 0
		}
	}
	def(&t.Dial, 30*time.Second)
	def(&t.TLSHandshake, 15*time.Second)
	def(&t.Reply, 30*time.Second)
	def(&t.DataConnect, 10*time.Second)
	def(&t.Accept, 20*time.Second)
	def(&t.Stall, 60*time.Second)
	def(&t.FinalReply, 60*time.Second)
	def(&t.Abort, 5*time.Second)
	return t
}
