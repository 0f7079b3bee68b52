package portmap_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/portmap"
)

// The server connects to the external address and port, which the doubles' NAT
// leads to where they were asked to forward it.
func TestActiveTransferThroughTheGateway(t *testing.T) {
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		t.Run(p.String(), func(t *testing.T) {
			g := newGateway(t)
			g.elsewhere = 40001
			g.start(t)
			d := newIGD(t).start(t)
			m := mapper(t, g.port(), d.port(), 0, p)

			srv := ftptest.NewUnstartedServer(t)
			var named []netip.AddrPort
			srv.Config.Active.Rewrite = func(at netip.AddrPort) netip.AddrPort {
				named = append(named, at)
				if p == portmap.UPnP {
					return netip.MustParseAddrPort("127.0.0.1:" + d.entries()[portText(at.Port())].port)
				}
				return g.inside(at.Port())
			}
			srv.Start()
			c, err := ftp.Dial(t.Context(), srv.Addr, &ftp.Options{
				Mode:   ftp.ModeActive,
				Active: ftp.Active{Mapper: m, ExternalOnLAN: true},
			})
			require.NoError(t, err)
			defer c.Close()
			for range 2 {
				_, err = c.Store(t.Context(), "a.txt", bytes.NewReader([]byte("through the gateway")))
				require.NoError(t, err)
				var got bytes.Buffer
				_, err = c.Retrieve(t.Context(), "a.txt", &got)
				require.NoError(t, err)
				require.Equal(t, "through the gateway", got.String())
			}
			require.Len(t, named, 4)
			for _, at := range named {
				require.Equal(t, "203.0.113.7", at.Addr().String())
			}
			require.Zero(t, g.mappings(), "released with each data connection")
			require.Empty(t, d.entries())
		})
	}
}
