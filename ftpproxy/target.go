package ftpproxy

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// target is what a proxy is asked to reach. The host is a name or an IP
// address; a name is at most 255 bytes long and printable.
type target struct {
	host string
	port uint16
}

// maxHost is what a SOCKS5 request has room for (RFC 1928 section 5).
const maxHost = 255

func (t target) String() string {
	return net.JoinHostPort(t.host, strconv.Itoa(int(t.port)))
}

func parseTarget(network, address string) (target, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return target{}, fmt.Errorf("network %q cannot go through a proxy; use tcp, tcp4 or tcp6", network)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return target{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return target{}, fmt.Errorf("%q is no port; use 1 to 65535", port)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return target{addr.WithZone("").String(), uint16(n)}, nil // a zone means something on this host alone
	}
	if host == "" || len(host) > maxHost || strings.ContainsFunc(host, notInHost) {
		return target{}, fmt.Errorf("%.64q is no host name", host)
	}
	return target{host, uint16(n)}, nil
}

// notInHost refuses what could end the first line of a CONNECT request.
func notInHost(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune("/\\@:?#[]", c) }

// splitServer reads the address of an FTP server as ftp.Dial does: a host, a
// host:port or an IPv6 address with or without brackets. The port is 21 where
// none is given.
func splitServer(server string) (host, port string) {
	if host, port, err := net.SplitHostPort(server); err == nil {
		return host, port
	}
	return strings.TrimSuffix(strings.TrimPrefix(server, "["), "]"), "21"
}
