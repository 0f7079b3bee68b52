package doctor_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The addresses of a network with a NAT on both sides: the client and the server
// are at insideAddr, which they do not know of each other.
const (
	insideAddr = "127.0.0.1"
	serverAddr = "127.0.0.2" // at which the client reaches the server
	clientAddr = "127.0.0.9" // from which the server sees the client come
)

// helper is a pair of NATs with helpers for FTP: they read the control
// connection, rewrite addresses and let the data connections through, as long as
// they can read it.
type helper struct {
	active, passive bool // what is rewritten
	server          string

	wg    sync.WaitGroup
	mu    sync.Mutex
	open  []io.Closer
	ended bool
}

// startHelper returns the address at which the server can be reached through h.
func startHelper(t *testing.T, h *helper) string {
	t.Helper()
	ln, err := net.Listen("tcp", serverAddr+":0")
	require.NoError(t, err)
	h.keep(ln)
	h.serve(ln, func(conn net.Conn) { h.control(conn) })
	t.Cleanup(h.end)
	return ln.Addr().String()
}

func (h *helper) end() {
	h.mu.Lock()
	h.ended = true
	for _, c := range h.open {
		_ = c.Close()
	}
	h.mu.Unlock()
	h.wg.Wait()
}

// keep has c closed at the end of the test; it is closed at once after that.
func (h *helper) keep(c io.Closer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = append(h.open, c)
	if h.ended {
		_ = c.Close()
	}
}

func (h *helper) serve(ln net.Listener, each func(net.Conn)) {
	h.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			h.keep(conn)
			h.wg.Go(func() { each(conn) })
		}
	})
}

func (h *helper) dial(from, to string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", to)
	if err == nil {
		h.keep(conn)
	}
	return conn, err
}

// join passes bytes both ways until either side ends.
func (h *helper) join(a, b net.Conn) {
	h.wg.Go(func() {
		_, _ = io.Copy(a, b)
		_ = a.Close()
	})
	_, _ = io.Copy(b, a)
	_ = b.Close()
}

func (h *helper) control(client net.Conn) {
	defer client.Close()
	server, err := h.dial(clientAddr, h.server)
	if err != nil {
		return
	}
	h.wg.Go(func() {
		defer client.Close()
		pass(client, server, "234", h.reply)
	})
	defer server.Close()
	pass(server, client, "AUTH", h.command)
}

// pass copies lines as rewrite makes them, and whatever comes after a line that
// begins with last.
func pass(to io.Writer, from io.Reader, last string, rewrite func(string) string) {
	in := bufio.NewReader(from)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(to, rewrite(line)); err != nil {
			return
		}
		if strings.HasPrefix(line, last) {
			_, _ = io.Copy(to, in)
			return
		}
	}
}

// expect lets one data connection through that arrives at an address of the NAT.
func (h *helper) expect(at, from, to string) netip.AddrPort {
	ln, err := net.Listen("tcp", at+":0")
	if err != nil {
		return netip.AddrPort{}
	}
	h.keep(ln)
	h.wg.Go(func() {
		outside, err := ln.Accept()
		_ = ln.Close()
		if err != nil {
			return
		}
		h.keep(outside)
		inside, err := h.dial(from, to)
		if err != nil {
			_ = outside.Close()
			return
		}
		h.join(outside, inside)
	})
	return netip.MustParseAddrPort(ln.Addr().String())
}

func (h *helper) command(line string) string {
	var a, b, c, d, hi, lo, port int
	switch {
	case !h.active:
	case scan(line, "PORT %d,%d,%d,%d,%d,%d", &a, &b, &c, &d, &hi, &lo):
		at := h.expect(clientAddr, serverAddr, fmt.Sprintf("%d.%d.%d.%d:%d", a, b, c, d, hi<<8|lo))
		return "PORT " + commas(at) + "\r\n"
	case scan(line, "EPRT |1|"+insideAddr+"|%d|", &port):
		at := h.expect(clientAddr, serverAddr, fmt.Sprintf("%s:%d", insideAddr, port))
		return fmt.Sprintf("EPRT |1|%s|%d|\r\n", at.Addr(), at.Port())
	}
	return line
}

func (h *helper) reply(line string) string {
	var a, b, c, d, hi, lo, port int
	switch {
	case !h.passive:
	case scan(line, "227 Entering Passive Mode (%d,%d,%d,%d,%d,%d)", &a, &b, &c, &d, &hi, &lo):
		at := h.expect(serverAddr, clientAddr, fmt.Sprintf("%d.%d.%d.%d:%d", a, b, c, d, hi<<8|lo))
		return "227 Entering Passive Mode (" + commas(at) + ").\r\n"
	case scan(line, "229 Entering Extended Passive Mode (|||%d|)", &port):
		at := h.expect(serverAddr, clientAddr, fmt.Sprintf("%s:%d", insideAddr, port))
		return fmt.Sprintf("229 Entering Extended Passive Mode (|||%d|)\r\n", at.Port())
	}
	return line
}

func scan(line, format string, fields ...any) bool {
	n, err := fmt.Sscanf(line, format, fields...)
	return err == nil && n == len(fields)
}

func commas(at netip.AddrPort) string {
	return fmt.Sprintf("%s,%d,%d", strings.ReplaceAll(at.Addr().String(), ".", ","), at.Port()>>8, at.Port()&0xff)
}
