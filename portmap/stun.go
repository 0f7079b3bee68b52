package portmap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v3"

	"github.com/dualport/ftp"
)

const (
	stunPort = 3478
	// stunWithin is for each server.
	stunWithin = 3 * time.Second
	// stunRetry is the RTO of RFC 8489 section 6.2.1.
	stunRetry = 500 * time.Millisecond
)

var errNoSTUN = errors.New("no STUN server is named")

// STUN returns an [ftp.ExternalFunc] that asks STUN servers (RFC 8489) over UDP from
// which address they see this host, one after the other, each for up to 3 seconds,
// until one has an answer. A server is "host" or "host:port"; the port is 3478 where
// none is named. They are asked from the local address and in its family. What the
// answer tells is the address alone: that the port is forwarded must be seen to
// elsewhere. [ftp.CacheExternal] spares the servers a question for every transfer.
func STUN(servers ...string) ftp.ExternalFunc {
	return func(ctx context.Context, _ *ftp.Exchange, local netip.AddrPort) (netip.Addr, error) {
		var failed error
		for _, server := range servers {
			addr, err := askSTUN(ctx, server, local.Addr().Unmap(), stunWithin)
			switch {
			case err == nil:
				return addr, nil
			case ctx.Err() != nil:
				return netip.Addr{}, context.Cause(ctx)
			}
			failed = join(failed, fmt.Errorf("STUN server %s: %w", server, err))
		}
		return netip.Addr{}, cmp.Or(failed, errNoSTUN)
	}
}

// askSTUN asks each address of a server.
func askSTUN(ctx context.Context, server string, local netip.Addr, limit time.Duration) (netip.Addr, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &silence{server, limit})
	defer cancel()
	addrs, err := lookupSTUN(ctx, server, local)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, to := range addrs {
		var addr netip.Addr
		if addr, err = bindSTUN(ctx, local, to); err == nil {
			return addr, nil
		}
	}
	return netip.Addr{}, err
}

// lookupSTUN resolves a server to its addresses of the family of local.
func lookupSTUN(ctx context.Context, server string, local netip.Addr) ([]netip.AddrPort, error) {
	host, port, err := splitSTUN(server)
	if err != nil {
		return nil, err
	}
	network := "ip4"
	if local.Is6() {
		network = "ip6"
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, err
	}
	var addrs []netip.AddrPort
	for _, addr := range found {
		addrs = append(addrs, netip.AddrPortFrom(addr.Unmap(), port))
	}
	return addrs, nil
}

// splitSTUN reads "host", "host:port" and "[::1]:port"; an IPv6 address alone may
// stand without brackets.
func splitSTUN(server string) (host string, port uint16, err error) {
	if _, err := netip.ParseAddr(server); err == nil || !strings.Contains(server, ":") {
		return server, stunPort, nil
	}
	host, number, err := net.SplitHostPort(server)
	if err != nil {
		return "", 0, fmt.Errorf("%q is no host:port: %w", server, err)
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q names no port", server)
	}
	return host, uint16(n), nil
}

// bindSTUN does one transaction. The clients of github.com/pion/stun are not used,
// since they know no context; its messages are.
func bindSTUN(ctx context.Context, local netip.Addr, to netip.AddrPort) (netip.Addr, error) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return netip.Addr{}, err
	}
	conn, err := dialUDP(ctx, local, to)
	if err != nil {
		return netip.Addr{}, err
	}
	defer func() { _ = conn.Close() }()
	var addr netip.Addr
	err = exchange(ctx, conn, request.Raw, stunRetry, func(reply []byte) (done bool, err error) {
		addr, done, err = decodeSTUN(reply, request.TransactionID)
		return done, err
	})
	return addr, err
}

// decodeSTUN reads the answer to the binding request of that transaction, RFC 8489
// section 6.3.3: XOR-MAPPED-ADDRESS, or the MAPPED-ADDRESS of old servers. done
// tells whether b is one.
func decodeSTUN(b []byte, id [stun.TransactionIDSize]byte) (addr netip.Addr, done bool, err error) {
	var m stun.Message
	if err := stun.Decode(b, &m); err != nil || m.TransactionID != id {
		return netip.Addr{}, false, nil
	}
	switch m.Type {
	case stun.BindingError:
		return netip.Addr{}, true, refusedSTUN(&m)
	case stun.BindingSuccess:
	default:
		return netip.Addr{}, false, nil
	}
	addr = mappedAddress(&m)
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}, true, errors.New("the answer tells no address")
	}
	return addr, true, nil
}

func mappedAddress(m *stun.Message) netip.Addr {
	var xor stun.XORMappedAddress
	var plain stun.MappedAddress
	var ip net.IP
	switch {
	case xor.GetFrom(m) == nil:
		ip = xor.IP
	case plain.GetFrom(m) == nil:
		ip = plain.IP
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

func refusedSTUN(m *stun.Message) error {
	var code stun.ErrorCodeAttribute
	if code.GetFrom(m) != nil {
		return errors.New("the server refused and does not say why")
	}
	return fmt.Errorf("the server refused: %d %.100q", code.Code, code.Reason)
}
