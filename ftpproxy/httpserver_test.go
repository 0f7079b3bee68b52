package ftpproxy_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// httpServer is an HTTP proxy that knows CONNECT.
type httpServer struct {
	user, password string            // wanted where user is set
	hosts          map[string]string // names it can resolve, to IP addresses
	onlyPort       string            // any other is answered with 403
	certificate    *tls.Certificate  // makes it an HTTPS proxy
}

func (s httpServer) start(t testing.TB) *double {
	t.Helper()
	return startDouble(t, s.serve)
}

func (s httpServer) serve(d *double, conn net.Conn) {
	if s.certificate != nil {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.certificate}})
	}
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	d.note(request.Method + " " + request.RequestURI)
	onward, refusal := s.admit(request)
	if onward == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 "+refusal+"\r\n\r\n")
		return
	}
	defer onward.Close()
	if !d.keep(onward) {
		return
	}
	// What the server says first comes in one piece with the answer.
	first := make([]byte, 512)
	_ = onward.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // a data connection waits for the client, perhaps
	n, _ := onward.Read(first)
	_ = onward.SetReadDeadline(time.Time{})
	answer := bytes.NewBufferString("HTTP/1.0 200 Connection established\r\nProxy-Agent: double\r\n\r\n")
	_, _ = conn.Write(append(answer.Bytes(), first[:n]...))
	relay(conn, onward)
}

func (s httpServer) admit(request *http.Request) (net.Conn, string) {
	request.Header.Set("Authorization", request.Header.Get("Proxy-Authorization"))
	user, password, _ := request.BasicAuth()
	host, port, err := net.SplitHostPort(request.RequestURI)
	if ip, known := s.hosts[host]; known {
		host = ip
	}
	switch {
	case request.Method != http.MethodConnect, err != nil, request.Host != request.RequestURI:
		return nil, "400 Bad Request"
	case user != s.user || password != s.password:
		return nil, "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"double\""
	case s.onlyPort != "" && port != s.onlyPort:
		return nil, "403 Forbidden"
	case net.ParseIP(host) == nil:
		return nil, "502 Bad Gateway"
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), 10*time.Second)
	if err != nil {
		return nil, "502 Bad Gateway"
	}
	return conn, ""
}
