package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/dualport/ftp"
)

// probe is one way to a data connection.
type probe struct {
	method ftp.Method
	policy string
	dialer ftp.DataDialer
}

// probes returns what is examined, in this order: what most networks permit
// comes first, so that a short limit still tells what matters.
func probes(active ftp.Active) []probe {
	list := []probe{{method: ftp.EPSV, dialer: ftp.Passive{Methods: []ftp.Method{ftp.EPSV}}}}
	for _, policy := range []ftp.AddressPolicy{ftp.AddressAuto, ftp.AddressControl, ftp.AddressServer} {
		dialer := ftp.Passive{Methods: []ftp.Method{ftp.PASV}, Address: policy}
		if policy == ftp.AddressServer {
			dialer.AddressFunc = believe
		}
		list = append(list, probe{ftp.PASV, policy.String(), dialer})
	}
	for _, method := range []ftp.Method{ftp.PORT, ftp.EPRT} {
		dialer := active
		dialer.Methods = []ftp.Method{method}
		list = append(list, probe{method, "", dialer})
	}
	return list
}

// methodProbes are one of each method: the address policies tell nothing new of
// a server over another family or with another security.
func methodProbes(active ftp.Active) []probe {
	return slices.DeleteFunc(probes(active), func(p probe) bool {
		return p.policy == ftp.AddressControl.String() || p.policy == ftp.AddressServer.String()
	})
}

// switchDialer is the session's data dialer; the probe under way sets the one
// that it stands for.
type switchDialer struct{ current ftp.DataDialer }

// DialData implements [ftp.DataDialer].
func (s *switchDialer) DialData(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
	return s.current.DialData(ctx, x)
}

// run examines one way by a listing of the working directory.
func (s *section) run(ctx context.Context, p probe) Row {
	row := Row{Method: p.method, Policy: p.policy}
	if reason := s.notApplicable(p); reason != "" {
		row.Outcome, row.Reason = NotApplicable, reason
		return row
	}
	if before, found := s.hopeless(p); found {
		row.Outcome, row.Error = before.Outcome, before.Error
		row.Advertised, row.Dialled = before.Advertised, before.Dialled
		row.Reason = "not tried again: what came of it does not depend on the address policy"
		return row
	}
	if s.dataTLSFailed() {
		row.Outcome, row.Error = Skipped, "TLS failed on a data connection, which is the same by every method"
		return row
	}
	if ctx.Err() != nil {
		row.Outcome, row.Error, row.late = Skipped, errLimit.Error(), errors.Is(context.Cause(ctx), errLimit)
		return row
	}
	if err := s.session(ctx); err != nil {
		row.Outcome, row.Error, row.late = Skipped, "no session: "+err.Error(), errors.Is(err, errLimit)
		return row
	}
	s.dialer.current, s.rungs, s.dataTLS = p.dialer, nil, nil
	start := time.Now()
	err := list(ctx, s.client)
	row.Duration = time.Since(start).Round(time.Microsecond)
	row.TLS = s.dataTLS
	row.judge(s.rungs, err)
	if !p.method.Passive() && s.cannotListen(err) {
		row.Outcome, row.Reason, row.Error = NotApplicable, row.Error, ""
	}
	if row.Outcome == Works && s.working == nil {
		s.working = p.dialer
	}
	s.reuseRefused = s.reuseRefused || errors.Is(err, ftp.ErrSessionReuse)
	return row
}

// maxEntries bounds the listing: a directory of millions of files proves no more
// than its first thousand do.
const maxEntries = 1000

func list(ctx context.Context, client *ftp.Client) error {
	entries := 0
	for _, err := range client.List(ctx, "") {
		var line *ftp.ListLineError
		if err != nil && !errors.As(err, &line) {
			return err
		}
		if entries++; entries == maxEntries {
			break
		}
	}
	return nil
}

// notApplicable tells why a method has no meaning here, or returns "".
func (s *section) notApplicable(p probe) string {
	switch {
	case p.policy == ftp.AddressServer.String():
		return s.astray()
	case p.method.Passive():
	case s.opts.DialContext != nil && s.opts.Active.ListenFunc == nil:
		return "the connections go through a proxy, to which the server cannot connect"
	case p.method == ftp.PORT && addrOf(s.remote).Is6():
		return "PORT has no room for an IPv6 address"
	}
	return ""
}

// cannotListen tells whether err is that of a hook which cannot listen at all, as
// for an HTTP proxy. A server's refusal, which has a reply, is none.
func (s *section) cannotListen(err error) bool {
	return s.opts.Active.ListenFunc != nil && ftp.ReplyCode(err) == 0 && errors.Is(err, errors.ErrUnsupported)
}

// believe is the policy to dial what a 227 names, as far as the doctor may go
// unasked: each 227 may name another address than the one before.
func believe(advertised netip.AddrPort, control netip.Addr) (netip.AddrPort, error) {
	if reason := strays(advertised, control); reason != "" {
		return netip.AddrPort{}, errors.New(reason)
	}
	return advertised, nil
}

// strays tells why an address in a 227 is not connected to: a server out there that
// names a private one would send the client into the client's own network, and one on a
// local network to a service of its neighbour. It is empty where nothing speaks
// against it, and where a proxy connects.
func strays(named netip.AddrPort, peer netip.Addr) string {
	addr := named.Addr()
	switch {
	case !addr.IsValid() || !peer.IsValid() || addr == peer:
	case (addr.IsUnspecified() || addr.IsMulticast() || addr.IsLoopback()) && !peer.IsLoopback(),
		isPrivate(addr.String()) && !isPrivate(peer.String()):
		return fmt.Sprintf("the server names %s, which leads from here to another host, or nowhere, and is not connected to", addr)
	case named.Port() < firstFree && !peer.IsLoopback():
		return fmt.Sprintf("the server names port %d of another host, %s, which is not connected to", named.Port(), addr)
	}
	return ""
}

// astray is strays for what the server has named already.
func (s *section) astray() string {
	for _, r := range s.rows {
		if named, err := netip.ParseAddrPort(r.Advertised); err == nil && r.Method == ftp.PASV {
			if reason := strays(named, addrOf(s.remote)); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// hopeless looks for an earlier row in which the server refused the same command
// or never answered it, or in which nothing answered at the only address that
// every policy leads to.
func (s *section) hopeless(p probe) (Row, bool) {
	for _, r := range s.rows {
		if r.Method != p.method {
			continue
		}
		alone := r.Dialled == "" || hostOf(r.Advertised) == hostOf(r.Dialled) && hostOf(r.Dialled) == hostOf(s.remote)
		if r.Outcome == Refused || r.Outcome == TimedOut && alone {
			return r, true
		}
	}
	return Row{}, false
}

// dataTLSFailed tells whether TLS failed on a data connection before. Each try
// may cost a new login, and servers ban who logs in too often.
func (s *section) dataTLSFailed() bool {
	return slices.ContainsFunc(s.rows, func(r Row) bool { return r.Outcome == TLSFailed })
}

// judge fills in what the attempts and the outcome of the listing tell.
func (r *Row) judge(rungs []ftp.Rung, err error) {
	var last ftp.Rung
	if len(rungs) > 0 {
		last = rungs[len(rungs)-1]
		r.Advertised, r.Dialled, r.Listened = last.Advertised.String(), last.Dialled, last.Listened.String()
		r.Reason = last.Reason
	}
	if err == nil {
		r.Outcome = Works
		return
	}
	connected := len(rungs) > 0 && last.Err == nil
	if code := ftp.ReplyCode(err); tlsRelated(err) || connected && (code == 521 || code == 522) { // about PROT (RFC 4217 section 9)
		r.Outcome, r.Error, r.replyCode = TLSFailed, tlsCause(err), code
		return
	}
	cause := err
	if len(rungs) > 0 && last.Err != nil {
		cause = last.Err
	}
	r.Error = causeText(cause)
	r.Outcome, r.late, r.replyCode = classify(r.Method, cause), errors.Is(cause, errLimit), ftp.ReplyCode(cause)
	if connected && ftp.ReplyCode(err) >= 400 && !errors.Is(err, ftp.ErrIncomplete) {
		r.Outcome = Works // there was a connection; what the server did not like is the listing
	}
}

func classify(m ftp.Method, cause error) Outcome {
	var timeout *ftp.TimeoutError
	var reply *ftp.Error
	switch {
	case errors.Is(cause, errLimit):
		return Skipped
	case errors.As(cause, &timeout), isTimeout(cause):
		return TimedOut
	case errors.As(cause, &reply) && reply.Command == string(m) && reply.Reply.Code >= 400:
		return Refused
	}
	return Failed
}

// isTimeout: a deadline that the network package saw first is one all the same.
func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// causeText is the text of an error without the parts that the row tells.
func causeText(err error) string {
	var e *ftp.Error
	if !errors.As(err, &e) || e.Reply.Code == 0 {
		return err.Error()
	}
	return (&ftp.Error{Command: e.Command, Reply: e.Reply, Err: e.Err}).Error()
}
