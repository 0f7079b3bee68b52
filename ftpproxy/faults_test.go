package ftpproxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftpproxy"
	"github.com/dualport/ftp/ftptest"
)

const (
	greeting  = 3 // bytes of a client without credentials
	greeting2 = 4 // with them
	login     = 3 + len("user") + len("secret")
	asking    = 4 + 1 + len("ftp.test") + 2
)

// attempt asks for a connection or for a port, by the operation.
func attempt(ctx context.Context, p *ftpproxy.Proxy, op string) error {
	var c io.Closer
	var err error
	if op == "bind" {
		c, err = p.Listener("ftp.test")(ctx, "tcp", "127.0.0.1:0")
	} else {
		c, err = p.DialContext(ctx, "tcp", "ftp.test:21")
	}
	if err == nil {
		_ = c.Close()
	}
	return err
}

func TestSOCKSFaults(t *testing.T) {
	reply := func(code string) []step {
		return []step{hears(greeting), says("\x05\x00"), hears(asking), says("\x05" + code)}
	}
	for _, test := range []struct {
		name  string
		steps []step
		user  string
		want  string // part of the error, of both operations
		bind  string // instead of want, where it differs
		code  byte
		is    error
	}{
		{name: "closed at once", want: "closed the connection before it had answered", is: io.ErrUnexpectedEOF},
		{name: "truncated method", steps: []step{hears(greeting), says("\x05")}, want: "closed the connection before"},
		{name: "HTTP", steps: []step{hears(greeting), says("HTTP/1.0 400 Bad Request\r\n\r\n")}, want: "write http://"},
		{name: "SOCKS4", steps: []step{hears(greeting), says("\x00\x5b")}, want: "speaks SOCKS version 4"},
		{name: "an FTP server", steps: []step{hears(greeting), says("220 ready\r\n")}, want: "which is not SOCKS5; check its port"},
		{name: "wants a login", steps: []step{hears(greeting), says("\x05\xff")}, want: "it wants a user and a password", is: ftpproxy.ErrCredentials},
		{name: "takes no login", user: "user:secret@", steps: []step{hears(greeting2), says("\x05\xff")}, want: "neither a user and a password nor", is: ftpproxy.ErrCredentials},
		{name: "a method not offered", steps: []step{hears(greeting), says("\x05\x02")}, want: "method 2, which it was not offered", is: ftpproxy.ErrCredentials},
		{name: "GSSAPI", user: "user:secret@", steps: []step{hears(greeting2), says("\x05\x01")}, want: "method 1, which it was not offered", is: ftpproxy.ErrCredentials},
		{name: "login refused", user: "user:secret@", steps: []step{hears(greeting2), says("\x05\x02"), hears(login), says("\x01\x01")}, want: "refused the user or the password", is: ftpproxy.ErrCredentials},
		{name: "login in another version", user: "user:secret@", steps: []step{hears(greeting2), says("\x05\x02"), hears(login), says("\x07\x00")}, want: "version 7"},
		{name: "truncated login", user: "user:secret@", steps: []step{hears(greeting2), says("\x05\x02"), hears(login)}, want: "closed the connection before"},
		{name: "general failure", steps: reply("\x01\x00\x01\x00\x00\x00\x00\x00\x00"), want: "answered 1: it failed for a reason of its own", code: 1},
		{name: "forbidden", steps: reply("\x02\x00\x01\x00\x00\x00\x00\x00\x00"), want: "permit port 21 and the server's passive ports", bind: "its rules forbid BIND", code: 2},
		{name: "forbidden without a login", steps: reply("\x02\x00"), want: "put a user and a password into its URL", code: 2},
		{name: "no network", steps: reply("\x03\x00\x01\x00\x00\x00\x00\x00\x00"), want: "no route to the target's network", code: 3},
		{name: "no host", steps: reply("\x04\x00\x03\x08ftp.test\x00\x00"), want: "check the name", code: 4},
		{name: "refused", steps: reply("\x05\x00\x01\x00\x00\x00\x00\x00\x00"), want: "the target refused the connection", code: 5},
		{name: "too late", steps: reply("\x06\x00\x01\x00\x00\x00\x00\x00\x00"), want: "did not answer in time", code: 6},
		{name: "no such command", steps: reply("\x07\x00\x01\x00\x00\x00\x00\x00\x00"), want: "does not know the command", bind: "it has no BIND; use passive mode", code: 7, is: errors.ErrUnsupported},
		{name: "no such type of address", steps: reply("\x08\x00\x01\x00\x00\x00\x00\x00\x00"), want: "give an IPv4 address or a host name", code: 8},
		{name: "a code of its own", steps: reply("\x5b\x00\x01\x00\x00\x00\x00\x00\x00"), want: "RFC 1928 does not know that code", code: 0x5b},
		{name: "a refusal without an address", steps: reply("\x05"), want: "the target refused the connection", code: 5},
		{name: "truncated reply", steps: reply("\x00\x00\x01\x7f"), want: "closed the connection before"},
		{name: "truncated name", steps: reply("\x00\x00\x03"), want: "closed the connection before"},
		{name: "an address of a wrong type", steps: reply("\x00\x00\x02\x00\x00\x00\x00\x00\x00"), want: "address of type 2"},
	} {
		for _, op := range []string{"connect", "bind"} {
			t.Run(test.name+"/"+op, func(t *testing.T) {
				t.Parallel()
				d := scripted(t, test.steps...)
				err := attempt(t.Context(), parse(t, "socks5://"+test.user+d.Addr, nil), op)
				want := test.want
				if op == "bind" && test.bind != "" {
					want = test.bind
				}
				require.ErrorContains(t, err, want)
				requireFailure(t, err, op, "socks5://"+d.Addr)
				if test.is != nil {
					require.ErrorIs(t, err, test.is)
				}
				var e *ftpproxy.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, test.code, e.Code)
			})
		}
	}
}

// requireFailure is what holds for every error of an attempt at a proxy that
// was reached.
func requireFailure(t *testing.T, err error, op, proxy string) {
	t.Helper()
	var e *ftpproxy.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, op, e.Op)
	require.Equal(t, proxy, e.Proxy)
	require.Contains(t, e.Target, "ftp.test")
	require.NotErrorIs(t, err, ftpproxy.ErrUnreachable)
	require.NotContains(t, err.Error(), "secret")
	require.NotContains(t, err.Error(), "user@")
}

func TestHTTPFaults(t *testing.T) {
	head := func(text string) []step { return []step{hearsHead, says(text)} }
	for _, test := range []struct {
		name   string
		steps  []step
		user   string
		want   string
		status int
		is     error
	}{
		{name: "closed at once", want: "closed the connection before it had answered"},
		{name: "truncated status line", steps: head("HTTP/1.1 200 OK\r\n"), want: "closed the connection before"},
		{name: "SOCKS5", steps: []step{says("\x05\xff")}, want: "write socks5://"},
		{name: "TLS", steps: []step{says("\x15\x03\x01\x00\x02\x02\x46")}, want: "write https://"},
		{name: "an FTP server", steps: []step{says("220 ready\r\n")}, want: "did not answer in HTTP"},
		{name: "no status", steps: head("HTTP/1.1 great\r\n\r\n"), want: "no status line"},
		{name: "a wrong version", steps: head("HTTP/2 200 OK\r\n\r\n"), want: "no status line"},
		{name: "an endless head", steps: head("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20_000)), want: "longer than 16384 bytes"},
		{name: "endless interim answers", steps: head(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000)), want: "longer than 16384 bytes"},
		{name: "wants a login", steps: head("HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=x\r\n\r\n"), want: `"407 Who?": it wants a user and a password`, status: 407, is: ftpproxy.ErrCredentials},
		{name: "login refused", user: "user:secret@", steps: head("HTTP/1.1 407\r\nproxy-authenticate: basic\r\n\r\n"), want: "refused the user or the password", status: 407, is: ftpproxy.ErrCredentials},
		{name: "login refused by 401, as tinyproxy does", user: "user:secret@", steps: head("HTTP/1.0 401 Unauthorized\r\n\r\n"), want: "refused the user or the password", status: 401, is: ftpproxy.ErrCredentials},
		{name: "another login", user: "user:secret@", steps: head("HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n"), want: `"negotiate, ntlm", and only basic`, status: 407, is: ftpproxy.ErrCredentials},
		{name: "forbidden", steps: head("HTTP/1.1 403 Access violation\r\n\r\n"), want: "does not let CONNECT through to port 21; many HTTP proxies permit port 443 alone", status: 403},
		{name: "not allowed", steps: head("HTTP/1.1 405 Method Not Allowed\n\n"), want: "CONNECT", status: 405},
		{name: "bad gateway", steps: head("HTTP/1.1 502 Bad Gateway\r\n\r\n"), want: "could not reach the server", status: 502},
		{name: "a web server", steps: head("HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n"), want: "that is no tunnel", status: 301},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := scripted(t, test.steps...)
			err := attempt(t.Context(), parse(t, "http://"+test.user+d.Addr, nil), "connect")
			require.ErrorContains(t, err, test.want)
			requireFailure(t, err, "connect", "http://"+d.Addr)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			var e *ftpproxy.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, test.status, e.Status)
		})
	}
}

// What comes in one piece with the proxy's answer belongs to the connection.
func TestGluedBytes(t *testing.T) {
	const glued = "220 ready\r\n"
	for _, test := range []struct {
		name, scheme string
		steps        []step
	}{
		{"SOCKS5", "socks5://", []step{hears(greeting), says("\x05\x00"), hears(asking), says("\x05\x00\x00\x01\x7f\x00\x00\x01\x10\x00" + glued)}},
		{"SOCKS5 with a name", "socks5://", []step{hears(greeting), says("\x05\x00"), hears(asking), says("\x05\x00\x00\x03\x04host\x10\x00" + glued)}},
		{"SOCKS5 with IPv6", "socks5://", []step{hears(greeting), says("\x05\x00"), hears(asking), says("\x05\x00\x00\x04" + strings.Repeat("\x01", 16) + "\x10\x00" + glued)}},
		{"HTTP", "http://", []step{hearsHead, says("HTTP/1.1 200 OK\r\n\r\n" + glued)}},
		{"HTTP with an interim answer", "http://", []step{hearsHead, says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200\nVia: x\n\n" + glued)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := scripted(t, test.steps...)
			conn, err := parse(t, test.scheme+d.Addr, nil).DialContext(t.Context(), "tcp", "ftp.test:21")
			require.NoError(t, err)
			defer conn.Close()
			require.IsType(t, new(net.TCPConn), conn, "nothing is around the socket")
			got, err := io.ReadAll(conn)
			require.NoError(t, err)
			require.Equal(t, glued, string(got))
		})
	}
}

func TestCancel(t *testing.T) {
	for _, test := range []struct {
		name, url, op string
		steps         []step
	}{
		{name: "method", url: "socks5://", op: "connect"},
		{name: "login", url: "socks5://user:secret@", op: "connect", steps: []step{hears(greeting2), says("\x05\x02")}},
		{name: "reply", url: "socks5://", op: "connect", steps: []step{hears(greeting), says("\x05\x00"), hears(asking), says("\x05\x00\x00")}},
		{name: "method", url: "socks5://", op: "bind"},
		{name: "login", url: "socks5://user:secret@", op: "bind", steps: []step{hears(greeting2), says("\x05\x02")}},
		{name: "reply", url: "socks5://", op: "bind", steps: []step{hears(greeting), says("\x05\x00"), hears(asking), says("\x05\x00\x00\x01")}},
		{name: "answer", url: "http://", op: "connect"},
		{name: "half an answer", url: "http://", op: "connect", steps: []step{hearsHead, says("HTTP/1.1 200 OK\r\n")}},
		{name: "handshake", url: "https://", op: "connect"},
	} {
		t.Run(test.url+"/"+test.op+"/"+test.name, func(t *testing.T) {
			t.Parallel()
			reached := make(chan struct{})
			d := scripted(t, append(test.steps, hangs(reached))...)
			cause := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			go func() {
				<-reached
				cancel(cause)
			}()
			err := attempt(ctx, parse(t, test.url+d.Addr, nil), test.op)
			require.ErrorIs(t, err, cause)
			require.NotContains(t, err.Error(), "timeout")
		})
	}
}

func TestCancelWhileReachingTheProxy(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	p := parse(t, "socks5://proxy.test", &ftpproxy.Options{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		require.Equal(t, "tcp proxy.test:1080", network+" "+address)
		cancel(cause)
		<-ctx.Done()
		return nil, errors.New("an error of its own")
	}})
	err := attempt(ctx, p, "connect")
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, err, ftpproxy.ErrUnreachable)
}

// A proxy that never answers is given up, also where the context has no limit.
func TestTimeout(t *testing.T) {
	for _, scheme := range []string{"socks5", "http", "https"} {
		for _, op := range []string{"connect", "bind"} {
			if op == "bind" && scheme != "socks5" {
				continue
			}
			t.Run(scheme+"/"+op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := net.Pipe()
					go func() { _, _ = io.Copy(io.Discard, far) }()
					defer far.Close()
					p := parse(t, scheme+"://proxy.test", &ftpproxy.Options{DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
					start := time.Now()
					err := attempt(t.Context(), p, op)
					require.ErrorIs(t, err, context.DeadlineExceeded)
					require.ErrorContains(t, err, "no answer within 30s (Options.Timeout of ftpproxy)")
					require.Equal(t, 30*time.Second, time.Since(start))
				})
			})
		}
	}
}

func TestUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	for _, p := range []*ftpproxy.Proxy{
		parse(t, "socks5://user:secret@"+ln.Addr().String(), nil),
		parse(t, "http://user:secret@"+ln.Addr().String(), nil),
		parse(t, "http://user:secret@127.0.0.1:9", &ftpproxy.Options{Bind: "no-such-interface"}),
		parse(t, "http://user:secret@127.0.0.1:9", &ftpproxy.Options{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}),
	} {
		err := attempt(t.Context(), p, "connect")
		require.ErrorIs(t, err, ftpproxy.ErrUnreachable)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestHTTPSVerifiesTheProxy(t *testing.T) {
	certificate := ftptest.NewAuthority().Issue("127.0.0.1")
	d := httpServer{hosts: hosts(), certificate: &certificate}.start(t)
	err := attempt(t.Context(), parse(t, "https://user:secret@"+d.Addr, &ftpproxy.Options{TLSConfig: trusting(ftptest.NewAuthority())}), "connect")
	require.ErrorIs(t, err, ftpproxy.ErrUnreachable)
	require.ErrorContains(t, err, "certificate")
	require.Empty(t, d.Requests())
}

func TestBindOption(t *testing.T) {
	from := make(chan string, 1)
	d := startDouble(t, func(_ *double, conn net.Conn) {
		host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
		from <- host
	})
	for option, want := range map[string]string{"127.0.0.9": "127.0.0.9", loopback(t): "127.0.0.1"} {
		require.Error(t, attempt(t.Context(), parse(t, "socks5://"+d.Addr, &ftpproxy.Options{Bind: option}), "connect"))
		require.Equal(t, want, <-from)
	}
}

// loopback is the name of the loopback interface.
func loopback(t *testing.T) string {
	t.Helper()
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	require.Fail(t, "this host has no loopback interface")
	return ""
}

func TestTargets(t *testing.T) {
	for _, test := range []struct{ network, address, want string }{
		{"udp", "ftp.test:21", "use tcp, tcp4 or tcp6"},
		{"tcp", "ftp.test", "missing port"},
		{"tcp", "ftp.test:0", "is no port"},
		{"tcp", "ftp.test:ftp", "is no port"},
		{"tcp", ":21", "is no host name"},
		{"tcp", strings.Repeat("a", 256) + ":21", "is no host name"},
		{"tcp", "ftp.test\r\nX: y:21", "too many colons"},
		{"tcp", "ftp.test\r\nX:21", "is no host name"},
		{"tcp", "user@ftp.test:21", "is no host name"},
	} {
		p := parse(t, "http://127.0.0.1:9", nil)
		_, err := p.DialContext(t.Context(), test.network, test.address)
		require.ErrorContains(t, err, test.want, test.address)
	}
}

// A proxy may repeat the request in its answer: the login in it is not told.
func TestLoginThatTheProxyRepeats(t *testing.T) {
	const basic = "cHU6aHVudGVyMg==" // pu:hunter2
	for name, line := range map[string]string{
		"in the reason":     "HTTP/1.1 403 Denied: Proxy-Authorization: Basic " + basic,
		"in plain":          "HTTP/1.1 403 No hunter2 here",
		"at the cut":        "HTTP/1.1 403 " + strings.Repeat("x", 110) + basic,
		"no status line":    "HTTP/9.9 what? Basic " + basic + " hunter2",
		"a status and more": "HTTP/1.1 407 hunter2",
		"without padding":   "HTTP/1.1 403 " + strings.TrimRight(basic, "="),
		"escaped":           "HTTP/1.1 403 " + strings.ReplaceAll(basic, "=", "%3D"),
	} {
		t.Run(name, func(t *testing.T) {
			d := scripted(t, hearsHead, says(line+"\r\n\r\n"))
			err := attempt(t.Context(), parse(t, "http://pu:hunter2@"+d.Addr, nil), "connect")
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), basic[:8])
		})
	}
}
