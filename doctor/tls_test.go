package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
	"github.com/dualport/ftp/ftptest"
)

// examineTLS examines a server with TLS, as a client that trusts its authority.
func examineTLS(t *testing.T, settings ftptest.TLS, configure func(*ftptest.Config), tune func(*ftp.Options)) (*doctor.Report, *ftptest.Server, error) {
	t.Helper()
	if settings.Authority == nil {
		settings.Authority = ftptest.NewAuthority()
	}
	srv := ftptest.NewUnstartedServer(t)
	require.NoError(t, srv.Tree.WriteFile("/a.txt", []byte("hello")))
	srv.Config.TLS = &settings
	if configure != nil {
		configure(&srv.Config)
	}
	srv.Start()
	opts := &ftp.Options{TLS: ftp.TLSExplicit, TLSConfig: &tls.Config{RootCAs: settings.Authority.RootCAs()}}
	if settings.Implicit {
		opts.TLS = ftp.TLSImplicit
	}
	if tune != nil {
		tune(opts)
	}
	r, err := doctor.Run(t.Context(), srv.Addr, opts, doctor.Config{Limit: 10 * time.Second})
	return r, srv, err
}

func text(t *testing.T, r *doctor.Report) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	return b.String()
}

func TestSessionReuse(t *testing.T) {
	tests := []struct {
		name     string
		settings ftptest.TLS
		want     doctor.Reuse
		resumes  bool
		works    bool
	}{
		{"demanded", ftptest.TLS{RequireReuse: true}, doctor.ReuseDemanded, true, true},
		{"demanded, TLS 1.2", ftptest.TLS{RequireReuse: true, MaxVersion: tls.VersionTLS12}, doctor.ReuseDemanded, true, true},
		{"demanded by ProFTPD", ftptest.TLS{RequireReuse: true, ReuseRefusal: ftptest.ReuseRefusalProFTPD}, doctor.ReuseDemanded, true, true},
		{"demanded, implicit", ftptest.TLS{RequireReuse: true, Implicit: true}, doctor.ReuseDemanded, true, true},
		{"demanded, single-use tickets", ftptest.TLS{RequireReuse: true, Tickets: ftptest.Tickets{SingleUse: true}}, doctor.ReuseDemanded, true, true},
		{"demanded and impossible", ftptest.TLS{RequireReuse: true, Tickets: ftptest.Tickets{Expired: true}}, doctor.ReuseDemanded, false, false},
		{"not demanded", ftptest.TLS{}, doctor.ReuseNotDemanded, true, true},
		{"not demanded, TLS 1.2", ftptest.TLS{MaxVersion: tls.VersionTLS12}, doctor.ReuseNotDemanded, true, true},
		{"no tickets", ftptest.TLS{Tickets: ftptest.Tickets{None: true}}, doctor.ReuseNotDemanded, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _, err := examineTLS(t, tt.settings, nil, nil)
			require.NoError(t, err)
			require.Equal(t, tt.want, r.TLS.SessionReuse, "%+v", r.TLS)
			require.Equal(t, tt.works, r.Works, "%+v", r.Rows)
			require.Contains(t, text(t, r), "session reuse: "+tt.want.String())
			if !tt.works {
				require.Equal(t, doctor.TLSFailed, r.Rows[0].Outcome)
				require.Equal(t, "skipped", outcomes(r)["EPRT"])
				require.Equal(t, "--tls-max 1.2", r.Advice[0].Flags)
				require.Equal(t, "ftp.Options{TLS: ftp.TLSExplicit, TLSConfig: &tls.Config{MaxVersion: tls.VersionTLS12}}", r.Advice[0].Options)
				return
			}
			for _, row := range section(r, "", "") {
				require.Equal(t, doctor.Works, row.Outcome, "%+v", row)
				require.NotNil(t, row.TLS)
				require.Equal(t, tt.resumes, row.TLS.Resumed)
			}
			require.Contains(t, r.Advice[0].Text, "Nothing to change")
		})
	}
}

// TestReuseProbeVerifiesCertificates: the probe that resumes nothing believes no
// more than other sessions do.
func TestReuseProbeVerifiesCertificates(t *testing.T) {
	stranger := ftptest.NewAuthority().Issue()
	r, _, err := examineTLS(t, ftptest.TLS{DataCertificate: &stranger}, nil, nil)
	require.NoError(t, err)
	require.True(t, r.Works)
	require.Equal(t, doctor.ReuseUnknown, r.TLS.SessionReuse)
	require.Contains(t, r.TLS.ReuseNote, "unknown authority")
}

func TestTLSFacts(t *testing.T) {
	authority := ftptest.NewAuthority()
	r, srv, err := examineTLS(t, ftptest.TLS{Authority: authority, Certificate: authority.Issue("ftp.example.test", "127.0.0.1"), Required: true}, nil, nil)
	require.NoError(t, err)
	require.Equal(t, "explicit", r.TLS.Mode)
	require.Equal(t, doctor.Works, r.TLS.Explicit)
	require.Equal(t, doctor.Skipped, r.TLS.Implicit)
	require.Equal(t, "TLS 1.3", r.TLS.Version)
	require.Equal(t, doctor.Works, r.TLS.Private)
	require.Equal(t, doctor.Works, r.TLS.Clear)
	c := r.TLS.Certificate
	require.True(t, c.Verifies)
	require.Equal(t, "CN=ftp.example.test", c.Subject)
	require.Equal(t, "CN=ftptest authority", c.Issuer)
	require.Equal(t, []string{"ftp.example.test", "127.0.0.1"}, c.Names)
	require.Equal(t, 2100, c.ValidUntil.Year())
	require.Equal(t, "ftp.Options{TLS: ftp.TLSExplicit}", r.Advice[0].Options)
	for _, d := range srv.DataConns() {
		require.NotZero(t, d.TLSVersion, "nothing may go in clear")
	}
	out := text(t, r)
	for _, line := range []string{
		"TLS:           explicit: TLS 1.3, TLS_AES_128_GCM_SHA256\n",
		"certificate:   CN=ftp.example.test, issued by CN=ftptest authority\n",
		"  valid:       1990-01-01 to 2100-01-01\n",
		"  verifies:    yes\n",
		"data:          encrypted (PROT P): accepted; in clear (PROT C): accepted\n",
		"TLS 1.3, resumed",
	} {
		require.Contains(t, out, line)
	}
	asJSON, err := json.Marshal(r)
	require.NoError(t, err)
	for _, part := range []string{`"explicit":"works"`, `"implicit":"skipped"`, `"prot_p":"works"`, `"session_reuse":"not demanded"`, `"resumed":true`, `"verifies":true`} {
		require.Contains(t, string(asJSON), part)
	}
}

func TestProtectionLevels(t *testing.T) {
	noC := func(c *ftptest.Config) { c.Faults = []ftptest.Fault{{On: "PROT", Session: 2, Reply: "534 No."}} }
	r, _, err := examineTLS(t, ftptest.TLS{RequireReuse: true}, noC, nil)
	require.NoError(t, err)
	require.Equal(t, doctor.Works, r.TLS.Private)
	require.Equal(t, doctor.Refused, r.TLS.Clear)
	require.Equal(t, doctor.ReuseDemanded, r.TLS.SessionReuse)

	r, _, err = examineTLS(t, ftptest.TLS{Required: true}, nil, func(o *ftp.Options) { o.DataProtection = ftp.DataClear })
	require.NoError(t, err)
	require.False(t, r.Works)
	require.Equal(t, doctor.Works, r.TLS.Clear)
	require.Equal(t, doctor.TLSFailed, r.Rows[0].Outcome)
	require.Equal(t, "--prot P", r.Advice[0].Flags)

	r, _, err = examineTLS(t, ftptest.TLS{}, nil, func(o *ftp.Options) { o.DataProtection, o.ClearControlUnsafe = ftp.DataClear, true })
	require.NoError(t, err)
	require.True(t, r.Works)
	require.True(t, r.TLS.Cleared)
	require.Nil(t, r.Rows[0].TLS)
	require.Equal(t, "ftp.Options{TLS: ftp.TLSExplicit, DataProtection: ftp.DataClear, ClearControlUnsafe: true}", r.Advice[0].Options)
	require.Contains(t, text(t, r), "in clear after the login (CCC)")
}

// TestNoSessionForTLS: the report tells what the person must know, although
// nobody could log in.
func TestNoSessionForTLS(t *testing.T) {
	authority := ftptest.NewAuthority()
	tests := []struct {
		name      string
		settings  ftptest.TLS
		configure func(*ftptest.Config)
		tune      func(*ftp.Options)
		explicit  doctor.Outcome
		says      string // the certificate's problem, or the error
		advice    string
		flags     string
	}{
		{"unknown authority", ftptest.TLS{Certificate: ftptest.NewAuthority().Issue()}, nil, nil, doctor.TLSFailed, "unknown authority", "not trusted here (CN=ftptest authority)", "--pin sha256/"},
		{"expired", ftptest.TLS{Certificate: authority.IssueExpired()}, nil, nil, doctor.TLSFailed, "expired", "not valid today", ""},
		{"wrong name", ftptest.TLS{Certificate: authority.Issue("a.example.test", "b.example.test")}, nil, nil, doctor.TLSFailed, "127.0.0.1", "a.example.test, b.example.test", ""},
		{"no AUTH", ftptest.TLS{}, func(c *ftptest.Config) { c.TLS = nil }, nil, doctor.Refused, "502", "no explicit TLS on this port", "--tls implicit"},
		{"clear in place of implicit", ftptest.TLS{}, func(c *ftptest.Config) { c.TLS = nil }, func(o *ftp.Options) { o.TLS = ftp.TLSImplicit }, doctor.Skipped, "handshake", "does not begin with TLS", "--tls explicit"},
		{"PROT P refused", ftptest.TLS{}, func(c *ftptest.Config) { c.Faults = []ftptest.Fault{{On: "PROT", Reply: "536 No."}} }, nil, doctor.Works, "536 No.", "refuses to encrypt data", "--prot C"},
		{"client certificate wanted", ftptest.TLS{Implicit: true, ClientCAs: authority.RootCAs()}, nil, nil, doctor.Skipped, "certificate required", "client certificate", "--cert FILE"},
		{"old version", ftptest.TLS{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS11}, nil, nil, doctor.TLSFailed, "protocol version", "older versions", "--tls-min 1.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.settings.Authority = authority
			r, srv, err := examineTLS(t, tt.settings, tt.configure, tt.tune)
			require.ErrorIs(t, err, ftp.ErrTLS)
			require.NotNil(t, r)
			require.False(t, r.Works)
			require.Empty(t, r.Rows)
			require.Equal(t, tt.explicit, r.TLS.Explicit)
			require.Contains(t, r.TLS.Error, tt.says)
			require.Equal(t, strings.Contains(err.Error(), "x509"), r.TLS.Certificate != nil && !r.TLS.Certificate.Verifies)
			require.Len(t, r.Advice, 1)
			require.Contains(t, r.Advice[0].Text, tt.advice)
			require.Contains(t, r.Advice[0].Flags, tt.flags)
			out := text(t, r)
			require.Contains(t, out, tt.says)
			require.NotContains(t, out, "METHOD")
			if tt.name != "PROT P refused" {
				require.NotContains(t, strings.Join(srv.Commands(), "\n"), "USER")
			}
		})
	}
}

func TestCertificateThatNobodyVerifies(t *testing.T) {
	insecure := func(o *ftp.Options) { o.TLSConfig = &tls.Config{InsecureSkipVerify: true} }
	r, _, err := examineTLS(t, ftptest.TLS{}, nil, insecure)
	require.NoError(t, err)
	require.True(t, r.Works)
	require.Equal(t, doctor.ReuseNotDemanded, r.TLS.SessionReuse)
	c := r.TLS.Certificate
	require.False(t, c.Verifies)
	require.Contains(t, c.Problem, "unknown authority")
	last := r.Advice[len(r.Advice)-1]
	require.Contains(t, last.Text, "although it does not verify")
	require.Contains(t, last.Flags, c.KeyPin)

	authority := ftptest.NewAuthority()
	pair := authority.Issue()
	pin := c.KeyPin
	pinned := func(o *ftp.Options) {
		o.TLSConfig, err = ftp.PinnedTLS(pin)
		require.NoError(t, err)
	}
	settings := ftptest.TLS{Authority: authority, Certificate: pair}
	r, _, err = examineTLS(t, settings, nil, pinned)
	require.ErrorContains(t, err, "not among the pinned ones")
	require.Contains(t, r.TLS.Certificate.Problem, "not among the pinned ones")
	pin = r.TLS.Certificate.KeyPin
	r, _, err = examineTLS(t, settings, nil, pinned)
	require.NoError(t, err)
	require.Len(t, r.Advice, 1, "a pinned key is believed for good reason: %+v", r.Advice)
	require.Equal(t, doctor.ReuseNotDemanded, r.TLS.SessionReuse)
}

// TestSelfSignedCertificate: there is no authority to ask for.
func TestSelfSignedCertificate(t *testing.T) {
	r, _, err := examineTLS(t, ftptest.TLS{Certificate: selfSigned(t)}, nil, nil)
	require.ErrorIs(t, err, ftp.ErrTLS)
	require.True(t, r.TLS.Certificate.SelfSigned)
	require.Contains(t, r.Advice[0].Text, "The certificate is self-signed")
	require.NotContains(t, r.Advice[0].Text, "issued by")
	require.Equal(t, "--pin "+r.TLS.Certificate.KeyPin, r.Advice[0].Flags)
	require.Contains(t, text(t, r), "certificate:   CN=ftp.example.test, self-signed\n")
	require.Contains(t, page(t, r), "<dt>Issuer</dt><dd>itself: self-signed</dd>")

	forged := selfSigned(t)
	forged.Leaf.Signature[0] ^= 1
	require.False(t, doctor.SelfSigned(forged.Leaf), "a name alone makes none")
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ftp.example.test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestServerThatOffersTLS: a session in clear looks for explicit TLS without a
// second login.
func TestServerThatOffersTLS(t *testing.T) {
	clear := func(o *ftp.Options) { o.TLS = ftp.TLSNone }
	r, srv, err := examineTLS(t, ftptest.TLS{}, nil, clear)
	require.NoError(t, err)
	require.Equal(t, doctor.Works, r.TLS.Explicit)
	require.Equal(t, "none", r.TLS.Mode)
	require.Contains(t, page(t, r), "<div><dt>Encryption</dt><dd>none</dd></div>", "that of the other session is another matter")
	require.Contains(t, page(t, r), "<dt>Explicit TLS</dt><dd>accepted: TLS 1.3, TLS_AES_128_GCM_SHA256</dd>")
	require.True(t, r.TLS.Certificate.Verifies)
	require.Equal(t, "--tls explicit", r.Advice[1].Flags)
	require.Contains(t, text(t, r), "TLS:           not used; explicit TLS: accepted\n")
	require.Equal(t, 2, strings.Count(strings.Join(srv.Commands(), "\n"), "USER"), "one login in clear, one with TLS")
	require.Equal(t, map[string]string{"EPSV": "works", "PASV auto": "works", "PORT": "works", "EPRT": "works"}, outcomesOf(section(r, "IPv4", "explicit")))
	require.Equal(t, doctor.ReuseNotDemanded, r.TLS.SessionReuse)

	r, _, err = examineTLS(t, ftptest.TLS{Certificate: ftptest.NewAuthority().Issue()}, nil, clear)
	require.NoError(t, err)
	require.Equal(t, doctor.TLSFailed, r.TLS.Explicit)
	require.Equal(t, "--tls explicit --pin "+r.TLS.Certificate.KeyPin, r.Advice[1].Flags)
	require.Contains(t, r.Advice[1].Options, "ftp.PinnedTLS(")
	for _, row := range section(r, "IPv4", "explicit") {
		require.Equal(t, doctor.Works, row.Outcome)
		require.Contains(t, row.Reason, "does not verify")
	}

	r, _, err = examineTLS(t, ftptest.TLS{}, func(c *ftptest.Config) { c.TLS = nil }, clear)
	require.NoError(t, err)
	require.Equal(t, doctor.Refused, r.TLS.Explicit)
	require.Empty(t, r.TLS.Error)
	require.Len(t, r.Advice, 1)

	r, _, err = examineTLS(t, ftptest.TLS{}, func(c *ftptest.Config) { c.TLS = nil }, func(o *ftp.Options) { o.TLS = ftp.TLSOpportunisticUnsafe })
	require.NoError(t, err)
	require.Equal(t, doctor.Refused, r.TLS.Explicit)
	require.Empty(t, r.TLS.Version)
}

// TestPort990: on the port of implicit TLS a server is spoken to in that way.
func TestPort990(t *testing.T) {
	for _, mode := range []ftp.TLSMode{ftp.TLSNone, ftp.TLSExplicit} {
		t.Run(mode.String(), func(t *testing.T) {
			srv := ftptest.NewUnstartedServer(t)
			srv.Config.TLS = &ftptest.TLS{Implicit: true}
			srv.Start()
			opts := &ftp.Options{TLS: mode, TLSConfig: srv.ClientTLS()}
			opts.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasSuffix(address, ":990") {
					address = srv.Addr
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			r, err := doctor.Run(t.Context(), "127.0.0.1:990", opts, doctor.Config{})
			require.NoError(t, err)
			require.True(t, r.Works)
			require.Equal(t, "implicit", r.TLS.Mode)
			require.Equal(t, doctor.Works, r.TLS.Implicit)
			require.Equal(t, "--tls implicit", r.Advice[1].Flags)
			require.Equal(t, "ftp.Options{TLS: ftp.TLSImplicit}", r.Advice[1].Options)
		})
	}
}

// TestAdviceAfterTurningToImplicitTLS: flags without the kind of TLS, such as a pin
// alone, would be refused for the same URL.
func TestAdviceAfterTurningToImplicitTLS(t *testing.T) {
	for name, config := range map[string]*tls.Config{"no session": nil, "nobody verifies": {InsecureSkipVerify: true}} {
		t.Run(name, func(t *testing.T) {
			srv := ftptest.NewUnstartedServer(t)
			srv.Config.TLS = &ftptest.TLS{Implicit: true}
			noPassive(&srv.Config)
			srv.Config.Active.Never = true
			srv.Start()
			opts := &ftp.Options{TLSConfig: config}
			opts.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, srv.Addr)
			}
			r, err := doctor.Run(t.Context(), "127.0.0.1:990", opts, doctor.Config{Limit: 2 * time.Second})
			require.Equal(t, config == nil, err != nil)
			require.Contains(t, strings.Join(flagsOf(r), "\n"), "--tls implicit --pin sha256/")
			for _, a := range r.Advice {
				require.Contains(t, a.Flags, "--tls implicit")
				require.Contains(t, a.Options, "TLS: ftp.TLSImplicit")
			}
		})
	}
}

// TestBlindNAT: TLS hides from the NAT what it would rewrite.
func TestBlindNAT(t *testing.T) {
	r, _, err := examineTLS(t, ftptest.TLS{}, func(c *ftptest.Config) {
		c.Passive.EPSV.Port, c.Passive.PASV.Port = ftptest.PortRefused, ftptest.PortRefused
		c.Passive.Advertise = netip.MustParseAddr("127.0.0.77")
		c.Disable = map[string]string{"PORT": "500 Illegal PORT command.", "EPRT": ""}
	}, func(o *ftp.Options) { o.User, o.Password = "user", "secret" })
	require.NotContains(t, text(t, r), "in clear:", "a password is not sent in clear for the examination")
	require.NoError(t, err)
	require.False(t, r.Works)
	last := r.Advice[len(r.Advice)-1]
	require.Contains(t, last.Text, "NAT or firewall which reads FTP")
	require.Equal(t, "--ccc", last.Flags)
	require.Equal(t, "ftp.Options{TLS: ftp.TLSExplicit, ClearControlUnsafe: true}", last.Options)
}
