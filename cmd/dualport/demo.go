package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// demoAddress is what the server of --demo takes for its external address.
const demoAddress = "10.0.0.5"

const demoFile = `Hello from a server that sits behind a misconfigured NAT.

It does not know EPSV, and its answer to PASV names an address of its own
network, which leads nowhere from outside. You are reading this because the data
connection went to the address that the control connection had reached.
`

const demoUpload = "a line that was uploaded by dualport put --demo\n"

// startDemo starts the server of --demo, on the loopback interface of this
// process, and returns its URL.
func (j *job) startDemo() (string, error) {
	tree := ftptest.NewTree()
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, text := range map[string]string{"/welcome.txt": demoFile, "/old.txt": "old\n", "/pub/readme.txt": "nothing here\n"} {
		if err := tree.WriteFile(name, []byte(text)); err != nil {
			return "", err
		}
		if err := tree.SetModTime(name, when); err != nil {
			return "", err
		}
	}
	mode, err := j.flags.tls.modeFor(ftp.TLSNone)
	if err != nil {
		return "", usage(err)
	}
	var security *ftptest.TLS
	if mode != ftp.TLSNone {
		security = &ftptest.TLS{Implicit: mode == ftp.TLSImplicit, Required: true, RequireReuse: true}
	}
	server, err := ftptest.Listen(ftptest.Config{
		Tree:     tree,
		TLS:      security,
		Greeting: "220 demonstration server in this process",
		Disable:  map[string]string{"EPSV": "500 EPSV not understood"},
		Passive:  ftptest.Passive{Advertise: netip.MustParseAddr(demoAddress)},
	})
	if err != nil {
		return "", usage(fmt.Errorf("--demo: %w", err))
	}
	j.closers = append(j.closers, func() { _ = server.Close() })
	j.demoCA = server.RootCAs()
	return server.URL, nil
}

// keepLocal makes sure that --demo needs no network, whatever the flags say, and
// that nothing is sent to the address which the server names. The server's
// authority exists in this process alone; it is trusted where no flag says whom
// to trust.
func (j *job) keepLocal(o *ftp.Options) {
	if o.TLSConfig != nil && o.TLSConfig.RootCAs == nil {
		o.TLSConfig.RootCAs = j.demoCA
	}
	o.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().IsLoopback() {
			return nil, errors.New("nothing is sent to the network in a demonstration")
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	o.Active.Mapper, o.Active.ExternalFunc = nil, nil  // they ask a gateway or a server elsewhere
	o.Active.ListenFunc = new(net.ListenConfig).Listen // a dial hook alone would pass for a proxy
}

// sayDemo tells in one line what the demonstration showed.
func (j *job) sayDemo() {
	switch {
	case j.result.Command == "doctor":
		j.say("demo: this is what doctor says of a server that refuses EPSV and whose PASV replies name the unroutable address %s", demoAddress)
	case j.negotiation.Method() == "":
		j.say("demo: dualport %s ran against a server in this process", j.result.Command)
	case j.negotiation.Method() != ftp.PASV:
		j.say("demo: dualport %s worked by %s", j.result.Command, j.negotiation.Method())
	default:
		j.say("demo: the server refused EPSV and its PASV reply named the unroutable address %s; "+
			"dualport connected to the address of the control connection instead, and %s worked", demoAddress, j.result.Command)
	}
}
