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

func TestInjection(t *testing.T) {
	srv := startTLS(t, ftptest.TLS{Inject: "220 injected\r\n230 injected\r\n"})
	c := dial(t, srv)
	c.expect("220")
	c.send("AUTH TLS")
	buf := make([]byte, 1000)
	n, err := c.conn.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "234 Begin the handshake.\r\n220 injected\r\n230 injected\r\n", string(buf[:n]))
	c.over(srv.ClientTLS())
	c.cmd("NOOP", "200")
}

// corked is a connection that can gather what is written and send it in one piece.
type corked struct {
	net.Conn
	cork bool
	held []byte
}

func (c *corked) Write(b []byte) (int, error) {
	if !c.cork {
		return c.Conn.Write(b)
	}
	c.held = append(c.held, b...)
	return len(b), nil
}

func (c *corked) uncork() error {
	c.cork = false
	_, err := c.Conn.Write(c.held)
	c.held = nil
	return err
}

func TestReaderStopsAtAuth(t *testing.T) {
	srv := startTLS(t, ftptest.TLS{})
	c := dial(t, srv)
	c.expect("220")
	cork := &corked{Conn: c.conn, cork: true}
	c.conn = cork
	c.send("NOOP")
	c.send("AUTH TLS")
	conn := tls.Client(&clearReplies{corked: cork, t: t, in: c.in, want: []string{"200", "234"}}, srv.ClientTLS())
	require.NoError(t, conn.Handshake())
	c.conn, c.in = conn, bufio.NewReader(conn)
	c.cmd("PWD", "530")
	require.Equal(t, []string{"NOOP", "AUTH TLS", "PWD"}, srv.Commands())
}

// clearReplies sends the ClientHello together with the commands before it, and takes the replies to those out.
type clearReplies struct {
	*corked
	t    *testing.T
	in   *bufio.Reader
	want []string
}

func (c *clearReplies) Read(b []byte) (int, error) {
	if c.cork {
		require.NoError(c.t, c.uncork())
		for _, code := range c.want {
			line, err := c.in.ReadString('\n')
			require.NoError(c.t, err)
			require.Equal(c.t, code, line[:3])
		}
	}
	return c.in.Read(b)
}

func TestCCC(t *testing.T) {
	for name, version := range versions() {
		t.Run(name, func(t *testing.T) {
			srv := startTLS(t, ftptest.TLS{RequireReuse: true})
			config := srv.ClientTLS()
			config.MaxVersion, config.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
			c := dial(t, srv)
			c.expect("220")
			raw := &corked{Conn: c.conn}
			c.conn = raw
			c.cmd("AUTH TLS", "234")
			conn := c.over(config)
			for _, line := range []string{"PBSZ 0", "PROT P"} {
				c.cmd(line, "200")
			}
			c.cmd("USER user", "331")
			c.cmd("PASS secret", "230")
			c.cmd("CCC", "200")
			_, err := c.in.ReadByte()
			require.Equal(t, io.EOF, err, "the server's close_notify")
			raw.cork = true
			require.NoError(t, conn.CloseWrite())
			require.NoError(t, raw.SetDeadline(time.Now().Add(patience))) // CloseWrite leaves a write deadline behind
			_, err = io.WriteString(raw, "NOOP\r\nPWD\r\n")
			require.NoError(t, err)
			require.NoError(t, raw.uncork())
			c.conn, c.in = raw, bufio.NewReader(raw)
			c.expect("200")
			c.expect("257")
			require.True(t, strings.HasPrefix(c.fetch(config), "226"), "data stays protected")
			c.cmd("CCC", "533")
			c.cmd("PROT C", "503")
			c.cmd("AUTH TLS", "234")
			c.over(config)
			c.cmd("NOOP", "200")
		})
	}
	t.Run("no close_notify", func(t *testing.T) {
		srv := startTLS(t, ftptest.TLS{})
		c := dial(t, srv)
		c.expect("220")
		raw := c.conn
		c.cmd("AUTH TLS", "234")
		c.over(srv.ClientTLS())
		c.cmd("CCC", "200")
		_, err := io.WriteString(raw, "NOOP\r\n")
		require.NoError(t, err)
		c.closed()
	})
}
