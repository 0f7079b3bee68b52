package realserver

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Certificate is what a daemon shows, and what a client needs to believe it. The zero
// value means one made by SelfSigned.
type Certificate struct {
	// TLS is the certificate with its key, for a server or a client made of crypto/tls.
	TLS tls.Certificate
	// PEM is the same as daemons want it: the certificate, then its key.
	PEM []byte
	// RootCAs has the one certificate that vouches for this one, and RootPEM is the
	// same for a file which a client is told to trust.
	RootCAs *x509.CertPool
	RootPEM []byte
	// ServerName is the name to verify it against. The certificate made by WrongName
	// does not have it.
	ServerName string
}

// certificateName is the server's name in all certificates that are for no other; they
// hold the loopback addresses too.
const certificateName = "localhost"

// SelfSigned makes a certificate for localhost, 127.0.0.1 and ::1 that vouches for itself.
func SelfSigned(t TB) Certificate {
	t.Helper()
	return made(t)(newSelfSigned(certificateName))
}

// Issued makes a certificate for localhost, 127.0.0.1 and ::1 that an authority of its
// own has signed.
func Issued(t TB) Certificate {
	t.Helper()
	return IssuedFor(t, certificateName)
}

// IssuedFor is like Issued, but the certificate is for the given hosts and addresses
// instead of localhost; the loopback addresses stay. The first is its ServerName.
func IssuedFor(t TB, name string, more ...string) Certificate {
	t.Helper()
	return made(t)(newIssued(leafTemplate(append([]string{name}, more...)...)))
}

// Expired is like Issued, but the certificate was valid until an hour ago.
func Expired(t TB) Certificate {
	t.Helper()
	template := leafTemplate(certificateName)
	template.NotAfter = time.Now().Add(-time.Hour)
	return made(t)(newIssued(template))
}

// WrongName is like Issued, but the certificate is for elsewhere.invalid, and for no
// address.
func WrongName(t TB) Certificate {
	t.Helper()
	template := leafTemplate("elsewhere.invalid")
	template.IPAddresses = nil
	cert := made(t)(newIssued(template))
	cert.ServerName = certificateName
	return cert
}

// made passes a certificate on, or fails the test.
func made(t TB) func(Certificate, error) Certificate {
	return func(c Certificate, err error) Certificate {
		t.Helper()
		if err != nil {
			t.Fatalf("realserver: make a certificate: %v", err)
		}
		return c
	}
}

// leafTemplate is a certificate for a server's names, at least one, and its addresses; it
// has been valid for a day and stays so for another.
func leafTemplate(names ...string) *x509.Certificate {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:   time.Now().Add(-24 * time.Hour),
		NotAfter:    time.Now().Add(24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template
}

func newSelfSigned(names ...string) (Certificate, error) {
	key, err := newKey()
	if err != nil {
		return Certificate{}, err
	}
	template := leafTemplate(names...)
	der, err := sign(template, template, key, key)
	if err != nil {
		return Certificate{}, err
	}
	return assemble(template.Subject.CommonName, der, key, der)
}

// newIssued makes an authority and has it sign the template.
func newIssued(template *x509.Certificate) (Certificate, error) {
	authority := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "test authority"},
		NotBefore:             template.NotBefore,
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	authorityKey, err := newKey()
	if err != nil {
		return Certificate{}, err
	}
	root, err := sign(authority, authority, authorityKey, authorityKey)
	if err != nil {
		return Certificate{}, err
	}
	key, err := newKey()
	if err != nil {
		return Certificate{}, err
	}
	der, err := sign(template, authority, key, authorityKey)
	if err != nil {
		return Certificate{}, err
	}
	return assemble(template.Subject.CommonName, der, key, root)
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// sign gives the template a serial number and makes it a certificate for key, signed
// with the parent's key.
func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	return x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
}

// assemble puts a certificate, its key and the one that vouches for it together.
func assemble(name string, der []byte, key *ecdsa.PrivateKey, root []byte) (Certificate, error) {
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Certificate{}, err
	}
	trusted, err := x509.ParseCertificate(root)
	if err != nil {
		return Certificate{}, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return Certificate{}, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(trusted)
	return Certificate{
		TLS: pair, PEM: bytes.Join([][]byte{certPEM, keyPEM}, nil), ServerName: name,
		RootCAs: pool, RootPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}),
	}, nil
}

// isRSA tells which kind of key the first certificate of a PEM text has.
func isRSA(text []byte) (bool, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return false, fmt.Errorf("certificate: %w", err)
	}
	return pair.Leaf.PublicKeyAlgorithm == x509.RSA, nil
}
