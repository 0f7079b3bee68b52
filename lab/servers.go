//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/realserver"
)

// server is the FTP server of a trial, on all its addresses.
type server struct {
	user, password string
	caFile         string // empty without TLS
	put            func(name string, content []byte) error
	get            func(name string) ([]byte, error)
	log            func() string
	stop           func()
}

// startServer starts the scenario's daemon, or the scripted server, once for each
// address that it listens on.
func (n *network) startServer(t *testing.T, f FTP, daemon string) (*server, error) {
	var authority *realserver.Certificate
	if f.TLS {
		c := realserver.IssuedFor(t, n.expand("{host}"), n.expandAll([]string{"{server}", "{server6}", "{second_wan}", "{server_router}", "ftp.test"})...)
		authority = &c
	}
	if daemon == "odd" {
		return n.startOdd(t, f)
	}
	var all []*realserver.Server
	for _, addr := range n.listenAddrs(f) {
		all = append(all, realserver.Start(t, n.daemonConfig(f, daemon, addr, authority)))
	}
	first := all[0]
	s := &server{user: first.User, password: first.Password, log: first.Log}
	s.get = func(name string) ([]byte, error) { return readFirst(name, all) }
	s.stop = func() {
		for _, each := range all {
			each.Stop()
		}
	}
	s.put = func(name string, content []byte) error {
		for _, each := range all {
			each.Put(name, content)
		}
		return nil
	}
	if authority != nil {
		s.caFile = filepath.Join(t.TempDir(), "ca.pem")
		return s, os.WriteFile(s.caFile, first.RootPEM, 0o644)
	}
	return s, nil
}

// readFirst reads a file that one of the daemons has.
func readFirst(name string, all []*realserver.Server) ([]byte, error) {
	for _, each := range all {
		content, err := os.ReadFile(filepath.Join(each.Root, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return content, err
		}
	}
	return nil, fmt.Errorf("the server has no %s", name)
}

// reconfigure starts the daemon anew with more settings, as doctor writes them: lines
// for a configuration file, or arguments.
func (r *trial) reconfigure(settings string) error {
	more := strings.Split(strings.TrimSpace(settings), "\n")
	if r.daemon == "pure-ftpd" {
		more = strings.Fields(settings)
	}
	f := r.scenario.FTP
	f.Extra = map[string][]string{r.daemon: append(slices.Clone(f.Extra[r.daemon]), more...)}
	r.server.stop()
	var err error
	r.server, err = r.network.startServer(r.t, f, r.daemon)
	return err
}

// listenAddrs are the addresses that the server listens on.
func (n *network) listenAddrs(f FTP) []netip.AddrPort {
	texts := f.Listen
	if len(texts) == 0 {
		if n.plan.serverIPv4 {
			texts = append(texts, "{"+f.host()+"}")
		}
		if n.plan.serverIPv6 {
			texts = append(texts, "{"+f.host()+"6}")
		}
	}
	port := f.Port
	if port == 0 {
		port = 21
	}
	var addrs []netip.AddrPort
	for _, text := range texts {
		addrs = append(addrs, netip.AddrPortFrom(netip.MustParseAddr(n.expand(text)), port))
	}
	return addrs
}

func (n *network) daemonConfig(f FTP, daemon string, addr netip.AddrPort, authority *realserver.Certificate) realserver.Config {
	node := n.nodes[f.host()]
	config := realserver.Config{
		Name:         daemon,
		Place:        &realserver.Place{Addr: addr, Exec: node.command(), Dial: node.dial},
		DownloadRate: f.Rate,
		UploadRate:   f.Rate,
		Extra:        n.expandAll(f.Extra[daemon]),
	}
	if daemon == "vsftpd" {
		config.Extra = append(config.Extra, "isolate_network=NO") // its sessions stay in the namespace, where sweep finds them
	}
	if f.PassivePorts != "" {
		ports := mustPorts(f.PassivePorts)
		config.PassivePorts = realserver.PortRange{Low: ports.Lo, High: ports.Hi}
	}
	if f.PassiveAddress != "" && addr.Addr().Is4() {
		config.PassiveAddress = netip.MustParseAddr(n.expand(f.PassiveAddress))
	}
	if authority != nil {
		config.TLS = &realserver.TLS{Certificate: *authority, AllowPlain: true}
	}
	return config
}

func mustPorts(s string) ftp.PortRange {
	ports, err := ftp.ParsePortRange(s)
	if err != nil {
		panic(err) // check has seen it before
	}
	return ports
}

// startOdd starts the scripted server.
func (n *network) startOdd(t *testing.T, f FTP) (*server, error) {
	tree := ftptest.NewTree()
	for _, addr := range n.listenAddrs(f) {
		config, err := n.oddConfig(f)
		if err != nil {
			return nil, err
		}
		config.Addr, config.Tree = addr.String(), tree
		s, err := ftptest.Listen(config)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = s.Close() }) // its clients are gone
	}
	return &server{
		user: "user", password: "secret",
		put: func(name string, content []byte) error { return tree.WriteFile("/"+name, content) },
		get: func(name string) ([]byte, error) { return tree.ReadFile("/" + name) },
		log: func() string { return "" },
	}, nil
}

func (n *network) oddConfig(f FTP) (ftptest.Config, error) {
	o := f.Odd
	config := ftptest.Config{
		Network: spot{n.nodes[f.host()]},
		Passive: ftptest.Passive{
			EPSV: passiveMethod(n.expand(o.EPSV)), PASV: passiveMethod(n.expand(o.PASV)),
		},
		Active: ftptest.Active{
			PORT: ftptest.ActiveMethod{Reply: o.PORT}, EPRT: ftptest.ActiveMethod{Reply: o.EPRT},
			AnyHost: o.AnyHost, Delay: o.ActiveDelay, ReplyFirst: true,
		},
	}
	if f.PassivePorts != "" {
		ports := mustPorts(f.PassivePorts)
		config.Passive.PortMin, config.Passive.PortMax = ports.Lo, ports.Hi
	}
	if o.Advertise != "" {
		config.Passive.Advertise = netip.MustParseAddr(n.expand(o.Advertise))
	}
	var err error
	if config.Passive.EPSV.Port, err = portBehaviour(o.EPSVPort); err != nil {
		return config, err
	}
	config.Passive.PASV.Port, err = portBehaviour(o.PASVPort)
	return config, err
}

func passiveMethod(reply string) ftptest.PassiveMethod {
	if reply == "silent" {
		return ftptest.PassiveMethod{Silent: true}
	}
	return ftptest.PassiveMethod{Reply: reply}
}

func portBehaviour(name string) (ftptest.PortBehaviour, error) {
	switch name {
	case "":
		return ftptest.PortOpen, nil
	case "refused":
		return ftptest.PortRefused, nil
	case "answers425":
		return ftptest.PortAnswers425, nil
	case "late425":
		return ftptest.PortLate425, nil
	}
	return 0, fmt.Errorf("unknown behaviour of a port: %q", name)
}

// spot is a namespace as the network of a scripted server.
type spot struct{ node namespace }

// Listen implements ftptest.Network.
func (s spot) Listen(ctx context.Context, network, address string) (ln net.Listener, err error) {
	err = s.node.within(func() error {
		ln, err = new(net.ListenConfig).Listen(ctx, network, address)
		return err
	})
	return ln, err
}

// DialFrom implements ftptest.Network.
func (s spot) DialFrom(ctx context.Context, local netip.AddrPort, network, address string) (conn net.Conn, err error) {
	dialer := net.Dialer{}
	if local.Addr().IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(local)
	}
	err = s.node.within(func() error {
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// BlackHole implements ftptest.Network; here a firewall does that.
func (s spot) BlackHole(context.Context, string, string) (net.Listener, error) {
	return nil, errors.ErrUnsupported
}
