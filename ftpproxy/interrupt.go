package ftpproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// limit bounds ctx by Options.Timeout.
func (p *Proxy) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.opts.Timeout < 0 {
		return ctx, func() {}
	}
	cause := fmt.Errorf("no answer within %v (Options.Timeout of ftpproxy): %w", p.opts.Timeout, context.DeadlineExceeded)
	return context.WithTimeoutCause(ctx, p.opts.Timeout, cause)
}

// interruptible ends the I/O on conn with ctx, until the returned function is
// called, which leaves the connection without a deadline.
func interruptible(ctx context.Context, conn net.Conn) (done func()) {
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		_ = conn.SetDeadline(time.Unix(1, 0)) // fails on a closed connection only
	})
	return func() {
		if !stop() {
			<-fired
		}
		_ = conn.SetDeadline(time.Time{})
	}
}

// endedBy returns why ctx ended, where that is what made a step fail. Of the
// step's own error it keeps that the proxy was not reached.
func endedBy(ctx context.Context, err error) error {
	if pastDeadline(ctx, err) {
		<-ctx.Done()
	}
	switch {
	case ctx.Err() == nil:
		return err
	case errors.Is(err, ErrUnreachable):
		return fmt.Errorf("%w: %w", ErrUnreachable, context.Cause(ctx))
	}
	return context.Cause(ctx)
}

// pastDeadline tells whether err is the context's deadline in another guise:
// net.Dialer makes it one of its own, which may pass a moment before.
func pastDeadline(ctx context.Context, err error) bool {
	deadline, bounded := ctx.Deadline()
	return bounded && errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(deadline)
}
