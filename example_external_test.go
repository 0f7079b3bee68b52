package ftp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"time"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// behindGateway is a server to which this host seems to be at 203.0.113.7; what goes
// there arrives here.
func behindGateway() *ftptest.Server {
	return demoServer(ftptest.Config{
		Faults: []ftptest.Fault{{On: "STAT", Reply: "211-FTP server status:\n     Connected to 203.0.113.7\n211 End of status"}},
		Active: ftptest.Active{AnyHost: true, Rewrite: func(at netip.AddrPort) netip.AddrPort {
			return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
		}},
	})
}

func ExampleClient_SeenAs() {
	srv := behindGateway()
	defer srv.Close()

	ctx := context.Background()
	c, err := ftp.Dial(ctx, srv.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	addr, err := c.SeenAs(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("there is a NAT on the way:", addr)
	// Output: there is a NAT on the way: 203.0.113.7
}

// Behind a NAT that forwards ports 21140 to 21149 to this host, and whose address
// changes now and then.
func ExampleFirstExternal() {
	srv := behindGateway()
	defer srv.Close()

	inventory := func(context.Context, *ftp.Exchange, netip.AddrPort) (netip.Addr, error) {
		return netip.Addr{}, errors.New("this host is not in the inventory")
	}
	ctx := context.Background()
	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{
		Mode: ftp.ModeActive,
		Active: ftp.Active{
			Ports:         ftp.PortRange{Lo: 21140, Hi: 21149},
			ExternalFunc:  ftp.CacheExternal(time.Minute, ftp.FirstExternal(inventory, ftp.SeenByServer)),
			ExternalOnLAN: true, // the server of this example is on this host
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	result, err := c.Retrieve(ctx, "/pub/hello.txt", os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the server was told", result.Negotiation.Final().Advertised.Addr())
	// Output:
	// Hello, world!
	// the server was told 203.0.113.7
}
