package ftptest_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

func TestBadCertificates(t *testing.T) {
	ca := ftptest.NewAuthority()
	tests := map[string]struct {
		certificate tls.Certificate
		check       func(t *testing.T, err error)
	}{
		"expired": {ca.IssueExpired(), func(t *testing.T, err error) {
			var invalid x509.CertificateInvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, x509.Expired, invalid.Reason)
		}},
		"wrong name": {ca.Issue("other.example.test"), func(t *testing.T, err error) {
			var wrong x509.HostnameError
			require.ErrorAs(t, err, &wrong)
		}},
		"untrusted": {ftptest.NewAuthority().Issue(), func(t *testing.T, err error) {
			var unknown x509.UnknownAuthorityError
			require.ErrorAs(t, err, &unknown)
		}},
	}
	for name, test := range tests {
		t.Run("control, "+name, func(t *testing.T) {
			srv := startTLS(t, ftptest.TLS{Authority: ca, Certificate: test.certificate})
			c := dial(t, srv)
			c.expect("220")
			c.cmd("AUTH TLS", "234")
			test.check(t, tls.Client(c.conn, srv.ClientTLS()).Handshake())
			_, err := io.Copy(io.Discard, c.conn)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server closes")
		})
		t.Run("data, "+name, func(t *testing.T) {
			srv := startTLS(t, ftptest.TLS{Authority: ca, DataCertificate: &test.certificate})
			c := loginTLS(t, srv, srv.ClientTLS())
			raw := c.epsv()
			c.cmd("RETR f", "150")
			test.check(t, tls.Client(raw, srv.ClientTLS()).Handshake())
			c.expect("425")
			c.cmd("NOOP", "200")
		})
	}
}

func TestOtherDataCertificate(t *testing.T) {
	ca := ftptest.NewAuthority()
	other := ca.Issue("127.0.0.1")
	srv := startTLS(t, ftptest.TLS{Authority: ca, DataCertificate: &other})
	c := loginTLS(t, srv, srv.ClientTLS())
	conn := c.open("RETR f", srv.ClientTLS())
	require.Equal(t, other.Certificate[0], conn.ConnectionState().PeerCertificates[0].Raw)
	require.NotEqual(t, other.Certificate[0], c.conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw)
	require.Len(t, readAll(t, conn), 100_000)
	c.expect("226")
}

func TestClientCertificates(t *testing.T) {
	ca := ftptest.NewAuthority()
	for name, version := range versions() {
		t.Run(name, func(t *testing.T) {
			srv := startTLS(t, ftptest.TLS{ClientCAs: ca.RootCAs(), MaxVersion: version, RequireReuse: true})
			config, _ := remembering(srv, version)
			config.Certificates = []tls.Certificate{ca.Issue("client")}
			require.Equal(t, "226", loginTLS(t, srv, config).fetch(config)[:3])

			config.ClientSessionCache = nil
			for name, certificates := range map[string][]tls.Certificate{
				"none": nil, "untrusted": {ftptest.NewAuthority().Issue("client")},
			} {
				config.Certificates = certificates
				c := dial(t, srv)
				c.expect("220")
				c.cmd("AUTH TLS", "234")
				conn := tls.Client(c.conn, config)
				err := conn.Handshake()
				if err == nil { // with TLS 1.3 the client learns of it when it reads
					_, err = conn.Read(make([]byte, 1))
				}
				require.Error(t, err, name)
			}
		})
	}
}

func TestNamesOfTheDefaultCertificate(t *testing.T) {
	for _, listen := range []string{"127.0.0.2:0", "[::1]:0", "0.0.0.0:0"} {
		srv, err := ftptest.Listen(ftptest.Config{Addr: listen, TLS: &ftptest.TLS{Implicit: true}})
		require.NoError(t, err)
		host, port, err := net.SplitHostPort(srv.Addr)
		require.NoError(t, err)
		if host == "0.0.0.0" || host == "::" {
			host = "127.0.0.1"
		}
		conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
		require.NoError(t, err)
		c := &client{t: t, conn: conn, in: bufio.NewReader(conn)}
		c.over(srv.ClientTLS())
		c.expect("220")
		require.NoError(t, conn.Close())
		require.NoError(t, srv.Close())
	}
}

func TestAuthority(t *testing.T) {
	ca := ftptest.NewAuthority()
	block, rest := pem.Decode(ca.PEM())
	require.NotNil(t, block)
	require.Empty(t, rest)
	root, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	require.True(t, root.IsCA)
	leaf, err := x509.ParseCertificate(ca.Issue("ftp.example.test", "192.0.2.1", "2001:db8::1").Certificate[0])
	require.NoError(t, err)
	for _, name := range []string{"ftp.example.test", "192.0.2.1", "2001:db8::1"} {
		_, err = leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: ca.RootCAs()})
		require.NoError(t, err, name)
	}
	require.Panics(t, func() { ca.Issue("fähre.example.test") })
}
