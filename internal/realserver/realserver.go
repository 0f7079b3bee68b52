// Package realserver starts real FTP daemons for tests, on loopback or in a network
// namespace: vsftpd, ProFTPD, Pure-FTPd and pyftpdlib, as scripts/fetch-servers unpacked
// them. Each runs as a child of the test, keeps everything it writes in the test's
// temporary directory, and is stopped and waited for when the test ends. Run does the same
// for other programs, such as the proxies that scripts/fetch-lab unpacks.
//
// The daemons have a user of their own, so the tests run as root; the login is an
// ordinary user, without root's powers over files.
package realserver

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
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
	// Place is where the daemon runs and listens. Nil: on loopback of the test's own
	// network, on a free port.
	Place *Place
	// IPv6 makes the daemon listen on ::1 instead of 127.0.0.1. It says nothing where
	// there is a Place.
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
	// RootPEM is RootCAs as a file for programs.
	RootPEM []byte

	// Daemon has its log, and stops it.
	*Daemon
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
	exec []string // as in Place
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
	cfg.IPv6 = cfg.address().Is6()
	server := &Server{
		Name: cfg.Name, Version: version, IPv6: cfg.IPv6, Root: root,
		User: loginUser, Password: loginPassword,
		Daemon: &Daemon{tb: t, name: cfg.Name, logFile: filepath.Join(state, "log")},
	}
	p := plan{Config: cfg, servers: servers, state: state, root: root, ip: cfg.address()}
	if cfg.TLS != nil {
		if p.TLS, err = cfg.TLS.withCertificate(cfg.Place.names()); err != nil {
			return nil, err
		}
		server.believe(p.TLS.Certificate)
	}
	if err := server.tryPorts(p); err != nil {
		return nil, fmt.Errorf("%w\nits log:\n%s", err, server.Log())
	}
	t.Cleanup(server.Stop)
	return server, nil
}

// believe sets what a client needs to believe the daemon's certificate.
func (s *Server) believe(c Certificate) {
	s.RootCAs, s.ServerName, s.RootPEM = c.RootCAs, c.ServerName, c.RootPEM
}

// tryPorts runs the daemon on the port of its place, or on the first free one that works.
func (s *Server) tryPorts(p plan) error {
	if p.Place != nil {
		p.port = p.Place.Addr.Port()
		return s.tryStart(daemon(p.Name), p)
	}
	var err error
	for range attempts {
		if p.port, err = freePort(p.ip); err != nil {
			return err
		}
		if err = s.tryStart(daemon(p.Name), p); err == nil {
			return nil
		}
	}
	return err
}

// tryStart runs the daemon on the plan's port, and leaves nothing running if that fails.
func (s *Server) tryStart(prepare func(plan) (launch, error), p plan) error {
	l, err := prepare(p)
	if err != nil {
		return err
	}
	environment, err := p.writeTLS()
	if err != nil {
		return err
	}
	l.env = append(l.env, environment...)
	l.exec = p.Place.exec()
	addr := netip.AddrPortFrom(p.ip, p.port)
	s.Addr = addr.String()
	s.process, err = startProcess(l, p.state, s.logFile)
	if err != nil {
		return err
	}
	if err := s.process.waitReady(p.Place, addr, p.TLS != nil && p.TLS.Implicit); err != nil {
		s.halt()
		return err
	}
	return nil
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

// address is where the daemon listens.
func (cfg Config) address() netip.Addr {
	if cfg.Place != nil {
		return cfg.Place.Addr.Addr()
	}
	return loopback(cfg.IPv6)
}

func loopback(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}
