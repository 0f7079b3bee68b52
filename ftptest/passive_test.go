package ftptest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// withFile starts a server that has /f with "data".
func withFile(t *testing.T, config ftptest.Config) *ftptest.Server {
	t.Helper()
	srv := start(t, config)
	require.NoError(t, srv.Tree.WriteFile("/f", []byte("data")))
	return srv
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(data)
}

func TestPassiveBothFamilies(t *testing.T) {
	tests := map[string]string{"IPv4": "127.0.0.1:0", "other IPv4": "127.0.0.2:0", "IPv6": "[::1]:0"}
	for name, addr := range tests {
		t.Run(name, func(t *testing.T) {
			srv := withFile(t, ftptest.Config{Addr: addr})
			c := login(t, srv)
			require.Equal(t, "data", c.get("RETR f"))
			conns := srv.DataConns()
			require.Len(t, conns, 1)
			got := conns[0]
			require.Equal(t, "EPSV", got.Method)
			require.Equal(t, "RETR", got.Transfer)
			require.Equal(t, 1, got.Session)
			require.EqualValues(t, 4, got.Sent)
			require.Zero(t, got.Received)
			require.Equal(t, got.Advertised, got.Local)
			require.Equal(t, netip.MustParseAddrPort(srv.Addr).Addr(), got.Local.Addr())
			require.True(t, got.Remote.IsValid())
		})
	}
}

func TestPASV(t *testing.T) {
	srv := withFile(t, ftptest.Config{Addr: "127.0.0.2:0"})
	c := login(t, srv)
	addr := c.pasv()
	require.True(t, strings.HasPrefix(addr, "127.0.0.2:"))
	conn := c.connect(addr)
	c.cmd("STOR g", "150")
	_, err := io.WriteString(conn, "upload")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	c.expect("226")
	require.EqualValues(t, 6, srv.DataConns()[0].Received)
}

func TestEPSVArguments(t *testing.T) {
	c := login(t, ftptest.NewServer(t))
	c.cmd("EPSV 1", "229")
	c.cmd("EPSV 2", "522")
	c.cmd("EPSV x", "501")
	c.cmd("EPSV ALL", "200")
	c.cmd("PASV", "501")
	c.cmd("PORT 127,0,0,1,200,1", "501")
	c.cmd("EPSV", "229")
	c = login(t, start(t, ftptest.Config{Addr: "[::1]:0"}))
	c.cmd("EPSV 1", "522")
	c.cmd("EPSV 2", "229")
	c.cmd("PASV", "501")
	c.cmd("PORT 127,0,0,1,200,1", "501")
}

func TestPassiveAdvertising(t *testing.T) {
	tests := map[string]struct {
		config ftptest.Config
		cmd    string
		want   string // a pattern for Sprintf with the true port's two bytes, or the reply itself
	}{
		"misconfigured NAT": {config: ftptest.Config{Passive: ftptest.Passive{Advertise: netip.MustParseAddr("10.1.2.3")}},
			cmd: "PASV", want: "227 Entering Passive Mode (10,1,2,3,%d,%d)."},
		"IPv4 over IPv6": {config: ftptest.Config{Addr: "[::1]:0", Passive: ftptest.Passive{Advertise: netip.MustParseAddr("192.0.2.1")}},
			cmd: "PASV", want: "227 Entering Passive Mode (192,0,2,1,%d,%d)."},
		"odd form": {config: ftptest.Config{Passive: ftptest.Passive{PASV: ftptest.PassiveMethod{Reply: "227 ={pasv}"}}},
			cmd: "PASV", want: "227 =127,0,0,1,%d,%d"},
		"literal": {config: ftptest.Config{Passive: ftptest.Passive{PASV: ftptest.PassiveMethod{Reply: "227 =1,2,3,4,5,6"}}},
			cmd: "PASV", want: "227 =1,2,3,4,5,6"},
		"227 to EPSV": {config: ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: "227 ({pasv})"}}},
			cmd: "EPSV", want: "227 (127,0,0,1,%d,%d)"},
		"refused": {config: ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: "500 EPSV?"}}},
			cmd: "EPSV", want: "500 EPSV?"},
		"rewritten": {config: ftptest.Config{RewriteReply: func(r string) string { return strings.Replace(r, "(127,0,0,1", "(9,9,9,9", 1) }},
			cmd: "PASV", want: "227 Entering Passive Mode (9,9,9,9,%d,%d)."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := start(t, test.config)
			c := login(t, srv)
			c.send(test.cmd)
			got := c.line()
			want := test.want
			if strings.Contains(want, "%d") {
				port := srv.DataConns()[0].Local.Port()
				want = fmt.Sprintf(want, port>>8, port&0xff)
			}
			require.Equal(t, want, got)
		})
	}
}

func TestEPSVAnsweredToPASV(t *testing.T) {
	srv := withFile(t, ftptest.Config{Passive: ftptest.Passive{PASV: ftptest.PassiveMethod{Reply: "229 (|||{port}|)"}}})
	c := login(t, srv)
	c.cmd("PASV", "229")
	conn := c.connect(srv.DataConns()[0].Local.String())
	c.cmd("RETR f", "150")
	require.Equal(t, "data", readAll(t, conn))
	c.expect("226")
}

func TestPassiveSilence(t *testing.T) {
	c := login(t, start(t, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Silent: true}}}))
	c.send("EPSV")
	c.cmd("NOOP", "200") // the next reply is that of NOOP
}

func TestPassivePorts(t *testing.T) {
	low := freePorts(t, 2)
	srv := withFile(t, ftptest.Config{Passive: ftptest.Passive{
		PortMin: low, PortMax: low + 1, AdvertisePort: func(port uint16) uint16 { return port + 1000 },
	}})
	c := login(t, srv)
	var seen []uint16
	for range 3 {
		m := c.cmd("EPSV", "229")
		at := srv.DataConns()[len(srv.DataConns())-1]
		require.Contains(t, m, fmt.Sprintf("|||%d|", at.Local.Port()+1000))
		seen = append(seen, at.Local.Port())
	}
	require.Equal(t, []uint16{low, low + 1, low}, seen)

	busy, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", low+1))
	require.NoError(t, err)
	defer busy.Close()
	c.cmd("EPSV", "425") // one port of the range is still ours, the other is taken
}

// freePorts finds adjoining ports that nobody uses below the ephemeral range.
func freePorts(t *testing.T, n int) uint16 {
	t.Helper()
next:
	for low := 20011; low < 30000; low += 7 {
		for i := range n {
			ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", low+i))
			if err != nil {
				continue next
			}
			ln.Close()
		}
		return uint16(low)
	}
	require.Fail(t, "no free ports")
	return 0
}

func TestDataAddr(t *testing.T) {
	srv := withFile(t, ftptest.Config{Addr: "127.0.0.2:0", Passive: ftptest.Passive{
		DataAddr: netip.MustParseAddr("127.0.0.3"), Advertise: netip.MustParseAddr("127.0.0.3"), AnyPeer: true,
	}})
	c := login(t, srv)
	conn := c.connect(c.pasv())
	c.cmd("RETR f", "150")
	require.Equal(t, "data", readAll(t, conn))
	c.expect("226")
	require.Equal(t, "127.0.0.3", srv.DataConns()[0].Local.Addr().String())
}

func TestPassiveOtherHostIsRefused(t *testing.T) {
	srv := withFile(t, ftptest.Config{})
	c := login(t, srv)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	conn, err := dialer.Dial("tcp", c.epsvAddr())
	require.NoError(t, err)
	defer conn.Close()
	c.cmd("RETR f", "425")
}

func TestPortBehaviours(t *testing.T) {
	with := func(port ftptest.PortBehaviour) ftptest.Config {
		return ftptest.Config{
			DataTimeout: 50 * time.Millisecond,
			Passive:     ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: port}},
		}
	}
	t.Run("refused", func(t *testing.T) {
		c := login(t, withFile(t, with(ftptest.PortRefused)))
		_, err := net.Dial("tcp", c.epsvAddr())
		require.ErrorContains(t, err, "refused")
		c.cmd("RETR f", "425")
	})
	t.Run("black hole", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("only Linux has black holes without privileges")
		}
		c := login(t, withFile(t, with(ftptest.PortBlackHole)))
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		var dialer net.Dialer
		_, err := dialer.DialContext(ctx, "tcp", c.epsvAddr())
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout(), "the dial ended by itself: %v", err)
		c.cmd("RETR f", "425")
	})
	t.Run("reset", func(t *testing.T) {
		c := login(t, withFile(t, with(ftptest.PortResets)))
		conn, err := net.Dial("tcp", c.epsvAddr())
		if err == nil { // otherwise the reset was seen even before the dial was over
			defer conn.Close()
			_, err = conn.Read(make([]byte, 1))
		}
		require.ErrorContains(t, err, "reset")
		c.cmd("RETR f", "425")
	})
	t.Run("425", func(t *testing.T) {
		c := login(t, withFile(t, with(ftptest.PortAnswers425)))
		c.epsv()
		c.cmd("RETR f", "425")
	})
	t.Run("150 and 425", func(t *testing.T) {
		c := login(t, withFile(t, with(ftptest.PortLate425)))
		c.epsv()
		c.cmd("RETR f", "150")
		c.expect("425")
	})
	t.Run("150 and 426", func(t *testing.T) {
		c := login(t, withFile(t, with(ftptest.PortLate426)))
		conn := c.epsv()
		c.cmd("RETR f", "150")
		c.expect("426")
		require.Empty(t, readAll(t, conn))
	})
	t.Run("nobody comes", func(t *testing.T) {
		c := login(t, withFile(t, with(ftptest.PortOpen)))
		c.cmd("EPSV", "229")
		c.cmd("RETR f", "425")
	})
}

func TestPassiveReplyFirst(t *testing.T) {
	c := login(t, withFile(t, ftptest.Config{Passive: ftptest.Passive{ReplyFirst: true}}))
	addr := c.epsvAddr()
	c.cmd("RETR f", "150")
	require.Equal(t, "data", readAll(t, c.connect(addr)))
	c.expect("226")
}
