package ftp

import (
	"context"
	"errors"
	"os"
	"time"
)

// longAgo is a deadline that has always passed: setting it interrupts I/O that
// is under way.
var longAgo = time.Unix(1, 0) //nolint:gochecknoglobals // a constant that Go cannot write as one

// interruptible bounds the I/O that runs until the returned function is called:
// by the time until, where it is not zero, and by ctx. setDeadline is SetDeadline,
// SetReadDeadline or SetWriteDeadline of the connection. The returned function
// clears the deadline again, so that it cannot hit a later command.
func interruptible(ctx context.Context, setDeadline func(time.Time) error, until time.Time) (done func()) {
	if !until.IsZero() {
		_ = setDeadline(until) // fails on a closed connection only; the I/O will tell
	}
	if ctx.Done() == nil {
		return func() { _ = setDeadline(time.Time{}) }
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		_ = setDeadline(longAgo)
	})
	return func() {
		if !stop() {
			<-fired
		}
		_ = setDeadline(time.Time{})
	}
}

// start returns when a wait that begins now must end; the zero time where it has
// no limit.
func (e *TimeoutError) start() time.Time {
	if e.Limit <= 0 {
		return time.Time{}
	}
	return time.Now().Add(e.Limit)
}

// interrupted tells why I/O under interruptible failed: ctx ended, the limit
// passed, or neither, and then it returns err itself.
func interrupted(ctx context.Context, err error, timeout *TimeoutError) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return timeout
}
