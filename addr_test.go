package ftp

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFormatPORT(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.10:50069":          "192,0,2,10,195,149",
		"255.255.255.255:65535":     "255,255,255,255,255,255",
		"10.0.0.1:1":                "10,0,0,1,0,1",
		"[::ffff:192.0.2.10]:50069": "192,0,2,10,195,149",
	} {
		ap := netip.MustParseAddrPort(in)
		got, err := formatPORT(ap)
		require.NoError(t, err)
		require.Equal(t, want, got)

		back, err := parsePassive("("+got+")", 227)
		require.NoError(t, err)
		require.Equal(t, passiveReply{ap.Addr().Unmap(), ap.Port()}, back)
	}
	for _, in := range []netip.AddrPort{
		{}, netip.MustParseAddrPort("[2001:db8::1]:21"), netip.MustParseAddrPort("192.0.2.10:0"),
	} {
		_, err := formatPORT(in)
		require.Error(t, err, in)
	}
}

func TestFormatEPRT(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.10:50069":          "|1|192.0.2.10|50069|",
		"[::ffff:192.0.2.10]:50069": "|1|192.0.2.10|50069|",
		"[2001:db8::1]:21":          "|2|2001:db8::1|21|",
		"[fe80::1%eth0]:65535":      "|2|fe80::1|65535|",
		"[::1]:1":                   "|2|::1|1|",
	} {
		ap := netip.MustParseAddrPort(in)
		got, err := formatEPRT(ap)
		require.NoError(t, err)
		require.Equal(t, want, got)

		back, err := parsePassive(got, 229)
		require.NoError(t, err)
		require.Equal(t, passiveReply{ap.Addr().Unmap().WithZone(""), ap.Port()}, back)
	}
	for _, in := range []netip.AddrPort{{}, netip.MustParseAddrPort("[2001:db8::1]:0")} {
		_, err := formatEPRT(in)
		require.Error(t, err, in)
	}
}

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		addr       string
		want       addrClass
		unroutable bool
		local      bool
	}{
		{"0.0.0.0", classUnspecified, true, false},
		{"0.1.2.3", classReserved, true, false},
		{"10.0.0.0", classPrivate, true, true},
		{"10.255.255.255", classPrivate, true, true},
		{"9.255.255.255", classGlobal, false, false},
		{"11.0.0.0", classGlobal, false, false},
		{"100.63.255.255", classGlobal, false, false},
		{"100.64.0.0", classShared, true, false},
		{"100.127.255.255", classShared, true, false},
		{"100.128.0.0", classGlobal, false, false},
		{"127.0.0.1", classLoopback, true, true},
		{"127.255.255.255", classLoopback, true, true},
		{"169.254.1.1", classLinkLocal, true, true},
		{"172.15.255.255", classGlobal, false, false},
		{"172.16.0.0", classPrivate, true, true},
		{"172.31.255.255", classPrivate, true, true},
		{"172.32.0.0", classGlobal, false, false},
		{"192.0.0.8", classReserved, true, false},
		{"192.0.2.1", classDocumentation, false, false},
		{"192.88.99.1", classReserved, true, false},
		{"192.168.0.1", classPrivate, true, true},
		{"192.169.0.1", classGlobal, false, false},
		{"198.17.255.255", classGlobal, false, false},
		{"198.18.0.0", classBenchmarking, true, false},
		{"198.19.255.255", classBenchmarking, true, false},
		{"198.20.0.0", classGlobal, false, false},
		{"198.51.100.1", classDocumentation, false, false},
		{"203.0.113.1", classDocumentation, false, false},
		{"223.255.255.255", classGlobal, false, false},
		{"224.0.0.1", classMulticast, true, false},
		{"239.255.255.255", classMulticast, true, false},
		{"240.0.0.1", classReserved, true, false},
		{"255.255.255.255", classBroadcast, true, false},
		{"::", classUnspecified, true, false},
		{"::1", classLoopback, true, true},
		{"::192.0.2.1", classReserved, true, false},
		{"::ffff:10.0.0.5", classPrivate, true, true},
		{"::ffff:8.8.8.8", classGlobal, false, false},
		{"::ffff:0.0.0.0", classUnspecified, true, false},
		{"64:ff9b::a00:5", classNAT64, true, false},
		{"64:ff9b:1::1", classNAT64, true, false},
		{"100::1", classReserved, true, false},
		{"2001::1", classTunnel, true, false},
		{"2001:2::1", classReserved, true, false},
		{"2001:200::1", classGlobal, false, false},
		{"2001:db8::1", classDocumentation, false, false},
		{"2002:a00:5::1", classTunnel, true, false},
		{"2606:4700::1", classGlobal, false, false},
		{"3fff::1", classDocumentation, false, false},
		{"4000::1", classReserved, true, false},
		{"fc00::1", classUniqueLocal, true, true},
		{"fd12::1", classUniqueLocal, true, true},
		{"fe80::1", classLinkLocal, true, true},
		{"fe80::1%eth0", classLinkLocal, true, true},
		{"fd12::1%eth0", classUniqueLocal, true, true},
		{"fec0::1", classSiteLocal, true, true},
		{"ff02::1", classMulticast, true, false},
	} {
		addr := netip.MustParseAddr(tt.addr)
		require.Equal(t, tt.want, classify(addr), tt.addr)
		require.Equal(t, tt.unroutable, classify(addr).unroutable(), tt.addr)
		require.Equal(t, tt.local, isLocalNetwork(addr), tt.addr)
	}
	require.Equal(t, classInvalid, classify(netip.Addr{}))
	require.False(t, isLocalNetwork(netip.Addr{}))
}

func TestAddrClassWords(t *testing.T) {
	seen := map[string]bool{}
	for class := classInvalid; class <= classTunnel; class++ {
		words := class.String()
		require.NotEmpty(t, words)
		require.False(t, seen[words], words)
		seen[words] = true
	}
	require.Equal(t, "private (RFC 1918)", classPrivate.String())
	require.Equal(t, "addrClass(200)", addrClass(200).String())
}
