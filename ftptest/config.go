package ftptest

import (
	"maps"
	"slices"
	"time"
)

// Config describes a server. The zero value is a normal, well-behaved, modern server; every field departs from that in one
// point. The server copies it when it starts; functions in it are called from several goroutines.
//
// A field that holds a reply holds it as it goes over the wire, code and text, without the final line end:
// "502 Not here.". Lines of a longer reply are separated by "\n" and sent as they stand: "120 soon\n220 now",
// "211-one\n two\n211 end". The empty string means the normal reply.
type Config struct {
	// Addr is the address to listen on, IP and port. Empty means "127.0.0.1:0": a free port of the loopback interface.
	Addr string

	// Network is where the server listens and dials. Nil means the host's own network.
	Network Network

	// Tree holds the files. Nil means a new, empty one.
	Tree *Tree

	// Clock tells the time for modification times and listings. Nil means time.Now.
	Clock func() time.Time

	// Login says who may come in.
	Login Login

	// Greeting replaces the "220 …" of a new connection. A greeting of 230 lets the client in without a login, which AUTH TLS
	// does not undo; after one of 421 or 5xx the server closes.
	Greeting string

	// EndlessGreeting sends "220-" lines until the client goes away.
	EndlessGreeting bool

	// Features are the lines of the answer to FEAT, without the leading blank. Nil means those that fit the rest of the
	// configuration, an empty slice that there are none.
	Features []string

	// System is the text after the 215 of SYST. Empty means "UNIX Type: L8".
	System string

	// Disable lists verbs, in capitals, that are refused with the given reply; the empty reply means "502 …". A disabled verb
	// is not listed by FEAT. A verb the server does not have is answered with 500 in any case.
	Disable map[string]string

	// PRET makes the server a distributed one, which wants to hear of the transfer before it opens a port: PASV and EPSV
	// without a PRET before them are refused.
	PRET bool

	// TLS describes TLS. Nil means a server that has none: AUTH, PBSZ, PROT and CCC are answered with 502.
	TLS *TLS

	// Passive and Active describe the data connections.
	Passive Passive
	Active  Active

	// DataTimeout is how long the server waits for a data connection, either way, before it answers 425; and for a TLS
	// handshake. Zero means 30 seconds.
	DataTimeout time.Duration

	// RewriteReply changes every reply on its way out, as a NAT with an FTP helper does; it sees the reply as the fields of this
	// struct hold one.
	RewriteReply func(reply string) string

	// ReplyDelay is waited before every reply.
	ReplyDelay time.Duration

	// Faults are what goes wrong, and when.
	Faults []Fault

	// Abort is how ABOR is answered during a transfer.
	Abort AbortStyle

	// NoopInTransfer is how NOOP is answered during a transfer.
	NoopInTransfer NoopStyle

	// Dialect is how the server formats its listings and reads its arguments.
	Dialect Dialect

	// Limits bound what the server puts up with.
	Limits Limits
}

// Login says who may come in. The zero value admits "anonymous" and "ftp" with any password, and "user" with "secret".
type Login struct {
	Users       map[string]string // password by user; nil means user/secret, an empty map nobody
	NoAnonymous bool              // refuse anonymous and ftp
	NoPassword  bool              // USER alone is answered with 230
	Account     string            // if set, PASS is answered with 332 and ACCT must name it
	Refuse      string            // if set, the answer to every PASS
}

// AbortStyle is how a server answers ABOR while a transfer runs.
type AbortStyle int

// All of them exist among real servers. Except for AbortQueued the data connection is closed at once.
const (
	AbortNormal  AbortStyle = iota // 426 for the transfer, 226 for the ABOR
	AbortTwo226                    // 226 for the transfer, 226 for the ABOR
	AbortOnly225                   // nothing for the transfer, 225 for the ABOR
	AbortLate150                   // the 150 is held back: on ABOR come 150, 426 and 226; without ABOR it comes at the end
	AbortSilent                    // no reply at all
	AbortQueued                    // ABOR is not read before the transfer is over, and answered with 225 then
)

// NoopStyle is how a server answers NOOP while a transfer runs.
type NoopStyle int

// The several ways; all of them exist among real servers.
const (
	NoopQueued  NoopStyle = iota // read and answered when the transfer is over
	NoopAtOnce                   // answered with 200 in mid-transfer
	NoopIgnored                  // never answered
	NoopRefused                  // answered with 500 in mid-transfer
)

// Dialect is how the server formats and reads. The zero value is a Unix server with MLSD.
type Dialect struct {
	NoMLSD        bool           // neither MLSD nor MLST
	DOS           bool           // LIST as IIS formats it
	ListFlags     ListFlags      // what "LIST -a" means
	Glob          bool           // LIST and NLST expand * ? and [ ] in their argument
	ListZone      *time.Location // time zone of LIST; nil means UTC. MLSD and MDTM are always in UTC
	MaxListLines  int            // LIST, NLST and MLSD stop without an error after so many lines; 0 means no limit
	ListBareLF    bool           // lines of listings end with LF alone
	ReplyBareLF   bool           // lines of replies end with LF alone
	NoPseudoDirs  bool           // MLSD leaves out "." and ".." (type=cdir and type=pdir)
	StartAsBinary bool           // TYPE is I from the start; RFC 959 has A
}

// ListFlags is what a server makes of a LIST argument that begins with a hyphen.
type ListFlags int

// The several ways.
const (
	FlagsHonoured ListFlags = iota // -a shows names that begin with a dot, other flags are ignored
	FlagsAsName                    // "-a" is the name of a file, which is not there
	FlagsRefused                   // 501
)

// Limits bound what the server puts up with. Zero fields mean the value in brackets.
type Limits struct {
	Sessions      int           // control connections at the same time [no limit]
	SessionsReply string        // greeting of one too many ["421 …"]; a 530 is given to its PASS instead
	Idle          time.Duration // time without a command, then 421 [no limit]
	Line          int           // bytes in a command line [8192]
}

const (
	defaultAddr        = "127.0.0.1:0"
	defaultSystem      = "UNIX Type: L8"
	defaultDataTimeout = 30 * time.Second
	defaultLine        = 8192
)

// resolved returns a copy of the configuration with every default filled in.
func (c Config) resolved() Config {
	c.Addr = orDefault(c.Addr, defaultAddr)
	c.System = orDefault(c.System, defaultSystem)
	c.Greeting = orDefault(c.Greeting, "220 ftptest ready.")
	c.DataTimeout = orDefault(c.DataTimeout, defaultDataTimeout)
	c.Limits.Line = orDefault(c.Limits.Line, defaultLine)
	c.Limits.SessionsReply = orDefault(c.Limits.SessionsReply, "421 Too many connections, try again later.")
	c.Active.Refusal = orDefault(c.Active.Refusal, "425 Cannot open the data connection.")
	if c.Network == nil {
		c.Network = hostNetwork{}
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Tree == nil {
		c.Tree = NewTree()
	}
	if c.Login.Users == nil {
		c.Login.Users = map[string]string{"user": "secret"}
	}
	if c.Dialect.ListZone == nil {
		c.Dialect.ListZone = time.UTC
	}
	if c.TLS != nil {
		settings := *c.TLS
		c.TLS = &settings
	}
	c.Login.Users = maps.Clone(c.Login.Users)
	c.Disable = maps.Clone(c.Disable)
	c.Faults = slices.Clone(c.Faults)
	return c
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
