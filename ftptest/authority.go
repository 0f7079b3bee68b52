package ftptest

import (
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

// Authority issues certificates for tests, of servers and of clients alike. With it come the certificates that a client must
// refuse:
//
//	a.IssueExpired()                // expired
//	a.Issue("other.example.test")   // of another name
//	NewAuthority().Issue()          // of an authority that the client does not trust
//
// Its methods can be called from several goroutines. They panic where crypto/x509 cannot make the certificate, because of a name
// that is not ASCII for example.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes an authority, with a key that exists nowhere else.
func NewAuthority() *Authority {
	a := &Authority{key: newKey()}
	template := &x509.Certificate{
		SerialNumber: serialNumber(), Subject: pkix.Name{CommonName: "ftptest authority"},
		NotBefore: validFrom(), NotAfter: validUntil(),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err == nil {
		a.certificate, err = x509.ParseCertificate(der)
	}
	if err != nil {
		panic(fmt.Sprintf("ftptest: make an authority: %v", err))
	}
	return a
}

// RootCAs returns a new pool with the authority in it, for tls.Config.RootCAs and TLS.ClientCAs.
func (a *Authority) RootCAs() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// PEM returns the authority's certificate as a file of roots has it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// Issue returns a certificate for these host names and IP addresses, valid from 1990 to 2100, which a client can present too.
// Without names it is for localhost, 127.0.0.1 and ::1.
func (a *Authority) Issue(names ...string) tls.Certificate {
	return a.issue(validFrom(), validUntil(), names)
}

// IssueExpired is Issue of a certificate that was valid in 1990 alone.
func (a *Authority) IssueExpired(names ...string) tls.Certificate {
	return a.issue(validFrom(), validFrom().AddDate(1, 0, 0), names)
}

func (a *Authority) issue(from, until time.Time, names []string) tls.Certificate {
	if len(names) == 0 {
		names = loopbackNames()
	}
	template := &x509.Certificate{
		SerialNumber: serialNumber(), Subject: pkix.Name{CommonName: names[0]}, NotBefore: from, NotAfter: until,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	key := newKey()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		panic(fmt.Sprintf("ftptest: issue a certificate for %q: %v", names, err))
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func loopbackNames() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// validFrom lies before the year 2000, in which a testing/synctest bubble begins.
func validFrom() time.Time { return time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC) }

func validUntil() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("ftptest: make a key: %v", err))
	}
	return key
}

func serialNumber() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] = b[0]&0x7f | 1   // positive, and never zero
	return new(big.Int).SetBytes(b[:])
}
