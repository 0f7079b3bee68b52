package ftptest_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"github.com/dualport/ftp/ftptest"
)

// talk sends commands and prints the codes of the replies, as the code under test would do better.
func talk(addr string, commands ...string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, command := range append([]string{""}, commands...) {
		if command != "" {
			_, _ = io.WriteString(conn, command+"\r\n")
		}
		reply, err := in.ReadString('\n')
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(command, "→", strings.TrimSpace(reply))
	}
}

// In a test, NewServer(t) does the same and needs no Close.
func ExampleListen() {
	srv, err := ftptest.Listen(ftptest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	if err := srv.Tree.WriteFile("/pub/a.txt", []byte("hello\n")); err != nil {
		fmt.Println(err)
		return
	}

	talk(srv.Addr, "USER user", "PASS secret", "TYPE I", "SIZE pub/a.txt")
	fmt.Println(srv.Commands()[3])
	// Output:
	//  → 220 ftptest ready.
	// USER user → 331 Please give the password.
	// PASS secret → 230 Logged in.
	// TYPE I → 200 Type is binary.
	// SIZE pub/a.txt → 213 6
	// SIZE pub/a.txt
}

// A server behind a NAT that it does not know of tells its private address, and knows no EPSV.
func ExampleConfig_nat() {
	srv, err := ftptest.Listen(ftptest.Config{
		Disable: map[string]string{"EPSV": "500 EPSV not understood"},
		Passive: ftptest.Passive{
			Advertise: netip.MustParseAddr("10.0.0.5"),
			PASV:      ftptest.PassiveMethod{Reply: "227 Entering Passive Mode ({pasv})"},
			// A port forward that maps every port to one; without it the true port is told.
			AdvertisePort: func(uint16) uint16 { return 20480 },
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	talk(srv.Addr, "USER ftp", "PASS me@", "EPSV", "PASV")
	// Output:
	//  → 220 ftptest ready.
	// USER ftp → 331 Guest login, send your e-mail address as the password.
	// PASS me@ → 230 Logged in.
	// EPSV → 500 EPSV not understood
	// PASV → 227 Entering Passive Mode (10,0,0,5,80,0)
}

// A server that wants TLS, with a certificate that has expired. Another Authority's would be one that the client does not
// trust, and ca.Issue("other.example.test") one of another name.
func ExampleAuthority() {
	ca := ftptest.NewAuthority()
	srv, err := ftptest.Listen(ftptest.Config{
		TLS: &ftptest.TLS{Implicit: true, Authority: ca, Certificate: ca.IssueExpired()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	_, err = tls.Dial("tcp", srv.Addr, srv.ClientTLS())
	var invalid x509.CertificateInvalidError
	fmt.Println(errors.As(err, &invalid) && invalid.Reason == x509.Expired)
	// Output: true
}

// The second PWD is refused for now, and NOOP costs the connection.
func ExampleFault() {
	srv, err := ftptest.Listen(ftptest.Config{
		Greeting: "230 No login needed.",
		Faults: []ftptest.Fault{
			{On: "PWD", Nth: 2, Reply: "450 Ask again later."},
			{On: "NOOP", Reply: "421 Out of memory.", Close: true},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	talk(srv.Addr, "PWD", "PWD", "PWD", "NOOP")
	// Output:
	//  → 230 No login needed.
	// PWD → 257 "/" is the current directory.
	// PWD → 450 Ask again later.
	// PWD → 257 "/" is the current directory.
	// NOOP → 421 Out of memory.
}
