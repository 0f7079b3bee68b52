package ftp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
