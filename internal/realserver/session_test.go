//go:build realserver

package realserver

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// session is a control connection that knows no more of FTP than lines and replies.
type session struct {
	t      *testing.T
	conn   net.Conn
	reader *bufio.Reader
	data   *tls.Config // for data connections; nil: no TLS
	place  *Place      // where the server is; nil: on loopback
}

// connect opens a session and reads the greeting, which it returns.
func connect(t *testing.T, addr string) (*session, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	s := &session{t: t, conn: conn, reader: bufio.NewReader(conn)}
	return s, s.reply()
}

// dial opens a session and logs in.
func dial(t *testing.T, server *Server) *session {
	t.Helper()
	s, greeting := connect(t, server.Addr)
	require.Regexp(t, "^220", greeting)
	s.login(server)
	return s
}

// command sends a line and returns the reply.
func (s *session) command(line string) string {
	s.t.Helper()
	_, err := fmt.Fprintf(s.conn, "%s\r\n", line)
	require.NoError(s.t, err)
	return s.reply()
}

// reply reads one reply with all its lines.
func (s *session) reply() string {
	s.t.Helper()
	var lines strings.Builder
	for {
		line, err := s.reader.ReadString('\n')
		require.NoError(s.t, err)
		lines.WriteString(line)
		first := lines.String()
		if len(line) > 3 && line[3] == ' ' && line[:3] == first[:3] {
			return strings.TrimSpace(first)
		}
	}
}

// in returns the same session for a subtest.
func (s *session) in(t *testing.T) *session {
	return &session{t: t, conn: s.conn, reader: s.reader, data: s.data, place: s.place}
}

func (s *session) login(server *Server) {
	s.t.Helper()
	require.Regexp(s.t, "^331", s.command("USER "+server.User))
	require.Regexp(s.t, "^230", s.command("PASS "+server.Password))
}

// store sends content by a STOR or APPE.
func (s *session) store(method, line, content string) {
	s.t.Helper()
	data := s.transfer(method, line)
	_, err := io.WriteString(data, content)
	require.NoError(s.t, err)
	finish(s.t, data)
	require.Regexp(s.t, "^226", s.reply())
}

// retrieve returns what a RETR sends.
func (s *session) retrieve(method, line string) string {
	s.t.Helper()
	data := s.transfer(method, line)
	content, err := io.ReadAll(data)
	require.NoError(s.t, err)
	require.NoError(s.t, data.Close())
	require.Regexp(s.t, "^226", s.reply())
	return string(content)
}

// transfer starts a transfer with the command line and returns its data connection.
func (s *session) transfer(method, line string) net.Conn {
	s.t.Helper()
	open := s.passive
	if method == "PORT" || method == "EPRT" {
		open = s.active
	}
	// pyftpdlib, as an active one, connects at the PORT; the others at the transfer.
	connection := open(method)
	require.Regexp(s.t, "^1[25][05]", s.command(line))
	data, err := connection()
	require.NoError(s.t, err)
	require.NoError(s.t, data.SetDeadline(time.Now().Add(30*time.Second)))
	s.t.Cleanup(func() { _ = data.Close() })
	if s.data == nil {
		return data
	}
	secured := tls.Client(data, s.data)
	require.NoError(s.t, secured.Handshake())
	return secured
}

// passive asks for a port, by EPSV or PASV, and connects to it on the server's own address.
func (s *session) passive(method string) func() (net.Conn, error) {
	s.t.Helper()
	reply := s.command(method)
	require.Regexp(s.t, "^22[79]", reply)
	var port int
	if method == "EPSV" {
		match := regexp.MustCompile(`\|(\d+)\|`).FindStringSubmatch(reply)
		require.NotNil(s.t, match, reply)
		port = number(s.t, match[1])
	} else {
		match := regexp.MustCompile(`,(\d+),(\d+)\)`).FindStringSubmatch(reply)
		require.NotNil(s.t, match, reply)
		port = number(s.t, match[1])<<8 | number(s.t, match[2])
	}
	address := s.conn.RemoteAddr().(*net.TCPAddr).IP.String()
	data, err := s.place.dial(netip.AddrPortFrom(netip.MustParseAddr(address), uint16(port)))
	return func() (net.Conn, error) { return data, err }
}

// active listens, and tells the server where by EPRT or PORT.
func (s *session) active(method string) func() (net.Conn, error) {
	s.t.Helper()
	address := s.conn.LocalAddr().(*net.TCPAddr).IP
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: address})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = listener.Close() })
	require.NoError(s.t, listener.SetDeadline(time.Now().Add(30*time.Second)))
	port := listener.Addr().(*net.TCPAddr).Port
	family := 1
	if address.To4() == nil {
		family = 2
	}
	line := fmt.Sprintf("EPRT |%d|%s|%d|", family, address, port)
	if method == "PORT" {
		line = fmt.Sprintf("PORT %s,%d,%d", strings.ReplaceAll(address.String(), ".", ","), port>>8, port&255)
	}
	require.Regexp(s.t, "^200", s.command(line))
	return listener.Accept
}

func number(t *testing.T, digits string) int {
	t.Helper()
	n, err := strconv.Atoi(digits)
	require.NoError(t, err)
	return n
}
