package ftpproxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftpproxy"
)

func listen(t *testing.T, d *double, server string) net.Listener {
	t.Helper()
	ln, err := parse(t, "socks5://"+d.Addr, nil).Listener(server)(t.Context(), "tcp4", "192.0.2.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ln.Close()) })
	return ln
}

func TestAccept(t *testing.T) {
	d := socksServer{hosts: hosts()}.start(t)
	ln := listen(t, d, "ftp.test")
	require.Equal(t, []string{"BIND ftp.test:21"}, d.Requests())

	server, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer server.Close()
	conn, err := ln.Accept()
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, server.LocalAddr().String(), conn.RemoteAddr().String())
	require.Implements(t, (*interface{ CloseWrite() error })(nil), conn)
	require.Implements(t, (*io.ReaderFrom)(nil), conn)

	_, err = ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed, "there is no second connection")
	require.NoError(t, ln.Close(), "leaves the connection alone")
	_, err = io.WriteString(server, "data")
	require.NoError(t, err)
	require.NoError(t, server.(*net.TCPConn).CloseWrite())
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "data", string(got))
}

// The second reply and the first data may come in one piece.
func TestAcceptLeavesDataAlone(t *testing.T) {
	d := scripted(t, hears(greeting), says("\x05\x00"), hears(asking),
		says("\x05\x00\x00\x01\x7f\x00\x00\x01\x10\x00"+"\x05\x00\x00\x03\x04host\x00\x14"+"data"))
	ln := listen(t, d, "ftp.test")
	conn, err := ln.Accept()
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, "host:20", conn.RemoteAddr().String())
	require.Equal(t, "tcp", conn.RemoteAddr().Network())
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "data", string(got))
}

// Over a connection that is not of TCP, such as one of an SSH tunnel, the far
// end is told all the same.
func TestAcceptOverOtherConnections(t *testing.T) {
	type halfCloser interface {
		net.Conn
		CloseWrite() error
	}
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"with half close": func(c net.Conn) net.Conn { return struct{ halfCloser }{c.(*net.TCPConn)} },
		"without":         func(c net.Conn) net.Conn { return struct{ net.Conn }{c} },
	} {
		t.Run(name, func(t *testing.T) {
			d := socksServer{hosts: hosts()}.start(t)
			p := parse(t, "socks5://proxy.test", &ftpproxy.Options{Timeout: -1, DialContext: func(context.Context, string, string) (net.Conn, error) {
				conn, err := net.Dial("tcp", d.Addr)
				return wrap(conn), err
			}})
			ln, err := p.Listener("ftp.test")(t.Context(), "tcp", "")
			require.NoError(t, err)
			defer ln.Close()
			server, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer server.Close()
			conn, err := ln.Accept()
			require.NoError(t, err)
			defer conn.Close()
			require.Equal(t, server.LocalAddr().String(), conn.RemoteAddr().String())
			_, half := conn.(interface{ CloseWrite() error })
			require.Equal(t, name == "with half close", half)
		})
	}
}

func TestAcceptFailures(t *testing.T) {
	for _, test := range []struct {
		name, second, want string
		code               byte
	}{
		{"turned away", "\x05\x02\x00\x01\x7f\x00\x00\x05\x00\x14", "another address than the server's", 2},
		{"gave up", "\x05\x06\x00\x01\x00\x00\x00\x00\x00\x00", "did not answer in time", 6},
		{"closed", "", "closed the connection before", 0},
		{"truncated", "\x05\x00\x00\x01\x7f", "closed the connection before", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := scripted(t, hears(greeting), says("\x05\x00"), hears(asking), says("\x05\x00\x00\x01\x7f\x00\x00\x01\x10\x00"+test.second))
			_, err := listen(t, d, "ftp.test").Accept()
			require.ErrorContains(t, err, test.want)
			requireFailure(t, err, "accept", "socks5://"+d.Addr)
			var e *ftpproxy.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, test.code, e.Code)
		})
	}
}

func TestCloseEndsAccept(t *testing.T) {
	reached := make(chan struct{})
	d := scripted(t, hears(greeting), says("\x05\x00"), hears(asking), says("\x05\x00\x00\x01\x7f\x00\x00\x01\x10\x00"), hangs(reached))
	ln := listen(t, d, "ftp.test")
	ended := make(chan error)
	go func() {
		_, err := ln.Accept()
		ended <- err
	}()
	<-reached
	require.NoError(t, ln.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
	require.NoError(t, ln.Close())
	_, err := ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// The context is for opening the port; a transfer may outlive it.
func TestListenerOutlivesItsContext(t *testing.T) {
	d := socksServer{hosts: hosts()}.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	ln, err := parse(t, "socks5://"+d.Addr, nil).Listener("ftp.test:21")(ctx, "tcp", "")
	require.NoError(t, err)
	defer ln.Close()
	cancel()
	server, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer server.Close()
	conn, err := ln.Accept()
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestPortsThatCannotBeNamed(t *testing.T) {
	for _, test := range []struct{ name, first, want string }{
		{"a name", "\x05\x00\x00\x03\x05proxy\x10\x00", "take an IP address only"},
		{"port 0", "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00", "named it 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := scripted(t, hears(greeting), says("\x05\x00"), hears(asking), says(test.first))
			err := attempt(t.Context(), parse(t, "socks5://"+d.Addr, nil), "bind")
			require.ErrorContains(t, err, test.want)
		})
	}
}

// A proxy that names no address is meant itself; over a dialer that knows no
// address of it, there is none to tell.
func TestUnspecifiedAddress(t *testing.T) {
	for _, unspecified := range []string{"\x01\x00\x00\x00\x00", "\x04" + strings.Repeat("\x00", 16)} {
		steps := []step{hears(greeting), says("\x05\x00"), hears(asking), says("\x05\x00\x00" + unspecified + "\x10\x00")}
		ln := listen(t, scripted(t, steps...), "ftp.test")
		require.Equal(t, "127.0.0.1:4096", ln.Addr().String())

		p := parse(t, "socks5://proxy.test", &ftpproxy.Options{DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				for _, s := range steps {
					s(far)
				}
			}()
			return near, nil
		}})
		require.ErrorContains(t, attempt(t.Context(), p, "bind"), "its own is not known")
	}
}

func TestRequestedServer(t *testing.T) {
	for server, want := range map[string]string{
		"ftp.test":           "BIND ftp.test:21",
		"ftp.test:2121":      "BIND ftp.test:2121",
		"192.0.2.1":          "BIND 192.0.2.1:21",
		"2001:db8::1":        "BIND [2001:db8::1]:21",
		"[2001:db8::1]":      "BIND [2001:db8::1]:21",
		"[fe80::1%eth0]:990": "BIND [fe80::1]:990",
		"::ffff:192.0.2.1":   "BIND 192.0.2.1:21",
	} {
		d := socksServer{hosts: hosts()}.start(t)
		listen(t, d, server)
		require.Equal(t, []string{want}, d.Requests())
	}
}

func TestHTTPCannotListen(t *testing.T) {
	for _, url := range []string{"http://127.0.0.1:9", "https://127.0.0.1:9"} {
		p := parse(t, url, nil)
		require.False(t, p.CanListen())
		_, err := p.Listener("ftp.test")(t.Context(), "tcp", "127.0.0.1:0")
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorContains(t, err, "use passive mode or a SOCKS5 proxy")
	}
}
