package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// serveTLS starts a server with TLS, and returns the authority that issued its
// certificate.
func serveTLS(t *testing.T, settings ftptest.TLS, configure func(*ftptest.Config)) (*ftptest.Server, *ftptest.Authority) {
	t.Helper()
	if settings.Authority == nil {
		settings.Authority = ftptest.NewAuthority()
	}
	srv := serve(t, func(c *ftptest.Config) {
		c.TLS = &settings
		if configure != nil {
			configure(c)
		}
	})
	return srv, settings.Authority
}

// writePair writes a certificate and its key.
func writePair(t *testing.T, name string, pair tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	cert = write(t, name+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	key = write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	return cert, key
}

// expand replaces the words of a table by what they stand for.
func expand(args []string, words ...string) []string {
	r := strings.NewReplacer(words...)
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = r.Replace(a)
	}
	return out
}

// TestTLSWorks has each flag in a run that succeeds; ADDR is the server, CA the
// file of its authority, PIN the pin of its key, CRT and KEY a client certificate
// of the same authority.
func TestTLSWorks(t *testing.T) {
	clientCert := func(c *ftptest.Config) { c.TLS.ClientCAs = c.TLS.Authority.RootCAs() }
	tests := []struct {
		name      string
		settings  ftptest.TLS
		configure func(*ftptest.Config)
		args      []string
		says      []string // in the dialogue
	}{
		{"ftpes", ftptest.TLS{Required: true}, nil, []string{"ftpes://ADDR", "--ca-file", "CA"}, []string{"> AUTH TLS", "> PROT P", "TLS 1.3"}},
		{"ftps", ftptest.TLS{Implicit: true}, nil, []string{"ftps://ADDR", "--ca-file", "CA"}, []string{"control connection encrypted: TLS 1.3", "data connection encrypted: TLS 1.3"}},
		{"ftp with --tls explicit", ftptest.TLS{Required: true}, nil, []string{"ftp://ADDR", "--tls", "explicit", "--ca-file", "CA"}, []string{"> AUTH TLS"}},
		{"no scheme with --tls implicit", ftptest.TLS{Implicit: true}, nil, []string{"ADDR", "--tls=implicit", "--ca-file", "CA"}, nil},
		{"ftpes with --tls explicit", ftptest.TLS{}, nil, []string{"ftpes://ADDR", "--tls", "EXPLICIT", "--ca-file", "CA"}, nil},
		{"opportunistic, granted", ftptest.TLS{Required: true}, nil, []string{"ftp://ADDR", "--tls", "opportunistic", "--ca-file", "CA"}, []string{"encrypted: TLS"}},
		{"session reuse demanded", ftptest.TLS{RequireReuse: true}, nil, []string{"ftpes://ADDR", "--ca-file", "CA"}, []string{"data connection encrypted: TLS 1.3, TLS_AES_128_GCM_SHA256, resumed session"}},
		{"--tls-max", ftptest.TLS{RequireReuse: true}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--tls-max", "1.2"}, []string{"control connection encrypted: TLS 1.2", "data connection encrypted: TLS 1.2", "resumed"}},
		{"--tls-min", ftptest.TLS{}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--tls-min", "1.3"}, []string{"TLS 1.3"}},
		{"--tls-min for an old server", ftptest.TLS{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--tls-min", "1.0"}, []string{"TLS 1.1"}},
		{"--insecure-skip-verify", ftptest.TLS{}, nil, []string{"ftpes://ADDR", "--insecure-skip-verify"}, []string{"issued by CN=ftptest authority"}},
		{"--pin", ftptest.TLS{}, nil, []string{"ftpes://ADDR", "--pin", "PIN"}, []string{"encrypted"}},
		{"two pins", ftptest.TLS{}, nil, []string{"ftpes://ADDR", "--pin", "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "--pin", "PIN"}, []string{"encrypted"}},
		{"--cert and --key", ftptest.TLS{}, clientCert, []string{"ftpes://ADDR", "--ca-file", "CA", "--cert", "CRT", "--key", "KEY"}, []string{"encrypted"}},
		{"--cert with the key in it", ftptest.TLS{Implicit: true}, clientCert, []string{"ftps://ADDR", "--ca-file", "CA", "--cert", "BOTH"}, []string{"encrypted"}},
		{"--prot C", ftptest.TLS{}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--prot", "c"}, []string{"> PROT C"}},
		{"--ccc", ftptest.TLS{}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--ccc"}, []string{"> CCC", "data connection encrypted"}},
		{"--tls-timeout", ftptest.TLS{}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--tls-timeout", "20"}, nil},
		{"active", ftptest.TLS{RequireReuse: true}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--mode", "active"}, []string{"> PORT", "data connection encrypted"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.settings.Authority = ftptest.NewAuthority()
			tt.settings.Certificate = tt.settings.Authority.Issue()
			srv, authority := serveTLS(t, tt.settings, tt.configure)
			leaf, err := x509.ParseCertificate(tt.settings.Certificate.Certificate[0])
			require.NoError(t, err)
			s := newShell(t)
			crt, key := writePair(t, "client", authority.Issue("client"))
			both := write(t, "both.pem", local(t, crt)+local(t, key))
			args := expand(tt.args, "ADDR", srv.Addr, "CA", write(t, "ca.pem", string(authority.PEM())), "CRT", crt, "KEY", key, "BOTH", both, "PIN", pinOf(leaf))
			url, flags := args[0], args[1:]
			o := s.run(append([]string{"get", "-v", url + "/pub/a.txt"}, flags...)...).wants(0)
			require.Equal(t, hello, local(t, "a.txt"))
			for _, says := range tt.says {
				require.Contains(t, o.stderr, says)
			}
			s.run(append([]string{"put", "a.txt", url + "/in/"}, flags...)...).wants(0)
			require.Equal(t, hello, remote(t, srv, "/in/a.txt"))
			for _, d := range srv.DataConns() {
				require.Equal(t, !strings.Contains(o.stderr, "> PROT C"), d.TLSVersion != 0)
			}
		})
	}
}

// TestTLSFailures has each way in which encryption can fail, and what the person
// is told. Nothing that matters may have been said in clear.
func TestTLSFailures(t *testing.T) {
	authority := ftptest.NewAuthority()
	other := ftptest.NewAuthority()
	certificate := func(c tls.Certificate) ftptest.TLS { return ftptest.TLS{Authority: authority, Certificate: c} }
	data := other.Issue()
	fault := func(f ftptest.Fault) func(*ftptest.Config) {
		return func(c *ftptest.Config) { c.Faults = []ftptest.Fault{f} }
	}
	plain := func(c *ftptest.Config) { c.TLS = nil }
	tests := []struct {
		name      string
		settings  ftptest.TLS
		configure func(*ftptest.Config)
		args      []string
		code      int
		says      []string
	}{
		{"unknown authority", certificate(other.Issue()), nil, []string{"ftpes://ADDR", "--ca-file", "CA"}, 7,
			[]string{"unknown authority", "try: --ca-file FILE", "or --pin sha256/"}},
		{"unknown to the system", certificate(authority.Issue()), nil, []string{"ftpes://ADDR"}, 7, []string{"unknown authority", "with --ca-file", "with --pin"}},
		{"expired", certificate(authority.IssueExpired()), nil, []string{"ftpes://ADDR", "--ca-file", "CA"}, 7, []string{"expired", "new certificate"}},
		{"wrong name", certificate(authority.Issue("other.example.test")), nil, []string{"ftpes://ADDR", "--ca-file", "CA"}, 7,
			[]string{"try: a URL with a name that the certificate has: other.example.test"}},
		{"wrong pin", certificate(authority.Issue()), nil, []string{"ftpes://ADDR", "--pin", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, 7, []string{"not among the pinned ones"}},
		{"certificate of the data connection", ftptest.TLS{Authority: authority, DataCertificate: &data}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--tls-max", "1.2"}, 0, nil},
		{"certificate of the data connection, no tickets", ftptest.TLS{Authority: authority, DataCertificate: &data, Tickets: ftptest.Tickets{None: true}}, nil,
			[]string{"ftpes://ADDR", "--ca-file", "CA"}, 7, []string{"unknown authority"}},
		{"no AUTH", ftptest.TLS{Authority: authority}, plain, []string{"ftpes://ADDR", "--ca-file", "CA"}, 7, []string{"refuses explicit TLS", "try: ftps://"}},
		{"AUTH refused", ftptest.TLS{Authority: authority}, fault(ftptest.Fault{On: "AUTH", Reply: "504 Not now."}), []string{"ftpes://ADDR", "--ca-file", "CA"}, 7, []string{"504 Not now."}},
		{"PROT P refused", ftptest.TLS{Authority: authority}, fault(ftptest.Fault{On: "PROT", Reply: "536 Not that level."}), []string{"ftpes://ADDR", "--ca-file", "CA"}, 7,
			[]string{"536 Not that level.", "try: --prot C"}},
		{"PROT C refused", ftptest.TLS{Authority: authority}, fault(ftptest.Fault{On: "PROT", Reply: "534 No."}), []string{"ftpes://ADDR", "--ca-file", "CA", "--prot", "C"}, 7,
			[]string{"try: the same without --prot C"}},
		{"implicit to a server in clear", ftptest.TLS{Authority: authority}, plain, []string{"ftps://ADDR", "--ca-file", "CA"}, 7, []string{"speaks in clear", "use ftpes://", "try: ftpes://"}},
		{"explicit to an implicit server", ftptest.TLS{Authority: authority, Implicit: true}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--dial-timeout", "0.2"}, 2,
			[]string{"try: a longer --dial-timeout, or ftps://"}},
		{"clear to an implicit server", ftptest.TLS{Authority: authority, Implicit: true}, nil, []string{"ftp://ADDR", "--dial-timeout", "0.2"}, 2, []string{"or ftps://"}},
		{"clear to a server that wants TLS", ftptest.TLS{Authority: authority, Required: true}, nil, []string{"ftp://ADDR"}, 3, []string{"try: ftpes:// or --tls explicit"}},
		{"injected", ftptest.TLS{Authority: authority, Inject: "230 Welcome.\r\n"}, nil, []string{"ftpes://ADDR", "--ca-file", "CA"}, 7, []string{"tampering"}},
		{"versions", ftptest.TLS{Authority: authority, MaxVersion: tls.VersionTLS12}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--tls-min", "1.3"}, 7, []string{"protocol version", "--tls-min"}},
		{"old server", ftptest.TLS{Authority: authority, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, nil, []string{"ftpes://ADDR", "--ca-file", "CA"}, 7, []string{"--tls-min 1.0"}},
		{"client certificate wanted", ftptest.TLS{Authority: authority, ClientCAs: authority.RootCAs()}, nil, []string{"ftpes://ADDR", "--ca-file", "CA", "--tls-max", "1.2"}, 7, []string{"--cert FILE"}},
		{"client certificate wanted, TLS 1.3", ftptest.TLS{Implicit: true, Authority: authority, ClientCAs: authority.RootCAs()}, nil, []string{"ftps://ADDR", "--ca-file", "CA"}, 7, []string{"certificate required", "--cert FILE"}},
		{"client certificate of a stranger", ftptest.TLS{Implicit: true, Authority: authority, ClientCAs: authority.RootCAs()}, nil,
			[]string{"ftps://ADDR", "--ca-file", "CA", "--cert", "CRT", "--key", "KEY"}, 7, []string{"remote error"}},
		{"session reuse impossible", ftptest.TLS{Authority: authority, RequireReuse: true, Tickets: ftptest.Tickets{Expired: true}}, nil, []string{"ftpes://ADDR", "--ca-file", "CA"}, 7,
			[]string{"try: --tls-max 1.2", "try --tls-max 1.2, or relax"}},
		{"no close_notify", ftptest.TLS{Authority: authority}, func(c *ftptest.Config) {
			c.Disable = map[string]string{"SIZE": ""}
			c.Faults = []ftptest.Fault{{On: "data", Data: ftptest.DataFault{End: ftptest.EndNoCloseNotify}}, {On: "150", Reply: "150 Here.", Execute: true}}
		}, []string{"ftpes://ADDR", "--ca-file", "CA"}, 6, []string{"close_notify"}},
		{"CCC refused", ftptest.TLS{Authority: authority}, func(c *ftptest.Config) { c.Disable = map[string]string{"CCC": "534 No."} }, []string{"ftpes://ADDR", "--ca-file", "CA", "--ccc"}, 2, []string{"534 No."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv, _ := serveTLS(t, tt.settings, tt.configure)
			s := newShell(t)
			crt, key := writePair(t, "client", other.Issue("client"))
			args := expand(tt.args, "ADDR", srv.Addr, "CA", write(t, "ca.pem", string(authority.PEM())), "CRT", crt, "KEY", key)
			args[0] += "/pub/a.txt"
			o := s.run(append([]string{"get"}, args...)...).wants(tt.code)
			for _, says := range tt.says {
				require.Contains(t, o.stderr, says)
			}
			for _, word := range []string{"TLSConfig", "PinnedTLS", "TLSExplicit", "TLSImplicit", "Timeouts."} {
				require.NotContains(t, o.stderr, word, "a word of the library")
			}
			v := s.run(append([]string{"get", "--json"}, args...)...).wants(tt.code).json()
			require.Equal(t, float64(tt.code), v["exit_code"])
			if tt.code == 7 && !strings.HasPrefix(tt.name, "client certificate") && !strings.HasPrefix(tt.name, "certificate of") &&
				!strings.HasPrefix(tt.name, "PROT") && !strings.HasPrefix(tt.name, "session") {
				require.Empty(t, withPrefix(srv, "USER"))
			}
			require.Subset(t, []string{"ca.pem", "client.crt", "client.key", "a.txt", "a.txt.part"}, files(t))
		})
	}
}

// TestTLSUsage: what cannot be meant is refused before anybody is asked.
func TestTLSUsage(t *testing.T) {
	authority := ftptest.NewAuthority()
	srv, _ := serveTLS(t, ftptest.TLS{Authority: authority}, nil)
	tests := []struct {
		name string
		args []string
		says string
	}{
		{"scheme against --tls", []string{"ftpes://ADDR", "--tls", "implicit"}, "ftpes:// means --tls explicit, which contradicts --tls implicit"},
		{"ftps against explicit", []string{"ftps://ADDR", "--tls", "explicit"}, "contradicts"},
		{"ftps against none", []string{"ftps://ADDR", "--tls", "none"}, "contradicts"},
		{"ftpes against opportunistic", []string{"ftpes://ADDR", "--tls", "opportunistic"}, "contradicts"},
		{"unknown mode", []string{"ADDR", "--tls", "yes"}, "none of none, explicit"},
		{"CA file in clear", []string{"ftp://ADDR", "--ca-file", "CA"}, "--ca-file has no meaning without TLS"},
		{"CCC in clear", []string{"ftp://ADDR", "--ccc"}, "--ccc has no meaning"},
		{"PROT in clear", []string{"ftp://ADDR", "--prot", "P", "--tls", "none"}, "--prot has no meaning"},
		{"unknown level", []string{"ftpes://ADDR", "--prot", "S"}, "neither P nor C"},
		{"no CA file", []string{"ftpes://ADDR", "--ca-file", "nowhere"}, "--ca-file: open nowhere"},
		{"CA file of something else", []string{"ftpes://ADDR", "--ca-file", "KEY"}, "holds no certificate"},
		{"no certificate file", []string{"ftpes://ADDR", "--cert", "nowhere"}, "--cert: open nowhere"},
		{"no key file", []string{"ftpes://ADDR", "--cert", "CRT", "--key", "nowhere"}, "--key: open nowhere"},
		{"certificate without key", []string{"ftpes://ADDR", "--cert", "CRT"}, "holds no private key"},
		{"key for certificate", []string{"ftpes://ADDR", "--cert", "KEY", "--key", "KEY"}, "holds no certificate"},
		{"key without certificate", []string{"ftpes://ADDR", "--key", "KEY"}, "--key needs --cert"},
		{"key of another certificate", []string{"ftpes://ADDR", "--cert", "CRT", "--key", "OTHER"}, "does not match"},
		{"encrypted key", []string{"ftpes://ADDR", "--cert", "CRT", "--key", "LOCKED"}, "encrypted"},
		{"two ways to trust", []string{"ftpes://ADDR", "--ca-file", "CA", "--insecure-skip-verify"}, "exclude each other"},
		{"bad pin", []string{"ftpes://ADDR", "--pin", "abc"}, "--pin: "},
		{"unknown version", []string{"ftpes://ADDR", "--tls-min", "1.4"}, "none of 1.0"},
		{"versions crossed", []string{"ftpes://ADDR", "--tls-min", "1.3", "--tls-max", "1.2"}, "newer than --tls-max"},
		{"old maximum alone", []string{"ftpes://ADDR", "--tls-max", "1.1"}, "add --tls-min 1.1"},
		{"bad time", []string{"ftpes://ADDR", "--tls-timeout", "soon"}, "tls-timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShell(t)
			crt, key := writePair(t, "client", authority.Issue("client"))
			_, another := writePair(t, "other", authority.Issue("client"))
			locked := write(t, "locked.key", string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})))
			args := expand(tt.args, "ADDR", srv.Addr, "CRT", crt, "KEY", key, "OTHER", another, "LOCKED", locked, "CA", write(t, "ca.pem", string(authority.PEM())))
			o := s.run(append([]string{"ls"}, args...)...).wants(1)
			require.Contains(t, o.stderr, tt.says)
		})
	}
	s := newShell(t)
	s.run("mv", "ftpes://"+srv.Addr+"/a", "ftp://"+srv.Addr+"/b").wants(1)
	require.Zero(t, srv.Sessions(), "%q", srv.Commands())
}

func TestTLSInJSON(t *testing.T) {
	srv, authority := serveTLS(t, ftptest.TLS{}, nil)
	s := newShell(t)
	ca := write(t, "ca.pem", string(authority.PEM()))
	v := s.run("get", "--json", "--tls", "explicit", "--ca-file", ca, srv.URL+"/pub/a.txt", "--tls-max", "1.2").wants(0).json()
	require.Equal(t, "ftpes://"+srv.Addr+"/pub/a.txt", v["url"])
	control := v["tls"].(map[string]any)
	require.Equal(t, "explicit", control["mode"])
	require.Equal(t, "TLS 1.2", control["version"])
	require.Contains(t, control["cipher_suite"], "TLS_ECDHE_ECDSA_WITH_")
	data := v["negotiation"].(map[string]any)["tls"].(map[string]any)
	require.Equal(t, true, data["resumed"])
	require.Equal(t, control["cipher_suite"], data["cipher_suite"])

	v = s.run("ls", "--json", "--ccc", "ftpes://"+srv.Addr, "--ca-file", ca).wants(0).json()
	require.Equal(t, true, v["tls"].(map[string]any)["cleared"])
	v = s.run("ls", "--json", srv.URL).wants(0).json()
	require.NotContains(t, v, "tls")
}

func TestOpportunisticTLSThatIsRefused(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	o := s.run("get", "--tls", "opportunistic", srv.URL+"/pub/a.txt").wants(0)
	require.Contains(t, o.stderr, "warning: the server refused TLS")
	require.Equal(t, hello, local(t, "a.txt"))
	v := s.run("get", "--json", "--tls", "opportunistic", srv.URL+"/pub/a.txt").wants(0).json()
	require.NotContains(t, v, "tls")
}

// TestConfirmOverTLS: the new login after a lost final reply is encrypted too.
func TestConfirmOverTLS(t *testing.T) {
	srv, authority := serveTLS(t, ftptest.TLS{Required: true, RequireReuse: true}, func(c *ftptest.Config) {
		c.Faults = []ftptest.Fault{{On: "226", Silent: true, Execute: true}}
	})
	s := newShell(t)
	ca := write(t, "ca.pem", string(authority.PEM()))
	o := s.run("get", "--final-timeout", "0.1", "--ca-file", ca, "ftpes://"+srv.Addr+"/pub/a.txt").wants(0)
	require.Contains(t, o.stderr, "on a new login")
	require.Len(t, withPrefix(srv, "AUTH"), 2)
}

func TestDemoOverTLS(t *testing.T) {
	for _, mode := range []string{"explicit", "implicit", "opportunistic"} {
		t.Run(mode, func(t *testing.T) {
			s := newShell(t)
			o := s.run("get", "--demo", "-v", "--tls", mode).wants(0)
			require.Equal(t, demoFile, o.stdout)
			require.Contains(t, o.stderr, "* data connection encrypted: TLS 1.3, TLS_AES_128_GCM_SHA256, resumed session")
			s.run("put", "--demo", "--tls", mode).wants(0)
			s.run("get", "--demo", "--tls", mode, "--ca-file", write(t, "ca.pem", string(ftptest.NewAuthority().PEM()))).wants(7)
			s.run("get", "--demo", "--tls", mode, "--insecure-skip-verify").wants(0)
		})
	}
	newShell(t).run("get", "--demo", "--tls", "nonsense").wants(1)
}

// TestHandshakeThatNeverEnds: the server takes the connection and says nothing.
func TestHandshakeThatNeverEnds(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes the connection
	require.NoError(t, err)
	defer ln.Close()
	o := newShell(t).run("ls", "ftps://"+ln.Addr().String(), "--tls-timeout", "0.1").wants(7)
	require.Contains(t, o.stderr, "(--tls-timeout)")
	require.Contains(t, o.stderr, "try: a longer --tls-timeout, or ftpes://")
}

func TestDoctorOverTLS(t *testing.T) {
	srv, authority := serveTLS(t, ftptest.TLS{RequireReuse: true}, nil)
	s := newShell(t)
	ca := write(t, "ca.pem", string(authority.PEM()))
	o := s.run("doctor", "ftpes://"+srv.Addr, "--ca-file", ca).wants(0)
	require.Contains(t, o.stdout, "session reuse: demanded")
	require.Contains(t, o.stdout, "TLS 1.3, resumed")
	v := s.run("doctor", "ftpes://"+srv.Addr, "--ca-file", ca, "--json").wants(0).json()
	require.NotContains(t, v, "tls", "the report tells of it")
	require.Equal(t, "demanded", v["doctor"].(map[string]any)["tls"].(map[string]any)["session_reuse"])

	o = s.run("doctor", "ftpes://"+srv.Addr, "--insecure-skip-verify").wants(0)
	require.Contains(t, o.stdout, "although it does not verify")
	o = s.run("doctor", "ftpes://"+srv.Addr, "--pin", pinIn(t, o.stdout)).wants(0)
	require.NotContains(t, o.stdout, "although it does not verify")

	o = s.run("doctor", "ftpes://"+srv.Addr, "--ca-file", write(t, "other.pem", string(ftptest.NewAuthority().PEM()))).wants(7)
	require.Contains(t, o.stdout, "not trusted here")
	require.Contains(t, o.stderr, "try: --ca-file FILE")

	srv, authority = serveTLS(t, ftptest.TLS{RequireReuse: true, Tickets: ftptest.Tickets{None: true}}, nil)
	o = s.run("doctor", "ftpes://"+srv.Addr, "--ca-file", write(t, "ca.pem", string(authority.PEM()))).wants(7)
	require.Contains(t, o.stdout, "TLS failed")
	require.Contains(t, o.stderr, "TLS failed on data connections")

	srv, _ = serveTLS(t, ftptest.TLS{}, nil)
	o = s.run("doctor", srv.URL).wants(0)
	require.Contains(t, o.stdout, "TLS:           not used; explicit TLS: TLS failed\n")
}

// pinIn finds the key that a report of doctor names.
func pinIn(t *testing.T, report string) string {
	t.Helper()
	_, rest, found := strings.Cut(report, "  key:         ")
	require.True(t, found)
	pin, _, _ := strings.Cut(rest, "\n")
	return pin
}
