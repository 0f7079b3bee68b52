// Package realserver starts real FTP daemons on loopback for tests: vsftpd, ProFTPD,
// Pure-FTPd and pyftpdlib, as scripts/fetch-servers unpacked them. Each runs as a child
// of the test, keeps everything it writes in the test's temporary directory, and is
// stopped and waited for when the test ends.
//
// The daemons have a user of their own, so the tests run as root; the login is an
// ordinary user, without root's powers over files.
package realserver

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// TB is what Start needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
	TempDir() string
}

// Config says which daemon to start and how. Everything but Name may be left zero.
type Config struct {
	// Name is one of Names.
	Name string
	// IPv6 makes the daemon listen on ::1 instead of 127.0.0.1.
	IPv6 bool
	// PassivePorts limits the ports of passive data connections. Zero: any port.
	PassivePorts PortRange
	// PassiveAddress is the IPv4 address which the daemon puts into its 227 replies,
	// as one behind a NAT would. The zero value: the address it listens on.
	PassiveAddress netip.Addr
	// MaxPerIP limits the sessions from one address. Zero: no limit. vsftpd,
	// Pure-FTPd and pyftpdlib refuse the next one with a 421 greeting, ProFTPD
	// refuses its login with 530.
	MaxPerIP int
	// TLS says how the daemon speaks TLS. Nil: not at all.
	TLS *TLS
	// UploadRate and DownloadRate limit each transfer, in bytes per second, on an average
	// over some seconds; a client can send more than the daemon has read yet. Zero: no
	// limit. proftpd and pure-ftpd count in KiB, rounded up here; vsftpd has one limit
	// for both directions, so that one which is zero follows the other.
	UploadRate, DownloadRate int
	// Extra has more settings, in the daemon's own form: lines of the configuration
	// file for vsftpd and proftpd, arguments for pure-ftpd, and for pyftpdlib
	// attributes of its handler class as name=JSON. The last one wins.
	Extra []string
}

// PortRange is an inclusive range of ports. The zero value means any port.
type PortRange struct {
	Low, High uint16
}

// Server is a running daemon.
type Server struct {
	// Name is the daemon's name, as in Config.
	Name string
	// Version is the version of the daemon's Debian package.
	Version string
	// Addr is the host and port the daemon listens on.
	Addr string
	// IPv6 tells whether Addr is an IPv6 address.
	IPv6 bool
	// Root is the directory on disk which the user sees as "/".
	Root string
	// User and Password log in with the right to write anywhere under Root.
	User, Password string
	// RootCAs is what a client must trust to believe the daemon's certificate, and
	// ServerName the name to verify it against. Without TLS they are nil and empty.
	RootCAs    *x509.CertPool
	ServerName string

	tb      TB
	logFile string
	process *process
	stop    sync.Once
}

// Names lists the daemons that Start knows.
func Names() []string {
	return []string{"vsftpd", "proftpd", "pure-ftpd", "pyftpdlib"}
}

// plan is what a daemon's own file turns into a launch.
type plan struct {
	Config
	servers string // the folder which scripts/fetch-servers fills
	state   string // the daemon's own files
	root    string // the user's "/"
	ip      netip.Addr
	port    uint16
}

// launch is how to run a daemon: always in the foreground.
type launch struct {
	path string
	args []string
	env  []string

	// complainsOnStdin is set for a daemon which expects a client there, as from inetd,
	// and tells that client what is wrong with its configuration.
	complainsOnStdin bool
}

// attempts bounds how often Start tries another port when the one it chose was taken
// before the daemon could listen on it.
const attempts = 4

// Start runs the daemon that cfg names and returns when it greets clients. It fails the
// test when it cannot: a daemon that was asked for is never skipped.
func Start(t TB, cfg Config) *Server {
	t.Helper()
	server, err := start(t, cfg)
	if err != nil {
		t.Fatalf("realserver: %s: %v", cfg.Name, err)
	}
	return server
}

func start(t TB, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("must run as root: the daemons change their user")
	}
	servers, version, err := locate(cfg.Name)
	if err != nil {
		return nil, err
	}
	state, root, err := makeDirs(t.TempDir())
	if err != nil {
		return nil, err
	}
	server := &Server{
		Name: cfg.Name, Version: version, IPv6: cfg.IPv6, Root: root,
		User: loginUser, Password: loginPassword,
		tb: t, logFile: filepath.Join(state, "log"),
	}
	p := plan{Config: cfg, servers: servers, state: state, root: root, ip: loopback(cfg.IPv6)}
	if cfg.TLS != nil {
		if p.TLS, err = cfg.TLS.withCertificate(); err != nil {
			return nil, err
		}
		server.RootCAs, server.ServerName = p.TLS.Certificate.RootCAs, p.TLS.Certificate.ServerName
	}
	for range attempts {
		if err = server.tryStart(daemon(cfg.Name), p); err == nil {
			t.Cleanup(server.Stop)
			return server, nil
		}
	}
	return nil, fmt.Errorf("%w\nits log:\n%s", err, server.Log())
}

// tryStart runs the daemon on one free port, and leaves nothing running if that fails.
func (s *Server) tryStart(prepare func(plan) (launch, error), p plan) error {
	port, err := freePort(p.ip)
	if err != nil {
		return err
	}
	p.port = port
	l, err := prepare(p)
	if err != nil {
		return err
	}
	environment, err := p.writeTLS()
	if err != nil {
		return err
	}
	l.env = append(l.env, environment...)
	s.Addr = net.JoinHostPort(p.ip.String(), strconv.Itoa(int(port)))
	s.process, err = startProcess(l, p.state, s.logFile)
	if err != nil {
		return err
	}
	if err := s.process.waitReady(netip.AddrPortFrom(p.ip, port), p.TLS != nil && p.TLS.Implicit); err != nil {
		s.halt()
		return err
	}
	return nil
}

// Stop ends the daemon and its sessions and waits until they are gone. It runs at the end
// of the test by itself; a test calls it to see what a client makes of a dead server.
func (s *Server) Stop() {
	s.stop.Do(s.halt)
}

func (s *Server) halt() {
	if err := s.process.halt(); err != nil {
		s.tb.Errorf("realserver: %s: %v", s.Name, err)
	}
}

// Log returns what the daemon has said so far on standard output, standard error and in
// its log file.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.logFile)
	if err != nil {
		return err.Error()
	}
	return string(bytes.ToValidUTF8(text, []byte("?")))
}

// daemon returns what prepares the named daemon, or nil for an unknown name.
func daemon(name string) func(plan) (launch, error) {
	switch name {
	case "vsftpd":
		return prepareVsftpd
	case "proftpd":
		return prepareProftpd
	case "pure-ftpd":
		return preparePureFTPd
	case "pyftpdlib":
		return preparePyftpdlib
	}
	return nil
}

func loopback(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}
