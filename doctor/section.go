package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/dualport/ftp"
)

// section is the part of an examination that sessions of one family and one kind
// of security tell. It has one session, which is made anew where a method broke
// it.
type section struct {
	address string
	opts    ftp.Options
	dialer  switchDialer
	client  *ftp.Client
	dialErr error // why there is no session any more

	local, remote string // of the control connection, as in Report
	via           string // the other end of what a hook made
	command       string // the last one
	sayings       []saying
	rungs         []ftp.Rung
	dataTLS       *ftp.TLSInfo   // of the last data connection
	working       ftp.DataDialer // the first one that led to a data connection
	reuseRefused  bool           // a data connection was refused for its TLS session
	rows          []Row
}

// saying is a reply of the server to a command line, which is empty for the
// greeting.
type saying struct {
	line  string
	reply ftp.Reply
}

// newSection prepares the sessions that opts describe. It passes every event on
// to the trace in opts.
func newSection(address string, opts ftp.Options) *section {
	s := &section{address: address, opts: opts}
	s.opts.DataDialer = &s.dialer
	s.opts.Trace = s.listenIn(opts.Trace)
	return s
}

// crowdedWait is how long a server that admits one session at a time is given to
// notice that the last one has ended.
const crowdedWait = 500 * time.Millisecond

// dial makes the session. A refused login is not tried a second time.
func (s *section) dial(ctx context.Context) error {
	s.client, s.dialErr = dialPatiently(ctx, s.address, &s.opts)
	return s.dialErr
}

// dialPatiently asks a server that is full once more.
func dialPatiently(ctx context.Context, address string, o *ftp.Options) (*ftp.Client, error) {
	client, err := ftp.Dial(ctx, address, o)
	if errors.Is(err, ftp.ErrTooManyConnections) && wait(ctx, crowdedWait) {
		return ftp.Dial(ctx, address, o)
	}
	return client, err
}

// wait tells whether d passed before the context ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *section) close() {
	if s.client != nil {
		_ = s.client.Close() // nothing is under way
	}
}

// session returns a session that is in step, dialling again where the last
// method broke it.
func (s *section) session(ctx context.Context) error {
	if s.dialErr != nil {
		return s.dialErr
	}
	if err := s.client.NoOp(ctx); err == nil || !errors.Is(err, ftp.ErrBroken) && !errors.Is(err, ftp.ErrTooManyConnections) {
		return nil // a server without NOOP has answered too
	}
	s.close()
	return s.dial(ctx)
}

// stayInFamily makes later sessions reach the server over the family of this one.
func (s *section) stayInFamily() {
	if s.opts.DialContext != nil {
		return
	}
	switch s.family() {
	case familyIPv4:
		s.opts.Network = "tcp4"
	case familyIPv6:
		s.opts.Network = "tcp6"
	}
}

// family is that of the session; empty where a proxy hides it.
func (s *section) family() string {
	addr := addrOf(s.remote)
	switch {
	case s.opts.DialContext != nil || !addr.IsValid():
		return ""
	case addr.Is4():
		return familyIPv4
	}
	return familyIPv6
}

// security is how the session is encrypted: "none", "explicit" or "implicit".
func (s *section) security() string {
	if s.opts.TLS != ftp.TLSOpportunisticUnsafe {
		return s.opts.TLS.String()
	}
	if s.client != nil {
		if _, encrypted := s.client.TLS(); encrypted {
			return ftp.TLSExplicit.String()
		}
	}
	return ftp.TLSNone.String()
}

// examine tries the probes, one after the other.
func (s *section) examine(ctx context.Context, list []probe) {
	for _, p := range list {
		row := s.run(ctx, p)
		row.Family, row.Security = s.family(), s.security()
		s.rows = append(s.rows, row)
	}
}

func (s *section) greeting() string {
	for _, said := range s.sayings {
		if said.line == "" && said.reply.Code >= 200 { // a 120 only announces it
			return said.reply.Text()
		}
	}
	return ""
}

// listenIn returns a trace that notes what the report tells, and passes
// everything on to the caller's.
func (s *section) listenIn(outer *ftp.Trace) *ftp.Trace {
	var t ftp.Trace
	if outer != nil {
		t = *outer
	}
	t.Dial = both(t.Dial, func(d ftp.DialEvent) {
		if d.Purpose == ftp.PurposeControl && d.Err == nil {
			s.noteEnds(d)
		}
	})
	t.Command = both(t.Command, func(c ftp.CommandEvent) { s.command = c.Line })
	t.Reply = both(t.Reply, s.noteReply)
	t.Transfer = both(t.Transfer, func(t ftp.TransferEvent) { s.dataTLS = t.Result.Negotiation.TLS })
	t.Rung = both(t.Rung, func(r ftp.Rung) { s.rungs = append(s.rungs, r) })
	return &t
}

// noteEnds keeps the ends of the control connection. Behind a hook the other end
// may be a proxy, so that only the address which was asked for is the server's.
func (s *section) noteEnds(d ftp.DialEvent) {
	s.local, s.remote = addrText(d.Local), addrText(d.Remote)
	if s.opts.DialContext == nil {
		return
	}
	s.via, s.remote = s.remote, ""
	if addrOf(d.Address).IsValid() {
		s.remote = d.Address
	}
}

// noteReply keeps the replies in which servers tell addresses.
func (s *section) noteReply(r ftp.ReplyEvent) {
	line := ""
	switch r.Command {
	case "":
	case "USER", "PASS", "ACCT":
		line = r.Command
	case "PORT", "EPRT":
		if line = s.command; !strings.HasPrefix(line, r.Command) {
			return
		}
	default:
		return
	}
	s.sayings = append(s.sayings, saying{line, r.Reply})
}

// addrText: a connection that Options.DialContext made may have no addresses.
func addrText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// addrOf returns the address in an "address:port"; invalid where there is none.
func addrOf(s string) netip.Addr {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// hostOf is the text of addrOf; empty where there is no address.
func hostOf(s string) string {
	if addr := addrOf(s); addr.IsValid() {
		return addr.String()
	}
	return ""
}

func both[E any](first, second func(E)) func(E) {
	if first == nil {
		return second
	}
	return func(event E) {
		first(event)
		second(event)
	}
}
