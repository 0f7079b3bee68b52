//go:build realserver

package realserver

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// namespace makes a network namespace that has an address of each family, and returns its
// name and a place in it for each of the given addresses.
func namespace(t *testing.T, addrs ...string) (string, []*Place) {
	t.Helper()
	name := fmt.Sprintf("realserver-%d", os.Getpid())
	ip(t, "netns", "add", name)
	t.Cleanup(func() { ip(t, "netns", "delete", name) })
	ip(t, "-n", name, "link", "set", "lo", "up")
	ip(t, "-n", name, "address", "add", "203.0.113.9/32", "dev", "lo")
	ip(t, "-n", name, "address", "add", "2001:db8::9/128", "dev", "lo", "nodad")
	var places []*Place
	for _, addr := range addrs {
		places = append(places, &Place{
			Addr: netip.MustParseAddrPort(addr),
			Exec: []string{"ip", "netns", "exec", name},
			Dial: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
				err = inNamespace(name, func() error {
					conn, err = new(net.Dialer).DialContext(ctx, network, address)
					return err
				})
				return conn, err
			},
		})
	}
	return name, places
}

func ip(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.Command("ip", args...).CombinedOutput()
	require.NoError(t, err, "ip %v: %s", args, output)
	return strings.TrimSpace(string(output))
}

// inNamespace calls do in the named network namespace, by a thread of its own.
func inNamespace(name string, do func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer func() { _ = home.Close() }()
	there, err := os.Open(filepath.Join("/run/netns", name))
	if err != nil {
		return err
	}
	defer func() { _ = there.Close() }()
	if err := setns(there); err != nil {
		return err
	}
	result := do()
	if err := setns(home); err != nil {
		return err // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return result
}

// setns moves this thread into a network namespace. The syscall package has no number for it.
func setns(namespace *os.File) error {
	number := map[string]uintptr{"amd64": 308, "arm64": 268}[runtime.GOARCH]
	if _, _, errno := syscall.RawSyscall(number, namespace.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
		return os.NewSyscallError("setns", errno)
	}
	return nil
}

// visit opens a session by the server's place and logs in, with TLS if the server has it.
func visit(t *testing.T, server *Server, place *Place, address string) *session {
	t.Helper()
	conn, err := place.dial(netip.MustParseAddrPort(address))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	s := &session{t: t, conn: conn, reader: bufio.NewReader(conn), place: place}
	require.Regexp(t, "^220", s.reply())
	if server.RootCAs != nil {
		require.Regexp(t, "^234", s.command("AUTH TLS"))
		s.shake(conn, clientConfig(server, 0, &tickets{}))
	}
	s.login(server)
	if server.RootCAs != nil {
		s.protect(clientConfig(server, 0, &tickets{}))
	}
	return s
}

func TestServersInANamespace(t *testing.T) {
	for _, name := range Names() {
		for _, secured := range []*TLS{nil, {}} {
			t.Run(fmt.Sprintf("%s/TLS=%v", name, secured != nil), func(t *testing.T) {
				netns, places := namespace(t, "203.0.113.9:21", "[2001:db8::9]:21")
				for _, place := range places {
					server := Start(t, Config{Name: name, Place: place, TLS: secured})
					require.Equal(t, place.Addr.String(), server.Addr)
					require.Equal(t, place.Addr.Addr().Is6(), server.IPv6)
					control := visit(t, server, place, server.Addr)
					control.store("EPSV", "STOR file", "sent from inside")
					require.Equal(t, "sent from inside", string(server.Get("file")))

					require.NotEmpty(t, ip(t, "netns", "pids", netns))
					server.Stop()
					require.Empty(t, ip(t, "netns", "pids", netns))
				}
			})
		}
	}
}

func TestServersOnAllAddressesOfANamespace(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			_, places := namespace(t, "0.0.0.0:21", "[::]:21")
			for i, address := range []string{"203.0.113.9:21", "[2001:db8::9]:21"} {
				server := Start(t, Config{Name: name, Place: places[i]})
				control := visit(t, server, places[i], address)
				control.store("EPSV", "STOR file", "sent from inside")
				if address := "203.0.113.9:21"; places[i].Addr.Addr().Is6() && name != "pure-ftpd" {
					visit(t, server, places[i], address).store("PASV", "STOR file", "sent by IPv4")
				}
				server.Stop()
			}
		})
	}
}

func TestServerOfEachFamilyInOneNamespace(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			_, places := namespace(t, "203.0.113.9:21", "[2001:db8::9]:21")
			for _, place := range places {
				server := Start(t, Config{Name: name, Place: place})
				visit(t, server, place, server.Addr)
			}
		})
	}
}

func TestPortThatIsTakenInAPlace(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	place := &Place{Addr: netip.MustParseAddrPort(taken.Addr().String())}
	_, err = start(t, Config{Name: "vsftpd", Place: place})
	require.ErrorContains(t, err, "could not bind listening IPv4 socket")
}

func TestPlaceThatIsNotThere(t *testing.T) {
	place := &Place{Addr: netip.MustParseAddrPort("203.0.113.9:21"), Exec: []string{"ip", "netns", "exec", "no-such-place"}}
	_, err := start(t, Config{Name: "vsftpd", Place: place})
	require.ErrorContains(t, err, `Cannot open network namespace "no-such-place"`)
}
