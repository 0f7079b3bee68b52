package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// serverName is a name that the proxies of these tests know and nobody else.
const serverName = "ftp.test"

// proxyURL is the server's URL by that name.
func proxyURL(t *testing.T, srv *ftptest.Server) string {
	t.Helper()
	_, port, err := net.SplitHostPort(srv.Addr)
	require.NoError(t, err)
	return "ftp://" + net.JoinHostPort(serverName, port)
}

// tunnels is what both kinds of proxies have: the connections, and what was asked.
type tunnels struct {
	addr string

	wg       sync.WaitGroup
	mu       sync.Mutex
	open     []io.Closer
	requests []string
}

func (p *tunnels) note(verb string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, verb)
}

// count tells how often something was asked that begins so.
func (p *tunnels) count(prefix string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(p.requests), func(r string) bool { return !strings.HasPrefix(r, prefix) }))
}

func (p *tunnels) keep(c io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = append(p.open, c)
}

func (p *tunnels) close() {
	p.mu.Lock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// dial reaches a target for which the client gave the name.
func (p *tunnels) dial(host, port string) (net.Conn, error) {
	if host != serverName {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
}

// relay carries bytes both ways until both sides have ended.
func (p *tunnels) relay(a io.ReadWriteCloser, fromA io.Reader, b io.ReadWriteCloser) {
	p.keep(a)
	p.keep(b)
	oneWay := func(from io.Reader, to io.Writer) {
		_, _ = io.Copy(to, from)
		_ = to.(interface{ CloseWrite() error }).CloseWrite()
	}
	var wg sync.WaitGroup
	wg.Go(func() { oneWay(fromA, b) })
	oneWay(b, a)
	wg.Wait()
	_, _ = a.Close(), b.Close()
}

// serveHTTPProxy starts an HTTP proxy that wants the login, unless that is empty.
// It repeats a wrong one in its answer, as no proxy should.
func serveHTTPProxy(t *testing.T, user, password string) *tunnels {
	t.Helper()
	p := new(tunnels)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.wg.Add(1)
		defer p.wg.Done()
		p.note(r.Method + " " + r.RequestURI)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
		if u, pw, _ := r.BasicAuth(); u != user || pw != password {
			_, _ = io.WriteString(conn, "HTTP/1.1 407 Not with "+pw+"\r\nProxy-Authenticate: Basic\r\n\r\n")
			return
		}
		host, port, _ := net.SplitHostPort(r.RequestURI)
		onward, err := p.dial(host, port)
		if err != nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		p.relay(conn.(*net.TCPConn), rw, onward.(*net.TCPConn))
	}))
	p.addr = srv.Listener.Addr().String()
	t.Cleanup(func() {
		p.close()
		srv.Close()
	})
	return p
}

// serveSOCKS starts a SOCKS5 proxy that wants no login.
func serveSOCKS(t *testing.T) *tunnels {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &tunnels{addr: ln.Addr().String()}
	p.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			p.keep(conn)
			p.wg.Go(func() {
				defer conn.Close()
				p.socks(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		p.close()
	})
	return p
}

// socks serves one connection by RFC 1928.
func (p *tunnels) socks(conn *net.TCPConn) {
	r := bufio.NewReader(conn)
	hello := make([]byte, 2)
	if _, err := io.ReadFull(r, hello); err != nil {
		return
	}
	_, _ = r.Discard(int(hello[1]))
	_, _ = conn.Write([]byte{5, 0})
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return
	}
	host, port, err := readSOCKSTarget(r, head[3])
	if err != nil {
		return
	}
	p.note(map[byte]string{1: "CONNECT ", 2: "BIND "}[head[1]] + net.JoinHostPort(host, port))
	if head[1] == 2 {
		p.bind(conn, r)
		return
	}
	onward, err := p.dial(host, port)
	if err != nil {
		_, _ = conn.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	replySOCKS(conn, onward.LocalAddr())
	p.relay(conn, r, onward.(*net.TCPConn))
}

// bind opens a port for one connection. Cleanup or the client's end closes it.
func (p *tunnels) bind(conn *net.TCPConn, r io.Reader) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return
	}
	defer ln.Close()
	p.keep(ln)
	replySOCKS(conn, ln.Addr())
	inward, err := ln.Accept()
	if err != nil {
		return
	}
	replySOCKS(conn, inward.RemoteAddr())
	p.relay(conn, r, inward.(*net.TCPConn))
}

// readSOCKSTarget reads a name (type 3) or an IPv4 address.
func readSOCKSTarget(r *bufio.Reader, kind byte) (host, port string, err error) {
	size := byte(net.IPv4len)
	if kind == 3 {
		if size, err = r.ReadByte(); err != nil {
			return "", "", err
		}
	}
	b := make([]byte, int(size)+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", "", err
	}
	host = string(b[:size])
	if kind != 3 {
		host = net.IP(b[:size]).String()
	}
	return host, strconv.Itoa(int(binary.BigEndian.Uint16(b[size:]))), nil
}

func replySOCKS(w io.Writer, at net.Addr) {
	a := at.(*net.TCPAddr)
	b := append([]byte{5, 0, 0, 1}, a.IP.To4()...)
	_, _ = w.Write(binary.BigEndian.AppendUint16(b, uint16(a.Port)))
}
