package ftp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsePassive(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		code       int
		want       string // "address port", or "port" alone
	}{
		{"RFC 959", "Entering Passive Mode (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"full stop behind", "Entering Passive Mode (192,0,2,10,195,149).", 227, "192.0.2.10 50069"},
		{"text behind", "Entering Passive Mode (192,0,2,10,195,149) ready", 227, "192.0.2.10 50069"},
		{"no parentheses", "Entering Passive Mode 192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"no parentheses, full stop", "Entering Passive Mode. 192,0,2,10,195,149.", 227, "192.0.2.10 50069"},
		{"numbers alone", "192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"equals sign", "=192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"square brackets", "Passive [192,0,2,10,195,149]", 227, "192.0.2.10 50069"},
		{"quotes", `Passive "192,0,2,10,195,149"`, 227, "192.0.2.10 50069"},
		{"opening parenthesis alone", "Passive (192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"closing parenthesis alone", "Passive 192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"blanks around the numbers", "Passive ( 192 , 0,2 ,10, 195,\t149 )", 227, "192.0.2.10 50069"},
		{"number in the text", "Entering Passive Mode 2, (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"version in the text", "vsFTPd 3.0.5: passive (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"list in the text", "Users 1,2,3 of 5 (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"ellipsis", "Entering Passive Mode...192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"dash as decoration", "Passive - 192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"signed bytes", "Passive (-64,-88,1,5,-61,-107)", 227, "192.168.1.5 50069"},
		{"largest and smallest signed byte", "Passive (-128,-1,127,0,127,-128)", 227, "128.255.127.0 32640"},
		{"leading zeros are decimal", "Passive (010,000,002,010,000,021)", 227, "10.0.2.10 21"},
		{"second line", "Entering Passive Mode\n (192,0,2,10,195,149)\nend", 227, "192.0.2.10 50069"},
		{"said twice alike", "192,0,2,10,195,149 (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"unspecified address", "Passive (0,0,0,0,195,149)", 227, "0.0.0.0 50069"},
		{"lowest port", "Passive (192,0,2,10,0,1)", 227, "192.0.2.10 1"},
		{"highest port", "Passive (192,0,2,10,255,255)", 227, "192.0.2.10 65535"},
		{"227 to EPSV", "Passive (192,0,2,10,195,149)", 229, "192.0.2.10 50069"},
		{"another code", "Passive (192,0,2,10,195,149)", 200, "192.0.2.10 50069"},
		{"trailing CR", "Passive 192,0,2,10,195,149\r", 227, "192.0.2.10 50069"},

		{"RFC 2428", "Entering Extended Passive Mode (|||46934|)", 229, "46934"},
		{"extended, full stop behind", "Entering Extended Passive Mode (|||46934|).", 229, "46934"},
		{"extended, no parentheses", "Entering Extended Passive Mode |||46934|", 229, "46934"},
		{"extended, form alone", "|||46934|", 229, "46934"},
		{"IBM i", "Entering Extended Passive Mode (!!!46934!)", 229, "46934"},
		{"IBM i, no parentheses", "Extended !!!46934! ok", 229, "46934"},
		{"hash", "Extended (###46934#)", 229, "46934"},
		{"hyphen", "Extended (---46934-)", 229, "46934"},
		{"full stop as delimiter", "Extended (...46934.)", 229, "46934"},
		{"comma as delimiter", "Extended (,,,46934,)", 229, "46934"},
		{"letter as delimiter", "Extended (aaa46934a)", 229, "46934"},
		{"hash, no parentheses", "Extended ###46934#", 229, "46934"},
		{"last bar missing", "Extended (|||46934)", 229, "46934"},
		{"last bar missing, no parentheses", "Extended |||46934", 229, "46934"},
		{"last bar missing, full stop", "Extended |||46934.", 229, "46934"},
		{"one bar short", "Extended (||46934|)", 229, "46934"},
		{"one bar short and the last missing", "Extended (||46934)", 229, "46934"},
		{"blanks", "Extended ( | | | 46934 | )", 229, "46934"},
		{"extended, leading zeros", "Extended (|||00021|)", 229, "21"},
		{"extended, number in the text", "Mode 2, part 3 (|||46934|)", 229, "46934"},
		{"extended, second line", "Extended\n(|||46934|)\n", 229, "46934"},
		{"extended, said twice alike", "|||46934| (|||46934|)", 229, "46934"},
		{"extended, lowest port", "(|||1|)", 229, "1"},
		{"extended, highest port", "(|||65535|)", 229, "65535"},
		{"229 to PASV", "Extended (|||46934|)", 227, "46934"},
		{"family alone", "Extended (|1||46934|)", 229, "46934"},
		{"filled, IPv4", "Extended (|1|198.51.100.2|46934|)", 229, "198.51.100.2 46934"},
		{"filled, IPv6", "Extended (|2|1080::8:800:200C:417A|5282|)", 229, "1080::8:800:200c:417a 5282"},
		{"filled, no parentheses", "|2|2001:db8::1|5282|", 229, "2001:db8::1 5282"},
		{"filled, no family", "Extended (||198.51.100.2|46934|)", 229, "198.51.100.2 46934"},
		{"filled, mapped", "Extended (|2|::ffff:198.51.100.2|46934|)", 229, "198.51.100.2 46934"},
		{"both forms agree", "Passive (192,0,2,10,195,149) (|||50069|)", 227, "192.0.2.10 50069"},
		{"both forms agree, the other way round", "(|||50069|) 192,0,2,10,195,149", 229, "192.0.2.10 50069"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parsePassive(tt.text, tt.code)
			require.NoError(t, err)
			text := fmt.Sprint(got.port)
			if got.addr.IsValid() {
				text = got.addr.String() + " " + text
			}
			require.Equal(t, tt.want, text)
		})
	}
}

func TestParsePassiveRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, reason string }{
		{"empty", "", "no address or port"},
		{"words", "Entering Passive Mode", "no address or port"},
		{"five numbers", "Passive (192,0,2,10,195)", "no address or port"},
		{"number cut off", "Passive (192,0,2,10,195,", "no address or port"},
		{"dots", "Passive (192.0.2.10,195,149)", "no address or port"},
		{"seven numbers", "Passive (192,0,2,10,195,149,1)", "more than six numbers"},
		{"number joined to six", "Passive 2, 192,0,2,10,195,149", "more than six numbers"},
		{"many numbers", strings.Repeat("1,", 1000) + "1", "more than six numbers"},
		{"octet too large", "Passive (256,0,2,10,195,149)", "out of range"},
		{"octet far too large", "Passive (99999999999999999999,0,2,10,195,149)", "out of range"},
		{"port byte too large", "Passive (192,0,2,10,195,256)", "out of range"},
		{"four digits", "Passive (0192,0,2,10,195,149)", "out of range"},
		{"minus 129", "Passive (-129,0,2,10,195,149)", "out of range"},
		{"minus 0", "Passive (-0,0,2,10,195,149)", "out of range"},
		{"two minus signs", "Passive (--1,0,2,10,195,149)", "no clear form"},
		{"plus sign", "Passive (+1,0,2,10,195,149)", "no clear form"},
		{"range", "Passive 5-1,0,2,10,195,149", "no clear form"},
		{"port 0", "Passive (192,0,2,10,0,0)", "port 0"},
		{"letter before", "Passive x192,0,2,10,195,149", "no clear form"},
		{"letter behind", "Passive 192,0,2,10,195,149x", "no clear form"},
		{"hexadecimal", "Passive (0xC0,0,2,10,195,149)", "no clear form"},
		{"fraction before", "Passive 5.192,0,2,10,195,149", "no clear form"},
		{"fraction behind", "Passive 192,0,2,10,195,149.5", "no clear form"},
		{"comma before", "Passive (,192,0,2,10,195,149)", "no clear form"},
		{"comma behind", "Passive (192,0,2,10,195,149,)", "no clear form"},
		{"hole in the chain", "Passive (1,,192,0,2,10,195,149)", "no clear form"},
		{"over two lines", "Passive (192,0,2,\n10,195,149)", "no address or port"},
		{"two addresses", "192,0,2,10,195,149 or 192,0,2,11,195,149", "two different"},
		{"two ports", "192,0,2,10,195,149 or 192,0,2,10,195,150", "two different"},
		{"right and wrong", "(192,0,2,10,195,149) (300,0,2,10,195,149)", "out of range"},

		{"extended, no port", "Extended (||||)", "no address or port"},
		{"extended, word", "Extended (|||port|)", "no address or port"},
		{"extended, port 0", "Extended (|||0|)", "port 0"},
		{"extended, port too large", "Extended (|||65536|)", "out of range"},
		{"extended, six digits", "Extended (|||046934|)", "out of range"},
		{"extended, far too large", "Extended (|||99999999999999999999999|)", "out of range"},
		{"extended, negative", "Extended (|||-1|)", "no address or port"},
		{"extended, letter behind", "Extended (|||46934x|)", "no clear form"},
		{"extended, comma behind", "Extended (|||46934,5|)", "no clear form"},
		{"extended, fraction", "Extended (|||46934.5|)", "no clear form"},
		{"extended, another number behind", "Extended (|||46934|5)", "no clear form"},
		{"extended, two bars short", "Extended (|46934|)", "no address or port"},
		{"extended, four bars", "Extended (||||46934|)", "no address or port"},
		{"extended, bars differ", "Extended (|!|46934|)", "no address or port"},
		{"extended, number alone", "Extended (46934)", "no address or port"},
		{"extended, digit as delimiter", "Extended (11146934)", "no address or port"},
		{"extended, letter and no end", "Extended (aaa46934)", "no address or port"},
		{"extended, two ports", "(|||46934|) (|||46935|)", "two different"},
		{"ellipsis and a number", "Entering Extended Passive Mode... 46934", "no address or port"},
		{"ellipsis and a number with full stop", "Entering Extended Passive Mode...46934.", "no address or port"},
		{"dashes and a number", "Extended passive mode --- 46934 -", "no address or port"},
		{"filled, IPv6 under 1", "(|1|2001:db8::1|46934|)", "family"},
		{"filled, IPv4 under 2", "(|2|192.0.2.1|46934|)", "family"},
		{"filled, zone", "(|2|fe80::1%eth0|46934|)", "family"},
		{"filled, family 3", "(|3|192.0.2.1|46934|)", "no address or port"},
		{"filled, no address", "(|1|example|46934|)", "no address or port"},
		{"filled, port 0", "(|1|192.0.2.1|0|)", "port 0"},
		{"both forms differ", "(192,0,2,10,195,149) (|||50070|)", "two different"},
		{"filled differs", "(192,0,2,10,195,149) (|1|192.0.2.11|50069|)", "two different"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, code := range []int{227, 229} {
				got, err := parsePassive(tt.text, code)
				require.ErrorContains(t, err, tt.reason)
				require.ErrorContains(t, err, fmt.Sprintf("the %d reply", code))
				require.Zero(t, got)
				require.Less(t, len(err.Error()), 500)
			}
		})
	}
}

// Every delimiter RFC 2428 permits, digits excepted, is understood.
func TestParsePassiveDelimiters(t *testing.T) {
	for d := byte(33); d <= 126; d++ {
		if d >= '0' && d <= '9' || d == '(' || d == ')' {
			continue
		}
		text := strings.ReplaceAll("Entering Extended Passive Mode (|||46934|)", "|", string(d))
		got, err := parsePassive(text, 229)
		require.NoError(t, err, text)
		require.Equal(t, passiveReply{port: 46934}, got, text)
	}
}

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

func TestAddressPolicyText(t *testing.T) {
	require.Equal(t, AddressAuto, AddressPolicy(0))
	for policy, want := range map[AddressPolicy]string{
		AddressAuto: "auto", AddressControl: "control", AddressServer: "server",
	} {
		text, err := policy.MarshalText()
		require.NoError(t, err)
		require.Equal(t, want, string(text))
		back := AddressPolicy(9)
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, policy, back)
	}
	_, err := AddressPolicy(3).MarshalText()
	require.Error(t, err)
	require.Equal(t, "AddressPolicy(3)", AddressPolicy(3).String())
	for _, text := range []string{"", "AUTO", "192.0.2.1", "AddressPolicy(3)", strings.Repeat("x", 1000)} {
		policy := AddressServer
		err := policy.UnmarshalText([]byte(text))
		require.ErrorContains(t, err, "use auto, control or server")
		require.Less(t, len(err.Error()), 200)
		require.Equal(t, AddressServer, policy)
	}
}

// row is one case of the address policy: who the control peer is, what the server
// advertised, and which addresses are to be dialled, as "address port …".
type row struct {
	name, peer, advertised string
	policy                 AddressPolicy
	want                   string // or "error: " and a part of its text
}

func TestAddressRule(t *testing.T) {
	for _, tt := range []row{
		// A 229 means the control peer under every policy.
		{"port alone, auto", "203.0.113.7", "", AddressAuto, "203.0.113.7"},
		{"port alone, control", "203.0.113.7", "", AddressControl, "203.0.113.7"},
		{"port alone, server", "203.0.113.7", "", AddressServer, "203.0.113.7"},
		{"port alone, IPv6", "2001:db8::7", "", AddressAuto, "2001:db8::7"},
		{"port alone, zone", "fe80::7%eth0", "", AddressAuto, "fe80::7%eth0"},
		{"port alone, mapped peer", "::ffff:203.0.113.7", "", AddressAuto, "203.0.113.7"},
		{"port alone, loopback, server", "127.0.0.1", "", AddressServer, "127.0.0.1"},
		{"port alone, name, auto", "ftp.example", "", AddressAuto, "ftp.example"},
		{"port alone, name, control", "ftp.example", "", AddressControl, "ftp.example"},
		{"port alone, name, server", "ftp.example", "", AddressServer, "ftp.example"},

		// The same address is one target.
		{"same, auto", "203.0.113.7", "203.0.113.7", AddressAuto, "203.0.113.7"},
		{"same, control", "203.0.113.7", "203.0.113.7", AddressControl, "203.0.113.7"},
		{"same, server", "203.0.113.7", "203.0.113.7", AddressServer, "203.0.113.7"},
		{"same, private", "192.168.1.5", "192.168.1.5", AddressAuto, "192.168.1.5"},
		{"same, loopback", "127.0.0.1", "127.0.0.1", AddressAuto, "127.0.0.1"},
		{"same, loopback, server", "127.0.0.1", "127.0.0.1", AddressServer, "127.0.0.1"},
		{"same, mapped peer", "::ffff:203.0.113.7", "203.0.113.7", AddressAuto, "203.0.113.7"},
		{"same, mapped reply", "203.0.113.7", "::ffff:203.0.113.7", AddressAuto, "203.0.113.7"},
		{"same, zone kept", "fe80::7%eth0", "fe80::7", AddressAuto, "fe80::7%eth0"},
		{"same, IP through a proxy", "proxied 203.0.113.7", "203.0.113.7", AddressAuto, "203.0.113.7"},

		// auto: an unroutable address is never dialled.
		{"unspecified", "203.0.113.7", "0.0.0.0", AddressAuto, "203.0.113.7"},
		{"this network", "203.0.113.7", "0.0.0.9", AddressAuto, "203.0.113.7"},
		{"loopback", "203.0.113.7", "127.0.0.1", AddressAuto, "203.0.113.7"},
		{"private 10", "203.0.113.7", "10.0.0.5", AddressAuto, "203.0.113.7"},
		{"private 172", "203.0.113.7", "172.20.0.5", AddressAuto, "203.0.113.7"},
		{"private 192", "203.0.113.7", "192.168.0.5", AddressAuto, "203.0.113.7"},
		{"link-local", "203.0.113.7", "169.254.169.254", AddressAuto, "203.0.113.7"},
		{"CGNAT", "203.0.113.7", "100.64.0.5", AddressAuto, "203.0.113.7"},
		{"multicast", "203.0.113.7", "224.0.0.1", AddressAuto, "203.0.113.7"},
		{"broadcast", "203.0.113.7", "255.255.255.255", AddressAuto, "203.0.113.7"},
		{"reserved", "203.0.113.7", "240.0.0.1", AddressAuto, "203.0.113.7"},
		{"benchmarking", "203.0.113.7", "198.18.0.1", AddressAuto, "203.0.113.7"},
		{"private, mapped", "203.0.113.7", "::ffff:10.0.0.5", AddressAuto, "203.0.113.7"},
		{"unique local", "2001:db8::7", "fd00::5", AddressAuto, "2001:db8::7"},
		{"IPv6 link-local", "2001:db8::7", "fe80::5", AddressAuto, "2001:db8::7"},
		{"IPv6 loopback", "2001:db8::7", "::1", AddressAuto, "2001:db8::7"},
		{"private inside NAT64", "2001:db8::7", "64:ff9b::a00:5", AddressAuto, "2001:db8::7"},
		{"private inside 6to4", "2001:db8::7", "2002:a00:5::1", AddressAuto, "2001:db8::7"},

		// auto: a server on the client's own network may not name its neighbours.
		{"private peer, private neighbour", "192.168.1.5", "192.168.1.6", AddressAuto, "192.168.1.5"},
		{"private peer, other private network", "192.168.1.5", "10.0.0.5", AddressAuto, "192.168.1.5"},
		{"private peer, loopback", "192.168.1.5", "127.0.0.1", AddressAuto, "192.168.1.5"},
		{"loopback peer, private", "127.0.0.1", "172.17.0.2", AddressAuto, "127.0.0.1"},
		{"loopback peer, other loopback", "127.0.0.1", "127.0.0.2", AddressAuto, "127.0.0.1"},
		{"IPv6 loopback peer, IPv4 loopback", "::1", "127.0.0.1", AddressAuto, "::1"},
		{"CGNAT peer, CGNAT neighbour", "100.64.0.5", "100.64.0.6", AddressAuto, "100.64.0.5"},

		// auto: a public address is the second chance.
		{"global", "203.0.113.7", "198.51.100.9", AddressAuto, "203.0.113.7 198.51.100.9"},
		{"global neighbour", "203.0.113.7", "203.0.113.8", AddressAuto, "203.0.113.7 203.0.113.8"},
		{"global, plain addresses", "93.184.215.14", "8.8.4.4", AddressAuto, "93.184.215.14 8.8.4.4"},
		{"private peer, global (external address set)", "192.168.1.5", "203.0.113.7", AddressAuto, "192.168.1.5 203.0.113.7"},
		{"loopback peer, global (tunnel)", "127.0.0.1", "203.0.113.7", AddressAuto, "127.0.0.1 203.0.113.7"},
		{"mapped peer, global", "::ffff:203.0.113.7", "198.51.100.9", AddressAuto, "203.0.113.7 198.51.100.9"},
		{"IPv6 peer, global IPv6", "2001:db8::7", "2001:db8::9", AddressAuto, "2001:db8::7 2001:db8::9"},
		{"IPv4 peer, global IPv6", "203.0.113.7", "2001:db8::9", AddressAuto, "203.0.113.7 2001:db8::9"},

		// auto: IPv4 advertised over IPv6 (NAT64).
		{"IPv6 peer, global IPv4", "2001:db8::7", "198.51.100.9", AddressAuto, "2001:db8::7"},
		{"IPv6 peer, private IPv4", "2001:db8::7", "10.0.0.5", AddressAuto, "2001:db8::7"},
		{"NAT64 peer, global IPv4", "64:ff9b::c633:6409", "198.51.100.9", AddressAuto, "64:ff9b::c633:6409"},
		{"IPv6 through a proxy, global IPv4", "proxied 2001:db8::7", "198.51.100.9", AddressAuto, "2001:db8::7"},

		// auto: through a proxy only the name is known.
		{"name, global", "ftp.example", "198.51.100.9", AddressAuto, "ftp.example 198.51.100.9"},
		{"name, private", "ftp.example", "10.0.0.5", AddressAuto, "ftp.example"},
		{"name, loopback", "localhost", "127.0.0.1", AddressAuto, "localhost"},
		{"name, unspecified", "ftp.example", "0.0.0.0", AddressAuto, "ftp.example"},
		{"name, global IPv6", "ftp.example", "2001:db8::9", AddressAuto, "ftp.example 2001:db8::9"},

		// control.
		{"control, global", "203.0.113.7", "198.51.100.9", AddressControl, "203.0.113.7"},
		{"control, private", "203.0.113.7", "10.0.0.5", AddressControl, "203.0.113.7"},
		{"control, IPv6 peer", "2001:db8::7", "198.51.100.9", AddressControl, "2001:db8::7"},
		{"control, name", "ftp.example", "198.51.100.9", AddressControl, "ftp.example"},

		// server.
		{"server, global", "203.0.113.7", "198.51.100.9", AddressServer, "198.51.100.9"},
		{"server, private", "203.0.113.7", "10.0.0.5", AddressServer, "10.0.0.5"},
		{"server, private neighbour", "192.168.1.5", "192.168.1.6", AddressServer, "192.168.1.6"},
		{"server, CGNAT", "203.0.113.7", "100.64.0.5", AddressServer, "100.64.0.5"},
		{"server, link-local", "203.0.113.7", "169.254.1.1", AddressServer, "169.254.1.1"},
		{"server, IPv4 over IPv6", "2001:db8::7", "198.51.100.9", AddressServer, "198.51.100.9"},
		{"server, mapped", "203.0.113.7", "::ffff:198.51.100.9", AddressServer, "198.51.100.9"},
		{"server, name", "ftp.example", "198.51.100.9", AddressServer, "198.51.100.9"},
		{"server, loopback", "203.0.113.7", "127.0.0.1", AddressServer, "error: loopback address 127.0.0.1"},
		{"server, loopback, private peer", "192.168.1.5", "127.0.0.1", AddressServer, "error: set the passive address to auto"},
		{"server, loopback, name", "ftp.example", "127.0.0.1", AddressServer, "error: loopback"},
		{"server, mapped loopback", "203.0.113.7", "::ffff:127.0.0.1", AddressServer, "error: loopback"},
		{"server, IPv6 loopback", "2001:db8::7", "::1", AddressServer, "error: loopback"},
		{"server, multicast", "203.0.113.7", "224.0.0.1", AddressServer, "error: multicast"},
		{"server, unspecified", "203.0.113.7", "0.0.0.0", AddressServer, "error: unspecified"},
		{"server, broadcast", "203.0.113.7", "255.255.255.255", AddressServer, "error: broadcast"},
		{"server, loopback to loopback", "127.0.0.1", "127.0.0.2", AddressServer, "127.0.0.2"},
		{"server, unspecified to loopback", "127.0.0.1", "0.0.0.0", AddressServer, "0.0.0.0"},
		{"server, private to loopback", "::1", "172.17.0.2", AddressServer, "172.17.0.2"},

		{"no peer", "", "198.51.100.9", AddressAuto, "error: host of the control connection"},
		{"unknown policy", "203.0.113.7", "198.51.100.9", AddressPolicy(9), "error: unknown address policy 9"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rule := addressRule{policy: tt.policy}
			targets, err := rule.targets(passiveReply{parseAddr(tt.advertised), 50069}, peerFrom(tt.peer))
			checkTargets(t, targets, err, tt.want)
		})
	}
}

// peerFrom reads an IP, "proxied IP" (whose address counts as unknown) or a name.
func peerFrom(s string) controlPeer {
	if ip, found := strings.CutPrefix(s, "proxied "); found {
		return controlPeer{host: ip}
	}
	return controlPeer{host: s, addr: parseAddr(s)}
}

func parseAddr(s string) netip.Addr {
	addr, _ := netip.ParseAddr(s)
	return addr
}

func checkTargets(t *testing.T, targets []dialTarget, err error, want string) {
	t.Helper()
	if part, found := strings.CutPrefix(want, "error: "); found {
		require.ErrorContains(t, err, part)
		require.Empty(t, targets)
		return
	}
	require.NoError(t, err)
	var hosts []string
	for _, target := range targets {
		hosts = append(hosts, target.host)
		require.Equal(t, uint16(50069), target.port)
		require.Equal(t, parseAddr(target.host), target.addr)
		require.Contains(t, target.reason, target.host)
	}
	require.Equal(t, want, strings.Join(hosts, " "))
}

func TestAddressRuleReasons(t *testing.T) {
	for _, tt := range []struct {
		name, peer, advertised string
		policy                 AddressPolicy
		want                   []string
	}{
		{"unroutable", "203.0.113.7", "10.0.0.5", AddressAuto, []string{
			"server sent passive reply with unroutable address 10.0.0.5, using host address 203.0.113.7 instead",
		}},
		{"unroutable, name", "ftp.example", "10.0.0.5", AddressAuto, []string{
			"server sent passive reply with unroutable address 10.0.0.5, using host name ftp.example instead",
		}},
		{"global", "203.0.113.7", "198.51.100.9", AddressAuto, []string{
			"server sent passive reply with address 198.51.100.9, using host address 203.0.113.7 first",
			"server sent passive reply with address 198.51.100.9, using it after host address 203.0.113.7",
		}},
		{"NAT64", "2001:db8::7", "198.51.100.9", AddressAuto, []string{
			"server sent IPv4 address 198.51.100.9 over IPv6, using host address 2001:db8::7 instead",
		}},
		{"port alone", "203.0.113.7", "", AddressAuto, []string{
			"server advertised a port alone, using host address 203.0.113.7",
		}},
		{"control", "203.0.113.7", "198.51.100.9", AddressControl, []string{
			"address policy is control, using host address 203.0.113.7 instead of 198.51.100.9",
		}},
		{"server", "203.0.113.7", "198.51.100.9", AddressServer, []string{
			"address policy is server, using advertised address 198.51.100.9 instead of host address 203.0.113.7",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			targets, err := addressRule{policy: tt.policy}.targets(passiveReply{parseAddr(tt.advertised), 50069}, peerFrom(tt.peer))
			require.NoError(t, err)
			var got []string
			for _, target := range targets {
				got = append(got, target.reason)
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestAddressRuleForced(t *testing.T) {
	for _, tt := range []struct{ name, forced, peer, advertised, want string }{
		{"over a global address", "192.0.2.99", "203.0.113.7", "198.51.100.9", "192.0.2.99"},
		{"over a port alone", "192.0.2.99", "203.0.113.7", "", "192.0.2.99"},
		{"over a name", "192.0.2.99", "ftp.example", "10.0.0.5", "192.0.2.99"},
		{"with no peer", "192.0.2.99", "", "10.0.0.5", "192.0.2.99"},
		{"private", "10.9.9.9", "203.0.113.7", "198.51.100.9", "10.9.9.9"},
		{"mapped", "::ffff:192.0.2.99", "203.0.113.7", "198.51.100.9", "192.0.2.99"},
		{"zone", "fe80::9%eth0", "2001:db8::7", "", "fe80::9%eth0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, policy := range []AddressPolicy{AddressAuto, AddressControl, AddressServer} {
				rule := addressRule{policy: policy, forced: parseAddr(tt.forced)}
				targets, err := rule.targets(passiveReply{parseAddr(tt.advertised), 50069}, peerFrom(tt.peer))
				checkTargets(t, targets, err, tt.want)
			}
		})
	}
}

func TestAddressRuleFunction(t *testing.T) {
	broken := errors.New("no idea")
	for _, tt := range []struct {
		name, peer, advertised string
		sawAdvertised          string
		sawControl             string
		returns                netip.AddrPort
		err                    error
		want                   string
	}{
		{"sees both", "203.0.113.7", "10.0.0.5", "10.0.0.5", "203.0.113.7", netip.MustParseAddrPort("192.0.2.1:50069"), nil, "192.0.2.1"},
		{"sees the peer for a port alone", "203.0.113.7", "", "203.0.113.7", "203.0.113.7", netip.MustParseAddrPort("192.0.2.1:50069"), nil, "192.0.2.1"},
		{"sees nothing behind a proxy", "ftp.example", "", "", "", netip.MustParseAddrPort("192.0.2.1:50069"), nil, "192.0.2.1"},
		{"sees mapped addresses unmapped", "::ffff:203.0.113.7", "::ffff:10.0.0.5", "10.0.0.5", "203.0.113.7", netip.MustParseAddrPort("192.0.2.1:50069"), nil, "192.0.2.1"},
		{"may return loopback", "203.0.113.7", "10.0.0.5", "10.0.0.5", "203.0.113.7", netip.MustParseAddrPort("127.0.0.1:50069"), nil, "127.0.0.1"},
		{"may return mapped", "203.0.113.7", "10.0.0.5", "10.0.0.5", "203.0.113.7", netip.MustParseAddrPort("[::ffff:192.0.2.1]:50069"), nil, "192.0.2.1"},
		{"no port", "203.0.113.7", "10.0.0.5", "10.0.0.5", "203.0.113.7", netip.MustParseAddrPort("192.0.2.1:0"), nil, "error: no address or no port"},
		{"no address", "203.0.113.7", "10.0.0.5", "10.0.0.5", "203.0.113.7", netip.AddrPortFrom(netip.Addr{}, 50069), nil, "error: no address or no port"},
		{"error", "203.0.113.7", "10.0.0.5", "10.0.0.5", "203.0.113.7", netip.AddrPort{}, broken, "error: no idea"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			rule := addressRule{
				policy: AddressControl,
				forced: netip.MustParseAddr("192.0.2.99"),
				fn: func(advertised netip.AddrPort, control netip.Addr) (netip.AddrPort, error) {
					calls++
					require.Equal(t, netip.AddrPortFrom(parseAddr(tt.sawAdvertised), 50069), advertised)
					require.Equal(t, parseAddr(tt.sawControl), control)
					return tt.returns, tt.err
				},
			}
			targets, err := rule.targets(passiveReply{parseAddr(tt.advertised), 50069}, peerFrom(tt.peer))
			checkTargets(t, targets, err, tt.want)
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
			}
			require.Equal(t, 1, calls)
		})
	}
}

func TestAddressRuleMayChangeThePort(t *testing.T) {
	rule := addressRule{fn: func(advertised netip.AddrPort, _ netip.Addr) (netip.AddrPort, error) {
		return netip.AddrPortFrom(advertised.Addr(), advertised.Port()+1), nil
	}}
	targets, err := rule.targets(passiveReply{port: 2000}, peerFrom("203.0.113.7"))
	require.NoError(t, err)
	require.Len(t, targets, 1)
	require.Equal(t, uint16(2001), targets[0].port)
}

func TestAddressRuleRefusesPortZero(t *testing.T) {
	_, err := addressRule{}.targets(passiveReply{addr: parseAddr("198.51.100.9")}, peerFrom("203.0.113.7"))
	require.ErrorContains(t, err, "no port")
}
