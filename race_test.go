package ftp_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// cluster is a server whose 227 names moverAddr, port 50000.
func cluster() ftptest.Config {
	mover := netip.MustParseAddr(moverAddr)
	return ftptest.Config{Passive: ftptest.Passive{Advertise: mover, DataAddr: mover, PortMin: 50000, PortMax: 50000}}
}

// blackHole makes an address swallow every attempt to connect to it.
func blackHole(t *testing.T, network *memnet.Network, address string) net.Listener {
	t.Helper()
	hole, err := network.BlackHole(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = hole.Close() })
	return hole
}

// elapsed is how long f takes.
func elapsed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// cancelAfter returns a context that the caller gives up after a second, with
// errCancelled.
func cancelAfter(t *testing.T) (context.Context, func()) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	timer := time.AfterFunc(time.Second, func() { cancel(errCancelled) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// pasvOnly permits PASV alone, the one method that names an address.
func pasvOnly() ftp.Passive { return ftp.Passive{Methods: []ftp.Method{ftp.PASV}} }

func TestRaceGoesToTheControlPeerFirst(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		var rec recorder
		config := ftptest.Config{Passive: ftptest.Passive{Advertise: netip.MustParseAddr(moverAddr)}}
		c, srv := overInternet(t, network, config, ftp.Options{Trace: rec.trace(), Passive: pasvOnly()})
		var n *ftp.Negotiation
		require.Zero(t, elapsed(func() { n = fetch(t, c) }))
		require.Equal(t, "PASV", tries(n))
		data := srv.DataConns()[0].Local.String()
		require.Equal(t, data, n.Final().Dialled)
		require.Equal(t, "server sent passive reply with address "+moverAddr+", using host address "+frontAddr+" first", n.Final().Reason)
		require.Equal(t, []string{srv.Addr, data}, dialled(&rec), "the second address is not tried where the first answers")
	})
}

func TestRaceGoesOnToTheAdvertisedAddressAtOnceWhereTheFirstFails(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := overInternet(t, network, cluster(), ftp.Options{Passive: pasvOnly()})
		var n *ftp.Negotiation
		require.Zero(t, elapsed(func() { n = fetch(t, c) }), "a refusal is not waited out")
		require.Equal(t, "PASV! PASV", tries(n))
		require.Equal(t, frontAddr+":50000", n.Rungs[0].Dialled)
		require.Equal(t, moverAddr+":50000", n.Rungs[1].Dialled)
		require.Equal(t, "server sent passive reply with address "+moverAddr+", using it after host address "+frontAddr, n.Rungs[1].Reason)
		require.Equal(t, moverAddr+":50000", n.Rungs[1].Remote.String())
		require.Equal(t, []string{"PASV", "RETR a.txt"}, sent(srv, "PASV", "RETR"), "one method, one command")
	})
}

func TestRaceRemembersTheAddressThatAnswered(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		var rec recorder
		hole := blackHole(t, network, frontAddr+":50000")
		c, srv := overInternet(t, network, cluster(), ftp.Options{Trace: rec.trace(), Passive: pasvOnly()})
		require.Equal(t, 250*time.Millisecond, elapsed(func() { fetch(t, c) }), "the head start of RFC 8305")
		require.Equal(t, []string{srv.Addr, moverAddr + ":50000", frontAddr + ":50000"}, dialled(&rec), "in the order in which they ended")

		require.Zero(t, elapsed(func() {
			n := fetch(t, c)
			require.Equal(t, "PASV", tries(n))
			require.Equal(t, moverAddr+":50000", n.Final().Dialled)
		}), "the winner goes first")
		require.NoError(t, hole.Close())
	})
}

func TestRaceForgetsAnAddressThatAnswersNoMore(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		memory := new(ftp.Memory)
		c, srv := overInternet(t, network, cluster(), ftp.Options{Memory: memory, Passive: pasvOnly()})
		require.Equal(t, moverAddr+":50000", fetch(t, c).Final().Dialled)
		require.NoError(t, c.Close())
		require.NoError(t, srv.Close())

		// The same server, which now has its data connections at home.
		blackHole(t, network, moverAddr+":50001")
		config := ftptest.Config{Passive: ftptest.Passive{Advertise: netip.MustParseAddr(moverAddr), PortMin: 50001, PortMax: 50001}}
		c, _ = overInternet(t, network, config, ftp.Options{Memory: memory, Passive: pasvOnly()})
		require.Equal(t, 250*time.Millisecond, elapsed(func() { require.Equal(t, frontAddr+":50001", fetch(t, c).Final().Dialled) }))
		require.Zero(t, elapsed(func() { require.Equal(t, frontAddr+":50001", fetch(t, c).Final().Dialled) }))
	})
}

func TestRaceStagger(t *testing.T) {
	tests := map[string]struct {
		stagger, want time.Duration
		winner        string
	}{
		"default":                           {0, 250 * time.Millisecond, "PASV"},
		"given":                             {3 * time.Second, 3 * time.Second, "PASV"},
		"none, the second waits to the end": {-1, 10 * time.Second, "PASV! PASV"},
		"longer than the connection may":    {time.Minute, 10 * time.Second, "PASV! PASV"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				blackHole(t, network, frontAddr+":50000")
				passive := pasvOnly()
				passive.Stagger = test.stagger
				c, _ := overInternet(t, network, cluster(), ftp.Options{Passive: passive})
				require.Equal(t, test.want, elapsed(func() {
					n := fetch(t, c)
					require.Equal(t, test.winner, tries(n))
					require.Equal(t, moverAddr+":50000", n.Final().Dialled)
				}))
			})
		})
	}
}

func TestRaceThatNobodyWinsTellsOfBothAddresses(t *testing.T) {
	config := ftptest.Config{Passive: ftptest.Passive{
		Advertise: netip.MustParseAddr(moverAddr), PortMin: 50000, PortMax: 50000,
		PASV: ftptest.PassiveMethod{Port: ftptest.PortRefused},
	}}
	t.Run("refused", func(t *testing.T) {
		inMemory(t, func(t *testing.T, network *memnet.Network) {
			c, _ := overInternet(t, network, config, ftp.Options{Passive: pasvOnly()})
			err := fetchFails(t, c)
			require.ErrorIs(t, err, ftp.ErrDataConnection)
			require.Equal(t, "PASV! PASV!", tries(err.Negotiation))
			for _, address := range []string{"advertised " + moverAddr + ":50000, dialled " + frontAddr + ":50000", "advertised " + moverAddr + ":50000, dialled " + moverAddr + ":50000"} {
				require.ErrorContains(t, err, address)
			}
			require.NoError(t, c.NoOp(t.Context()))
		})
	})
	t.Run("swallowed", func(t *testing.T) {
		inMemory(t, func(t *testing.T, network *memnet.Network) {
			silent := cluster()
			silent.Passive.PASV.Port = ftptest.PortBlackHole
			c, _ := overInternet(t, network, silent, ftp.Options{Passive: pasvOnly()})
			blackHole(t, network, frontAddr+":50000")
			require.Equal(t, 10*time.Second+250*time.Millisecond, elapsed(func() {
				err := fetchFails(t, c)
				require.ErrorIs(t, err, ftp.ErrDataConnection)
				require.ErrorContains(t, err, "no connection to "+frontAddr+":50000 within 10s (Options.Timeouts.DataConnect)")
				require.ErrorContains(t, err, "no connection to "+moverAddr+":50000 within 10s (Options.Timeouts.DataConnect)")
			}))
		})
	})
}

func TestRaceEndsWithTheCaller(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		blackHole(t, network, frontAddr+":50000")
		config := cluster()
		config.Passive.PASV.Port = ftptest.PortBlackHole
		c, srv := overInternet(t, network, config, ftp.Options{Passive: pasvOnly()})
		ctx, cancel := cancelAfter(t)
		defer cancel()
		require.Equal(t, time.Second, elapsed(func() {
			_, err := c.Open(ctx, "a.txt")
			require.ErrorIs(t, err, errCancelled)
		}))
		require.Empty(t, sent(srv, "RETR"))
		require.NoError(t, c.NoOp(t.Context()))
	})
}

// lateConn is a connection that tells when it is closed.
type lateConn struct {
	net.Conn
	closed bool
}

func (c *lateConn) Close() error {
	c.closed = true
	return c.Conn.Close()
}

func TestRaceClosesTheConnectionThatComesSecond(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		config := cluster()
		config.Network, config.Addr = network, frontAddr+":21"
		home := network.Host(netip.MustParseAddr(homeAddr))
		late := make(chan *lateConn, 1)
		opts := ftp.Options{Passive: pasvOnly(), DialContext: func(ctx context.Context, nw, address string) (net.Conn, error) {
			if address != frontAddr+":50000" {
				return home.DialContext(ctx, nw, address)
			}
			time.Sleep(time.Second) // a hook that does not look at its context
			near, far := net.Pipe()
			t.Cleanup(func() { _ = far.Close() })
			conn := &lateConn{Conn: near}
			late <- conn
			return conn, nil
		}}
		c, srv := session(t, config, &opts)
		put(t, srv, "a.txt", []byte(hello))
		n := fetch(t, c)
		require.Equal(t, "PASV", tries(n), "to come second is no failure")
		require.Equal(t, moverAddr+":50000", n.Final().Dialled)
		require.True(t, (<-late).closed)
	})
}
