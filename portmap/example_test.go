package portmap_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/portmap"
)

// The gateway forwards the port of each active transfer for as long as it lasts.
func ExampleMapper() {
	m := &portmap.Mapper{Notice: func(s string) { log.Print(s) }}
	defer func() { _ = m.Close() }()
	c, err := ftp.Dial(context.Background(), "ftp.example.net:21", &ftp.Options{
		Mode:   ftp.ModeActive,
		Active: ftp.Active{Mapper: m},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for name, err := range c.NameList(context.Background(), "") {
		fmt.Println(name, err)
	}
}

// The ports are forwarded by hand; the address changes every night.
func ExampleSTUN() {
	var m portmap.Mapper
	defer func() { _ = m.Close() }()
	sources := ftp.FirstExternal(m.External, portmap.STUN("stun.example.net", "192.0.2.1:3478"))
	opts := &ftp.Options{
		Mode: ftp.ModeActive,
		Active: ftp.Active{
			Ports:        ftp.PortRange{Lo: 50000, Hi: 50009},
			ExternalFunc: ftp.CacheExternal(10*time.Minute, sources),
		},
	}
	c, err := ftp.Dial(context.Background(), "ftp.example.net:21", opts)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()
}
