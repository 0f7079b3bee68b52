package portmap

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	// maxDatagram is more than any reply of these protocols has: a PCP message
	// has 1100 bytes at most (RFC 6887 section 7).
	maxDatagram = 2048
	// maxIgnored is how many datagrams that are no reply are read past.
	maxIgnored = 64
)

var errFlood = errors.New("too many datagrams that are no reply")

// dialUDP opens a socket that hears the host at to and no other. Each request has
// a socket of its own, so that a late reply to another does not reach it.
func dialUDP(ctx context.Context, local netip.Addr, to netip.AddrPort) (net.Conn, error) {
	var dialer net.Dialer
	if local.IsValid() && !local.IsUnspecified() {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return dialer.DialContext(ctx, "udp", to.String())
}

// exchange sends the request until a reply is taken: at once, after first, after
// twice that, and so on (RFC 6886 section 3.1, RFC 8489 section 6.2.1). take looks
// at a datagram and tells whether it is the reply, or an error that ends the
// exchange. The wait lasts as long as ctx.
func exchange(ctx context.Context, conn net.Conn, request []byte, first time.Duration, take func(reply []byte) (bool, error)) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	ignored, buf := 0, make([]byte, maxDatagram)
	for wait := first; ; wait *= 2 {
		if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		if ctx.Err() != nil { // looked at after the deadline is set: the one in the past may have been overwritten
			return context.Cause(ctx)
		}
		_, err := conn.Write(request)
		for err == nil {
			var n int
			if n, err = conn.Read(buf); err != nil {
				break
			}
			if done, err := take(buf[:n]); done || err != nil {
				return err
			}
			if ignored++; ignored > maxIgnored {
				return errFlood
			}
		}
		switch {
		case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		case portClosed(err):
			return &silence{who: conn.RemoteAddr().String()}
		default:
			return err
		}
	}
}

// portClosed tells whether the host answered, by ICMP, that nothing listens on the
// port. Windows has a number of its own for it.
func portClosed(err error) bool {
	const wsaECONNRESET = syscall.Errno(10054)
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaECONNRESET)
}
