package ftp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// A download that is cut: whatever the server says about it, it must not pass
// for a whole file.
func TestCutDownload(t *testing.T) {
	for _, cut := range []struct {
		name   string
		action ftptest.DataAction
	}{{"FIN", ftptest.DataCloses}, {"RST", ftptest.DataResets}} {
		for _, tt := range []struct {
			reply string // empty for the 426 that ftptest gives by itself
			code  int
		}{{"", 426}, {"226 Transfer complete.", 226}, {"451 Read error.", 451}, {"250 Fine.", 250}} {
			t.Run(cut.name+" "+tt.reply, func(t *testing.T) {
				faults := []ftptest.Fault{{On: "data", Nth: 1, Data: ftptest.DataFault{Action: cut.action, After: 50_000}}}
				if tt.reply != "" {
					faults = append(faults, ftptest.Fault{On: "226", Nth: 1, Reply: tt.reply})
				}
				c, srv := session(t, ftptest.Config{Faults: faults}, nil)
				put(t, srv, "/f", noise(1, 100_000))
				put(t, srv, aliveFile, []byte(aliveData))
				var got bytes.Buffer
				result, err := c.Retrieve(t.Context(), "/f", &got)
				require.ErrorIs(t, err, ftp.ErrIncomplete)
				require.NotErrorIs(t, err, ftp.ErrBroken)
				require.NotErrorIs(t, err, fs.ErrNotExist)
				require.Equal(t, tt.code, ftp.ReplyCode(err))
				require.Equal(t, tt.code, result.Reply.Code)
				require.LessOrEqual(t, got.Len(), 50_000)
				require.Equal(t, int64(got.Len()), result.Bytes)
				require.NotNil(t, result.Negotiation)
				require.Len(t, sent(srv, "RETR"), 1, "a transfer that has had effect is not repeated")
				requireAlive(t, c)
			})
		}
	}
}

func TestCutDownloadWithoutAFinalReply(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		for _, action := range []ftptest.DataAction{ftptest.DataCloses, ftptest.DataResets} {
			c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{
				{On: "data", Nth: 1, Data: ftptest.DataFault{Action: action, After: 50_000}},
				{On: "226", Nth: 1, Silent: true},
			}}, &ftp.Options{Timeouts: ftp.Timeouts{FinalReply: 9 * time.Second}})
			put(t, srv, "/f", noise(1, 100_000))
			start := time.Now()
			_, err := c.Retrieve(t.Context(), "/f", io.Discard)
			require.Equal(t, 9*time.Second, time.Since(start))
			if action == ftptest.DataResets {
				require.ErrorIs(t, err, ftp.ErrIncomplete)
			}
			require.ErrorIs(t, err, ftp.ErrBroken)
			require.ErrorContains(t, err, "Timeouts.FinalReply")
		}
	})
}

// Half of the announced bytes, an orderly end and no final reply: it is known
// that bytes are missing.
func TestShortDownloadWithoutAFinalReplyIsIncomplete(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{
			{On: "data", Nth: 1, Data: ftptest.DataFault{Action: ftptest.DataCloses, After: 50_000}},
			{On: "226", Nth: 1, Silent: true},
		}}, nil)
		put(t, srv, "/f", noise(1, 100_000))
		_, err := c.Retrieve(t.Context(), "/f", io.Discard)
		require.ErrorIs(t, err, ftp.ErrIncomplete)
		require.NotContains(t, err.Error(), "all 50000 bytes moved")
	})
}

func TestCutUpload(t *testing.T) {
	for _, action := range []ftptest.DataAction{ftptest.DataCloses, ftptest.DataResets} {
		for _, tt := range []struct {
			reply string
			code  int
		}{{"", 426}, {"552 Quota exceeded.", 552}, {"226 Transfer complete.", 226}} {
			t.Run(fmt.Sprint(action, " ", tt.code), func(t *testing.T) {
				faults := []ftptest.Fault{{On: "data", Nth: 1, Data: ftptest.DataFault{Action: action, After: 50_000}}}
				if tt.reply != "" {
					faults = append(faults, ftptest.Fault{On: "226", Nth: 1, Reply: tt.reply})
				}
				c, srv := session(t, ftptest.Config{Faults: faults}, nil)
				put(t, srv, aliveFile, []byte(aliveData))
				_, err := c.Store(t.Context(), "/f", ftptest.Generated(1, 64<<20))
				require.ErrorIs(t, err, ftp.ErrIncomplete)
				require.Equal(t, tt.code, ftp.ReplyCode(err))
				require.Len(t, sent(srv, "STOR"), 1)
				requireAlive(t, c)
			})
		}
	}
}

func TestShortOfTheAnnouncedSize(t *testing.T) {
	for _, tt := range []struct {
		name, mark, data string
		short            bool
	}{
		{"as announced", "150 Opening BINARY mode data connection for f (5 bytes)", "12345", false},
		{"one byte short", "150 Opening BINARY mode data connection for f (6 bytes)", "12345", true},
		{"empty", "150 Opening BINARY mode data connection for f (6 bytes).", "", true},
		{"one byte more: the file has grown", "150 Opening BINARY mode data connection for f (4 bytes)", "12345", false},
		{"not announced", "150 Opening BINARY mode data connection", "12345", false},
		{"announced in another unit", "150 0.0 kbytes to download (7 kbytes)", "12345", false},
		{"a name that looks like it", "150 Opening data connection for x (9 bytes).txt (5 bytes)", "12345", false},
		{"negative", "150 Opening data connection (-9 bytes)", "12345", false},
		{"beyond 64 bits", "150 Opening data connection (99999999999999999999 bytes)", "12345", false},
		{"IIS tells nothing", "125 Data connection already open; Transfer starting.", "12345", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := scripted(t, welcome+fmt.Sprintf(`
C: EPSV
S: 229 (|||{port}|)
C: RETR f
S: %s
D> %q
S: 226 done
C: NOOP
S: 200 ok
`, tt.mark, tt.data)+goodbye)
			var got bytes.Buffer
			_, err := c.Retrieve(t.Context(), "f", &got)
			require.Equal(t, tt.data, got.String())
			require.Equal(t, tt.short, errors.Is(err, ftp.ErrIncomplete))
			require.Equal(t, tt.short, err != nil)
			require.NoError(t, c.NoOp(t.Context()))
		})
	}
}

func TestFinalReplyNeverComes(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		for _, upload := range []bool{false, true} {
			c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "226", Silent: true}}},
				&ftp.Options{Timeouts: ftp.Timeouts{FinalReply: 11 * time.Second}})
			put(t, srv, "/f", []byte("complete"))
			start := time.Now()
			var err error
			if upload {
				_, err = c.Store(t.Context(), "/g", strings.NewReader("complete"))
				require.Equal(t, "complete", string(stored(t, srv, "/g")))
			} else {
				var got bytes.Buffer
				_, err = c.Retrieve(t.Context(), "/f", &got)
				require.Equal(t, "complete", got.String())
			}
			require.Equal(t, 11*time.Second, time.Since(start))
			require.ErrorIs(t, err, ftp.ErrUnconfirmed)
			require.NotErrorIs(t, err, ftp.ErrIncomplete)
			var timeout *ftp.TimeoutError
			require.ErrorAs(t, err, &timeout)
			require.Equal(t, "Timeouts.FinalReply", timeout.Option)
			require.Contains(t, err.Error(), "all 8 bytes moved")
			require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
		}
	})
}

func TestControlConnectionEndsBeforeTheFinalReply(t *testing.T) {
	for _, fault := range []ftptest.Fault{{On: "226", Close: true}, {On: "226", Reset: true}} {
		c, srv := session(t, ftptest.Config{Faults: []ftptest.Fault{fault}}, nil)
		put(t, srv, "/f", []byte("complete"))
		_, err := c.Retrieve(t.Context(), "/f", io.Discard)
		require.ErrorIs(t, err, ftp.ErrUnconfirmed)
		require.ErrorIs(t, err, ftp.ErrBroken)
	}
}

func TestSlowFinalReplyIsWaitedFor(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "226", Delay: 59 * time.Second}}},
			&ftp.Options{Timeouts: ftp.Timeouts{Reply: time.Second}})
		put(t, srv, aliveFile, []byte(aliveData))
		requireAlive(t, c) // a server that computes checksums answers late
	})
}

func TestStall(t *testing.T) {
	for _, upload := range []bool{false, true} {
		inMemory(t, func(t *testing.T, network *memnet.Network) {
			c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{
				{On: "data", Nth: 1, Data: ftptest.DataFault{Action: ftptest.DataStalls, After: 100_000}},
			}}, &ftp.Options{Timeouts: ftp.Timeouts{Stall: 13 * time.Second}})
			put(t, srv, "/f", noise(1, 500_000))
			put(t, srv, aliveFile, []byte(aliveData))
			start := time.Now()
			var err error
			if upload {
				_, err = c.Store(t.Context(), "/g", bytes.NewReader(noise(1, 500_000)))
			} else {
				_, err = c.Retrieve(t.Context(), "/f", io.Discard)
			}
			var timeout *ftp.TimeoutError
			require.ErrorAs(t, err, &timeout)
			require.Equal(t, "Timeouts.Stall", timeout.Option)
			require.Equal(t, 13*time.Second, timeout.Limit)
			require.GreaterOrEqual(t, time.Since(start), 13*time.Second)
			require.LessOrEqual(t, time.Since(start), 27*time.Second, "twice the limit: a chunk that moved in part renews it")
			requireAlive(t, c)
		})
	}
}

func TestStalledListing(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{
			{On: "data", Nth: 1, Data: ftptest.DataFault{Action: ftptest.DataStalls, After: 10}},
		}}, nil)
		put(t, srv, aliveFile, []byte(aliveData))
		var last error
		for _, err := range c.List(t.Context(), "/alive") {
			last = err
		}
		var timeout *ftp.TimeoutError
		require.ErrorAs(t, last, &timeout)
		require.Equal(t, ftp.TimeoutError{Wait: "progress of the transfer", Limit: time.Minute, Option: "Timeouts.Stall"}, *timeout)
		requireAlive(t, c)
	})
}

func TestSlowIsNoStall(t *testing.T) {
	for _, upload := range []bool{false, true} {
		inMemory(t, func(t *testing.T, network *memnet.Network) {
			c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{
				{On: "data", Nth: 1, Data: ftptest.DataFault{Pace: 2000}},
			}}, &ftp.Options{Timeouts: ftp.Timeouts{Stall: 2 * time.Second}})
			data := noise(1, 300_000)
			put(t, srv, "/f", data)
			start := time.Now()
			if upload {
				store(t, c, "/g", data)
				require.True(t, bytes.Equal(data, stored(t, srv, "/g")))
			} else {
				require.True(t, bytes.Equal(data, retrieve(t, c, "/f")))
			}
			require.Greater(t, time.Since(start), 100*time.Second, "the transfer took many times the limit")
		})
	}
}

// A source that is slow to deliver is not the network's fault.
func TestSlowCallerIsNoStall(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network}, &ftp.Options{Timeouts: ftp.Timeouts{Stall: time.Second}})
		put(t, srv, "/f", noise(1, 300_000))
		pause := func() { time.Sleep(time.Hour) }
		_, err := c.Store(t.Context(), "/g", io.MultiReader(strings.NewReader("a"), readFunc(func([]byte) (int, error) { pause(); return 0, io.EOF })))
		require.NoError(t, err)
		_, err = c.Retrieve(t.Context(), "/f", writeFunc(func(p []byte) (int, error) { pause(); return len(p), nil }))
		require.NoError(t, err)
		r, err := c.Open(t.Context(), "/f")
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 300_000))
		require.NoError(t, err)
		pause()
		require.NoError(t, r.Close())
		require.Equal(t, 226, r.Result().Reply.Code)
	})
}

// dialogues of the end and the begin of a transfer, as servers have them.
func TestTransferReplies(t *testing.T) {
	for _, tt := range []struct {
		name, down, up string // between the command and the end
	}{
		{"226", "S: 150 ok\nD\nS: 226 done", ""},
		{"200", "S: 150 ok\nD\nS: 200 done", ""},
		{"250", "S: 150 ok\nD\nS: 250 done", ""},
		{"253", "S: 150 ok\nD\nS: 253 done", ""},
		{"several lines", "S: 150 ok\nD\nS: 226-done\nS:  226 not yet\nS: 226 done", ""},
		{"125", "S: 125 already open\nD\nS: 226 done", ""},
		{"110 restart marker", "S: 150 ok\nS: 110 MARK 1 = 2\nD\nS: 226 done", ""},
		{"150 twice", "S: 150 Accepted data connection\nS: 150 0.0 kbytes to download\nD\nS: 226 done", ""},
		{"150 after the data", "D\nS: 150 ok\nS: 226 done", "-"},
		{"no 1xx at all", "D\nS: 226 done", "-"},
	} {
		t.Run("download "+tt.name, func(t *testing.T) {
			c, _ := scripted(t, welcome+"C: EPSV\nS: 229 (|||{port}|)\nC: RETR f\n"+
				strings.Replace(tt.down, "D\n", "D> \"content\"\n", 1)+"\nC: NOOP\nS: 200 ok"+goodbye)
			require.Equal(t, "content", string(retrieve(t, c, "f")))
			require.NoError(t, c.NoOp(t.Context()))
		})
		if tt.up == "-" {
			continue
		}
		t.Run("upload "+tt.name, func(t *testing.T) {
			c, _ := scripted(t, welcome+"C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\n"+
				strings.Replace(tt.down, "D\n", "D< \"content\"\n", 1)+"\nC: NOOP\nS: 200 ok"+goodbye)
			store(t, c, "f", []byte("content"))
			require.NoError(t, c.NoOp(t.Context()))
		})
	}
}

func TestFinalReplyMayComeBeforeTheData(t *testing.T) {
	c, srv := session(t, ftptest.Config{Faults: []ftptest.Fault{{On: "226", Early: true}}}, nil)
	data := noise(1, 1<<20)
	put(t, srv, "/f", data)
	put(t, srv, aliveFile, []byte(aliveData))
	require.True(t, bytes.Equal(data, retrieve(t, c, "/f")))
	store(t, c, "/g", data)
	requireAlive(t, c) // and the server has stored the rest meanwhile
	require.True(t, bytes.Equal(data, stored(t, srv, "/g")))
}

func TestNoDataConnectionIsRetriedByTheNextMethod(t *testing.T) {
	c, srv := session(t, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: ftptest.PortLate425}}}, nil)
	put(t, srv, "/f", []byte("content"))
	var got bytes.Buffer
	result, err := c.Retrieve(t.Context(), "/f", &got)
	require.NoError(t, err)
	require.Equal(t, "content", got.String())
	require.Equal(t, ftp.PASV, result.Negotiation.Method())
	require.Len(t, result.Negotiation.Rungs, 2)
	require.ErrorContains(t, result.Negotiation.Rungs[0].Err, "425")
	require.Equal(t, []string{"EPSV", "RETR /f", "PASV", "RETR /f"}, sent(srv, "EPSV", "PASV", "RETR"))
}

func TestCancelWhileTheDataFlows(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, srv.Tree.AddGenerated("/big", 1<<40, 1))
	require.NoError(t, srv.Tree.AddSink("/sink"))
	put(t, srv, aliveFile, []byte(aliveData))
	for _, upload := range []bool{false, true} {
		ctx, cancel := context.WithCancelCause(t.Context())
		moved := int64(0)
		count := func(p []byte) {
			if moved += int64(len(p)); moved > 4<<20 {
				cancel(errCancelled)
			}
		}
		var err error
		bounded(t, 30*time.Second, func() {
			if upload {
				_, err = c.Store(ctx, "/sink", readFunc(func(p []byte) (int, error) { count(p); return len(p), nil }))
			} else {
				_, err = c.Retrieve(ctx, "/big", writeFunc(func(p []byte) (int, error) { count(p); return len(p), nil }))
			}
		})
		require.ErrorIs(t, err, errCancelled)
		require.NotErrorIs(t, err, ftp.ErrBroken)
		requireAlive(t, c)
	}
	require.Equal(t, 1, srv.Sessions())
}

func TestCancelWhileWaitingForTheFinalReply(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "226", Nth: 1, Delay: 30 * time.Second}}}, nil)
		put(t, srv, aliveFile, []byte(aliveData))
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errCancelled)
		defer cancel()
		start := time.Now()
		_, err := c.Retrieve(ctx, aliveFile, io.Discard)
		require.ErrorIs(t, err, errCancelled)
		require.ErrorIs(t, err, ftp.ErrUnconfirmed)
		require.Equal(t, 5*time.Second, time.Since(start))
		requireAlive(t, c)
		require.Equal(t, 1, srv.Sessions())
	})
}
