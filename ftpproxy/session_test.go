package ftpproxy_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftpproxy"
	"github.com/dualport/ftp/ftptest"
)

// hosts are the names that only the proxies of these tests know.
func hosts() map[string]string { return map[string]string{"ftp.test": "127.0.0.1"} }

// named is the address of the server by the name that only the proxy knows.
func named(t testing.TB, srv *ftptest.Server) string {
	t.Helper()
	_, port, err := net.SplitHostPort(srv.Addr)
	require.NoError(t, err)
	return net.JoinHostPort("ftp.test", port)
}

func serve(t testing.TB, config ftptest.Config) *ftptest.Server {
	t.Helper()
	srv := ftptest.NewUnstartedServer(t)
	config.Tree = srv.Tree
	srv.Config = config
	srv.Start()
	require.NoError(t, srv.Tree.WriteFile("/file", []byte("content")))
	return srv
}

func parse(t testing.TB, url string, opts *ftpproxy.Options) *ftpproxy.Proxy {
	t.Helper()
	p, err := ftpproxy.Parse(url, opts)
	require.NoError(t, err)
	return p
}

func TestSession(t *testing.T) {
	authority := ftptest.NewAuthority()
	proxyCertificate := authority.Issue("127.0.0.1")
	secured := &ftptest.TLS{Authority: authority, Certificate: authority.Issue("ftp.test"), Required: true, RequireReuse: true}
	socks := socksServer{hosts: hosts(), user: "us:er", password: "p@ss"}
	http := httpServer{hosts: hosts(), user: "user", password: "p@ss"}
	type starter interface{ start(testing.TB) *double }

	for _, proxy := range []struct {
		name, url string
		double    starter
		listens   bool
	}{
		{"SOCKS5", "socks5://us%3Aer:p%40ss@", socks, true},
		{"SOCKS5 that listens everywhere", "socks5h://", socksServer{hosts: hosts(), unspecified: true}, true},
		{"HTTP", "http://user:p%40ss@", http, false},
		{"HTTPS", "https://user:p%40ss@", httpServer{hosts: hosts(), user: "user", password: "p@ss", certificate: &proxyCertificate}, false},
	} {
		for _, session := range []struct {
			name   string
			config ftptest.Config
			opts   ftp.Options
		}{
			{name: "EPSV", opts: ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{ftp.EPSV}}}},
			{name: "PASV", opts: ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{ftp.PASV}}}},
			{
				name:   "PASV with an address that leads nowhere",
				config: ftptest.Config{Passive: ftptest.Passive{Advertise: netip.MustParseAddr("10.0.0.5")}},
				opts:   ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{ftp.PASV}}},
			},
			{name: "TLS", config: ftptest.Config{TLS: secured}, opts: ftp.Options{TLS: ftp.TLSExplicit}},
			{name: "PORT", opts: ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Methods: []ftp.Method{ftp.PORT}}}},
			{name: "EPRT", opts: ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Methods: []ftp.Method{ftp.EPRT}}}},
			{name: "TLS and PORT", config: ftptest.Config{TLS: secured}, opts: ftp.Options{TLS: ftp.TLSExplicit, Mode: ftp.ModeActive}},
		} {
			if session.opts.Mode == ftp.ModeActive && !proxy.listens {
				continue
			}
			t.Run(proxy.name+"/"+session.name, func(t *testing.T) {
				t.Parallel()
				srv := serve(t, session.config)
				d := proxy.double.start(t)
				p := parse(t, proxy.url+d.Addr, &ftpproxy.Options{TLSConfig: trusting(authority)})
				opts := session.opts
				opts.DialContext = p.DialContext
				opts.Active.ListenFunc = p.Listener(named(t, srv))
				opts.TLSConfig = trusting(authority)
				exercise(t, srv, &opts)
				for _, request := range d.Requests() {
					require.Contains(t, request, " ftp.test:", "the proxy resolves the name and gets no other address")
				}
				require.Len(t, d.Requests(), 4)
			})
		}
	}
}

func trusting(authority *ftptest.Authority) *tls.Config {
	return &tls.Config{RootCAs: authority.RootCAs()}
}

// exercise logs in by the server's name and makes three transfers.
func exercise(t *testing.T, srv *ftptest.Server, opts *ftp.Options) {
	t.Helper()
	ctx := t.Context()
	opts.User, opts.Password = "user", "secret"
	c, err := ftp.Dial(ctx, named(t, srv), opts)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()

	var got bytes.Buffer
	_, err = c.Retrieve(ctx, "/file", &got)
	require.NoError(t, err)
	require.Equal(t, "content", got.String())

	large := strings.Repeat("0123456789abcdef", 20_000)
	_, err = c.Store(ctx, "/large", strings.NewReader(large))
	require.NoError(t, err)
	stored, err := srv.Tree.ReadFile("/large")
	require.NoError(t, err)
	require.Equal(t, large, string(stored))

	names := 0
	for _, err := range c.List(ctx, "/") {
		require.NoError(t, err)
		names++
	}
	require.Equal(t, 2, names)
}

// A server known by its address has that compared with who connected.
func TestActiveComparesTheServersAddress(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	d := socksServer{}.start(t)
	p := parse(t, "socks5://"+d.Addr, nil)
	c, err := ftp.Dial(t.Context(), srv.Addr, &ftp.Options{
		Mode:        ftp.ModeActive,
		DialContext: p.DialContext,
		Active:      ftp.Active{ListenFunc: p.Listener(srv.Addr)},
	})
	require.NoError(t, err)
	defer c.Close()
	var got bytes.Buffer
	result, err := c.Retrieve(t.Context(), "/file", &got)
	require.NoError(t, err)
	require.Equal(t, "content", got.String())
	require.Equal(t, "127.0.0.1", result.Negotiation.Final().Remote.Addr().String(), "not the proxy's port")
	require.Equal(t, "BIND "+srv.Addr, d.Requests()[1])
}

// Through an HTTP proxy active mode fails with the reason, and the server is
// never told an address of this host.
func TestActiveThroughHTTP(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	d := httpServer{hosts: hosts()}.start(t)
	p := parse(t, "http://"+d.Addr, nil)
	require.False(t, p.CanListen())
	c, err := ftp.Dial(t.Context(), named(t, srv), &ftp.Options{
		Mode:        ftp.ModeActive,
		DialContext: p.DialContext,
		Active:      ftp.Active{ListenFunc: p.Listener(named(t, srv))},
	})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Retrieve(t.Context(), "/file", new(bytes.Buffer))
	require.ErrorContains(t, err, "an HTTP proxy cannot accept connections; use passive mode or a SOCKS5 proxy")
	for _, command := range srv.Commands() {
		require.NotRegexp(t, "^(PORT|EPRT)", command)
	}
}

// A proxy without BIND leaves passive mode to the ladder.
func TestAutoStepsOverAMissingBind(t *testing.T) {
	srv := serve(t, ftptest.Config{Disable: map[string]string{"EPSV": "", "PASV": ""}})
	d := socksServer{hosts: hosts(), noBind: true}.start(t)
	p := parse(t, "socks5://"+d.Addr, nil)
	c, err := ftp.Dial(t.Context(), named(t, srv), &ftp.Options{
		Mode:        ftp.ModeAuto,
		DialContext: p.DialContext,
		Active:      ftp.Active{ListenFunc: p.Listener(named(t, srv))},
	})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Retrieve(t.Context(), "/file", new(bytes.Buffer))
	require.ErrorIs(t, err, ftp.ErrDataConnection)
	require.ErrorContains(t, err, "it has no BIND; use passive mode")
	require.NoError(t, c.NoOp(t.Context()), "the session goes on")
}
