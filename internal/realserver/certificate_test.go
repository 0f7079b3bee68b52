package realserver

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCertificates(t *testing.T) {
	for _, test := range []struct {
		name    string
		cert    Certificate
		names   []string
		problem error
	}{
		{"self-signed", SelfSigned(t), []string{"localhost", "127.0.0.1", "::1"}, nil},
		{"issued", Issued(t), []string{"localhost", "127.0.0.1", "::1"}, nil},
		{"expired", Expired(t), []string{"localhost"}, x509.CertificateInvalidError{}},
		{"wrong name", WrongName(t), []string{"localhost", "127.0.0.1"}, x509.HostnameError{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, "localhost", test.cert.ServerName)
			for _, name := range test.names {
				_, err := test.cert.TLS.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: test.cert.RootCAs})
				if test.problem == nil {
					require.NoError(t, err, name)
				} else {
					require.IsType(t, test.problem, err, name)
				}
			}
			rsa, err := isRSA(test.cert.PEM)
			require.NoError(t, err)
			require.False(t, rsa)
		})
	}
}

func TestCertificateOfAnotherIsNotBelieved(t *testing.T) {
	_, err := Issued(t).TLS.Leaf.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: Issued(t).RootCAs})
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}
