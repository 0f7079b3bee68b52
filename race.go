package ftp

import (
	"context"
	"net"
	"time"
)

// race dials the possible addresses of one passive reply: the first at once,
// each further one when the one before has failed or has had its head start.
// The first connection wins and the others are closed.
type race struct {
	exchange *Exchange
	stagger  time.Duration
	base     Rung
	start    time.Time

	contested bool // more than one address is possible
	outcomes  []outcome
	winner    dialTarget
}

type outcome struct {
	target dialTarget
	conn   net.Conn
	err    error
	took   time.Duration
}

func (r *race) run(ctx context.Context, targets []dialTarget) (net.Conn, error) {
	r.contested = len(targets) > 1
	if !r.contested {
		return r.won(r.dial(ctx, targets[0]))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan outcome, len(targets))
	launched, ended := 0, 0
	launch := func() {
		target := targets[launched]
		launched++
		go func() { results <- r.dial(ctx, target) }()
	}
	defer func() {
		cancel()
		for ; ended < launched; ended++ { // join the losers
			r.lost(<-results)
		}
	}()
	launch()
	for {
		select {
		case o := <-results:
			ended++
			if o.err == nil {
				return r.won(o)
			}
			r.outcomes = append(r.outcomes, o)
			if launched < len(targets) {
				launch()
			} else if ended == launched {
				return nil, o.err
			}
		case <-r.headStart(launched < len(targets)):
			launch()
		}
	}
}

// headStart fires when the next address may start; never where none is left or
// where it must wait for the failure of the one before.
func (r *race) headStart(more bool) <-chan time.Time {
	if !more || r.stagger < 0 {
		return nil
	}
	return time.After(r.stagger)
}

func (r *race) dial(ctx context.Context, t dialTarget) outcome {
	conn, err := r.exchange.dial(ctx, t.address())
	return outcome{t, conn, err, since(r.start)}
}

func (r *race) won(o outcome) (net.Conn, error) {
	if o.err != nil {
		r.outcomes = append(r.outcomes, o)
		return nil, o.err
	}
	r.winner = o.target
	return o.conn, nil
}

// lost closes a connection that came second. Its attempt is no failure and is
// not recorded.
func (r *race) lost(o outcome) {
	if o.conn != nil {
		_ = o.conn.Close()
	}
}

// record writes the failed attempts and then the one that won, and remembers
// which of two addresses answered.
func (r *race) record(conn net.Conn, err error) {
	for _, o := range r.outcomes {
		rung := r.base
		rung.Dialled, rung.Reason, rung.Duration, rung.Err = o.target.address(), o.target.reason, o.took, o.err
		r.exchange.Record(rung)
	}
	if conn == nil {
		if len(r.outcomes) == 0 { // the control connection ended the wait
			rung := r.base
			rung.Duration, rung.Err = since(r.start), err
			r.exchange.Record(rung)
		}
		return
	}
	rung := r.base
	rung.Dialled, rung.Reason, rung.Duration = r.winner.address(), r.winner.reason, since(r.start)
	rung.Local, rung.Remote = Endpoint{addrPortOf(conn.LocalAddr())}, Endpoint{addrPortOf(conn.RemoteAddr())}
	r.exchange.Record(rung)
	if r.contested {
		r.exchange.client.opts.Memory.believeAdvertised(same(r.winner.addr, r.base.Advertised.Addr()))
	}
}
