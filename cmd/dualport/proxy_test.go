package main

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

func TestProxy(t *testing.T) {
	for _, tt := range []struct {
		name, scheme string
		start        func(t *testing.T) *tunnels
		flags        []string
		verb         string // of data connections
		method       string
	}{
		{"HTTP with a login", "http://user:p%40ss@", func(t *testing.T) *tunnels { return serveHTTPProxy(t, "user", "p@ss") }, nil, "CONNECT ", "EPSV"},
		{"HTTP by PASV", "", func(t *testing.T) *tunnels { return serveHTTPProxy(t, "", "") }, []string{"--data-command", "pasv"}, "CONNECT ", "PASV"},
		{"SOCKS5", "socks5://", serveSOCKS, nil, "CONNECT ", "EPSV"},
		{"SOCKS5 in active mode", "socks5h://", serveSOCKS, []string{"--mode", "active"}, "BIND ", "PORT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, proxy, s := serve(t, nil), tt.start(t), newShell(t)
			url := proxyURL(t, srv)
			flags := append([]string{"--proxy", tt.scheme + proxy.addr}, tt.flags...)
			with := func(args ...string) []string { return append(args, flags...) }

			o := s.run(with("get", url+"/pub/a.txt", "--json")...).wants(0)
			require.Equal(t, "hello, world\n", local(t, "a.txt"))
			require.Equal(t, tt.method, o.json()["negotiation"].(map[string]any)["method"])
			s.run(with("put", "a.txt", url+"/in/b.txt")...).wants(0)
			require.Equal(t, "hello, world\n", remote(t, srv, "/in/b.txt"))
			require.Equal(t, "b.txt\n", s.run(with("ls", "-1", url+"/in")...).wants(0).stdout)
			require.Equal(t, 6, proxy.count("CONNECT "+serverName+":")+proxy.count("BIND "+serverName+":"), proxy.requests)
			require.Positive(t, proxy.count(tt.verb))
		})
	}
}

// TestProxyOfTheEnvironment says when it counts. The address 0.0.0.0 reaches this
// host too, and is no loopback address, which would never go through a proxy.
func TestProxyOfTheEnvironment(t *testing.T) {
	srv, proxy := serve(t, nil), serveHTTPProxy(t, "", "")
	named := proxyURL(t, srv)
	direct := strings.Replace(named, serverName, "0.0.0.0", 1)
	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		code int
		used bool
	}{
		{"ftp_proxy", map[string]string{"ftp_proxy": proxy.addr}, []string{"ls", named}, 0, true},
		{"ALL_PROXY", map[string]string{"ALL_PROXY": "http://" + proxy.addr}, []string{"ls", named}, 0, true},
		{"the flag counts more", map[string]string{"ftp_proxy": "socks5://127.0.0.1:1"}, []string{"ls", named, "--proxy", "http://" + proxy.addr}, 0, true},
		{"no_proxy", map[string]string{"ftp_proxy": proxy.addr, "no_proxy": "example.net, 0.0.0.0"}, []string{"ls", direct}, 0, false},
		{"no_proxy of others", map[string]string{"ftp_proxy": proxy.addr, "no_proxy": "example.net"}, []string{"ls", direct}, 2, true},
		{"--proxy none", map[string]string{"ftp_proxy": proxy.addr}, []string{"ls", direct, "--proxy", "none"}, 0, false},
		{"this host", map[string]string{"ftp_proxy": proxy.addr}, []string{"ls", srv.URL}, 0, false},
		{"a demonstration", map[string]string{"ftp_proxy": "socks5://127.0.0.1:1"}, []string{"ls", "--demo", "--mode", "active"}, 0, false},
		{"one that cannot be read", map[string]string{"ftp_proxy": "gopher://" + proxy.addr}, []string{"ls", named}, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShell(t)
			s.env = tt.env
			before := proxy.count("")
			o := s.run(append(tt.args, "--dial-timeout", "5")...).wants(tt.code)
			require.Equal(t, tt.used, proxy.count("") > before)
			if tt.code == 1 {
				require.Contains(t, o.stderr, "the environment variable ftp_proxy: ")
			}
		})
	}
}

func TestDoctorThroughProxy(t *testing.T) {
	srv := serve(t, nil)
	for _, tt := range []struct{ scheme, addr string }{
		{"http://", serveHTTPProxy(t, "", "").addr},
		{"socks5://", serveSOCKS(t).addr},
	} {
		o := newShell(t).run("doctor", proxyURL(t, srv), "--proxy", tt.scheme+tt.addr).wants(0)
		require.Regexp(t, `(?m)^.*EPSV.*(works|ok)`, o.stdout)
		require.NotRegexp(t, libraryWords, o.stdout)
	}
}

// TestProxyIsTold where the dialogue is, with a name of the user that may be a
// token.
func TestProxyIsTold(t *testing.T) {
	srv, proxy, s := serve(t, nil), serveHTTPProxy(t, "Token99", ""), newShell(t)
	o := s.run("ls", proxyURL(t, srv), "-v", "--trace", "trace", "--proxy", "http://Token99@"+proxy.addr).wants(0)
	for _, told := range []string{o.stderr, local(t, "trace")} {
		require.Contains(t, told, "* both connections go through http://"+proxy.addr+"\n")
		require.NotContains(t, told, "Token99")
	}
}

func TestProxyUsage(t *testing.T) {
	const url = "ftp://ftp.test/x"
	for _, tt := range []struct {
		name string
		args []string
		says string
	}{
		{"scheme", []string{"--proxy", "gopher://127.0.0.1:1"}, "--proxy: the scheme of the proxy URL is not known; use socks5://"},
		{"SOCKS4", []string{"--proxy", "socks4://127.0.0.1:1"}, "write socks5://"},
		{"no host", []string{"--proxy", "http://:1"}, "--proxy: the proxy URL has no host"},
		{"--mode active", []string{"--proxy", "http://127.0.0.1:1", "--mode", "active"}, "use passive mode, a socks5:// proxy, or --proxy none"},
		{"--data-command port", []string{"--proxy", "http://127.0.0.1:1", "--data-command", "port"}, "use passive mode"},
		{"--portmap", []string{"--proxy", "socks5://127.0.0.1:1", "--portmap"}, "through a proxy"},
		{"--external-ip-from", []string{"--proxy", "socks5://127.0.0.1:1", "--external-ip-from", "server"}, "through a proxy"},
		{"both addresses", []string{"--external-ip", "192.0.2.1", "--external-ip-from", "server"}, "exclude each other"},
		{"source", []string{"--external-ip-from", "server,oracle"}, `"oracle" is none of server, gateway and stun:HOST[:PORT]`},
		{"an empty proxy", []string{"--proxy", ""}, "--proxy has an empty value"},
		{"an empty source", []string{"--external-ip-from="}, "--external-ip-from has an empty value"},
		{"a port that is none", []string{"--external-ip-from", "stun:h:99999"}, "names no server"},
		{"no STUN server", []string{"--external-ip-from", "stun:"}, `"stun:" names no server`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newShell(t).run(append([]string{"get", url}, tt.args...)...).wants(1)
			require.Contains(t, o.stderr, tt.says)
		})
	}
}

// TestProxyFails says what the person is told to try.
func TestProxyFails(t *testing.T) {
	srv := serve(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := ln.Addr().String()
	require.NoError(t, ln.Close())
	socks, locked := serveSOCKS(t).addr, serveHTTPProxy(t, "user", "right").addr
	for _, tt := range []struct {
		name, proxy, url, try string
	}{
		{"unreachable", "socks5://" + closed, proxyURL(t, srv), "another --proxy, or --proxy none"},
		{"wants a login", "http://" + locked, proxyURL(t, srv), "--proxy SCHEME://USER:PASSWORD@HOST:PORT"},
		{"refuses the login", "http://user:wrong@" + locked, proxyURL(t, srv), "--proxy SCHEME://USER:PASSWORD@HOST:PORT"},
		{"no proxy", "http://" + srv.Addr, proxyURL(t, srv), "another scheme or port in the proxy's URL"},
		{"does not know the name", "socks5://" + socks, "ftp://unknown.test", "another host or port in the URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newShell(t).run("ls", tt.url, "--proxy", tt.proxy).wants(2)
			require.Contains(t, o.stderr, "\ntry: "+tt.try)
			require.NotRegexp(t, `ftpproxy|`+libraryWords, o.stderr)
		})
	}
}

// TestSilentProxy has the time of --dial-timeout, also where that is longer than
// what is usual.
func TestSilentProxy(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	o := newShell(t).run("ls", "ftp://ftp.test", "--proxy", "http://"+ln.Addr().String(), "--dial-timeout", "0.1").wants(2)
	require.Contains(t, o.stderr, "--dial-timeout")
	require.NotRegexp(t, `ftpproxy|`+libraryWords, o.stderr)
}

// TestNoSecretOfTheProxyIsTold has a proxy that repeats the password, and URLs in
// places where they are a mistake.
func TestNoSecretOfTheProxyIsTold(t *testing.T) {
	srv, locked := serve(t, nil), serveHTTPProxy(t, "user", "right").addr
	url := proxyURL(t, srv)
	const login = "user:Hunter%322%2Fzwei@" // Hunter22/zwei
	for _, args := range [][]string{
		{"get", url + "/pub/a.txt", "--proxy", "http://" + login + locked},
		{"doctor", url, "--html", "page.html", "--proxy", "http://" + login + locked},
		{"get", url + "/x", "--proxy", login + locked},
		{"get", url + "/x", "--proxy", "http://user:Hunter22/zwei@" + locked},
		{"get", url + "/x", "--proxy", "http://user:Hunter22%zwei@" + locked},
		{"get", url + "/x", "--proxy", "http://user:Hunter22#zwei@" + locked},
		{"get", url + "/x", "--proxy", "gopher://" + login + locked},
		{"get", url + "/x", "--proxy", "socks5://" + login + locked + ":x"},
		{"get", url, "--proxyhttp://" + login + locked},
		{"get", url, "--proxyhttp://user:Hunter22/zwei@" + locked},
		{"get", url, "-proxy", "http://" + login + locked},
		{"get", url, "--http://" + login + locked},
		{"get", url, "--json=http://" + login + locked},
		{"get", url + "/x", "--mode", "http://" + login + locked},
		{"get", url, "--timeout", "http://" + login + locked},
		{"get", url + "/x", "--external-ip-from", "http://" + login + locked},
		{"get", "http://" + login + locked, url},
		{"http://" + login + locked, "get", url},
		{"get", url + "/x", "--proxy", "http://" + locked, "--bind", "http://" + login + locked},
	} {
		for _, extra := range [][]string{nil, {"-v"}, {"--json", "-v"}, {"--json", "--trace", "trace"}} {
			s := newShell(t)
			all := append(append([]string{}, args...), extra...)
			o := s.run(all...)
			require.Contains(t, []int{1, 2}, o.code, "%q: %s", all, o.stderr)
			trace, _ := os.ReadFile("trace") // none where the command ended before
			told := o.stdout + o.stderr + string(trace)
			for _, part := range []string{"unter", "zwei"} {
				require.NotContains(t, told, part, "%q", all)
			}
		}
	}
	s := newShell(t)
	s.env["ftp_proxy"] = "http://" + login + locked
	require.Contains(t, s.run("get", url+"/pub/a.txt", "-v").wants(2).stderr, "the proxy answered \"407\"")
}

func TestInterruptedThroughProxy(t *testing.T) {
	for _, tt := range []struct {
		name, scheme string
		start        func(t *testing.T) *tunnels
		mode         string
	}{
		{"HTTP", "http://", func(t *testing.T) *tunnels { return serveHTTPProxy(t, "", "") }, "passive"},
		{"SOCKS5", "socks5://", serveSOCKS, "passive"},
		{"SOCKS5 in active mode", "socks5://", serveSOCKS, "active"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, func(c *ftptest.Config) {
				c.Faults = []ftptest.Fault{{On: "data", Data: ftptest.DataFault{Action: ftptest.DataStalls, After: 5}}}
			})
			s := newShell(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			s.ctx, s.stdout = ctx, interruptingWriter{cancel}
			o := s.run("get", proxyURL(t, srv)+"/pub/a.txt", "-", "--proxy", tt.scheme+tt.start(t).addr, "--mode", tt.mode).wants(130)
			require.NotContains(t, o.stderr, "try:")
		})
	}
}

func TestInterruptedWhileTheProxyIsAsked(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := newShell(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	s.ctx = ctx
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 1))
		cancel(errInterrupted)
		<-t.Context().Done()
	}()
	t.Cleanup(func() { <-asked }) // after the context of the test has ended
	defer ln.Close()
	o := s.run("ls", "ftp://ftp.test", "--proxy", "socks5://"+ln.Addr().String()).wants(130)
	require.NotContains(t, o.stderr, "try:")
}
