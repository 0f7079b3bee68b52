//go:build realserver

package realserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tickets is a client's store of TLS sessions that counts what it is given.
type tickets struct {
	mu       sync.Mutex
	sessions []*tls.ClientSessionState
	count    int
	keepOne  bool // offer the first session for ever
}

func (s *tickets) Put(_ string, state *tls.ClientSessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == nil {
		return // crypto/tls lets go of a session that the server refused
	}
	s.count++
	s.sessions = append(s.sessions, state)
}

// Get returns the newest session and takes it out of the store, as it may be a ticket of
// TLS 1.3, to be used once; but the last one stays, as no other comes when a session of
// TLS 1.2 is resumed.
func (s *tickets) Get(string) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) == 0 {
		return nil, false
	}
	if s.keepOne {
		return s.sessions[0], true
	}
	newest := s.sessions[len(s.sessions)-1]
	if len(s.sessions) > 1 {
		s.sessions = s.sessions[:len(s.sessions)-1]
	}
	return newest, true
}

// taken returns how many sessions came since the last call.
func (s *tickets) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.count
	s.count = 0
	return n
}

// clientConfig believes the server's certificate and speaks one version of TLS only.
func clientConfig(server *Server, version uint16, cache tls.ClientSessionCache) *tls.Config {
	return &tls.Config{
		RootCAs: server.RootCAs, ServerName: server.ServerName,
		MinVersion: version, MaxVersion: version, ClientSessionCache: cache,
	}
}

// secure opens a session with TLS, by AUTH unless it is implicit.
func secure(t *testing.T, server *Server, implicit bool, config *tls.Config) *session {
	t.Helper()
	var s *session
	if implicit {
		conn, err := net.Dial("tcp", server.Addr)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		s = &session{t: t}
		s.shake(conn, config)
		require.Regexp(t, "^220", s.reply())
	} else {
		plain, greeting := connect(t, server.Addr)
		require.Regexp(t, "^220", greeting)
		require.Regexp(t, "^234", plain.command("AUTH TLS"))
		require.Zero(t, plain.reader.Buffered())
		s = plain
		s.shake(plain.conn, config)
	}
	return s
}

func (s *session) shake(conn net.Conn, config *tls.Config) {
	s.t.Helper()
	secured := tls.Client(conn, config)
	require.NoError(s.t, secured.Handshake())
	s.conn, s.reader = secured, bufio.NewReader(secured)
}

// protect has data connections use TLS too.
func (s *session) protect(config *tls.Config) {
	s.t.Helper()
	require.Regexp(s.t, "^200", s.command("PBSZ 0"))
	require.Regexp(s.t, "^200", s.command("PROT P"))
	s.data = config
}

// dialTLS opens a session with TLS on both connections and logs in.
func dialTLS(t *testing.T, server *Server, implicit bool, config *tls.Config) *session {
	t.Helper()
	s := secure(t, server, implicit, config)
	s.login(server)
	s.protect(config)
	require.Regexp(t, "^200", s.command("TYPE I"))
	return s
}

// finish ends an upload. With TLS 1.3 there are tickets to read first: to close with
// input unread resets the connection, and the server may lose the end of the file.
func finish(t *testing.T, data net.Conn) {
	t.Helper()
	if secured, ok := data.(*tls.Conn); ok {
		require.NoError(t, secured.CloseWrite())
		require.NoError(t, secured.NetConn().(*net.TCPConn).CloseWrite())
		_, err := io.Copy(io.Discard, secured)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			require.NoError(t, err)
		}
		require.NoError(t, secured.NetConn().Close())
		return
	}
	require.NoError(t, data.Close())
}
