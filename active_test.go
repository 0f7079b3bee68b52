package ftp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// portCommand is the command that names an address of IPv4 by PORT.
func portCommand(at netip.AddrPort) string {
	return fmt.Sprintf("PORT %s,%d,%d", strings.ReplaceAll(at.Addr().String(), ".", ","), at.Port()>>8, at.Port()&0xff)
}

// activeOnly are options for active mode.
func activeOnly(a ftp.Active) ftp.Options { return ftp.Options{Mode: ftp.ModeActive, Active: a} }

func TestActiveMethods(t *testing.T) {
	no := ftptest.ActiveMethod{Reply: "500 what?"}
	tests := map[string]struct {
		addr   string
		server ftptest.Active
		client ftp.Active
		first  string // tries
		next   string
	}{
		"IPv4":                     {"127.0.0.1:0", ftptest.Active{}, ftp.Active{}, "PORT", "PORT"},
		"IPv6":                     {"[::1]:0", ftptest.Active{}, ftp.Active{}, "EPRT", "EPRT"},
		"PORT refused":             {"127.0.0.1:0", ftptest.Active{PORT: no}, ftp.Active{}, "PORT! EPRT", "EPRT"},
		"EPRT first":               {"127.0.0.1:0", ftptest.Active{}, ftp.Active{Methods: []ftp.Method{ftp.EPRT, ftp.PORT}}, "EPRT", "EPRT"},
		"EPRT first, refused":      {"127.0.0.1:0", ftptest.Active{EPRT: no}, ftp.Active{Methods: []ftp.Method{ftp.EPRT, ftp.PORT}}, "EPRT! PORT", "PORT"},
		"EPRT only":                {"127.0.0.1:0", ftptest.Active{}, ftp.Active{Methods: []ftp.Method{ftp.EPRT}}, "EPRT", "EPRT"},
		"PORT is left out on IPv6": {"[::1]:0", ftptest.Active{}, ftp.Active{Methods: []ftp.Method{ftp.PORT, ftp.EPRT}}, "EPRT", "EPRT"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, srv := onLoopback(t, ftptest.Config{Addr: test.addr, Active: test.server}, activeOnly(test.client))
			n := fetch(t, c)
			require.Equal(t, test.first, tries(n))
			require.Equal(t, test.next, tries(fetch(t, c)))
			for i, rung := range n.Rungs {
				want := portCommand(rung.Advertised.AddrPort)
				if rung.Method == ftp.EPRT {
					family := map[bool]int{true: 1, false: 2}[rung.Advertised.Addr().Is4()]
					want = fmt.Sprintf("EPRT |%d|%s|%d|", family, rung.Advertised.Addr(), rung.Advertised.Port())
				}
				require.Equal(t, want, sent(srv, "PORT", "EPRT")[i])
			}
			store(t, c, "up.txt", []byte("up"))
			require.Equal(t, "up", string(stored(t, srv, "up.txt")))
			require.Equal(t, []string{"a.txt", "up.txt"}, listed(t, c, ""))
			require.Empty(t, sent(srv, "EPSV", "PASV"))
		})
	}
}

func TestActiveWithPORTAloneOnIPv6SaysWhy(t *testing.T) {
	c, srv := onLoopback(t, ftptest.Config{Addr: "[::1]:0"}, activeOnly(ftp.Active{Methods: []ftp.Method{ftp.PORT}}))
	err := fetchFails(t, c)
	require.ErrorIs(t, err, ftp.ErrDataConnection)
	require.ErrorContains(t, err, "permit EPRT")
	require.Empty(t, sent(srv, "PORT", "RETR"))
}

// mapper is a gateway that forwards its port 40000 and up.
type mapper struct {
	external  netip.Addr
	err       error
	mapped    []uint16
	forwarded map[uint16]uint16
	released  int
}

func (m *mapper) Map(_ context.Context, port uint16) (netip.AddrPort, func(), error) {
	if m.err != nil {
		return netip.AddrPort{}, nil, m.err
	}
	if m.forwarded == nil {
		m.forwarded = make(map[uint16]uint16)
	}
	outside := uint16(40000 + len(m.mapped))
	m.mapped = append(m.mapped, port)
	m.forwarded[outside] = port
	return netip.AddrPortFrom(m.external, outside), func() { m.released++ }, nil
}

func TestActiveExternalAddress(t *testing.T) {
	external := netip.MustParseAddr("203.0.113.9")
	gateway := &mapper{external: external}
	plain := func(context.Context, *ftp.Exchange, netip.AddrPort) (netip.Addr, error) { return external, nil }
	tests := map[string]struct {
		active ftp.Active
		reason string
	}{
		"address":  {ftp.Active{External: "203.0.113.9"}, "from Active.External"},
		"function": {ftp.Active{ExternalFunc: plain}, "from Active.ExternalFunc"},
		"function as mapped": {ftp.Active{ExternalFunc: func(context.Context, *ftp.Exchange, netip.AddrPort) (netip.Addr, error) {
			return netip.MustParseAddr("::ffff:203.0.113.9"), nil
		}}, "from Active.ExternalFunc"},
		"function over a name": {ftp.Active{ExternalFunc: plain, External: "192.0.2.99"}, "from Active.ExternalFunc"},
		"mapper":               {ftp.Active{Mapper: gateway}, "the gateway's address, from the port mapper"},
		"mapper and address":   {ftp.Active{Mapper: &mapper{external: netip.MustParseAddr("10.9.9.9")}, External: "203.0.113.9"}, "from Active.External"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				forward := func(at netip.AddrPort) netip.AddrPort { // what the NAT in front of the client does
					port := at.Port()
					if m, ok := test.active.Mapper.(*mapper); ok {
						port = m.forwarded[port]
					}
					return netip.AddrPortFrom(netip.MustParseAddr(homeAddr), port)
				}
				c, srv := overInternet(t, network, ftptest.Config{Active: ftptest.Active{Rewrite: forward}}, activeOnly(test.active))
				used := fetch(t, c).Final()
				require.Equal(t, external, used.Advertised.Addr())
				require.Equal(t, homeAddr, used.Listened.Addr().String())
				require.Equal(t, test.reason, used.Reason)
				require.Equal(t, []string{portCommand(used.Advertised.AddrPort)}, sent(srv, "PORT"))
				if m, ok := test.active.Mapper.(*mapper); ok {
					require.Equal(t, uint16(40000), used.Advertised.Port(), "the gateway's port")
					require.Equal(t, []uint16{used.Listened.Port()}, m.mapped)
				} else {
					require.Equal(t, used.Listened.Port(), used.Advertised.Port())
				}
			})
		})
	}
}

func TestActiveExternalFuncSeesTheLocalAddress(t *testing.T) {
	var seen netip.AddrPort
	active := ftp.Active{ExternalOnLAN: true, ExternalFunc: func(_ context.Context, _ *ftp.Exchange, local netip.AddrPort) (netip.Addr, error) {
		seen = local
		return local.Addr(), nil
	}}
	c, _ := onLoopback(t, ftptest.Config{}, activeOnly(active))
	require.Equal(t, fetch(t, c).Final().Listened.AddrPort, seen)
}

func TestActiveExternalAsHostName(t *testing.T) {
	const inside = "127.0.0.5"
	config := ftptest.Config{Active: ftptest.Active{AnyHost: true, Rewrite: func(at netip.AddrPort) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr(inside), at.Port())
	}}}
	c, _ := onLoopback(t, config, activeOnly(ftp.Active{Listen: inside, External: "localhost", ExternalOnLAN: true}))
	used := fetch(t, c).Final()
	require.Equal(t, inside, used.Listened.Addr().String())
	require.Equal(t, "127.0.0.1", used.Advertised.Addr().String())
}

func TestActiveExternalAddressThatCannotBeHad(t *testing.T) {
	mistake := errors.New("the gateway is on fire")
	fn := func(a netip.Addr, err error) func(context.Context, *ftp.Exchange, netip.AddrPort) (netip.Addr, error) {
		return func(context.Context, *ftp.Exchange, netip.AddrPort) (netip.Addr, error) { return a, err }
	}
	tests := map[string]struct {
		active ftp.Active
		want   string
	}{
		"function fails":       {ftp.Active{ExternalFunc: fn(netip.Addr{}, mistake)}, "finding the external address: the gateway is on fire"},
		"function has nothing": {ftp.Active{ExternalFunc: fn(netip.Addr{}, nil)}, "no valid address"},
		"mapper fails":         {ftp.Active{Mapper: &mapper{err: mistake}}, "on the gateway: the gateway is on fire"},
		"other family":         {ftp.Active{External: "2001:db8::9"}, "2001:db8::9 is not of the family of " + homeAddr},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				c, srv := overInternet(t, network, ftptest.Config{}, activeOnly(test.active))
				err := fetchFails(t, c)
				require.ErrorIs(t, err, ftp.ErrDataConnection)
				require.ErrorContains(t, err, test.want)
				require.Empty(t, sent(srv, "PORT", "EPRT", "RETR"), "a wrong address is never named")
				for _, rung := range err.Negotiation.Rungs {
					requireNobodyListens(t, network, rung.Listened.AddrPort)
				}
			})
		})
	}
}

// requireNobodyListens fails if a connection to an address can be made.
func requireNobodyListens(t *testing.T, network *memnet.Network, at netip.AddrPort) {
	t.Helper()
	_, err := network.DialContext(t.Context(), "tcp", at.String())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestActiveTellsALocalServerTheLocalAddress(t *testing.T) {
	gateway := &mapper{external: netip.MustParseAddr("203.0.113.9")}
	for name, active := range map[string]ftp.Active{"address": {External: "203.0.113.9"}, "mapper": {Mapper: gateway}} {
		t.Run(name, func(t *testing.T) {
			c, srv := onLoopback(t, ftptest.Config{}, activeOnly(active))
			used := fetch(t, c).Final()
			require.Equal(t, used.Listened, used.Advertised)
			require.Equal(t, "the local address, because the server 127.0.0.1 is on a local network (Active.ExternalOnLAN)", used.Reason)
			require.Equal(t, []string{portCommand(used.Listened.AddrPort)}, sent(srv, "PORT"))
			require.Empty(t, gateway.mapped)
		})
	}
	t.Run("unless told otherwise", func(t *testing.T) {
		config := ftptest.Config{Active: ftptest.Active{Rewrite: func(at netip.AddrPort) netip.AddrPort {
			return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
		}}}
		c, srv := onLoopback(t, config, activeOnly(ftp.Active{External: "203.0.113.9", ExternalOnLAN: true}))
		used := fetch(t, c).Final()
		require.Equal(t, "203.0.113.9:"+strconv.Itoa(int(used.Listened.Port())), used.Advertised.String())
		require.Equal(t, []string{portCommand(used.Advertised.AddrPort)}, sent(srv, "PORT"))
	})
}

func TestActiveMappingEndsWithTheTransfer(t *testing.T) {
	tests := map[string]struct {
		server ftptest.Config
		run    func(t *testing.T, c *ftp.Client, m *mapper)
		maps   int
	}{
		"success": {ftptest.Config{}, func(t *testing.T, c *ftp.Client, m *mapper) {
			r, err := c.Open(t.Context(), "a.txt")
			require.NoError(t, err)
			require.Zero(t, m.released, "the transfer is open")
			require.NoError(t, r.Close())
			require.NoError(t, r.Close())
		}, 1},
		"abort": {ftptest.Config{}, func(t *testing.T, c *ftp.Client, m *mapper) {
			w, err := c.Create(t.Context(), "b.txt")
			require.NoError(t, err)
			require.Zero(t, m.released)
			require.NoError(t, w.Abort())
			require.NoError(t, w.Close())
		}, 1},
		"refused transfer":    {ftptest.Config{Faults: []ftptest.Fault{{On: "RETR", Reply: "550 no"}}}, func(t *testing.T, c *ftp.Client, _ *mapper) { require.Error(t, fetchFails(t, c)) }, 1},
		"refused methods":     {ftptest.Config{Disable: map[string]string{"PORT": "", "EPRT": ""}}, func(t *testing.T, c *ftp.Client, _ *mapper) { require.Error(t, fetchFails(t, c)) }, 2},
		"nobody comes":        {ftptest.Config{Active: ftptest.Active{Never: true, Delay: time.Hour}}, func(t *testing.T, c *ftp.Client, _ *mapper) { require.Error(t, fetchFails(t, c)) }, 2},
		"the server gives up": {ftptest.Config{Active: ftptest.Active{Never: true}}, func(t *testing.T, c *ftp.Client, _ *mapper) { require.Error(t, fetchFails(t, c)) }, 2},
		"the session breaks":  {ftptest.Config{Faults: []ftptest.Fault{{On: "RETR", Close: true}}}, func(t *testing.T, c *ftp.Client, _ *mapper) { require.Error(t, fetchFails(t, c)) }, 1},
		"data is cut": {ftptest.Config{Faults: []ftptest.Fault{{On: "data", Data: ftptest.DataFault{Action: ftptest.DataCloses, After: 150_000}}}}, func(t *testing.T, c *ftp.Client, _ *mapper) {
			_, err := c.Retrieve(t.Context(), "big.bin", io.Discard)
			require.ErrorIs(t, err, ftp.ErrIncomplete)
		}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				m := &mapper{external: netip.MustParseAddr("203.0.113.9")}
				test.server.Active.Rewrite = func(at netip.AddrPort) netip.AddrPort {
					return netip.AddrPortFrom(netip.MustParseAddr(homeAddr), m.forwarded[at.Port()])
				}
				c, srv := overInternet(t, network, test.server, activeOnly(ftp.Active{Mapper: m}))
				put(t, srv, "big.bin", noise(1, 200_000)) // more than is on its way before the first byte is read
				test.run(t, c, m)
				require.Len(t, m.mapped, test.maps)
				require.Equal(t, test.maps, m.released, "each mapping is released once")
			})
		})
	}
}

func TestActiveTurnsStrangersAway(t *testing.T) {
	const stranger = "127.0.0.9"
	var rec recorder
	config := ftptest.Config{Active: ftptest.Active{Stranger: netip.MustParseAddr(stranger)}}
	opts := activeOnly(ftp.Active{})
	opts.Trace = rec.trace()
	c, srv := onLoopback(t, config, opts)
	require.Equal(t, "PORT", tries(fetch(t, c)), "what the stranger said is no part of the file")
	require.Len(t, rec.noticeTexts(), 1)
	require.Regexp(t, `^a stranger connected from 127\.0\.0\.9:\d+ and was turned away$`, rec.noticeTexts()[0])
	store(t, c, "up.txt", []byte("up"))
	require.Equal(t, "up", string(stored(t, srv, "up.txt")))
	require.Len(t, rec.noticeTexts(), 2)
}

func TestActiveAcceptPolicy(t *testing.T) {
	only := func(want string) func(netip.Addr, netip.Addr) bool {
		return func(remote, control netip.Addr) bool {
			return remote.String() == want && control.String() == frontAddr
		}
	}
	tests := map[string]struct {
		from   string
		active ftp.Active
		ok     bool
	}{
		"peer, the peer":                {frontAddr, ftp.Active{}, true},
		"peer, a neighbour":             {"198.51.100.2", ftp.Active{}, false},
		"peer, elsewhere":               {moverAddr, ftp.Active{}, false},
		"network, the peer":             {frontAddr, ftp.Active{AcceptFrom: ftp.AcceptNetwork}, true},
		"network, a neighbour":          {"198.51.100.254", ftp.Active{AcceptFrom: ftp.AcceptNetwork}, true},
		"network, next door":            {"198.51.101.1", ftp.Active{AcceptFrom: ftp.AcceptNetwork}, false},
		"any":                           {moverAddr, ftp.Active{AcceptFrom: ftp.AcceptAny}, true},
		"function says yes":             {moverAddr, ftp.Active{AcceptFunc: only(moverAddr)}, true},
		"function says no to the peer":  {frontAddr, ftp.Active{AcceptFunc: only(moverAddr)}, false},
		"function is more than any can": {frontAddr, ftp.Active{AcceptFunc: only(moverAddr), AcceptFrom: ftp.AcceptAny}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				var rec recorder
				opts := activeOnly(test.active)
				opts.Trace = rec.trace()
				c, _ := overInternet(t, network, ftptest.Config{Active: ftptest.Active{From: netip.MustParseAddr(test.from)}}, opts)
				if test.ok {
					require.Equal(t, test.from, fetch(t, c).Final().Remote.Addr().String())
					require.Empty(t, rec.noticeTexts())
					return
				}
				require.ErrorIs(t, fetchFails(t, c), ftp.ErrDataConnection)
				require.Contains(t, rec.noticeTexts()[0], "a stranger connected from "+test.from)
				require.NoError(t, c.NoOp(t.Context()))
			})
		})
	}
}

func TestActiveAcceptNetworkOfIPv6(t *testing.T) {
	for from, ok := range map[string]bool{"2001:db8::2": true, "2001:db8:0:1::2": false} {
		t.Run(from, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				config := ftptest.Config{Network: network, Addr: "[2001:db8::1]:21", Active: ftptest.Active{From: netip.MustParseAddr(from)}}
				opts := activeOnly(ftp.Active{AcceptFrom: ftp.AcceptNetwork})
				opts.DialContext = network.Host(netip.MustParseAddr("2001:db8:ffff::7")).DialContext
				c, srv := session(t, config, &opts)
				put(t, srv, "a.txt", []byte(hello))
				if ok {
					require.Equal(t, from, fetch(t, c).Final().Remote.Addr().String())
				} else {
					require.ErrorIs(t, fetchFails(t, c), ftp.ErrDataConnection)
				}
			})
		})
	}
}

func TestActiveListenFunc(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		var asked []string
		listen := func(ctx context.Context, nw, address string) (net.Listener, error) {
			asked = append(asked, nw+" "+address)
			return network.Listen(ctx, nw, homeAddr+":12345")
		}
		c, srv := overInternet(t, network, ftptest.Config{}, activeOnly(ftp.Active{ListenFunc: listen}))
		fetch(t, c)
		require.Equal(t, []string{"tcp4 " + homeAddr + ":0"}, asked)
		require.Equal(t, []string{"PORT 192,0,2,7,48,57"}, sent(srv, "PORT"), "the listener's address is named")
	})
}

func TestActiveListenFuncThatFails(t *testing.T) {
	mistake := errors.New("the proxy cannot bind")
	tests := map[string]struct {
		err  error
		want string
	}{
		"with an error":           {mistake, mistake.Error()},
		"with nothing whatsoever": {nil, "Active.ListenFunc"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			listen := func(context.Context, string, string) (net.Listener, error) { return nil, test.err }
			c, srv := onLoopback(t, ftptest.Config{}, activeOnly(ftp.Active{ListenFunc: listen}))
			require.NotPanics(t, func() {
				err := fetchFails(t, c)
				require.ErrorIs(t, err, ftp.ErrDataConnection)
				require.ErrorContains(t, err, test.want)
			})
			require.Empty(t, sent(srv, "PORT", "EPRT", "RETR"))
		})
	}
}

func TestActiveListen(t *testing.T) {
	anyHost := ftptest.Config{Active: ftptest.Active{AnyHost: true}}
	t.Run("on an address", func(t *testing.T) {
		c, _ := onLoopback(t, anyHost, activeOnly(ftp.Active{Listen: "127.0.0.5"}))
		used := fetch(t, c).Final()
		require.Equal(t, "127.0.0.5", used.Listened.Addr().String())
		require.Equal(t, used.Listened, used.Advertised)
	})
	t.Run("on an interface", func(t *testing.T) {
		c, _ := onLoopback(t, anyHost, activeOnly(ftp.Active{Listen: loopbackName(t)}))
		require.True(t, fetch(t, c).Final().Listened.Addr().IsLoopback())
	})
	t.Run("on nothing that is there", func(t *testing.T) {
		c, srv := onLoopback(t, anyHost, activeOnly(ftp.Active{Listen: "nosuch0"}))
		require.ErrorContains(t, fetchFails(t, c), `"nosuch0" is neither an IP address nor a network interface of this host`)
		require.Empty(t, sent(srv, "PORT", "EPRT"))
	})
}

// loopbackName is the name of the loopback interface.
func loopbackName(t *testing.T) string {
	t.Helper()
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Fatal("this host has no loopback interface")
	return ""
}

func TestActiveServerThatNeverConnects(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := overInternet(t, network, ftptest.Config{Active: ftptest.Active{Never: true, Delay: time.Hour}}, activeOnly(ftp.Active{}))
		heard := causedBy(srv, func() {
			require.Equal(t, 40*time.Second, elapsed(func() {
				err := fetchFails(t, c)
				require.ErrorIs(t, err, ftp.ErrDataConnection)
				require.Equal(t, "PORT! EPRT!", tries(err.Negotiation))
				for _, rung := range err.Negotiation.Rungs {
					require.ErrorContains(t, err, "listened on "+rung.Listened.String()+": no connection from the server to "+rung.Listened.String()+" within 20s (Options.Timeouts.Accept)")
					requireNobodyListens(t, network, rung.Listened.AddrPort)
				}
				require.ErrorContains(t, err, "behind a NAT forward a port range to this host and set Active.Ports and Active.External")
			}))
		})
		require.Len(t, heard, 6, heard)
		require.Equal(t, "ABOR", heard[2])
		dir, err := c.CurrentDir(t.Context())
		require.NoError(t, err)
		require.Equal(t, "/", dir, "the session is in step")
	})
}

func TestActiveServerThatNeverConnectsNorAnswersABOR(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		config := ftptest.Config{Abort: ftptest.AbortSilent, NoopInTransfer: ftptest.NoopIgnored, Active: ftptest.Active{Never: true, Delay: time.Hour}, Faults: []ftptest.Fault{{On: "NOOP", Silent: true, Session: 1}}}
		c, srv := overInternet(t, network, config, activeOnly(ftp.Active{}))
		bounded(t, time.Minute, func() { require.Error(t, fetchFails(t, c)) })
		require.LessOrEqual(t, srv.Sessions(), 2)
		requireBrokenOrInStep(t, c)
	})
}

// requireBrokenOrInStep fails where the client takes one command's reply for
// another's.
func requireBrokenOrInStep(t *testing.T, c *ftp.Client) {
	t.Helper()
	dir, err := c.CurrentDir(t.Context())
	if err != nil {
		require.ErrorIs(t, err, ftp.ErrBroken)
		return
	}
	require.Equal(t, "/", dir)
}

func TestActiveServerThatAnswers425(t *testing.T) {
	t.Run("to every method", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{Active: ftptest.Active{Never: true, Refusal: "425 cannot reach you"}}, activeOnly(ftp.Active{}))
		heard := causedBy(srv, func() {
			err := fetchFails(t, c)
			require.ErrorIs(t, err, ftp.ErrDataConnection)
			require.Equal(t, "PORT! EPRT!", tries(err.Negotiation))
			require.ErrorContains(t, err, `server answered RETR with "425 cannot reach you"`)
			require.ErrorContains(t, err, err.Negotiation.Rungs[0].Listened.String())
			require.ErrorContains(t, err, "set Active.Ports and Active.External")
		})
		require.Len(t, heard, 4, heard)
		require.NoError(t, c.NoOp(t.Context()))
	})
	t.Run("once", func(t *testing.T) {
		c, _ := onLoopback(t, ftptest.Config{Faults: []ftptest.Fault{{On: "RETR", Nth: 1, Reply: "425 not by PORT"}}}, activeOnly(ftp.Active{}))
		require.Equal(t, "PORT! EPRT", tries(fetch(t, c)))
		require.Equal(t, "EPRT", tries(fetch(t, c)))
	})
}

func TestActiveWaitEndsWithANegativeReply(t *testing.T) {
	tests := map[string]struct {
		fault  ftptest.Fault
		want   string
		broken bool
	}{
		"550":    {ftptest.Fault{On: "RETR", Delay: 7 * time.Second, Reply: "550 no such file"}, "550 no such file", false},
		"452":    {ftptest.Fault{On: "RETR", Delay: 7 * time.Second, Reply: "452 no room"}, "452 no room", false},
		"421":    {ftptest.Fault{On: "RETR", Delay: 7 * time.Second, Reply: "421 going down", Close: true}, "421 going down", true},
		"closed": {ftptest.Fault{On: "RETR", Delay: 7 * time.Second, Close: true}, "the server closed the control connection", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				opts := activeOnly(ftp.Active{})
				opts.Timeouts.Accept = time.Hour
				c, srv := overInternet(t, network, ftptest.Config{Faults: []ftptest.Fault{test.fault}}, opts)
				heard := causedBy(srv, func() {
					require.Equal(t, 7*time.Second, elapsed(func() {
						err := fetchFails(t, c)
						require.ErrorContains(t, err, test.want)
						require.Equal(t, "PORT!", tries(err.Negotiation))
						requireNobodyListens(t, network, err.Negotiation.Rungs[0].Listened.AddrPort)
					}))
				})
				require.Len(t, heard, 2, "no further method: %q", heard)
				if err := c.NoOp(t.Context()); test.broken {
					require.ErrorIs(t, err, ftp.ErrBroken)
				} else {
					require.NoError(t, err)
				}
			})
		})
	}
}

func TestActiveWaitEndsWithTheCaller(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := overInternet(t, network, ftptest.Config{Active: ftptest.Active{Never: true, Delay: time.Hour}}, activeOnly(ftp.Active{}))
		ctx, stop := cancelAfter(t)
		defer stop()
		require.Equal(t, time.Second, elapsed(func() {
			_, err := c.Open(ctx, "a.txt")
			require.ErrorIs(t, err, errCancelled)
		}))
		require.Len(t, sent(srv, "PORT", "EPRT"), 1, "no further method for a caller who has gone")
		dir, err := c.CurrentDir(t.Context())
		require.NoError(t, err)
		require.Equal(t, "/", dir)
	})
}

func TestActiveListenerIsClosedOnceTheServerIsIn(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, _ := overInternet(t, network, ftptest.Config{}, activeOnly(ftp.Active{}))
		r, err := c.Open(t.Context(), "a.txt")
		require.NoError(t, err)
		requireNobodyListens(t, network, r.Result().Negotiation.Final().Listened.AddrPort)
		require.NoError(t, r.Close())
	})
}

// foreignConn is a connection whose own address is no IP address, as one
// through a pipe to a proxy.
type foreignConn struct{ net.Conn }

func (foreignConn) LocalAddr() net.Addr { return &net.UnixAddr{Name: "proxy.sock", Net: "unix"} }

func TestActiveOverAConnectionWithNoLocalAddress(t *testing.T) {
	opts := activeOnly(ftp.Active{})
	opts.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return foreignConn{conn}, err
	}
	c, srv := onLoopback(t, ftptest.Config{}, opts)
	require.ErrorContains(t, fetchFails(t, c), "the control connection has no local IP address to listen on; set Active.Listen")
	require.Empty(t, sent(srv, "PORT", "EPRT"))

	opts.Active.Listen = "127.0.0.1"
	require.Equal(t, "PORT", tries(fetch(t, dial(t, srv.Addr, &opts))))
}

func TestActiveOptionsAreChecked(t *testing.T) {
	tests := map[string]struct {
		active ftp.Active
		want   string
	}{
		"method of the other mode": {ftp.Active{Methods: []ftp.Method{ftp.PORT, ftp.EPSV}}, `Active.Methods holds "EPSV"`},
		"unknown policy":           {ftp.Active{AcceptFrom: ftp.AcceptAny + 1}, "Active.AcceptFrom is 3"},
		"range upside down":        {ftp.Active{Ports: ftp.PortRange{Lo: 2, Hi: 1}}, "Active.Ports is 2-1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, ftptest.Config{})
			_, err := ftp.Dial(t.Context(), srv.Addr, &ftp.Options{Active: test.active})
			require.ErrorContains(t, err, test.want)
			require.Zero(t, srv.Sessions())
		})
	}
}
