package ftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Auto tries the passive methods, then the active ones. A method that worked
// is tried first the next time. The zero Auto is right for most networks.
type Auto struct {
	Passive Passive
	Active  Active
}

// DialData implements [DataDialer].
func (a Auto) DialData(ctx context.Context, x *Exchange) (net.Conn, error) {
	return climb(ctx, x, a.Passive, a.Active)
}

// family is the way of negotiating that Passive and Active have in common: a
// few methods, each of which can be attempted.
type family interface {
	methods(x *Exchange) []Method
	attempt(ctx context.Context, x *Exchange, m Method) (net.Conn, error)
}

// step is one method of the ladder.
type step struct {
	method Method
	family family
	group  int // the family's place, which tells it from the other
}

// climb tries the methods of the families in order until one gives a data
// connection. It steps down on a negative reply, on a connection that fails or
// times out, and logs in again, once, where a method is never answered.
func climb(ctx context.Context, x *Exchange, families ...family) (net.Conn, error) {
	steps := x.passable(ladder(x, families))
	portless := -1 // the group that found no local port, whatever the method
	for _, s := range steps {
		if s.group == portless || slices.Contains(x.tried, s.method) {
			continue
		}
		conn, err := s.family.attempt(ctx, x, s.method)
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if final(x, err) {
			return nil, err
		}
		if errors.Is(err, ErrPortRange) {
			portless = s.group
		}
		x.tried = append(x.tried, s.method)
		x.client.opts.Memory.failed(s.method)
		x.notice(s.method, "%s led to no data connection: %s", s.method, err)
		x.retract()
		if err := x.recover(ctx, s.method); err != nil {
			return nil, err
		}
	}
	return nil, x.exhausted(len(steps))
}

// ladder returns the steps in the order in which to try them: the method that
// worked last comes first.
func ladder(x *Exchange, families []family) []step {
	var steps []step
	for i, f := range families {
		for _, m := range f.methods(x) {
			steps = append(steps, step{m, f, i})
		}
	}
	preferred := x.client.opts.Memory.Preferred()
	slices.SortStableFunc(steps, func(a, b step) int {
		return rank(a.method, preferred) - rank(b.method, preferred)
	})
	return steps
}

// passable leaves out the steps that this session has shown to be in vain. Where
// only silence speaks against the last of them, they are tried anew: it may have
// been the network's, and there is nothing better.
func (x *Exchange) passable(steps []step) []step {
	c := x.client
	possible := slices.DeleteFunc(slices.Clone(steps), func(s step) bool {
		_, refused := c.refused[s.method]
		return refused
	})
	answered := slices.DeleteFunc(slices.Clone(possible), func(s step) bool { return c.silent[s.method] })
	switch {
	case len(answered) > 0:
		return answered
	case len(possible) > 0 && len(x.negotiation.Rungs) == 0:
		clear(c.silent)
		return possible
	}
	if len(x.negotiation.Rungs) == 0 {
		for _, s := range steps {
			x.Record(Rung{Method: s.method, Err: fmt.Errorf("refused earlier in this session: %w", refusal(string(s.method), c.refused[s.method]))})
		}
	}
	return nil
}

func rank(m, preferred Method) int {
	if m == preferred {
		return 0
	}
	return 1
}

// final tells whether no other method can help: the server closed the session,
// or it refused the transfer itself.
func final(x *Exchange, err error) bool {
	var timeout *TimeoutError
	if broken := x.client.ctl.broken; broken != nil {
		return !errors.As(broken, &timeout)
	}
	return x.refusedTransfer(err)
}

// refusedTransfer tells whether err is the server's refusal of the transfer
// itself, in answer to one of the commands that announce it.
func (x *Exchange) refusedTransfer(err error) bool {
	var e *Error
	if !errors.As(err, &e) || !e.Reply.negative() || e.Reply.noDataConnection() {
		return false
	}
	if e.Reply.Code == 530 { // "log in first", whatever was asked
		return true
	}
	return e.Command == x.transfer.verb || e.Command == "REST" || e.Command == "PRET"
}

// recover makes the session anew where a method was never answered, or where
// taking the transfer command back was not. It does so once a transfer.
func (x *Exchange) recover(ctx context.Context, m Method) error {
	c := x.client
	if c.ctl.broken == nil {
		return nil
	}
	if x.negotiation.Relogin {
		return fmt.Errorf("%w: %w", ErrDataConnection, c.ctl.broken)
	}
	x.negotiation.Relogin = true
	x.notice(m, "the session is out of step after %s; logging in again", m)
	c.silent[m] = true // not asked again: the same silence would cost another login
	return c.relogin(ctx)
}

// exhausted is the error where no step is left. What was tried stands in the
// negotiation's record.
func (x *Exchange) exhausted(steps int) error {
	if steps == 0 && len(x.negotiation.Rungs) == 0 {
		return fmt.Errorf("%w: PORT, the only permitted method, cannot name an IPv6 address; permit EPRT", ErrDataConnection)
	}
	return &negotiationError{x.negotiation.Rungs}
}

// negotiationError is ErrDataConnection with the reasons of the attempts.
type negotiationError struct{ rungs []Rung }

func (e *negotiationError) Error() string { return ErrDataConnection.Error() }

func (e *negotiationError) Unwrap() []error {
	reasons := []error{ErrDataConnection}
	for _, r := range e.rungs {
		if r.Err != nil {
			reasons = append(reasons, r.Err)
		}
	}
	return reasons
}

// refuse notes a negative reply to a method's own command. A method that the
// server does not know is not asked again in this session.
func (x *Exchange) refuse(m Method, r Reply) error {
	if r.notImplemented() {
		x.client.refused[m] = r
	}
	return refusal(string(m), r)
}

// protocols reads the list of a 522, "use (1,2)" (RFC 2428 section 2): 1 is
// IPv4 and 2 is IPv6.
func (r Reply) protocols() []int {
	_, list, _ := strings.Cut(r.Text(), "(")
	list, _, closed := strings.Cut(list, ")")
	if r.Code != 522 || !closed {
		return nil
	}
	var protocols []int
	for field := range strings.SplitSeq(list, ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(field)); err == nil {
			protocols = append(protocols, n)
		}
	}
	return protocols
}
