package doctor

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"time"
)

// Certificate is the certificate that the server showed on its control
// connection.
type Certificate struct {
	// Subject and Issuer are distinguished names, such as "CN=ftp.example.com".
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	// SelfSigned tells that no authority issued it: its own key signed it.
	SelfSigned bool `json:"self_signed,omitempty"`
	// Names are the host names and IP addresses it is good for.
	Names []string `json:"names,omitempty"`
	// ValidFrom and ValidUntil bound its life.
	ValidFrom  time.Time `json:"valid_from"`
	ValidUntil time.Time `json:"valid_until"`
	// KeyPin is the pin of its public key, "sha256/" and base64, as
	// [ftp.PinnedTLS] takes it.
	KeyPin string `json:"key_pin"`
	// Verifies tells whether it leads to a trusted authority and is good for the
	// name that was dialled, today.
	Verifies bool `json:"verifies"`
	// Problem tells why it does not verify.
	Problem string `json:"problem,omitempty"`
}

// newCertificate describes the first certificate of a chain; problem is nil
// where it verifies.
func newCertificate(chain []*x509.Certificate, problem error) *Certificate {
	if len(chain) == 0 {
		return nil
	}
	leaf := chain[0]
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	c := &Certificate{
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Names: leaf.DNSNames,
		ValidFrom: leaf.NotBefore.UTC(), ValidUntil: leaf.NotAfter.UTC(),
		SelfSigned: selfSigned(leaf),
		KeyPin:     "sha256/" + base64.StdEncoding.EncodeToString(sum[:]),
		Verifies:   problem == nil,
	}
	for _, ip := range leaf.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	if problem != nil {
		c.Problem = problem.Error()
	}
	var unknown x509.UnknownAuthorityError
	if c.SelfSigned && errors.As(problem, &unknown) {
		c.Problem = "it is self-signed, and nobody here trusts it"
	}
	return c
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// issuer is who answers for the certificate, for a person.
func (c *Certificate) issuer() string {
	if c.SelfSigned {
		return "self-signed"
	}
	return "issued by " + c.Issuer
}

// verifyChain does what crypto/tls does by itself unless it is told to skip it.
func verifyChain(config *tls.Config, name string, now time.Time, chain []*x509.Certificate) ([][]*x509.Certificate, error) {
	if len(chain) == 0 {
		return nil, errors.New("the server sent no certificate")
	}
	opts := x509.VerifyOptions{Roots: config.RootCAs, DNSName: name, CurrentTime: now, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	verified, err := chain[0].Verify(opts)
	if err != nil {
		return nil, &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return verified, nil
}
