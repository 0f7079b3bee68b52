package ftptest_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// faulty starts a server with a file of 100,000 bytes and logs in.
func faulty(t *testing.T, faults ...ftptest.Fault) (*ftptest.Server, *client) {
	t.Helper()
	srv := start(t, ftptest.Config{Faults: faults})
	require.NoError(t, srv.Tree.AddGenerated("/f", 100_000, 1))
	return srv, login(t, srv)
}

func TestFaultOnCommand(t *testing.T) {
	t.Run("reply", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "MKD", Nth: 2, Reply: "521 twice"})
		c.cmd("MKD a", "257")
		c.cmd("MKD b", "521")
		c.cmd("CWD b", "550")
		c.cmd("MKD b", "257")
	})
	t.Run("reply lost", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "MKD", Silent: true, Execute: true})
		c.send("MKD a")
		c.cmd("CWD a", "250")
	})
	t.Run("silence", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "MKD", Silent: true})
		c.send("MKD a")
		c.cmd("CWD a", "550")
	})
	t.Run("extra replies", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "PWD", Before: "150 odd", After: "200-more\n200 still"})
		c.cmd("PWD", "150")
		c.expect("257")
		c.expect("200")
	})
	t.Run("close", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "PWD", Reply: "421 gone", Close: true})
		c.cmd("PWD", "421")
		c.closed()
	})
	t.Run("reset", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "PWD", Reset: true})
		c.send("PWD")
		_, err := c.in.ReadByte()
		require.ErrorContains(t, err, "reset")
	})
	t.Run("delay", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "PWD", Delay: 30 * time.Millisecond})
		begin := time.Now()
		c.cmd("PWD", "257")
		require.GreaterOrEqual(t, time.Since(begin), 30*time.Millisecond)
	})
	t.Run("second session", func(t *testing.T) {
		srv, c := faulty(t, ftptest.Fault{On: "PWD", Session: 2, Reply: "550 no"})
		c.cmd("PWD", "257")
		login(t, srv).cmd("PWD", "550")
	})
	t.Run("greeting", func(t *testing.T) {
		c := dial(t, start(t, ftptest.Config{Faults: []ftptest.Fault{{On: "greeting", Close: true}}}))
		c.closed()
	})
}

func TestFaultOnReplyOfTransfer(t *testing.T) {
	t.Run("extra 150", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "150", After: "150 again"})
		conn := c.epsv()
		c.cmd("RETR f", "150")
		c.expect("150")
		require.Len(t, readAll(t, conn), 100_000)
		c.expect("226")
	})
	t.Run("no 226", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "226", Silent: true})
		conn := c.epsv()
		c.cmd("RETR f", "150")
		require.Len(t, readAll(t, conn), 100_000)
		c.cmd("NOOP", "200")
	})
	t.Run("early 226", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "226", Early: true})
		conn := c.epsv()
		c.cmd("RETR f", "150")
		c.expect("226")
		require.Len(t, readAll(t, conn), 100_000)
		c.cmd("NOOP", "200")
	})
	t.Run("short file, 226", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "226", Reply: "226 fine"},
			ftptest.Fault{On: "data", Data: ftptest.DataFault{Action: ftptest.DataCloses, After: 99_999}})
		conn := c.epsv()
		c.cmd("RETR f", "150")
		require.Len(t, readAll(t, conn), 99_999)
		require.Equal(t, "226 fine", c.expect("226"))
	})
	t.Run("control lost in mid-transfer", func(t *testing.T) {
		_, c := faulty(t, ftptest.Fault{On: "150", Close: true})
		c.epsv()
		c.send("RETR f")
		c.closed()
	})
}

func TestFaultOnData(t *testing.T) {
	cut := func(action ftptest.DataAction, after int64) ftptest.Fault {
		return ftptest.Fault{On: "data", Nth: 1, Data: ftptest.DataFault{Action: action, After: after}}
	}
	t.Run("close", func(t *testing.T) {
		srv, c := faulty(t, cut(ftptest.DataCloses, 10))
		conn := c.epsv()
		c.cmd("RETR f", "150")
		require.Len(t, readAll(t, conn), 10)
		c.expect("426")
		require.EqualValues(t, 10, srv.DataConns()[0].Sent)
		require.Len(t, c.get("RETR f"), 100_000)
	})
	t.Run("reset", func(t *testing.T) {
		_, c := faulty(t, cut(ftptest.DataResets, 10))
		conn := c.epsv()
		c.cmd("RETR f", "150")
		_, err := io.ReadAll(conn)
		require.ErrorContains(t, err, "reset")
		c.expect("426")
	})
	t.Run("reset upload", func(t *testing.T) {
		srv, c := faulty(t, cut(ftptest.DataResets, 10))
		conn := c.epsv()
		c.cmd("STOR up", "150")
		_, err := conn.Write(make([]byte, 10))
		require.NoError(t, err)
		c.expect("426")
		got, err := srv.Tree.ReadFile("/up")
		require.NoError(t, err)
		require.Len(t, got, 10)
	})
	t.Run("stall until the client goes", func(t *testing.T) {
		_, c := faulty(t, cut(ftptest.DataStalls, 10))
		conn := c.epsv()
		c.cmd("RETR f", "150")
		_, err := io.ReadFull(conn, make([]byte, 10))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Millisecond)))
		_, err = conn.Read(make([]byte, 1))
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		require.NoError(t, conn.Close())
		c.expect("426")
	})
	t.Run("stalled upload ends with ABOR", func(t *testing.T) {
		_, c := faulty(t, cut(ftptest.DataStalls, 0))
		conn := c.epsv()
		c.cmd("STOR up", "150")
		_, err := conn.Write([]byte("never read"))
		require.NoError(t, err)
		c.cmd("ABOR", "426")
		c.expect("226")
	})
	t.Run("exactly at the end", func(t *testing.T) {
		_, c := faulty(t, cut(ftptest.DataResets, 100_000))
		c.epsv()
		c.cmd("RETR f", "150")
		c.expect("426")
	})
}

func TestAbortStyles(t *testing.T) {
	tests := map[string]struct {
		style   ftptest.AbortStyle
		opening []string // before the ABOR
		want    []string
	}{
		"normal":   {ftptest.AbortNormal, []string{"150"}, []string{"426", "226"}},
		"two 226":  {ftptest.AbortTwo226, []string{"150"}, []string{"226", "226"}},
		"225":      {ftptest.AbortOnly225, []string{"150"}, []string{"225"}},
		"late 150": {ftptest.AbortLate150, nil, []string{"150", "426", "226"}},
		"silent":   {ftptest.AbortSilent, []string{"150"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := start(t, ftptest.Config{Abort: test.style})
			require.NoError(t, srv.Tree.AddGenerated("/endless", 1<<60, 1))
			c := login(t, srv)
			conn := c.epsv()
			c.send("RETR endless")
			for _, code := range test.opening {
				c.expect(code)
			}
			_, err := io.CopyN(io.Discard, conn, 100_000)
			require.NoError(t, err)
			c.send("\xff\xf4\xff\xf2ABOR")
			for _, code := range test.want {
				c.expect(code)
			}
			_, err = io.Copy(io.Discard, conn) // it does end
			require.NoError(t, err)
			c.cmd("NOOP", "200")
		})
	}
	t.Run("queued", func(t *testing.T) {
		srv := start(t, ftptest.Config{Abort: ftptest.AbortQueued})
		require.NoError(t, srv.Tree.AddGenerated("/f", 1<<20, 1))
		c := login(t, srv)
		conn := c.epsv()
		c.cmd("RETR f", "150")
		c.send("ABOR")
		require.Len(t, readAll(t, conn), 1<<20)
		c.expect("226")
		c.expect("225")
	})
	t.Run("before the data connection", func(t *testing.T) {
		srv := start(t, ftptest.Config{})
		c := login(t, srv)
		c.cmd("EPSV", "229")
		c.send("LIST")
		c.cmd("ABOR", "426")
		c.expect("226")
	})
	t.Run("late 150 without ABOR", func(t *testing.T) {
		c := login(t, withFile(t, ftptest.Config{Abort: ftptest.AbortLate150}))
		conn := c.epsv()
		c.send("RETR f")
		require.Equal(t, "data", readAll(t, conn))
		c.expect("150")
		c.expect("226")
	})
}

func TestUrgentAbort(t *testing.T) {
	srv := start(t, ftptest.Config{})
	require.NoError(t, srv.Tree.AddGenerated("/endless", 1<<60, 1))
	c := login(t, srv)
	c.epsv()
	c.cmd("RETR endless", "150")
	sendUrgent(t, c.conn, "\xff\xf4\xff", "\xf2ABOR\r\n")
	c.expect("426")
	c.expect("226")
	commands := srv.Commands()
	require.Equal(t, "ABOR", commands[len(commands)-1])
}

func TestNoopInTransfer(t *testing.T) {
	tests := map[string]struct {
		style           ftptest.NoopStyle
		inside, outside []string
	}{
		"queued":  {ftptest.NoopQueued, nil, []string{"426", "200"}},
		"at once": {ftptest.NoopAtOnce, []string{"200"}, []string{"426"}},
		"ignored": {ftptest.NoopIgnored, nil, []string{"426"}},
		"refused": {ftptest.NoopRefused, []string{"500"}, []string{"426"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := start(t, ftptest.Config{NoopInTransfer: test.style})
			require.NoError(t, srv.Tree.AddGenerated("/endless", 1<<60, 1))
			c := login(t, srv)
			conn := c.epsv()
			c.cmd("RETR endless", "150")
			c.send("NOOP")
			for _, code := range test.inside {
				c.expect(code)
			}
			c.cmd("STAT", "211")
			require.NoError(t, conn.Close())
			for _, code := range test.outside {
				c.expect(code)
			}
			c.cmd("PWD", "257")
		})
	}
}
