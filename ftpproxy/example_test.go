package ftpproxy_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftpproxy"
	"github.com/dualport/ftp/ftptest"
)

// demo is a server and a SOCKS5 proxy that knows its name.
func demo() (server, proxy string, end func()) {
	srv, err := ftptest.Listen(ftptest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Tree.WriteFile("/pub/hello.txt", []byte("Hello, world!\n")); err != nil {
		log.Fatal(err)
	}
	d, err := newDouble(socksServer{user: "user", password: "secret", hosts: hosts()}.serve)
	if err != nil {
		log.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(srv.Addr)
	return net.JoinHostPort("ftp.test", port), d.Addr, func() {
		d.Close()
		_ = srv.Close()
	}
}

// Both connections go through the proxy, in passive and in active mode.
func ExampleProxy() {
	server, proxyAddr, end := demo()
	defer end()
	ctx := context.Background()

	p, err := ftpproxy.Parse("socks5://user:secret@"+proxyAddr, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
		c, err := ftp.Dial(ctx, server, &ftp.Options{
			Mode:        mode,
			DialContext: p.DialContext,
			Active:      ftp.Active{ListenFunc: p.Listener(server)},
		})
		if err != nil {
			log.Fatal(err)
		}
		result, err := c.Retrieve(ctx, "/pub/hello.txt", os.Stdout)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("by", result.Negotiation.Method())
		if err := c.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// Hello, world!
	// by EPSV
	// Hello, world!
	// by PORT
}

func ExampleParse() {
	for _, url := range []string{"socks5://user:secret@proxy.example.net", "https://proxy.example.net", "proxy.example.net:3128", "socks4://proxy.example.net"} {
		fmt.Println(ftpproxy.Parse(url, nil))
	}
	// Output:
	// socks5://user@proxy.example.net:1080 <nil>
	// https://proxy.example.net:443 <nil>
	// http://proxy.example.net:3128 <nil>
	// <nil> a proxy of the scheme "socks4" cannot be used; if it also speaks SOCKS version 5, write socks5://
}

func ExampleFromEnvironment() {
	environment := map[string]string{
		"ftp_proxy": "http://proxy.example.net:3128",
		"no_proxy":  "example.org,10.0.0.0/8",
	}
	for _, server := range []string{"ftp.example.com", "ftp.example.org", "10.1.2.3:2121", "localhost"} {
		p, err := ftpproxy.FromEnvironment(server, func(name string) string { return environment[name] }, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(server, p != nil)
	}
	// Output:
	// ftp.example.com true
	// ftp.example.org false
	// 10.1.2.3:2121 false
	// localhost false
}

func ExampleError() {
	_, proxyAddr, end := demo()
	defer end()
	p, err := ftpproxy.Parse("socks5://user:wrong@"+proxyAddr, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = p.DialContext(context.Background(), "tcp", "ftp.test:21")
	var e *ftpproxy.Error
	fmt.Println(errors.As(err, &e), errors.Is(err, ftpproxy.ErrCredentials))
	fmt.Println(e.Err)
	// Output:
	// true true
	// the proxy does not accept the login: it refused the user or the password; check both in its URL
}
