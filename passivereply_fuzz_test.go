package ftp

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzPassiveReply(f *testing.F) {
	for _, seed := range []string{
		"Entering Passive Mode (192,0,2,10,195,149).",
		"Passive (-64,-88,1,5,-61,-107)",
		"Passive ( 192 , 0,2 ,10, 195,\t149 )",
		"Entering Passive Mode 2, (010,0,2,10,0,21)",
		"=1,2,3,4,5,6,7",
		"Extended (|||46934|)",
		"Extended (!!!46934!)",
		"Extended (||46934)",
		"Extended (aaa46934a)",
		"(|2|1080::8:800:200C:417A|5282|)",
		"(|1|198.51.100.2|46934|)",
		"(192,0,2,10,195,149) (|||50069|)",
		"a\n(|||1|)\n1,2,3,4,5,6",
		"|||99999999999|",
		"(|||",
		"(,,,1,2,3,4,5,6",
	} {
		f.Add(seed, []byte{192, 0, 2, 10}, uint16(50069))
	}
	f.Fuzz(func(t *testing.T, text string, ip []byte, port uint16) {
		checkPassiveReply(t, text)

		addr, ok := netip.AddrFromSlice(ip)
		if !ok || port == 0 {
			return
		}
		want := passiveReply{addr.Unmap(), port}
		eprt, err := formatEPRT(netip.AddrPortFrom(addr, port))
		require.NoError(t, err)
		got, err := parsePassive("Extended ("+eprt+")", 229)
		require.NoError(t, err)
		require.Equal(t, want, got)

		if !addr.Unmap().Is4() {
			return
		}
		argument, err := formatPORT(netip.AddrPortFrom(addr, port))
		require.NoError(t, err)
		for _, decorated := range []string{argument, "Passive (" + argument + ").", "Mode 2: " + argument} {
			got, err := parsePassive(decorated, 227)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}

// checkPassiveReply states what holds for every text, and for what is dialled
// after it under every policy.
func checkPassiveReply(t *testing.T, text string) {
	got, err := parsePassive(text, 227)
	if err != nil {
		require.Zero(t, got)
		return
	}
	require.NotZero(t, got.port)
	require.False(t, got.addr.Is4In6())
	require.Empty(t, got.addr.Zone())
	other, err := parsePassive(text, 229)
	require.NoError(t, err)
	require.Equal(t, got, other, "the code changes the meaning")

	peer := controlPeer{host: "203.0.113.7", addr: netip.MustParseAddr("203.0.113.7")}
	for policy := AddressAuto; policy <= AddressServer; policy++ {
		targets, err := addressRule{policy: policy}.targets(got, peer)
		if err != nil {
			require.Equal(t, AddressServer, policy)
			continue
		}
		require.NotEmpty(t, targets)
		for _, target := range targets {
			require.Equal(t, got.port, target.port)
			if policy != AddressServer && target.addr != peer.addr {
				require.Equal(t, AddressAuto, policy)
				require.False(t, classify(target.addr).unroutable(), "%s", target.addr)
			}
		}
	}
}
