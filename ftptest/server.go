package ftptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// TB is the part of testing.TB that this package needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Server is an FTP server for tests. Make one with NewServer, NewUnstartedServer and Start, or Listen.
type Server struct {
	Addr   string // "127.0.0.1:41234"; set by Start
	URL    string // "ftp://127.0.0.1:41234", with implicit TLS "ftps://127.0.0.1:41234"; set by Start
	Tree   *Tree  // the files; the one of Config.Tree if that was set before NewUnstartedServer returned it
	Config Config // may be changed until Start, and is not read after it

	tb       TB
	config   Config // resolved
	faults   *faultBook
	verbs    map[string]command
	tls      *tlsLayer // nil without TLS
	listener net.Listener
	ctx      context.Context //nolint:containedctx // the lifetime of the server itself
	cancel   context.CancelFunc
	work     sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	accepted int
	open     map[*session]struct{}
	commands []string
	records  []*dataRecord
	nextPort int // offset into the passive port range
	serial   int // of names made for STOU
}

// NewServer starts a server on a free loopback port. It ends with the test.
func NewServer(t TB) *Server {
	t.Helper()
	s := NewUnstartedServer(t)
	s.Start()
	return s
}

// NewUnstartedServer returns a server whose Config can still be changed; its Tree can be filled at once.
func NewUnstartedServer(t TB) *Server {
	s := &Server{tb: t, Tree: NewTree()}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Listen starts a server without a test. The caller must Close it.
func Listen(config Config) (*Server, error) {
	s := &Server{Tree: config.Tree, Config: config}
	if s.Tree == nil {
		s.Tree = NewTree()
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, nil
}

// Start starts a server made by NewUnstartedServer; failure to listen ends the test. It panics if the server runs already.
func (s *Server) Start() {
	s.tb.Helper()
	if s.listener != nil {
		panic("ftptest: server started twice")
	}
	if err := s.start(); err != nil {
		s.tb.Fatalf("ftptest: %v", err)
	}
}

func (s *Server) start() error {
	if s.Config.Tree == nil {
		s.Config.Tree = s.Tree
	}
	s.Tree = s.Config.Tree
	s.config = s.Config.resolved()
	if s.Config.Clock != nil {
		s.Tree.setClock(s.Config.Clock)
	}
	s.faults = newFaultBook(s.config.Faults)
	s.verbs = commands()
	s.open = make(map[*session]struct{})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	ln, err := s.config.Network.Listen(s.ctx, "tcp", s.config.Addr)
	if err != nil {
		s.cancel()
		return fmt.Errorf("listen for control connections: %w", err)
	}
	s.listener = ln
	s.Addr = ln.Addr().String()
	s.URL = "ftp://" + s.Addr
	if settings := s.config.TLS; settings != nil {
		s.tls = newTLSLayer(*settings, addrPort(ln.Addr()).Addr())
		if settings.Implicit {
			s.URL = "ftps://" + s.Addr
		}
	}
	s.work.Go(s.accept)
	return nil
}

// Close closes the listener and every connection, and waits for all goroutines of the server. It can be called any number of
// times, also on a server that was never started.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed && s.listener != nil
	s.closed = true
	sessions := make([]*session, 0, len(s.open))
	for session := range s.open {
		sessions = append(sessions, session)
	}
	s.mu.Unlock()
	if first {
		s.cancel()
		_ = s.listener.Close()
		for _, session := range sessions {
			_ = session.raw.Close()
		}
	}
	s.work.Wait()
	return nil
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) || s.ctx.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		if err != nil {
			continue // the peer was gone before it was accepted
		}
		if session := s.admit(conn); session != nil {
			s.work.Go(session.run)
		}
	}
}

// admit registers a control connection; it returns nil, and closes it, when the server is closing.
func (s *Server) admit(conn net.Conn) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return nil
	}
	s.accepted++
	limit := s.config.Limits.Sessions
	session := newSession(s, conn, s.accepted, limit > 0 && len(s.open) >= limit)
	s.open[session] = struct{}{}
	return session
}

func (s *Server) forget(session *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, session)
}

// Commands returns every command line received so far, from all sessions in the order they came, as the client sent them
// (passwords too), without line ends and Telnet codes.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Sessions returns how many control connections have been accepted so far.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// DataConns returns a record of every data connection negotiated so far, in the order of the commands that asked for them.
func (s *Server) DataConns() []DataConn {
	s.mu.Lock()
	records := slices.Clone(s.records)
	s.mu.Unlock()
	conns := make([]DataConn, len(records))
	for i, r := range records {
		conns[i] = r.snapshot()
	}
	return conns
}

func (s *Server) record(d DataConn) *dataRecord {
	r := &dataRecord{conn: d}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, r)
	return r
}

func (s *Server) noteCommand(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, line)
}

// nextSerial numbers the files that STOU names.
func (s *Server) nextSerial() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	return s.serial
}

// dataAddr is where passive listeners are opened for a control connection that arrived at local.
func (s *Server) dataAddr(local netip.Addr) netip.Addr {
	if s.config.Passive.DataAddr.IsValid() {
		return s.config.Passive.DataAddr
	}
	return local
}
