package ftp_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// abortStyle is a way to answer ABOR that exists among servers.
type abortStyle struct {
	name  string
	style ftptest.AbortStyle
	late  bool // the 150 comes with the end of the transfer
}

func abortStyles() []abortStyle {
	return []abortStyle{
		{"426 and 226", ftptest.AbortNormal, false},
		{"226 and 226", ftptest.AbortTwo226, false},
		{"225 alone", ftptest.AbortOnly225, false},
		{"late 150", ftptest.AbortLate150, true},
		{"silent", ftptest.AbortSilent, false},
		{"queued", ftptest.AbortQueued, false},
	}
}

// work is one of the things that can be broken off; each moves enough data to
// be under way when it is.
type work struct {
	name string
	do   func(ctx context.Context, c *ftp.Client) error
}

func works() []work {
	return []work{
		{"download", func(ctx context.Context, c *ftp.Client) error {
			_, err := c.Retrieve(ctx, "/big", io.Discard)
			return err
		}},
		{"upload", func(ctx context.Context, c *ftp.Client) error {
			_, err := c.Store(ctx, "/up", ftptest.Generated(1, 400_000))
			return err
		}},
		{"listing", func(ctx context.Context, c *ftp.Client) error {
			for _, err := range c.List(ctx, "/many") {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"list of names", func(ctx context.Context, c *ftp.Client) error {
			for _, err := range c.NameList(ctx, "/many") {
				if err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

// plantWorks makes the files that works and requireAlive use.
func plantWorks(t testing.TB, srv *ftptest.Server) {
	t.Helper()
	big, many := int64(400_000), int64(5000)
	if srv.Config.Abort == ftptest.AbortLate150 { // it says 150 only when all has fitted into the network
		big, many = 40_000, 100
	}
	require.NoError(t, srv.Tree.AddGenerated("/big", big, 1))
	require.NoError(t, srv.Tree.AddGeneratedDir("/many", many, nil))
	put(t, srv, aliveFile, []byte(aliveData))
}

// Cancels at each event of the trace in turn, until the work succeeds before
// that event comes.
func TestCancelAtEveryStep(t *testing.T) {
	for _, style := range abortStyles() {
		for _, work := range works() {
			if style.late && work.name == "upload" {
				continue // each side waits for the other: see TestCancelWhileTheServerHoldsBackThe150
			}
			for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
				if mode == ftp.ModeActive && style.style != ftptest.AbortNormal && style.style != ftptest.AbortSilent {
					continue // what is left to see of a style does not depend on who connected
				}
				t.Run(fmt.Sprint(style.name, "/", work.name, "/", mode), func(t *testing.T) {
					cancelEverywhere(t, ftptest.Config{Abort: style.style}, mode, work)
				})
			}
		}
	}
}

func cancelEverywhere(t *testing.T, config ftptest.Config, mode ftp.Mode, work work) {
	const most = 40
	for step := 0; ; step++ {
		require.Less(t, step, most, "the work never succeeds")
		over := false
		inMemory(t, func(t *testing.T, network *memnet.Network) { over = cancelAtStep(t, network, config, mode, work, step) })
		if over {
			require.Greater(t, step, 5, "the work has several steps at which it can be cancelled")
			return
		}
	}
}

// cancelAtStep cancels at one event after the login, and returns whether the
// work was over before.
func cancelAtStep(t *testing.T, network *memnet.Network, config ftptest.Config, mode ftp.Mode, work work, step int) (over bool) {
	config.Network = network
	srv := serve(t, config)
	plantWorks(t, srv)
	armed := &ftp.Trace{}
	c := dial(t, srv.Addr, dialling(network, &ftp.Options{Mode: mode, Trace: indirect(armed)}))
	ctx, trace, count := cancelAt(t.Context(), step)
	*armed = *trace
	start := time.Now()
	err := work.do(ctx, c)
	require.LessOrEqual(t, time.Since(start), 10*time.Second)
	*armed = ftp.Trace{}
	if ctx.Err() == nil {
		require.NoError(t, err)
		return true
	}
	if err != nil {
		require.ErrorIs(t, err, errCancelled, "step %d of %d", step, count())
	}
	start = time.Now()
	requireAliveOrBroken(t, c)
	require.LessOrEqual(t, time.Since(start), time.Minute)
	return false
}

// indirect is a trace that calls whatever hooks t has at the time.
func indirect(t *ftp.Trace) *ftp.Trace {
	return &ftp.Trace{
		Dial:     func(e ftp.DialEvent) { relay(t.Dial, e) },
		Command:  func(e ftp.CommandEvent) { relay(t.Command, e) },
		Reply:    func(e ftp.ReplyEvent) { relay(t.Reply, e) },
		Rung:     func(e ftp.Rung) { relay(t.Rung, e) },
		Notice:   func(e ftp.Notice) { relay(t.Notice, e) },
		Transfer: func(e ftp.TransferEvent) { relay(t.Transfer, e) },
	}
}

func relay[E any](hook func(E), e E) {
	if hook != nil {
		hook(e)
	}
}

// In every style but the silent one the session must survive: what the server
// answers is enough to tell where it stands.
func TestAbortLeavesTheSessionInStep(t *testing.T) {
	for _, style := range abortStyles() {
		t.Run(style.name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				c, srv := session(t, ftptest.Config{Network: network, Abort: style.style}, nil)
				plantWorks(t, srv)
				for range 3 {
					r, err := c.Open(t.Context(), "/big")
					require.NoError(t, err)
					_, err = io.CopyN(io.Discard, r, 10)
					require.NoError(t, err)
					start := time.Now()
					require.NoError(t, r.Close())
					require.LessOrEqual(t, time.Since(start), 5*time.Second)
					requireAlive(t, c)

					if style.late {
						continue
					}
					w, err := c.Create(t.Context(), "/up")
					require.NoError(t, err)
					_, err = w.Write([]byte("part"))
					require.NoError(t, err)
					require.NoError(t, w.Abort())
					requireAlive(t, c)

					for _, err := range c.List(t.Context(), "/many") {
						require.NoError(t, err)
						break
					}
					requireAlive(t, c)
				}
				require.Equal(t, 1, srv.Sessions())
			})
		})
	}
}

func TestCancelWhileTheServerHoldsBackThe150(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network, Abort: ftptest.AbortLate150}, nil)
		put(t, srv, "/f", noise(1, 200_000))
		put(t, srv, aliveFile, []byte(aliveData))
		for _, upload := range []bool{false, true} {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errCancelled)
			var err error
			if upload {
				_, err = c.Store(ctx, "/g", ftptest.Generated(1, 10))
			} else {
				_, err = c.Retrieve(ctx, "/f", io.Discard)
			}
			cancel()
			require.ErrorIs(t, err, errCancelled)
			require.NotErrorIs(t, err, ftp.ErrBroken)
			requireAlive(t, c)
		}
		require.Equal(t, 1, srv.Sessions())
	})
}

func TestAbortOfASilentServerIsBounded(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network, Abort: ftptest.AbortSilent, Faults: []ftptest.Fault{{On: "NOOP", Silent: true}}},
			&ftp.Options{Timeouts: ftp.Timeouts{Abort: 4 * time.Second}})
		plantWorks(t, srv)
		r, err := c.Open(t.Context(), "/big")
		require.NoError(t, err)
		start := time.Now()
		err = r.Close()
		require.Equal(t, 4*time.Second, time.Since(start))
		require.ErrorIs(t, err, ftp.ErrBroken)
		var timeout *ftp.TimeoutError
		require.ErrorAs(t, err, &timeout)
		require.Equal(t, "Timeouts.Abort", timeout.Option)
		require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
	})
}

// A server that says nothing at all to a cancelled command, and then a stall:
// the error still names what the caller did.
func TestCancelledTransferNamesItsCauseThoughTheAbortFails(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network, Abort: ftptest.AbortSilent, Faults: []ftptest.Fault{{On: "NOOP", Silent: true}}}, nil)
		plantWorks(t, srv)
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := c.Retrieve(ctx, "/big", writeFunc(func(p []byte) (int, error) { cancel(errCancelled); return len(p), nil }))
		require.ErrorIs(t, err, errCancelled)
		require.ErrorIs(t, err, ftp.ErrBroken)
		require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
	})
}

func TestAbortReplies(t *testing.T) {
	for _, tt := range []struct{ name, replies string }{
		{"426 and 226", "S: 426 aborted\nS: 226 done"},
		{"226 and 225", "S: 226 finished before\nS: 225 nothing to abort"},
		{"450 and 226", "S: 450 broken off\nS: 226 done"},
		{"426 and 500: ABOR unknown", "S: 426 aborted\nS: 500 ABOR?"},
		{"426 and 502", "S: 426 aborted\nS: 502 no"},
		{"second 150 in between", "S: 150 still going\nS: 426 aborted\nS: 226 done"},
		{"225 alone, then the NOOP's", "S: 225 aborted\nC: NOOP\nS: 200 ok"},
		{"nothing before the NOOP's", "C: NOOP\nS: 200 ok"},
		{"both late, behind the NOOP", "C: NOOP\nS: 426 aborted\nS: 226 done\nS: 200 ok"},
		{"one late, behind the NOOP", "S: 426 aborted\nC: NOOP\nS: 226 done\nS: 200 ok"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				srv := ftptest.ScriptOn(t, network, welcome+"C: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 ok\nD> \"beginning\"\nC: ABOR\n"+
					tt.replies+"\nC: PWD\nS: 257 \"/here\""+goodbye)
				c := dial(t, srv.Addr, dialling(network, nil))
				ctx, cancel := context.WithCancel(t.Context())
				r, err := c.Open(ctx, "f")
				require.NoError(t, err)
				_, err = io.ReadFull(r, make([]byte, len("beginning"))) // or the server could not send it
				require.NoError(t, err)
				cancel()
				require.NoError(t, r.Close())
				dir, err := c.CurrentDir(t.Context())
				require.NoError(t, err)
				require.Equal(t, "/here", dir)
			})
		})
	}
}

func TestAbortWhereTheServerHangsUp(t *testing.T) {
	c, srv := session(t, ftptest.Config{Faults: []ftptest.Fault{{On: "ABOR", Close: true}}}, nil)
	plantWorks(t, srv)
	require.NoError(t, srv.Tree.AddGenerated("/huge", 1<<40, 1))
	r, err := c.Open(t.Context(), "/huge")
	require.NoError(t, err)
	bounded(t, 30*time.Second, func() { require.ErrorIs(t, r.Abort(), ftp.ErrBroken) })
	require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
}

func TestBreakingOutOfAListing(t *testing.T) {
	for _, style := range abortStyles() {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprint(style.name, "/LIST ", plain), func(t *testing.T) {
				inMemory(t, func(t *testing.T, network *memnet.Network) {
					c, srv := session(t, ftptest.Config{Network: network, Abort: style.style, Dialect: ftptest.Dialect{NoMLSD: plain}}, nil)
					plantWorks(t, srv)
					for stop := range 3 {
						seen := 0
						for _, err := range c.List(t.Context(), "/many") {
							require.NoError(t, err)
							if seen == stop {
								break
							}
							seen++
						}
						require.Equal(t, stop, seen)
						requireAlive(t, c)
					}
				})
			})
		}
	}
}

// Where the context ends between two transfers nothing is left over for the
// next one.
func TestManyCancelledTransfersInARow(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, srv.Tree.AddGenerated("/huge", 1<<40, 1))
	put(t, srv, aliveFile, []byte(aliveData))
	for i := range 20 {
		ctx, cancel := context.WithCancelCause(t.Context())
		limit := int64(i) << 16
		moved := int64(0)
		_, err := c.Retrieve(ctx, "/huge", writeFunc(func(p []byte) (int, error) {
			if moved += int64(len(p)); moved > limit {
				cancel(errCancelled)
			}
			return len(p), nil
		}))
		require.ErrorIs(t, err, errCancelled)
	}
	requireAlive(t, c)
	require.Equal(t, 1, srv.Sessions())
}
