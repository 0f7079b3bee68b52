package ftptest_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// patience bounds every wait of the tests: it is reached only when something hangs.
const patience = 20 * time.Second

// client is a client as a person at a terminal is one: it sends lines and looks at codes.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, srv *ftptest.Server) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", srv.Addr, patience)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return &client{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// login returns a client that is logged in and in TYPE I.
func login(t *testing.T, srv *ftptest.Server) *client {
	t.Helper()
	c := dial(t, srv)
	c.expect("220")
	c.cmd("USER user", "331")
	c.cmd("PASS secret", "230")
	c.cmd("TYPE I", "200")
	return c
}

func (c *client) send(line string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, line+"\r\n")
	require.NoError(c.t, err)
}

func (c *client) line() string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	require.NoError(c.t, err, "got %q", line)
	return strings.TrimSuffix(line, "\r\n")
}

// expect reads one reply, which must have the code, and returns it with lines separated by LF.
func (c *client) expect(code string) string {
	c.t.Helper()
	text := c.line()
	if len(text) > 3 && text[3] == '-' {
		for end := text[:3] + " "; ; {
			next := c.line()
			text += "\n" + next
			if strings.HasPrefix(next, end) {
				break
			}
		}
	}
	require.Equal(c.t, code, text[:3], "reply %q", text)
	return text
}

func (c *client) cmd(line, code string) string {
	c.t.Helper()
	c.send(line)
	return c.expect(code)
}

// closed expects the end of the control connection.
func (c *client) closed() {
	c.t.Helper()
	_, err := c.in.ReadByte()
	require.Error(c.t, err)
	var timeout net.Error
	if errors.As(err, &timeout) {
		require.False(c.t, timeout.Timeout(), "the connection is still open")
	}
}

// epsv negotiates and connects.
func (c *client) epsv() net.Conn {
	c.t.Helper()
	return c.connect(c.epsvAddr())
}

func (c *client) epsvAddr() string {
	c.t.Helper()
	m := regexp.MustCompile(`\(\|\|\|(\d+)\|\)`).FindStringSubmatch(c.cmd("EPSV", "229"))
	require.NotNil(c.t, m)
	host, _, err := net.SplitHostPort(c.conn.RemoteAddr().String())
	require.NoError(c.t, err)
	return net.JoinHostPort(host, m[1])
}

// pasv negotiates and returns the address that was advertised.
func (c *client) pasv() string {
	c.t.Helper()
	return pasvAddr(c.t, c.cmd("PASV", "227"))
}

func pasvAddr(t *testing.T, reply string) string {
	t.Helper()
	m := regexp.MustCompile(`(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)`).FindStringSubmatch(reply)
	require.NotNil(t, m, reply)
	high, err := strconv.Atoi(m[5])
	require.NoError(t, err)
	low, err := strconv.Atoi(m[6])
	require.NoError(t, err)
	return net.JoinHostPort(strings.Join(m[1:5], "."), strconv.Itoa(high<<8+low))
}

func (c *client) connect(addr string) net.Conn {
	c.t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { conn.Close() })
	require.NoError(c.t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// get transfers by EPSV and returns the data.
func (c *client) get(command string) string {
	c.t.Helper()
	conn := c.epsv()
	c.cmd(command, "150")
	data, err := io.ReadAll(conn)
	require.NoError(c.t, err)
	c.expect("226")
	return string(data)
}

func (c *client) put(command, data string) string {
	c.t.Helper()
	conn := c.epsv()
	c.cmd(command, "150")
	_, err := io.WriteString(conn, data)
	require.NoError(c.t, err)
	require.NoError(c.t, conn.Close())
	return c.expect("226")
}

// start starts a server with a configuration.
func start(t *testing.T, config ftptest.Config) *ftptest.Server {
	t.Helper()
	srv := ftptest.NewUnstartedServer(t)
	srv.Config = config
	srv.Start()
	return srv
}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }
