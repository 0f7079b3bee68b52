package ftp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// FTPS with a server whose certificate an own CA has signed: nothing is needed
// but the CA. Sessions are resumed on data connections by themselves.
func ExampleOptions_tLS() {
	authority := ftptest.NewAuthority()
	srv := demoServer(ftptest.Config{TLS: &ftptest.TLS{Authority: authority, Required: true, RequireReuse: true}})
	defer srv.Close()
	ctx := context.Background()

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.PEM()) // usually from a file
	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{
		User: "user", Password: "secret",
		TLS:       ftp.TLSExplicit,
		TLSConfig: &tls.Config{RootCAs: roots},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Retrieve(ctx, "/pub/hello.txt", os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output: Hello, world!
}

// A server with a self-signed certificate, such as a printer's, is known by its
// public key.
func ExamplePinnedTLS() {
	certificate := ftptest.NewAuthority().Issue()
	srv := demoServer(ftptest.Config{TLS: &ftptest.TLS{Implicit: true, Certificate: certificate}})
	defer srv.Close()
	ctx := context.Background()

	pinned, err := ftp.PinnedTLS(pin(certificate)) // such as "sha256/zhSB…="
	if err != nil {
		log.Fatal(err)
	}
	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{TLS: ftp.TLSImplicit, TLSConfig: pinned})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	dir, err := c.CurrentDir(ctx)
	fmt.Println(dir, err)
	// Output: / <nil>
}

// pin is what "openssl x509 -pubkey" and "openssl dgst -sha256" make of a
// certificate.
func pin(certificate tls.Certificate) string {
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		log.Fatal(err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return "sha256/" + base64.StdEncoding.EncodeToString(sum[:])
}

// The record of a transfer tells how its data connection was encrypted, and
// whether it resumed the session of the control connection.
func ExampleTLSInfo() {
	srv := demoServer(ftptest.Config{TLS: &ftptest.TLS{}})
	defer srv.Close()
	ctx := context.Background()

	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{
		TLS:                 ftp.TLSExplicit,
		TLSConfig:           &tls.Config{RootCAs: srv.RootCAs()},
		RequireSessionReuse: true, // no third party can take the data connection's place
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	var down bytes.Buffer
	for range 2 {
		up, err := c.Store(ctx, "/pub/new.txt", strings.NewReader("new"))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(up.Negotiation.TLS.Version, up.Negotiation.TLS.Resumed)
	}
	result, err := c.Retrieve(ctx, "/pub/new.txt", &down)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Negotiation.TLS.Version, result.Negotiation.TLS.Resumed)
	// Output:
	// TLS 1.3 true
	// TLS 1.3 true
	// TLS 1.3 true
}
