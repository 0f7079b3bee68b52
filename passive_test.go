package ftp_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

func TestPassiveNotImplementedIsNotAskedAgain(t *testing.T) {
	for _, reply := range []string{
		"500 what?", "501 no such thing", "502 not here", "504 not for you",
		"522 no", "522 use (2)", "522 use ()", "522 use (1", "522 use (11,12)",
	} {
		t.Run(reply, func(t *testing.T) {
			config := ftptest.Config{
				Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: reply}},
				Faults:  []ftptest.Fault{{On: "PASV", Nth: 3, Reply: "450 not now"}},
			}
			c, srv := onLoopback(t, config, ftp.Options{})
			require.Equal(t, []string{"EPSV", "PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
			require.Equal(t, []string{"PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
			require.Equal(t, []string{"PASV"}, causedBy(srv, func() {
				err := fetchFails(t, c)
				require.ErrorIs(t, err, ftp.ErrDataConnection)
				require.Equal(t, "PASV!", tries(err.Negotiation))
			}), "EPSV stays out also where PASV fails")
			require.Equal(t, []string{"PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
		})
	}
}

func TestPassiveProtocolListIsHonoured(t *testing.T) {
	tests := map[string]struct{ addr, reply, again string }{
		"this family":      {"127.0.0.1:0", "522 use (1)", "EPSV 1"},
		"both families":    {"127.0.0.1:0", "522 use (2, 1)", "EPSV 1"},
		"IPv6":             {"[::1]:0", "522 use (1,2)", "EPSV 2"},
		"behind some text": {"[::1]:0", "522-Network protocol not supported\n522 please use (2)", "EPSV 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := ftptest.Config{Addr: test.addr, Faults: []ftptest.Fault{{On: "EPSV", Nth: 1, Reply: test.reply}}}
			c, srv := onLoopback(t, config, ftp.Options{})
			require.Equal(t, []string{"EPSV", test.again, "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
			require.Equal(t, "EPSV", srv.DataConns()[0].Method)
		})
	}
}

func TestPassiveProtocolListThatHelpsNothing(t *testing.T) {
	config := ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: "522 use (1)"}}}
	c, srv := onLoopback(t, config, ftp.Options{})
	require.Equal(t, []string{"EPSV", "EPSV 1", "PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
	require.Equal(t, []string{"PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
}

func TestPassiveTemporaryRefusalIsAskedAgain(t *testing.T) {
	for _, reply := range []string{"425 not now", "450 not now", "451 local error", "550 no ports left", "553 no"} {
		t.Run(reply, func(t *testing.T) {
			config := ftptest.Config{Faults: []ftptest.Fault{
				{On: "EPSV", Nth: 1, Reply: reply},
				{On: "PASV", Nth: 2, Reply: reply},
			}}
			c, srv := onLoopback(t, config, ftp.Options{})
			require.Equal(t, []string{"EPSV", "PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
			require.Equal(t, []string{"PASV", "EPSV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
		})
	}
}

func TestPassiveReplyIsReadByItsContent(t *testing.T) {
	tests := map[string]ftptest.Passive{
		"227 to EPSV":                {EPSV: ftptest.PassiveMethod{Reply: "227 Entering Passive Mode ({pasv})."}},
		"227 to EPSV as 229":         {EPSV: ftptest.PassiveMethod{Reply: "229 Entering Passive Mode ({pasv})."}},
		"229 to PASV":                {EPSV: ftptest.PassiveMethod{Reply: "500 no"}, PASV: ftptest.PassiveMethod{Reply: "229 Extended (|||{port}|)"}},
		"227 with no parentheses":    {EPSV: ftptest.PassiveMethod{Reply: "500 no"}, PASV: ftptest.PassiveMethod{Reply: "227 =.= {pasv}"}},
		"227 on many lines":          {EPSV: ftptest.PassiveMethod{Reply: "500 no"}, PASV: ftptest.PassiveMethod{Reply: "227-Entering\n 227 passive\n227 mode {pasv}"}},
		"229 with exclamation marks": {EPSV: ftptest.PassiveMethod{Reply: "229 Extended (!!!{port}!)"}},
		"200 with an address":        {EPSV: ftptest.PassiveMethod{Reply: "500 no"}, PASV: ftptest.PassiveMethod{Reply: "200 ok {pasv}"}},
	}
	for name, passive := range tests {
		t.Run(name, func(t *testing.T) {
			c, srv := onLoopback(t, ftptest.Config{Passive: passive}, ftp.Options{})
			used := fetch(t, c).Final()
			require.Equal(t, srv.DataConns()[0].Local.String(), used.Dialled)
		})
	}
}

func TestPassiveReplyThatCannotBeReadStepsDown(t *testing.T) {
	for _, reply := range []string{
		"229 ok", "229 (|||0|)", "229 (|||70000|)", "229 (|||-5|)", "227 Entering Passive Mode (127,0,0,1,300,1)",
		"227 (127,0,0,1,5)", "200 ok", "229 (|||21|) (|||22|)",
	} {
		t.Run(reply, func(t *testing.T) {
			c, _ := onLoopback(t, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: reply}}}, ftp.Options{})
			n := fetch(t, c)
			require.Equal(t, "EPSV! PASV", tries(n))
			require.Contains(t, n.Rungs[0].Err.Error(), reply[:3])
			require.Empty(t, n.Rungs[0].Dialled)
		})
	}
}

func TestPassiveUnroutableAddressIsNeverDialled(t *testing.T) {
	for _, advertised := range []string{
		"10.0.0.5", "172.16.1.1", "172.31.255.254", "192.168.1.20", "100.64.0.1", "100.127.255.254", "169.254.10.10",
		"127.0.0.2", "0.0.0.0", "0.1.2.3", "224.0.0.251", "239.1.2.3", "240.0.0.1", "255.255.255.255", "198.18.0.1",
	} {
		t.Run(advertised, func(t *testing.T) {
			var rec recorder
			config := ftptest.Config{Passive: ftptest.Passive{Advertise: netip.MustParseAddr(advertised)}}
			c, srv := onLoopback(t, config, ftp.Options{Trace: rec.trace(), Passive: ftp.Passive{Methods: []ftp.Method{ftp.PASV}}})
			n := fetch(t, c)

			reason := "server sent passive reply with unroutable address " + advertised + ", using host address 127.0.0.1 instead"
			require.Equal(t, []string{reason}, rec.noticeTexts())
			require.Equal(t, ftp.PASV, rec.notices[0].Method)
			require.Equal(t, "PASV", tries(n))
			record := srv.DataConns()[0]
			require.Equal(t, advertised, record.Advertised.Addr().String())
			require.Equal(t, record.Advertised, n.Rungs[0].Advertised.AddrPort)
			require.Equal(t, record.Local.String(), n.Rungs[0].Dialled)
			require.Equal(t, reason, n.Rungs[0].Reason)
			require.Equal(t, []string{srv.Addr, record.Local.String()}, dialled(&rec))
		})
	}
}

// dialled returns the addresses of every connection that was tried.
func dialled(rec *recorder) []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	var addresses []string
	for _, d := range rec.dials {
		addresses = append(addresses, d.Address)
	}
	return addresses
}

func TestPassiveUnroutableAddressOverIPv6(t *testing.T) {
	config := ftptest.Config{
		Addr:    "[::1]:0",
		Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: "500 no"}, Advertise: netip.MustParseAddr(moverAddr)},
	}
	c, srv := onLoopback(t, config, ftp.Options{})
	used := fetch(t, c).Final()
	require.Equal(t, ftp.PASV, used.Method, "behind a NAT64 the server may know IPv4 only")
	require.Equal(t, srv.DataConns()[0].Local.String(), used.Dialled)
	require.Equal(t, "server sent IPv4 address "+moverAddr+" over IPv6, using host address ::1 instead", used.Reason)
}

// The server stands at 127.0.0.2 and names 127.0.0.9, where nobody is.
func TestPassiveAddressOptions(t *testing.T) {
	const host, data, nobody = "127.0.0.2", "127.0.0.3", "127.0.0.9"
	toData := func(at netip.AddrPort) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr(data), at.Port())
	}
	tests := map[string]struct {
		advertise string
		passive   ftp.Passive
		dialled   string // the host
		reason    string
	}{
		"auto":                 {nobody, ftp.Passive{}, host, "server sent passive reply with unroutable address 127.0.0.9, using host address 127.0.0.2 instead"},
		"control":              {nobody, ftp.Passive{Address: ftp.AddressControl}, host, "address policy is control, using host address 127.0.0.2 instead of 127.0.0.9"},
		"server":               {data, ftp.Passive{Address: ftp.AddressServer}, data, "address policy is server, using advertised address 127.0.0.3 instead of host address 127.0.0.2"},
		"server names itself":  {host, ftp.Passive{Address: ftp.AddressServer}, host, "server advertised its host address 127.0.0.2"},
		"forced":               {nobody, ftp.Passive{ForcedIP: netip.MustParseAddr(data)}, data, "passive address is set to 127.0.0.3"},
		"forced beats policy":  {nobody, ftp.Passive{Address: ftp.AddressServer, ForcedIP: netip.MustParseAddr(data)}, data, "passive address is set to 127.0.0.3"},
		"forced as mapped":     {nobody, ftp.Passive{ForcedIP: netip.MustParseAddr("::ffff:127.0.0.3")}, data, "passive address is set to 127.0.0.3"},
		"function":             {nobody, ftp.Passive{AddressFunc: func(at netip.AddrPort, _ netip.Addr) (netip.AddrPort, error) { return toData(at), nil }}, data, ""},
		"function beats force": {nobody, ftp.Passive{ForcedIP: netip.MustParseAddr(nobody), AddressFunc: func(at netip.AddrPort, _ netip.Addr) (netip.AddrPort, error) { return toData(at), nil }}, data, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := ftptest.Config{
				Addr:    host + ":0",
				Passive: ftptest.Passive{Advertise: netip.MustParseAddr(test.advertise), DataAddr: netip.MustParseAddr(test.dialled), AnyPeer: true},
			}
			test.passive.Methods = []ftp.Method{ftp.PASV}
			c, srv := onLoopback(t, config, ftp.Options{Passive: test.passive})
			used, record := fetch(t, c).Final(), srv.DataConns()[0]
			require.Equal(t, test.dialled, record.Local.Addr().String())
			require.Equal(t, record.Local.String(), used.Dialled)
			require.Equal(t, test.advertise, used.Advertised.Addr().String())
			if test.reason != "" {
				require.Equal(t, test.reason, used.Reason)
			}
		})
	}
}

func TestPassiveForcedIPHoldsForEPSV(t *testing.T) {
	config := ftptest.Config{Addr: "127.0.0.2:0", Passive: ftptest.Passive{DataAddr: netip.MustParseAddr("127.0.0.3"), AnyPeer: true}}
	c, srv := onLoopback(t, config, ftp.Options{Passive: ftp.Passive{ForcedIP: netip.MustParseAddr("127.0.0.3")}})
	require.Equal(t, "EPSV", tries(fetch(t, c)))
	require.Equal(t, "127.0.0.3", srv.DataConns()[0].Local.Addr().String())
}

func TestPassiveAddressFunc(t *testing.T) {
	type call struct{ advertised, control string }
	var calls []call
	fail := errors.New("the table of movers is empty")
	var answer error
	passive := ftp.Passive{AddressFunc: func(advertised netip.AddrPort, control netip.Addr) (netip.AddrPort, error) {
		calls = append(calls, call{advertised.Addr().String(), control.String()})
		return netip.AddrPortFrom(control, advertised.Port()), answer
	}}
	config := ftptest.Config{Passive: ftptest.Passive{Advertise: netip.MustParseAddr("10.1.2.3")}, Faults: []ftptest.Fault{{On: "EPSV", Nth: 2, Reply: "450 no"}}}
	c, _ := onLoopback(t, config, ftp.Options{Passive: passive})
	fetch(t, c)
	require.Equal(t, []call{{"127.0.0.1", "127.0.0.1"}}, calls, "a 229 means the control peer")
	fetch(t, c)
	require.Equal(t, call{"10.1.2.3", "127.0.0.1"}, calls[1])

	answer = fail
	err := fetchFails(t, c)
	require.ErrorIs(t, err, ftp.ErrDataConnection)
	require.Contains(t, err.Error(), fail.Error())
	require.NoError(t, c.NoOp(t.Context()))
}

func TestPassiveBelievesAPrivateAddressWhereToldTo(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		config := ftptest.Config{Passive: ftptest.Passive{Advertise: netip.MustParseAddr("10.0.0.5"), DataAddr: netip.MustParseAddr("10.0.0.5")}}
		c, srv := overInternet(t, network, config, ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{ftp.PASV}, Address: ftp.AddressServer}})
		require.Equal(t, "PASV", tries(fetch(t, c)))
		require.Equal(t, "10.0.0.5", srv.DataConns()[0].Local.Addr().String())
	})
}

func TestPassiveNeverBelievesAnAddressOfTheClientItself(t *testing.T) {
	for _, advertised := range []string{"127.0.0.1", "127.8.8.8", "224.0.0.1", "0.0.0.0", "255.255.255.255"} {
		t.Run(advertised, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				var rec recorder
				config := ftptest.Config{Passive: ftptest.Passive{Advertise: netip.MustParseAddr(advertised)}}
				c, srv := overInternet(t, network, config, ftp.Options{Trace: rec.trace(), Passive: ftp.Passive{Methods: []ftp.Method{ftp.PASV}, Address: ftp.AddressServer}})
				err := fetchFails(t, c)
				require.ErrorIs(t, err, ftp.ErrDataConnection)
				require.ErrorContains(t, err, advertised+", which is never dialled")
				require.Equal(t, []string{srv.Addr}, dialled(&rec), "not one data connection was tried")
				require.NoError(t, c.NoOp(t.Context()))
			})
		})
	}
}

func TestPassivePortsAreAskedForAgain(t *testing.T) {
	tests := map[string]struct {
		passive ftp.Passive
		want    []string
	}{
		"range": {ftp.Passive{Ports: ftp.PortRange{Lo: 50002, Hi: 50003}}, []string{"EPSV", "EPSV", "EPSV", "RETR a.txt"}},
		"avoid": {ftp.Passive{AvoidPorts: []uint16{50000, 50003}}, []string{"EPSV", "EPSV", "RETR a.txt"}},
		"both":  {ftp.Passive{Ports: ftp.PortRange{Lo: 50001, Hi: 50003}, AvoidPorts: []uint16{50001}}, []string{"EPSV", "EPSV", "EPSV", "RETR a.txt"}},
		"PASV":  {ftp.Passive{Ports: ftp.PortRange{Lo: 50003, Hi: 50003}, Methods: []ftp.Method{ftp.PASV}}, []string{"PASV", "PASV", "PASV", "PASV", "RETR a.txt"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				var rec recorder
				c, srv := overInternet(t, network, ftptest.Config{Passive: ftptest.Passive{PortMin: 50000, PortMax: 50003}}, ftp.Options{Trace: rec.trace(), Passive: test.passive})
				require.Equal(t, test.want, causedBy(srv, func() {
					port := fetch(t, c).Final().Advertised.Port()
					require.True(t, test.passive.Ports.Contains(port))
					require.NotContains(t, test.passive.AvoidPorts, port)
				}))
				require.Len(t, dialled(&rec), 2, "the control connection and one data connection")
				require.Equal(t, "server named port 50000, which is not permitted; asking again", rec.noticeTexts()[0])
			})
		})
	}
}

func TestPassivePortsAreAskedForABoundedNumberOfTimes(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		passive := ftp.Passive{Ports: ftp.PortRange{Lo: 60000, Hi: 60010}, AvoidPorts: []uint16{60001}}
		c, srv := overInternet(t, network, ftptest.Config{Passive: ftptest.Passive{PortMin: 50000, PortMax: 50003}}, ftp.Options{Passive: passive})
		heard := causedBy(srv, func() {
			err := fetchFails(t, c)
			require.ErrorIs(t, err, ftp.ErrDataConnection)
			require.ErrorContains(t, err, "60000-60010")
			require.Equal(t, "EPSV! PASV!", tries(err.Negotiation))
		})
		require.Less(t, len(heard), 30)
		require.NotContains(t, heard, "RETR a.txt")
		require.Equal(t, slices.Repeat([]string{"EPSV"}, len(heard)/2), heard[:len(heard)/2])
		require.Equal(t, ftp.PortRange{Lo: 50000, Hi: 50003}, c.PassivePorts(), "the ports to ask the firewall for")
	})
}

func TestPassivePortsSeen(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, _ := overInternet(t, network, ftptest.Config{Passive: ftptest.Passive{PortMin: 50100, PortMax: 50103}}, ftp.Options{})
		require.Zero(t, c.PassivePorts())
		fetch(t, c)
		require.Equal(t, ftp.PortRange{Lo: 50100, Hi: 50100}, c.PassivePorts())
		fetch(t, c)
		fetch(t, c)
		require.Equal(t, ftp.PortRange{Lo: 50100, Hi: 50102}, c.PassivePorts())
	})
}

func TestPRET(t *testing.T) {
	t.Run("sent where FEAT lists it", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{PRET: true}, ftp.Options{})
		require.Equal(t, []string{"PRET RETR a.txt", "EPSV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
		require.Equal(t, []string{"PRET MLSD", "EPSV", "MLSD"}, causedBy(srv, func() { listed(t, c, "") }))
		require.Equal(t, []string{"PRET STOR b.txt", "EPSV", "STOR b.txt"}, causedBy(srv, func() { store(t, c, "b.txt", nil) }))
	})
	t.Run("sent again before the next method", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{PRET: true, Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: "500 no"}}}, ftp.Options{})
		require.Equal(t, []string{"PRET RETR a.txt", "EPSV", "PRET RETR a.txt", "PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
	})
	t.Run("its refusal is that of the transfer", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{PRET: true, Faults: []ftptest.Fault{{On: "PRET", Reply: "550 no such file"}}}, ftp.Options{Mode: ftp.ModeAuto})
		require.Equal(t, []string{"PRET RETR a.txt"}, causedBy(srv, func() {
			err := fetchFails(t, c)
			require.Equal(t, "PRET", err.Command)
			require.Equal(t, 550, err.Reply.Code)
			require.NotErrorIs(t, err, ftp.ErrDataConnection)
		}), "no other method can help")
		require.NoError(t, c.NoOp(t.Context()))
	})
	t.Run("ignored where the server does not know it after all", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{Features: []string{"PRET"}}, ftp.Options{})
		require.Equal(t, []string{"PRET RETR a.txt", "EPSV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
	})
	t.Run("not sent where FEAT does not list it", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{Features: []string{"SIZE"}}, ftp.Options{})
		fetch(t, c)
		require.Empty(t, sent(srv, "PRET"))
	})
}

func TestPassiveOptionsAreChecked(t *testing.T) {
	tests := map[string]struct {
		passive ftp.Passive
		want    string
	}{
		"method of the other mode": {ftp.Passive{Methods: []ftp.Method{ftp.EPSV, ftp.PORT}}, `Passive.Methods holds "PORT"`},
		"no method at all":         {ftp.Passive{Methods: []ftp.Method{"LPSV"}}, `Passive.Methods holds "LPSV"`},
		"unknown policy":           {ftp.Passive{Address: ftp.AddressServer + 1}, "Passive.Address is 3"},
		"range upside down":        {ftp.Passive{Ports: ftp.PortRange{Lo: 2, Hi: 1}}, "Passive.Ports is 2-1"},
		"range from 0":             {ftp.Passive{Ports: ftp.PortRange{Hi: 1}}, "Passive.Ports is 0-1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, ftptest.Config{})
			_, err := ftp.Dial(t.Context(), srv.Addr, &ftp.Options{Passive: test.passive})
			require.ErrorContains(t, err, test.want)
			require.Zero(t, srv.Sessions(), "checked before anything is dialled")
		})
	}
}
