package ftp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// trusting completes opts as a user would who has the server's CA and knows
// nothing of sessions: the mode, and the CA unless the test brings its own
// configuration.
func trusting(srv *ftptest.Server, opts *ftp.Options) *ftp.Options {
	var o ftp.Options
	if opts != nil {
		o = *opts
	}
	if o.TLS == ftp.TLSNone {
		o.TLS = ftp.TLSExplicit
		if srv.Config.TLS != nil && srv.Config.TLS.Implicit {
			o.TLS = ftp.TLSImplicit
		}
	}
	if o.TLSConfig == nil {
		o.TLSConfig = &tls.Config{RootCAs: srv.RootCAs()}
	}
	if network, ok := srv.Config.Network.(*memnet.Network); ok {
		return dialling(network, &o)
	}
	return &o
}

// secured is a server with TLS and a client that is logged in to it.
func secured(t testing.TB, config ftptest.Config, opts *ftp.Options) (*ftp.Client, *ftptest.Server) {
	t.Helper()
	if config.TLS == nil {
		config.TLS = &ftptest.TLS{}
	}
	srv := serve(t, config)
	put(t, srv, aliveFile, []byte(aliveData))
	return dial(t, srv.Addr, trusting(srv, opts)), srv
}

// versions are those that FTPS servers speak.
func versions() []uint16 { return []uint16{tls.VersionTLS12, tls.VersionTLS13} }

// forEachVersion runs test over TLS 1.2 alone and over TLS 1.3 alone.
func forEachVersion(t *testing.T, test func(t *testing.T, settings ftptest.TLS)) {
	for _, v := range versions() {
		t.Run(tls.VersionName(v), func(t *testing.T) { test(t, ftptest.TLS{MinVersion: v, MaxVersion: v}) })
	}
}

// tryDial is Dial where an error is expected.
func tryDial(t testing.TB, srv *ftptest.Server, opts *ftp.Options) error {
	t.Helper()
	c, err := ftp.Dial(t.Context(), srv.Addr, trusting(srv, opts))
	if err == nil {
		require.NoError(t, c.Close())
	}
	return err
}

// selfSigned is a certificate that only vouches for itself.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// badCertificate is a certificate that a client must refuse, and words of the
// advice that the error must give.
type badCertificate struct {
	name   string
	make   func(t testing.TB, a *ftptest.Authority) tls.Certificate
	advice []string
}

func badCertificates() []badCertificate {
	return []badCertificate{
		{"self-signed", func(t testing.TB, _ *ftptest.Authority) tls.Certificate { return selfSigned(t) }, []string{"TLSConfig.RootCAs", "PinnedTLS"}},
		{"untrusted CA", func(testing.TB, *ftptest.Authority) tls.Certificate { return ftptest.NewAuthority().Issue() }, []string{"TLSConfig.RootCAs", "PinnedTLS"}},
		{"expired", func(_ testing.TB, a *ftptest.Authority) tls.Certificate { return a.IssueExpired() }, []string{"new certificate", "clock"}},
		{"wrong name", func(_ testing.TB, a *ftptest.Authority) tls.Certificate { return a.Issue("other.example.test") }, []string{"name", "TLSConfig.ServerName"}},
	}
}

func TestTLSBadCertificateOnControl(t *testing.T) {
	for _, bad := range badCertificates() {
		for _, implicit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/implicit=%t", bad.name, implicit), func(t *testing.T) {
				a := ftptest.NewAuthority()
				srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{Implicit: implicit, Authority: a, Certificate: bad.make(t, a)}})
				err := tryDial(t, srv, nil)
				require.ErrorIs(t, err, ftp.ErrTLS)
				for _, word := range bad.advice {
					require.ErrorContains(t, err, word)
				}
				for _, line := range srv.Commands() {
					require.Equal(t, "AUTH TLS", line, "nothing follows a refused certificate")
				}
				require.NoError(t, tryDial(t, srv, &ftp.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}}))
			})
		}
	}
}

// Who accepts an expired certificate accepts its sessions too: crypto/tls by
// itself does not resume them, and the server may demand it.
func TestTLSExpiredCertificateThatIsAccepted(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		settings.Certificate, settings.RequireReuse = ftptest.NewAuthority().IssueExpired(), true
		pinned, err := ftp.PinnedTLS(pinOf(t, settings.Certificate))
		require.NoError(t, err)
		for _, config := range []*tls.Config{{InsecureSkipVerify: true}, pinned} {
			c, srv := secured(t, ftptest.Config{TLS: &settings}, &ftp.Options{TLSConfig: config})
			for range 3 {
				requireAlive(t, c)
			}
			require.Equal(t, 1, srv.Sessions())
			for _, conn := range srv.DataConns() {
				require.True(t, conn.Resumed)
			}
		}
	})
}

// transferKind is one of the three uses of a data connection.
type transferKind struct {
	name string
	do   func(ctx context.Context, c *ftp.Client) error
}

func transferKinds() []transferKind {
	return []transferKind{
		{"download", func(ctx context.Context, c *ftp.Client) error {
			_, err := c.Retrieve(ctx, aliveFile, io.Discard)
			return err
		}},
		{"upload", func(ctx context.Context, c *ftp.Client) error {
			_, err := c.Store(ctx, "/up", strings.NewReader("content of an upload"))
			return err
		}},
		{"listing", func(ctx context.Context, c *ftp.Client) error {
			for _, err := range c.List(ctx, "/alive") {
				if err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

func TestTLSBadCertificateOnDataAlone(t *testing.T) {
	for _, bad := range badCertificates() {
		for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
			t.Run(fmt.Sprint(bad.name, "/", mode), func(t *testing.T) {
				forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
					settings.Authority = ftptest.NewAuthority()
					certificate := bad.make(t, settings.Authority)
					settings.DataCertificate = &certificate
					settings.Tickets.None = true // a resumed session shows no certificate
					c, srv := secured(t, ftptest.Config{TLS: &settings}, &ftp.Options{Mode: mode})
					for _, kind := range transferKinds() {
						err := kind.do(t.Context(), c)
						require.ErrorIs(t, err, ftp.ErrTLS, kind.name)
						for _, word := range append(bad.advice, "data connection") {
							require.ErrorContains(t, err, word, kind.name)
						}
						require.NotErrorIs(t, err, ftp.ErrSessionReuse)
						require.NoError(t, c.NoOp(t.Context()), "the session goes on")
					}
					require.Equal(t, 1, srv.Sessions(), "a new login would not help")
					for _, conn := range srv.DataConns() {
						require.Zero(t, conn.Received)
					}
					insecure := dial(t, srv.Addr, trusting(srv, &ftp.Options{Mode: mode, TLSConfig: &tls.Config{InsecureSkipVerify: true}}))
					requireAlive(t, insecure)
				})
			})
		}
	}
}

func TestTLSClientCertificate(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		clients := ftptest.NewAuthority()
		settings.ClientCAs = clients.RootCAs()
		srv := serve(t, ftptest.Config{TLS: &settings})
		put(t, srv, aliveFile, []byte(aliveData))
		c := dial(t, srv.Addr, trusting(srv, &ftp.Options{TLSConfig: &tls.Config{
			RootCAs: srv.RootCAs(), Certificates: []tls.Certificate{clients.Issue("someone")},
		}}))
		requireAlive(t, c)

		for name, certificates := range map[string][]tls.Certificate{
			"none":                   nil,
			"of another authority's": {ftptest.NewAuthority().Issue("someone")},
		} {
			t.Run(name, func(t *testing.T) {
				err := tryDial(t, srv, &ftp.Options{TLSConfig: &tls.Config{RootCAs: srv.RootCAs(), Certificates: certificates}})
				require.ErrorIs(t, err, ftp.ErrTLS)
				require.ErrorContains(t, err, "client certificate")
			})
		}
		require.Len(t, sent(srv, "USER"), 1, "only the one who was let in says who he is")
	})
}

// pinOf is the pin of a certificate, as other tools write it.
func pinOf(t testing.TB, certificate tls.Certificate) string {
	t.Helper()
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	require.NoError(t, err)
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestPinnedTLS(t *testing.T) {
	mine, other := selfSigned(t), selfSigned(t)
	srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{Certificate: mine}})
	put(t, srv, aliveFile, []byte(aliveData))
	for _, pins := range [][]string{
		{pinOf(t, mine)},
		{"sha256/" + pinOf(t, mine)},
		{"sha256//" + pinOf(t, mine)},
		{pinOf(t, other), "sha256//" + pinOf(t, mine)},
	} {
		config, err := ftp.PinnedTLS(pins...)
		require.NoError(t, err)
		requireAlive(t, dial(t, srv.Addr, trusting(srv, &ftp.Options{TLSConfig: config})))
	}
	config, err := ftp.PinnedTLS("sha256/" + pinOf(t, other))
	require.NoError(t, err)
	logins := len(sent(srv, "USER"))
	err = tryDial(t, srv, &ftp.Options{TLSConfig: config})
	require.ErrorIs(t, err, ftp.ErrTLS)
	require.ErrorContains(t, err, pinOf(t, mine), "so that it can be compared")
	require.Len(t, sent(srv, "USER"), logins)
}

func TestPinnedTLSOnDataAlone(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		other := selfSigned(t)
		settings.Certificate, settings.DataCertificate, settings.Tickets.None = selfSigned(t), &other, true
		config, err := ftp.PinnedTLS(pinOf(t, settings.Certificate))
		require.NoError(t, err)
		c, srv := secured(t, ftptest.Config{TLS: &settings}, &ftp.Options{TLSConfig: config})
		for _, kind := range transferKinds() {
			start := time.Now()
			err := kind.do(t.Context(), c)
			require.ErrorIs(t, err, ftp.ErrTLS, kind.name)
			require.NotErrorIs(t, err, ftp.ErrSessionReuse)
			require.ErrorContains(t, err, pinOf(t, other))
			require.Less(t, time.Since(start), 5*time.Second)
			require.NoError(t, c.NoOp(t.Context()))
		}
		require.Equal(t, 1, srv.Sessions())
	})
}

func TestPinnedTLSRefusesWhatIsNoPin(t *testing.T) {
	for _, pins := range [][]string{
		nil,
		{""},
		{"sha256/"},
		{"not base64!"},
		{"c2hvcnQ="},
		{"md5/" + base64.StdEncoding.EncodeToString(make([]byte, 16))},
		{base64.StdEncoding.EncodeToString(make([]byte, 32)), "oops"},
		{strings.Repeat("ab", 32)}, // hexadecimal
	} {
		t.Run(strings.Join(pins, ","), func(t *testing.T) {
			config, err := ftp.PinnedTLS(pins...)
			require.Error(t, err)
			require.Nil(t, config)
		})
	}
}

// A pin may begin with any character of base64, the slash and "sha256" included.
func TestPinnedTLSTakesEveryPin(t *testing.T) {
	for _, begin := range []string{"/", "//", "///", "sha256"} {
		pin := base64.StdEncoding.EncodeToString(make([]byte, 32))
		pin = begin + pin[len(begin):]
		for _, prefix := range []string{"", "sha256/", "sha256//"} {
			_, err := ftp.PinnedTLS(prefix + pin)
			require.NoError(t, err, prefix+pin)
		}
	}
}

func TestTLSVersions(t *testing.T) {
	const v12, v13 = tls.VersionTLS12, tls.VersionTLS13
	for _, tt := range []struct {
		name                                       string
		clientMin, clientMax, serverMin, serverMax uint16
		want                                       uint16 // 0 for a refusal
	}{
		{"both choose", 0, 0, 0, 0, v13},
		{"the client wants 1.2", 0, v12, 0, 0, v12},
		{"the server has 1.2", 0, 0, 0, v12, v12},
		{"the client insists on 1.3", v13, 0, 0, 0, v13},
		{"the server is too old", v13, 0, 0, v12, 0},
		{"the client is too old", 0, v12, v13, 0, 0},
		{"no version is left", v13, v12, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{MinVersion: tt.serverMin, MaxVersion: tt.serverMax}})
			put(t, srv, aliveFile, []byte(aliveData))
			opts := &ftp.Options{TLSConfig: &tls.Config{RootCAs: srv.RootCAs(), MinVersion: tt.clientMin, MaxVersion: tt.clientMax}}
			if tt.want == 0 {
				err := tryDial(t, srv, opts)
				require.ErrorIs(t, err, ftp.ErrTLS)
				require.ErrorContains(t, err, "TLSConfig.MinVersion")
				require.ErrorContains(t, err, "MaxVersion")
				return
			}
			requireAlive(t, dial(t, srv.Addr, trusting(srv, opts)))
			for _, conn := range srv.DataConns() {
				require.Equal(t, tt.want, conn.TLSVersion)
			}
		})
	}
}

func TestTLSConfigIsTheCallersAlone(t *testing.T) {
	srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{}})
	put(t, srv, aliveFile, []byte(aliveData))
	cache := tls.NewLRUClientSessionCache(0)
	config := &tls.Config{RootCAs: srv.RootCAs(), ClientSessionCache: cache, SessionTicketsDisabled: true}
	c := dial(t, srv.Addr, trusting(srv, &ftp.Options{TLSConfig: config}))
	requireAlive(t, c)
	require.Empty(t, config.ServerName)
	require.True(t, config.SessionTicketsDisabled)
	require.Equal(t, cache, config.ClientSessionCache)
	for _, conn := range srv.DataConns() {
		require.True(t, conn.Resumed, "whatever the caller's configuration says of sessions")
	}
	_, ok := cache.Get("127.0.0.1")
	require.False(t, ok, "another client could get it there")
}

// The new login of a transfer must not look at what the caller's configuration
// says by then.
func TestTLSConfigIsReadOnceByDial(t *testing.T) {
	srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{}, Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Silent: true}}})
	put(t, srv, aliveFile, []byte(aliveData))
	config := &tls.Config{RootCAs: srv.RootCAs()}
	c := dial(t, srv.Addr, trusting(srv, &ftp.Options{TLSConfig: config, Timeouts: ftp.Timeouts{Reply: 150 * time.Millisecond}}))
	config.RootCAs, config.ServerName = x509.NewCertPool(), "changed.example.test"
	require.Equal(t, aliveData, string(retrieve(t, c, aliveFile)))
	require.Equal(t, 2, srv.Sessions(), "the silent EPSV has cost a login")
}

func TestTLSServerName(t *testing.T) {
	a := ftptest.NewAuthority()
	srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{Authority: a, Certificate: a.Issue("ftp.example.test")}})
	put(t, srv, aliveFile, []byte(aliveData))
	toServer := func(ctx context.Context, network, address string) (net.Conn, error) {
		if ftp.ConnPurpose(ctx) == ftp.PurposeControl {
			address = srv.Addr
		} else {
			_, port, _ := net.SplitHostPort(address)
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	for _, tt := range []struct {
		name, address, serverName string
	}{
		{"the name that is dialled", "ftp.example.test:2121", ""},
		{"with the final dot", "ftp.example.test.:2121", ""},
		{"in capitals", "FTP.Example.Test:2121", ""},
		{"set by the caller", "127.0.0.1:2121", "ftp.example.test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := trusting(srv, &ftp.Options{DialContext: toServer, TLSConfig: &tls.Config{RootCAs: srv.RootCAs(), ServerName: tt.serverName}})
			before := len(srv.DataConns())
			requireAlive(t, dial(t, tt.address, opts))
			for _, conn := range srv.DataConns()[before:] {
				require.True(t, conn.Resumed)
			}
		})
	}
	opts := trusting(srv, &ftp.Options{DialContext: toServer})
	_, err := ftp.Dial(t.Context(), "elsewhere.example.test:2121", opts)
	require.ErrorIs(t, err, ftp.ErrTLS)
}

func TestTLSDefaultPorts(t *testing.T) {
	for mode, want := range map[ftp.TLSMode]string{
		ftp.TLSNone:                "ftp.example.test:21",
		ftp.TLSExplicit:            "ftp.example.test:21",
		ftp.TLSOpportunisticUnsafe: "ftp.example.test:21",
		ftp.TLSImplicit:            "ftp.example.test:990",
	} {
		t.Run(mode.String(), func(t *testing.T) {
			stop := errors.New("far enough")
			_, err := ftp.Dial(t.Context(), "ftp.example.test", &ftp.Options{TLS: mode, DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
				require.Equal(t, want, address)
				return nil, stop
			}})
			require.ErrorIs(t, err, stop)
		})
	}
}

func TestTLSModeIsChecked(t *testing.T) {
	_, err := ftp.Dial(t.Context(), "127.0.0.1:1", &ftp.Options{TLS: 9})
	require.ErrorContains(t, err, "Options.TLS is 9")
	require.Equal(t, "TLSMode(9)", ftp.TLSMode(9).String())
}
