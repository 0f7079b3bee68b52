package ftpproxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"
)

// socksServer is a SOCKS5 proxy as RFC 1928 and RFC 1929 describe one.
type socksServer struct {
	user, password string            // wanted where user is set
	hosts          map[string]string // names it can resolve, to IP addresses
	unspecified    bool              // names the port of a BIND with 0.0.0.0, as those do that listen everywhere
	noBind         bool
}

func (s socksServer) start(t testing.TB) *double {
	t.Helper()
	return startDouble(t, s.serve)
}

func (s socksServer) serve(d *double, conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second)) // a client that stalls must not hang the test
	r := bufio.NewReader(conn)
	if !s.login(r, conn) {
		return
	}
	head := make([]byte, 3)
	if _, err := io.ReadFull(r, head); err != nil {
		return
	}
	host, port, err := readTarget(r)
	if err != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	verb := map[byte]string{1: "CONNECT", 2: "BIND"}[head[1]]
	d.note(verb + " " + net.JoinHostPort(host, port))
	if ip, known := s.hosts[host]; known {
		host = ip
	} else if net.ParseIP(host) == nil {
		reply(conn, 4, nil)
		return
	}
	switch {
	case verb == "CONNECT":
		s.connect(d, conn, net.JoinHostPort(host, port))
	case verb == "BIND" && !s.noBind:
		s.bind(d, conn, host)
	default:
		reply(conn, 7, nil)
	}
}

// login speaks RFC 1929 where credentials are wanted.
func (s socksServer) login(r *bufio.Reader, conn net.Conn) bool {
	if version, _ := r.ReadByte(); version != 5 {
		return false
	}
	methods, err := readString(r)
	if err != nil {
		return false
	}
	wanted := byte(0)
	if s.user != "" {
		wanted = 2
	}
	for _, m := range []byte(methods) {
		if m != wanted {
			continue
		}
		_, _ = conn.Write([]byte{5, wanted})
		return wanted == 0 || s.checkPassword(r, conn)
	}
	_, _ = conn.Write([]byte{5, 0xff})
	return false
}

func (s socksServer) checkPassword(r *bufio.Reader, conn net.Conn) bool {
	_, _ = r.ReadByte()
	user, _ := readString(r)
	password, _ := readString(r)
	if user != s.user || password != s.password {
		_, _ = conn.Write([]byte{1, 1})
		return false
	}
	_, _ = conn.Write([]byte{1, 0})
	return true
}

func (s socksServer) connect(d *double, conn net.Conn, address string) {
	onward, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		reply(conn, 5, nil)
		return
	}
	defer onward.Close()
	if d.keep(onward) {
		reply(conn, 0, onward.LocalAddr().(*net.TCPAddr))
		relay(conn, onward)
	}
}

// bind admits the expected host alone, as Dante does: anyone else ends it.
func (s socksServer) bind(d *double, conn net.Conn, expected string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		reply(conn, 1, nil)
		return
	}
	defer ln.Close()
	gone := make(chan struct{})
	first := *ln.Addr().(*net.TCPAddr)
	if s.unspecified {
		first.IP = net.IPv4zero
	}
	reply(conn, 0, &first)
	_ = ln.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Second))
	if !d.keep(ln) {
		return
	}
	// A client that goes away ends the wait. It sends nothing before the second reply.
	go func() {
		defer close(gone)
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			_ = ln.Close()
		}
	}()
	inward, err := ln.Accept()
	_ = conn.SetReadDeadline(time.Unix(1, 0))
	<-gone
	_ = conn.SetReadDeadline(time.Time{})
	if err != nil {
		reply(conn, 6, nil)
		return
	}
	defer inward.Close()
	remote := inward.RemoteAddr().(*net.TCPAddr)
	if remote.IP.String() != expected {
		reply(conn, 2, remote)
		return
	}
	if d.keep(inward) {
		reply(conn, 0, remote)
		relay(conn, inward)
	}
}

func readTarget(r *bufio.Reader) (host, port string, err error) {
	kind, err := r.ReadByte()
	if err != nil {
		return "", "", err
	}
	switch kind {
	case 1, 4:
		ip := make(net.IP, map[byte]int{1: 4, 4: 16}[kind])
		_, err = io.ReadFull(r, ip)
		host = ip.String()
	case 3:
		host, err = readString(r)
	default:
		err = fmt.Errorf("address type %d", kind)
	}
	b := make([]byte, 2)
	if err == nil {
		_, err = io.ReadFull(r, b)
	}
	return host, strconv.Itoa(int(b[0])<<8 | int(b[1])), err
}

func readString(r *bufio.Reader) (string, error) {
	n, err := r.ReadByte()
	if err != nil {
		return "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return string(b), err
}

func reply(w io.Writer, code byte, at *net.TCPAddr) {
	b := []byte{5, code, 0, 1}
	switch {
	case at == nil:
		b = append(b, 0, 0, 0, 0, 0, 0)
	default:
		b = append(b, at.IP.To4()...)
		b = append(b, byte(at.Port>>8), byte(at.Port))
	}
	_, _ = w.Write(b)
}
