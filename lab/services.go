//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/pion/stun/v3"

	"github.com/dualport/ftp/internal/realserver"
)

var serviceNames = []string{"dante", "tinyproxy", "miniupnpd", "login-proxy", "stun"} //nolint:gochecknoglobals // a constant that Go cannot write as one

// startService starts a further program on its host.
func (n *network) startService(t *testing.T, s Service) error {
	node := n.nodes[s.At]
	for name, content := range s.Etc {
		if err := os.WriteFile(filepath.Join(node.etc(), name), []byte(n.expand(content)), 0o644); err != nil {
			return err
		}
	}
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte(n.expand(s.Config)), 0o644); err != nil {
		return err
	}
	listen := netip.MustParseAddrPort(n.expand(s.Listen))
	switch s.Run {
	case "dante":
		return n.startProgram(t, node, "dante", "usr/sbin/danted", listen, "-f", config)
	case "tinyproxy":
		return n.startProgram(t, node, "tinyproxy", "usr/bin/tinyproxy", listen, "-d", "-c", config)
	case "miniupnpd":
		return n.startProgram(t, node, "miniupnpd", "usr/sbin/miniupnpd", listen, "-d", "-P", config+".pid", "-f", config)
	case "login-proxy":
		realserver.Start(t, realserver.Config{
			Name:  "proftpd",
			Place: &realserver.Place{Addr: listen, Exec: node.command(), Dial: node.dial},
			Extra: realserver.LoginProxy(t.TempDir()),
		})
		return nil
	case "stun":
		return serveSTUN(t, node, listen)
	}
	return fmt.Errorf("unknown service")
}

// startProgram starts an unpacked program and waits until it listens.
func (n *network) startProgram(t *testing.T, node namespace, name, path string, listen netip.AddrPort, args ...string) error {
	command, err := realserver.Program(name, path)
	if err != nil {
		return err
	}
	command.Args, command.Exec = args, node.command()
	program := realserver.Run(t, command)
	program.WaitListening(listen)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of %s:\n%s", name, program.Log())
		}
	})
	return nil
}

// serveSTUN answers STUN requests (RFC 8489) until the end of the test.
func serveSTUN(t *testing.T, node namespace, listen netip.AddrPort) error {
	var conn *net.UDPConn
	err := node.within(func() (err error) {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(listen))
		return err
	})
	if err != nil {
		return err
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		answerSTUN(conn)
	}()
	return nil
}

func answerSTUN(conn *net.UDPConn) {
	packet := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(packet)
		if err != nil {
			return // closed
		}
		request := &stun.Message{Raw: packet[:n]}
		if request.Decode() != nil || request.Type != stun.BindingRequest {
			continue
		}
		seen := &stun.XORMappedAddress{IP: from.Addr().Unmap().AsSlice(), Port: int(from.Port())}
		if answer, err := stun.Build(request, stun.BindingSuccess, seen, stun.Fingerprint); err == nil {
			_, _ = conn.WriteToUDPAddrPort(answer.Raw, from) // UDP promises nothing
		}
	}
}
