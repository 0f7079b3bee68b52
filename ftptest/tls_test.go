package ftptest_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// startTLS starts a server with TLS and a file of 100,000 bytes.
func startTLS(t *testing.T, settings ftptest.TLS, faults ...ftptest.Fault) *ftptest.Server {
	t.Helper()
	srv := start(t, ftptest.Config{TLS: &settings, Faults: faults, Dialect: ftptest.Dialect{StartAsBinary: true}})
	require.NoError(t, srv.Tree.AddGenerated("/f", 100_000, 1))
	return srv
}

// over puts TLS around the control connection.
func (c *client) over(config *tls.Config) *tls.Conn {
	c.t.Helper()
	conn := tls.Client(c.conn, config)
	require.NoError(c.t, conn.Handshake())
	c.conn, c.in = conn, bufio.NewReader(conn)
	return conn
}

// loginTLS returns a client that has logged in after AUTH TLS, with data connections protected.
func loginTLS(t *testing.T, srv *ftptest.Server, config *tls.Config) *client {
	t.Helper()
	c := dial(t, srv)
	c.expect("220")
	c.cmd("AUTH TLS", "234")
	c.over(config)
	c.cmd("PBSZ 0", "200")
	c.cmd("PROT P", "200")
	c.cmd("USER user", "331")
	c.cmd("PASS secret", "230")
	return c
}

// open negotiates, sends the command and puts TLS around the data connection after the 150.
func (c *client) open(command string, config *tls.Config) *tls.Conn {
	c.t.Helper()
	raw := c.epsv()
	c.cmd(command, "150")
	return c.protect(raw, config)
}

func (c *client) protect(raw net.Conn, config *tls.Config) *tls.Conn {
	c.t.Helper()
	conn := tls.Client(raw, config)
	require.NoError(c.t, conn.Handshake())
	return conn
}

// fetch downloads /f, and returns the code of the final reply.
func (c *client) fetch(config *tls.Config) string {
	c.t.Helper()
	data, err := io.ReadAll(c.open("RETR f", config))
	reply := c.line()
	if reply[:3] == "226" {
		require.NoError(c.t, err)
		require.Len(c.t, data, 100_000)
	}
	return reply
}

// store uploads as TLS and TCP want it: close_notify, half close, reading to the end.
func (c *client) store(config *tls.Config, data string) {
	c.t.Helper()
	raw := c.epsv()
	c.cmd("STOR up", "150")
	conn := c.protect(raw, config)
	_, err := io.WriteString(conn, data)
	require.NoError(c.t, err)
	require.NoError(c.t, conn.CloseWrite())
	require.NoError(c.t, raw.(*net.TCPConn).CloseWrite())
	_, err = io.Copy(io.Discard, conn)
	require.NoError(c.t, err)
	require.NoError(c.t, raw.Close())
	c.expect("226")
}

func versions() map[string]uint16 {
	return map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
}

func TestExplicitTLS(t *testing.T) {
	for name, version := range versions() {
		t.Run(name, func(t *testing.T) {
			srv := startTLS(t, ftptest.TLS{MinVersion: version, MaxVersion: version})
			require.True(t, strings.HasPrefix(srv.URL, "ftp://"))
			c := dial(t, srv)
			c.expect("220")
			features := c.cmd("FEAT", "211")
			for _, line := range []string{"AUTH TLS", "CCC", "PBSZ", "PROT"} {
				require.Contains(t, features, "\n "+line+"\n")
			}
			c.cmd("PBSZ 0", "503")
			c.cmd("PROT P", "503")
			c.cmd("CCC", "533")
			c.cmd("AUTH KERBEROS", "504")
			c.cmd("AUTH tls", "234")
			c.over(srv.ClientTLS())
			c.cmd("AUTH TLS", "503")
			c.cmd("PROT P", "503")
			c.cmd("PBSZ x", "501")
			c.cmd("PBSZ 0", "200")
			c.cmd("PROT S", "536")
			c.cmd("PROT X", "504")
			c.cmd("USER user", "331")
			c.cmd("PASS secret", "230")
			require.Len(t, c.get("RETR f"), 100_000, "in clear until PROT P")
			c.cmd("PROT P", "200")
			require.True(t, strings.HasPrefix(c.fetch(srv.ClientTLS()), "226"))
			c.store(srv.ClientTLS(), "hello")
			c.store(srv.ClientTLS(), "")
			c.cmd("PROT C", "200")
			c.put("STOR up", "in clear")
			c.cmd("QUIT", "221")
			c.closed()

			conns := srv.DataConns()
			require.Len(t, conns, 5)
			for i, want := range []uint16{0, version, version, version, 0} {
				require.Equal(t, want, conns[i].TLSVersion, i)
				require.Equal(t, i == 2 || i == 3, conns[i].CloseNotify, i)
				require.False(t, conns[i].Resumed)
			}
			require.EqualValues(t, 100_000, conns[1].Sent)
			require.EqualValues(t, 5, conns[2].Received)
		})
	}
}

func TestImplicitTLS(t *testing.T) {
	srv := startTLS(t, ftptest.TLS{Implicit: true, Required: true})
	require.Equal(t, "ftps://"+srv.Addr, srv.URL)
	c := dial(t, srv)
	c.over(srv.ClientTLS())
	c.expect("220")
	features := c.cmd("FEAT", "211")
	require.NotContains(t, features, "AUTH")
	require.Contains(t, features, "\n PROT\n")
	c.cmd("AUTH TLS", "503")
	c.cmd("USER user", "331")
	c.cmd("PASS secret", "230")
	require.True(t, strings.HasPrefix(c.fetch(srv.ClientTLS()), "226"), "protected without PROT")
}

func TestServerWithoutTLS(t *testing.T) {
	srv := ftptest.NewServer(t)
	require.Nil(t, srv.RootCAs())
	require.Nil(t, srv.ClientTLS())
	c := login(t, srv)
	require.NotContains(t, c.cmd("FEAT", "211"), "AUTH")
	for _, line := range []string{"AUTH TLS", "PBSZ 0", "PROT P", "CCC"} {
		c.cmd(line, "502")
	}
	c.cmd("NOOP", "200")
}

func TestTLSRequired(t *testing.T) {
	srv := startTLS(t, ftptest.TLS{Required: true})
	c := dial(t, srv)
	c.expect("220")
	c.cmd("USER user", "530")
	c.cmd("PASS secret", "530")
	c.cmd("AUTH SSL", "234")
	c.over(srv.ClientTLS())
	c.cmd("USER user", "331")
	c.cmd("PASS secret", "230")
	c.cmd("EPSV", "229")
	c.cmd("RETR f", "522")
	c.cmd("STOR new", "522")
	_, err := srv.Tree.Stat("/new")
	require.Error(t, err, "a refused upload makes no file")
	c.cmd("PBSZ 0", "200")
	c.cmd("PROT P", "200")
	require.True(t, strings.HasPrefix(c.fetch(srv.ClientTLS()), "226"))
}

func TestAuthIsRefused(t *testing.T) {
	t.Run("disabled", func(t *testing.T) {
		srv := start(t, ftptest.Config{TLS: &ftptest.TLS{}, Disable: map[string]string{"AUTH": "500 no"}})
		c := dial(t, srv)
		c.expect("220")
		require.NotContains(t, c.cmd("FEAT", "211"), "AUTH")
		require.Equal(t, "500 no", c.cmd("AUTH TLS", "500"))
		c.cmd("NOOP", "200")
	})
	t.Run("once", func(t *testing.T) {
		srv := startTLS(t, ftptest.TLS{}, ftptest.Fault{On: "AUTH", Nth: 1, Reply: "504 no"})
		c := dial(t, srv)
		c.expect("220")
		c.cmd("AUTH TLS", "504")
		c.cmd("AUTH SSL", "234")
		c.over(srv.ClientTLS())
		c.cmd("NOOP", "200")
	})
	t.Run("PROT", func(t *testing.T) {
		srv := startTLS(t, ftptest.TLS{}, ftptest.Fault{On: "PROT", Reply: "536 no"})
		c := dial(t, srv)
		c.expect("220")
		c.cmd("AUTH TLS", "234")
		c.over(srv.ClientTLS())
		c.cmd("PBSZ 0", "200")
		c.cmd("PROT P", "536")
	})
}

func TestAuthForgetsTheLogin(t *testing.T) {
	srv := startTLS(t, ftptest.TLS{})
	c := login(t, srv)
	c.cmd("AUTH TLS", "234")
	c.over(srv.ClientTLS())
	c.cmd("PWD", "530")

	srv = start(t, ftptest.Config{TLS: &ftptest.TLS{}, Greeting: "230 come in"})
	c = dial(t, srv)
	c.expect("230")
	c.cmd("PWD", "257")
	c.cmd("AUTH TLS", "234")
	c.over(srv.ClientTLS())
	c.cmd("PWD", "257")
	c.cmd("USER user", "331")
	c.cmd("PWD", "530")
}

func TestHandshakeFails(t *testing.T) {
	t.Run("control", func(t *testing.T) {
		c := dial(t, startTLS(t, ftptest.TLS{}))
		c.expect("220")
		c.cmd("AUTH TLS", "234")
		c.send("USER user")
		c.closed()
	})
	t.Run("implicit, client in clear", func(t *testing.T) {
		c := dial(t, startTLS(t, ftptest.TLS{Implicit: true}))
		c.send("USER user")
		c.closed()
	})
	t.Run("data", func(t *testing.T) {
		srv := startTLS(t, ftptest.TLS{})
		c := loginTLS(t, srv, srv.ClientTLS())
		conn := c.epsv()
		c.cmd("STOR up", "150")
		_, err := io.WriteString(conn, "this is not a handshake")
		require.NoError(t, err)
		c.expect("425")
		require.True(t, strings.HasPrefix(c.fetch(srv.ClientTLS()), "226"))
	})
	t.Run("client never begins", func(t *testing.T) {
		srv := start(t, ftptest.Config{TLS: &ftptest.TLS{}, DataTimeout: 30 * time.Millisecond})
		c := dial(t, srv)
		c.expect("220")
		c.cmd("AUTH TLS", "234")
		c.closed()
	})
	t.Run("server closes meanwhile", func(t *testing.T) {
		srv := startTLS(t, ftptest.TLS{})
		c := dial(t, srv)
		c.expect("220")
		c.cmd("AUTH TLS", "234")
		require.NoError(t, srv.Close())
		c.closed()
	})
	t.Run("ABOR meanwhile", func(t *testing.T) {
		srv := startTLS(t, ftptest.TLS{})
		c := loginTLS(t, srv, srv.ClientTLS())
		c.epsv()
		c.cmd("RETR f", "150")
		c.cmd("ABOR", "426")
		c.expect("226")
	})
}

func TestHandshakeFirst(t *testing.T) {
	srv := startTLS(t, ftptest.TLS{HandshakeFirst: true})
	c := loginTLS(t, srv, srv.ClientTLS())
	raw := c.epsv()
	c.send("RETR f")
	conn := c.protect(raw, srv.ClientTLS())
	c.expect("150")
	require.Len(t, readAll(t, conn), 100_000)
	c.expect("226")

	raw = c.epsv()
	_, err := io.WriteString(raw, "not a handshake")
	require.NoError(t, err)
	c.cmd("RETR f", "425")
	require.NotZero(t, srv.DataConns()[0].TLSVersion)
	require.Zero(t, srv.DataConns()[1].TLSVersion)
}

func TestActiveTLS(t *testing.T) {
	srv := startTLS(t, ftptest.TLS{})
	c := loginTLS(t, srv, srv.ClientTLS())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	require.NoError(t, err)
	c.cmd("EPRT |1|127.0.0.1|"+port+"|", "200")
	c.send("RETR f")
	raw, err := ln.Accept()
	require.NoError(t, err)
	defer raw.Close()
	c.expect("150")
	require.Len(t, readAll(t, c.protect(raw, srv.ClientTLS())), 100_000)
	c.expect("226")
}
