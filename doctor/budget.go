package doctor

import (
	"context"
	"time"

	"github.com/dualport/ftp"
)

// shorten bounds the waits so that the probes of a session fit into the limit
// even where each of them times out.
func shorten(t ftp.Timeouts, limit time.Duration) ftp.Timeouts {
	if limit <= 0 {
		return t
	}
	atMost := func(d *time.Duration, most time.Duration) {
		if round := most.Truncate(time.Millisecond); round > 0 {
			most = round
		}
		if *d <= 0 || *d > most {
			*d = most
		}
	}
	atMost(&t.Dial, min(limit/3, 30*time.Second))
	atMost(&t.TLSHandshake, min(limit/6, 15*time.Second))
	atMost(&t.Reply, min(limit/6, 30*time.Second))
	atMost(&t.DataConnect, min(limit/12, 10*time.Second))
	atMost(&t.Accept, min(limit/8, 20*time.Second))
	atMost(&t.Stall, min(limit/6, 60*time.Second))
	atMost(&t.FinalReply, min(limit/6, 60*time.Second))
	atMost(&t.Abort, min(limit/12, 5*time.Second))
	return t
}

// farewell is the part of a limit that is kept for what ends a session: the reply
// to QUIT, or to ABOR where a listing was under way.
func farewell(limit time.Duration) time.Duration { return min(max(limit, 0)/4, 2*time.Second) }

// part returns a context that ends with a part of the time that is left, and how
// long that part is; zero where time is not limited.
func part(ctx context.Context, of int) (context.Context, time.Duration, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return ctx, 0, func() {}
	}
	share := max(time.Until(deadline)/time.Duration(of), time.Nanosecond)
	ctx, cancel := context.WithTimeoutCause(ctx, share, errLimit)
	return ctx, share, cancel
}
