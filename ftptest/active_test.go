package ftptest_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// listenFor opens a listener and returns the PORT and EPRT commands that name it.
func listenFor(t *testing.T, host string) (ln net.Listener, port, eprt string) {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	require.NoError(t, ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience)))
	at := ln.Addr().(*net.TCPAddr).AddrPort()
	family := 1
	if at.Addr().Is6() {
		family = 2
	}
	port = fmt.Sprintf("PORT %s,%d,%d", strings.ReplaceAll(host, ".", ","), at.Port()>>8, at.Port()&0xff)
	return ln, port, fmt.Sprintf("EPRT |%d|%s|%d|", family, host, at.Port())
}

func accept(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	conn, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

func TestActiveBothFamilies(t *testing.T) {
	for name, host := range map[string]string{"IPv4": "127.0.0.1", "IPv6": "::1"} {
		t.Run(name, func(t *testing.T) {
			srv := withFile(t, ftptest.Config{Addr: net.JoinHostPort(host, "0")})
			c := login(t, srv)
			ln, port, eprt := listenFor(t, host)
			commands := []string{eprt}
			if host == "127.0.0.1" {
				commands = append(commands, port)
			}
			for _, command := range commands {
				c.cmd(command, "200")
				c.cmd("RETR f", "150")
				require.Equal(t, "data", readAll(t, accept(t, ln)))
				c.expect("226")
			}
			conns := srv.DataConns()
			require.Len(t, conns, len(commands))
			require.Equal(t, ln.Addr().String(), conns[0].Advertised.String())
			require.Equal(t, conns[0].Advertised, conns[0].Remote)
		})
	}
}

func TestActiveArguments(t *testing.T) {
	c := login(t, ftptest.NewServer(t))
	tests := map[string]string{
		"PORT 127,0,0,2,200,1":       "500",
		"PORT 127,0,0,1,0,21":        "500",
		"PORT 127,0,0,1,200":         "501",
		"PORT 127,0,0,1,256,1":       "501",
		"PORT 127,0,0,1,0,0":         "501",
		"PORT 127,0,0,1,+2,1":        "501",
		"EPRT":                       "501",
		"EPRT |1|127.0.0.1|0|":       "501",
		"EPRT |1|127.0.0.1|65536|":   "501",
		"EPRT |1|::1|50000|":         "501",
		"EPRT |2|::1|50000|":         "522",
		"EPRT |3|127.0.0.1|50000|":   "522",
		"EPRT |1|127.0.0.1|50000":    "501",
		"EPRT |1|192.0.2.1|50000|":   "500",
		"EPRT |1|fe80::1%lo|50000|":  "501",
		"EPRT !1!127.0.0.1!50000!":   "200",
		"EPRT |1|127.0.0.1|50000| x": "501",
	}
	for line, code := range tests {
		c.cmd(line, code)
	}
}

func TestActiveRefusals(t *testing.T) {
	srv := start(t, ftptest.Config{Active: ftptest.Active{
		PORT: ftptest.ActiveMethod{Reply: "500 not here"}, EPRT: ftptest.ActiveMethod{Silent: true},
	}})
	c := login(t, srv)
	_, port, eprt := listenFor(t, "127.0.0.1")
	c.cmd(port, "500")
	c.send(eprt)
	c.cmd("NOOP", "200")
	require.Empty(t, srv.DataConns())
}

func TestActiveFromAnotherAddress(t *testing.T) {
	srv := withFile(t, ftptest.Config{Active: ftptest.Active{From: netip.MustParseAddr("127.0.0.7"), ReplyFirst: true}})
	c := login(t, srv)
	ln, port, _ := listenFor(t, "127.0.0.1")
	c.cmd(port, "200")
	c.cmd("RETR f", "150")
	conn := accept(t, ln)
	require.Equal(t, "127.0.0.7", conn.RemoteAddr().(*net.TCPAddr).IP.String())
	require.Equal(t, "data", readAll(t, conn))
	c.expect("226")
}

func TestStrangerComesFirst(t *testing.T) {
	srv := withFile(t, ftptest.Config{Active: ftptest.Active{Stranger: netip.MustParseAddr("127.0.0.9")}})
	c := login(t, srv)
	ln, port, _ := listenFor(t, "127.0.0.1")
	c.cmd(port, "200")
	c.cmd("RETR f", "150")
	stranger := accept(t, ln)
	require.Equal(t, "127.0.0.9", stranger.RemoteAddr().(*net.TCPAddr).IP.String())
	garbage := make([]byte, 23)
	_, err := io.ReadFull(stranger, garbage)
	require.NoError(t, err)
	require.Equal(t, "this is not your data\r\n", string(garbage))
	require.Equal(t, "data", readAll(t, accept(t, ln)))
	c.expect("226")
}

func TestActiveNever(t *testing.T) {
	for name, first := range map[string]bool{"in place of 150": false, "after 150": true} {
		t.Run(name, func(t *testing.T) {
			c := login(t, withFile(t, ftptest.Config{Active: ftptest.Active{
				Never: true, ReplyFirst: first, Delay: time.Millisecond, Refusal: "425 no way",
			}}))
			_, port, _ := listenFor(t, "127.0.0.1")
			c.cmd(port, "200")
			c.send("RETR f")
			if first {
				c.expect("150")
			}
			require.Equal(t, "425 no way", c.expect("425"))
		})
	}
}

func TestActiveRewritten(t *testing.T) {
	ln, _, _ := listenFor(t, "127.0.0.1")
	srv := withFile(t, ftptest.Config{Active: ftptest.Active{
		Rewrite: func(netip.AddrPort) netip.AddrPort { return ln.Addr().(*net.TCPAddr).AddrPort() },
	}})
	c := login(t, srv)
	c.cmd("PORT 10,0,0,1,4,5", "200")
	c.cmd("RETR f", "150")
	require.Equal(t, "data", readAll(t, accept(t, ln)))
	c.expect("226")
}

func TestActiveAnyHost(t *testing.T) {
	srv := withFile(t, ftptest.Config{Active: ftptest.Active{AnyHost: true}})
	c := login(t, srv)
	ln, port, _ := listenFor(t, "127.0.0.4")
	c.cmd(port, "200")
	c.cmd("RETR f", "150")
	require.Equal(t, "data", readAll(t, accept(t, ln)))
	c.expect("226")
}
