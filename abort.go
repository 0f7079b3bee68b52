package ftp

import (
	"context"
	"errors"
	"time"
)

// settleGrace is how long the replies to a broken-off transfer and to its ABOR
// are awaited before a NOOP asks for a sign that can be told from them.
const settleGrace = 300 * time.Millisecond

// abort breaks off the transfer that cmd started: ABOR, then closeData, then
// the replies (RFC 959 section 4.1.3). Servers differ in those: 426 and 226,
// 226 twice, 225 alone, a late 150 before them, or none at all. Where two do not
// come soon, a NOOP follows, whose 200 marks the end whatever came before it.
// Afterwards the session is in step, or broken, and then the error says so.
func (c *control) abort(cmd *command, closeData func(), limit time.Duration) error {
	timeout := &TimeoutError{"reply to ABOR", limit, "Timeouts.Abort"}
	ctx, cancel := withLimit(context.Background(), timeout)
	defer cancel()
	if cmd.done || c.broken != nil {
		closeData()
		return c.broken
	}
	abor, err := c.put(ctx, "ABOR")
	closeData()
	if err == nil {
		err = c.settle(ctx, abor)
	}
	if err == nil && cmd.mayYetBegin() {
		err = errors.New("the server answered ABOR as if no transfer were under way, and may yet begin it on the next data connection")
	}
	if err != nil {
		return c.fail(err)
	}
	return nil
}

// mayYetBegin tells whether a transfer that was broken off before the server had
// shown to have the data connection was announced, and then denied: pyftpdlib
// answers 225 alone where it had not yet taken the connection, and sends the
// data, and a 226, with the next transfer.
func (cmd *command) mayYetBegin() bool {
	return cmd.mark.Code == 150 && cmd.final.Code == 225 && !cmd.taken
}

// settle reads until nothing is owed any more.
func (c *control) settle(ctx context.Context, abor *command) error {
	grace, cancel := context.WithTimeout(ctx, settleGrace)
	defer cancel()
	for !abor.done {
		if err := c.read(grace, new(TimeoutError), time.Time{}); err != nil {
			if c.broken != nil || ctx.Err() != nil {
				return err
			}
			return c.settleByNoop(ctx)
		}
	}
	return nil
}

func (c *control) settleByNoop(ctx context.Context) error {
	noop, err := c.put(ctx, "NOOP")
	if err != nil {
		return err
	}
	for !noop.done {
		owed := c.queue[0]
		if err := c.read(ctx, new(TimeoutError), time.Time{}); err != nil {
			return err
		}
		if owed.done && owed.final.Code == 200 { // NOOP's, whatever was never answered before it
			c.queue = nil
			return nil
		}
	}
	return nil
}
