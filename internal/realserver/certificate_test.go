package realserver

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCertificates(t *testing.T) {
	for _, test := range []struct {
		name    string
		cert    Certificate
		names   []string
		problem string // "": none
	}{
		{"self-signed", SelfSigned(t), []string{"localhost", "127.0.0.1", "::1"}, ""},
		{"issued", Issued(t), []string{"localhost", "127.0.0.1", "::1"}, ""},
		{"expired", Expired(t), []string{"localhost"}, "has expired"},
		{"wrong name", WrongName(t), []string{"localhost", "127.0.0.1"}, "elsewhere.invalid, not localhost|any IP SANs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, "localhost", test.cert.ServerName)
			for _, name := range test.names {
				_, err := test.cert.TLS.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: test.cert.RootCAs})
				if test.problem == "" {
					require.NoError(t, err, name)
				} else {
					require.Error(t, err, name)
					require.Regexp(t, test.problem, err.Error(), name)
				}
			}
			rsa, err := isRSA(test.cert.PEM)
			require.NoError(t, err)
			require.False(t, rsa)
		})
	}
}

func TestIssuedForOtherNames(t *testing.T) {
	cert := IssuedFor(t, "ftp.example", "203.0.113.9", "2001:db8::9")
	require.Equal(t, "ftp.example", cert.ServerName)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(cert.RootPEM))
	for _, name := range []string{"ftp.example", "203.0.113.9", "2001:db8::9", "127.0.0.1"} {
		_, err := cert.TLS.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
		require.NoError(t, err, name)
	}
	require.Error(t, cert.TLS.Leaf.VerifyHostname("localhost"))
}

func TestCertificateOfAnotherIsNotBelieved(t *testing.T) {
	_, err := Issued(t).TLS.Leaf.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: Issued(t).RootCAs})
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}

// rsaCertificate is a self-signed certificate with an RSA key, which the package makes none of.
func rsaCertificate(t *testing.T) Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := leafTemplate(certificateName)
	template.SerialNumber = big.NewInt(1)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})...)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return Certificate{PEM: text, RootCAs: pool, ServerName: certificateName}
}

func TestIsRSA(t *testing.T) {
	rsa, err := isRSA(rsaCertificate(t).PEM)
	require.NoError(t, err)
	require.True(t, rsa)
	_, err = isRSA([]byte("no PEM"))
	require.ErrorContains(t, err, "certificate: ")
}
