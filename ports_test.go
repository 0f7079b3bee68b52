package ftp_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

func TestParsePortRange(t *testing.T) {
	tests := map[string]struct {
		want ftp.PortRange // zero for an error
		text string
	}{
		"50000-50010":   {ftp.PortRange{Lo: 50000, Hi: 50010}, "50000-50010"},
		"50000":         {ftp.PortRange{Lo: 50000, Hi: 50000}, "50000"},
		" 1 - 65535 ":   {ftp.PortRange{Lo: 1, Hi: 65535}, "1-65535"},
		"7-7":           {ftp.PortRange{Lo: 7, Hi: 7}, "7"},
		"":              {},
		"-":             {},
		"0":             {},
		"0-5":           {},
		"5-0":           {},
		"5-":            {},
		"-5":            {},
		"6-5":           {},
		"65536":         {},
		"1-65536":       {},
		"1-2-3":         {},
		"0x10-0x20":     {},
		"1_000-2_000":   {},
		"+5-6":          {},
		"a-b":           {},
		"99999999999-1": {},
	}
	for text, test := range tests {
		t.Run(text, func(t *testing.T) {
			got, err := ftp.ParsePortRange(text)
			require.Equal(t, test.want, got)
			if test.want == (ftp.PortRange{}) {
				require.ErrorContains(t, err, "write it as LO-HI")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.text, got.String())
		})
	}
}

func TestPortRange(t *testing.T) {
	r := ftp.PortRange{Lo: 10, Hi: 12}
	for port, want := range map[uint16]bool{9: false, 10: true, 11: true, 12: true, 13: false} {
		require.Equal(t, want, r.Contains(port), port)
	}
	require.True(t, ftp.PortRange{}.Contains(1))
	require.Equal(t, "any port", ftp.PortRange{}.String())
}

// privateHost is a loopback address of which nothing else knows, so that no
// other test and no other program takes its ports.
func privateHost() string {
	return netip.AddrFrom4([4]byte{127, byte(100 + rand.IntN(100)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))}).String()
}

// withPorts are options for active mode on the ports of one host from 20000 on.
func withPorts(host string, hi uint16) ftp.Options {
	opts := activeOnly(ftp.Active{Listen: host, Ports: ftp.PortRange{Lo: 20000, Hi: hi}})
	opts.Timeouts.Accept = 10 * time.Second
	return opts
}

// toAnyHost is a server that connects wherever PORT says.
func toAnyHost() ftptest.Config { return ftptest.Config{Active: ftptest.Active{AnyHost: true}} }

// occupy listens on a port as another program does.
func occupy(t *testing.T, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

func TestPortRangeSkipsPortsInUse(t *testing.T) {
	host := privateHost()
	occupy(t, host+":20000")
	occupy(t, host+":20002")
	c, _ := onLoopback(t, toAnyHost(), withPorts(host, 20002))
	for range 4 {
		n := fetch(t, c)
		require.Equal(t, "PORT", tries(n))
		require.Equal(t, host+":20001", n.Final().Listened.String())
		require.Equal(t, host+":20001", n.Final().Advertised.String())
	}
}

func TestPortRangeWithEveryPortInUse(t *testing.T) {
	host := privateHost()
	occupy(t, host+":20000")
	occupy(t, host+":20001")
	last := occupy(t, host+":20002")
	c, srv := onLoopback(t, toAnyHost(), withPorts(host, 20002))
	require.Less(t, elapsed(func() {
		err := fetchFails(t, c)
		require.ErrorIs(t, err, ftp.ErrPortRange)
		require.ErrorIs(t, err, ftp.ErrDataConnection)
		require.ErrorContains(t, err, "no free port in the local port range 20000-20002")
		require.ErrorContains(t, err, "address already in use")
	}), 5*time.Second, "there is nothing to wait for: the ports are not this process's")
	require.Empty(t, sent(srv, "PORT", "EPRT", "RETR"))

	require.NoError(t, last.Close())
	require.Equal(t, host+":20002", fetch(t, c).Final().Listened.String())
}

func TestPortRangeWithEveryPortInUseAdvisesOnTheRange(t *testing.T) {
	host := privateHost()
	occupy(t, host+":20000")
	c, _ := onLoopback(t, toAnyHost(), withPorts(host, 20000))
	advice := fetchFails(t, c).Negotiation.Advice()
	require.NotContains(t, advice, "could not connect", "the server was not even asked to")
	require.Contains(t, advice, "Active.Ports")
}

func TestPortRangeRestsItsPorts(t *testing.T) {
	c, _ := onLoopback(t, toAnyHost(), withPorts(privateHost(), 20002))
	var ports []uint16
	for range 10 {
		ports = append(ports, fetch(t, c).Final().Listened.Port())
	}
	require.ElementsMatch(t, []uint16{20000, 20001, 20002}, ports[:3], "each once before any twice")
	for i := 3; i < len(ports); i++ {
		require.Equal(t, ports[i-3], ports[i], "the port that has rested longest: %v", ports)
	}
}

func TestPortRangeIsLeasedUntilTheTransferIsOver(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		opts := withPorts(privateHost(), 20000)
		opts.Active.ListenFunc = network.Listen
		holder, srv := overInternet(t, network, toAnyHost(), opts)
		r, err := holder.Open(t.Context(), "a.txt")
		require.NoError(t, err)

		opts.DialContext = network.Host(netip.MustParseAddr(homeAddr)).DialContext
		impatient := dial(t, srv.Addr, &opts)
		require.GreaterOrEqual(t, elapsed(func() {
			failure := fetchFails(t, impatient)
			require.ErrorIs(t, failure, ftp.ErrPortRange)
			require.ErrorContains(t, failure, "no free port in the local port range 20000: other transfers of this process hold its ports")
			require.ErrorContains(t, failure, "Timeouts.Accept")
		}), opts.Timeouts.Accept)

		patient := dial(t, srv.Addr, &opts)
		ended := make(chan error, 1)
		go func() {
			_, err := patient.Retrieve(t.Context(), "a.txt", io.Discard)
			ended <- err
		}()
		synctest.Wait()
		require.Empty(t, ended, "it waits for the port")
		require.NoError(t, r.Close())
		require.Zero(t, elapsed(func() { require.NoError(t, <-ended) }))
	})
}

func TestPortRangeWaitIsForOneTimeout(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		opts := withPorts(privateHost(), 20000)
		holder, srv := overInternet(t, network, toAnyHost(), opts)
		r, err := holder.Open(t.Context(), "a.txt")
		require.NoError(t, err)
		opts.DialContext = network.Host(netip.MustParseAddr(homeAddr)).DialContext
		waiting := dial(t, srv.Addr, dialling(network, &opts))
		require.Equal(t, opts.Timeouts.Accept, elapsed(func() { require.ErrorIs(t, fetchFails(t, waiting), ftp.ErrPortRange) }),
			"EPRT needs the same ports that PORT did not get")
		require.NoError(t, r.Close())
	})
}

func TestPortRangeWaitEnds(t *testing.T) {
	tests := map[string]struct {
		end  func(t *testing.T, c *ftp.Client, cancel context.CancelCauseFunc)
		want error
	}{
		"with the caller": {func(_ *testing.T, _ *ftp.Client, cancel context.CancelCauseFunc) { cancel(errCancelled) }, errCancelled},
		"with Close":      {func(t *testing.T, c *ftp.Client, _ context.CancelCauseFunc) { require.NoError(t, c.Close()) }, ftp.ErrClosed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				opts := withPorts(privateHost(), 20000)
				holder, srv := overInternet(t, network, toAnyHost(), opts)
				r, err := holder.Open(t.Context(), "a.txt")
				require.NoError(t, err)
				waiting := dial(t, srv.Addr, dialling(network, &opts))
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				ended := make(chan error, 1)
				go func() {
					_, err := waiting.Open(ctx, "a.txt")
					ended <- err
				}()
				synctest.Wait()
				require.Empty(t, ended)
				test.end(t, waiting, cancel)
				require.Zero(t, elapsed(func() { require.ErrorIs(t, <-ended, test.want) }), "at once")
				require.NoError(t, r.Close())
			})
		})
	}
}

func TestPortRangeLosesNoLeaseInFailures(t *testing.T) {
	opts := withPorts(privateHost(), 20001)
	c, srv := onLoopback(t, toAnyHost(), opts)
	for range 10 {
		_, err := c.Open(t.Context(), "missing.txt")
		require.Equal(t, 550, ftp.ReplyCode(err))
	}
	for range 5 {
		w, err := c.Create(t.Context(), "b.txt")
		require.NoError(t, err)
		require.NoError(t, w.Abort())
	}
	fetch(t, dial(t, srv.Addr, &opts))

	failures := map[string]func(*ftptest.Config, *ftp.Options){
		"refused methods": func(s *ftptest.Config, _ *ftp.Options) { s.Disable = map[string]string{"PORT": "", "EPRT": ""} },
		"425":             func(s *ftptest.Config, _ *ftp.Options) { s.Active.Never = true },
		"nobody comes": func(s *ftptest.Config, o *ftp.Options) {
			s.Active.Never, s.Active.Delay, o.Timeouts.Accept = true, time.Hour, 10*time.Millisecond
		},
		"the session breaks": func(s *ftptest.Config, _ *ftp.Options) { s.Faults = []ftptest.Fault{{On: "RETR", Close: true}} },
		"no address": func(_ *ftptest.Config, o *ftp.Options) {
			o.Active.ExternalOnLAN = true
			o.Active.ExternalFunc = func(context.Context, *ftp.Exchange, netip.AddrPort) (netip.Addr, error) {
				return netip.Addr{}, errors.New("no address")
			}
		},
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			config, failing := toAnyHost(), opts
			fail(&config, &failing)
			srv := serve(t, config)
			for range 3 {
				require.Error(t, fetchFails(t, dial(t, srv.Addr, &failing)))
			}
		})
	}
	fetch(t, dial(t, srv.Addr, &opts))
	fetch(t, c)
}

func TestPortRangeServesManyClients(t *testing.T) {
	const clients, lo, hi = 64, 20000, 20007
	opts := withPorts(privateHost(), hi)
	opts.Timeouts.Accept = time.Minute
	_, srv := onLoopback(t, toAnyHost(), ftp.Options{})
	var work sync.WaitGroup
	for range clients {
		c := dial(t, srv.Addr, &opts)
		work.Go(func() {
			for range 2 {
				result, err := c.Retrieve(t.Context(), "a.txt", io.Discard)
				if err != nil {
					t.Errorf("with %d clients and %d ports: %v", clients, hi-lo+1, err)
					return
				}
				if port := result.Negotiation.Final().Listened.Port(); port < lo || port > hi {
					t.Errorf("port %d is not of the range", port)
				}
			}
		})
	}
	work.Wait()
}

// A program's tests may run in bubbles of testing/synctest: what one of them
// leaves in the book of this process must be of use in the next.
func TestPortRangeIsSharedBetweenBubbles(t *testing.T) {
	host := privateHost()
	transfer := func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opts := withPorts(host, 20000)
			network := memnet.New()
			opts.Active.ListenFunc = network.Listen
			c, _ := overInternet(t, network, toAnyHost(), opts)
			fetch(t, c)
		})
	}
	require.NotPanics(t, func() {
		transfer(t)
		transfer(t)
		c, _ := onLoopback(t, toAnyHost(), withPorts(host, 20000))
		fetch(t, c)
	})
}
