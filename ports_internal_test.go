package ftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// bookHost is the address whose ports the tests lease.
var bookHost = netip.AddrFrom4([4]byte{192, 0, 2, 1}) //nolint:gochecknoglobals // a constant that Go cannot write as one

// noted opens listeners that are none, and notes the ports it was asked for.
type noted struct {
	mu    sync.Mutex
	asked []uint16
	busy  map[uint16]error
}

type idleListener struct{ net.Listener }

func (n *noted) open(port uint16) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, port)
	if err := n.busy[port]; err != nil {
		return nil, err
	}
	return idleListener{}, nil
}

// lease leases a port and returns it with its release.
func (n *noted) lease(ctx context.Context, b *portBook, r PortRange) (uint16, func(), error) {
	ln, release, err := b.listen(ctx, bookHost, r, n.open)
	if err != nil {
		return 0, nil, err
	}
	_ = ln.(idleListener)
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[len(n.asked)-1], release, nil
}

func TestPortBookStartsAtARandomPlace(t *testing.T) {
	for start, want := range [][]uint16{{10, 11, 12}, {11, 12, 10}, {12, 10, 11}} {
		b, n := newPortBook(func(int) int { return start }), new(noted)
		for range 3 {
			_, _, err := n.lease(t.Context(), b, PortRange{10, 12})
			require.NoError(t, err)
		}
		require.Equal(t, want, n.asked)
	}
}

func TestPortBookReachesTheLastPortThereIs(t *testing.T) {
	b, n := newPortBook(func(int) int { return 1 }), new(noted)
	for range 2 {
		_, _, err := n.lease(t.Context(), b, PortRange{65534, 65535})
		require.NoError(t, err)
	}
	require.Equal(t, []uint16{65535, 65534}, n.asked)
}

func TestPortBookPassesOverPortsThatCannotBeHad(t *testing.T) {
	taken := func(err error) error {
		return &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", err)}
	}
	for name, err := range map[string]error{
		"in use": syscall.EADDRINUSE, "forbidden": syscall.EACCES, "in use on Windows": syscall.Errno(10048), "forbidden on Windows": syscall.Errno(10013),
	} {
		t.Run(name, func(t *testing.T) {
			b := newPortBook(func(int) int { return 0 })
			n := &noted{busy: map[uint16]error{10: taken(err), 11: taken(err)}}
			port, _, failed := n.lease(t.Context(), b, PortRange{10, 12})
			require.NoError(t, failed)
			require.EqualValues(t, 12, port)

			n = &noted{busy: map[uint16]error{20: taken(err), 21: taken(err)}}
			_, _, failed = n.lease(t.Context(), b, PortRange{20, 21})
			require.ErrorIs(t, failed, ErrPortRange)
			require.ErrorContains(t, failed, "20-21")
			require.Equal(t, []uint16{20, 21}, n.asked, "each port is tried once")
		})
	}
}

func TestPortBookGivesUpWhereAnotherPortWouldNotHelp(t *testing.T) {
	b, n := newPortBook(func(int) int { return 0 }), &noted{busy: map[uint16]error{10: syscall.EADDRNOTAVAIL}}
	_, _, err := n.lease(t.Context(), b, PortRange{10, 12})
	require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	require.NotErrorIs(t, err, ErrPortRange)
	require.Equal(t, []uint16{10}, n.asked)
	delete(n.busy, 10)
	port, _, err := n.lease(t.Context(), b, PortRange{10, 10})
	require.NoError(t, err, "the lease was given back")
	require.EqualValues(t, 10, port)
}

func TestPortBookRestsPortsLongest(t *testing.T) {
	b, n := newPortBook(func(int) int { return 0 }), new(noted)
	var releases []func()
	for range 3 {
		_, release, err := n.lease(t.Context(), b, PortRange{10, 12})
		require.NoError(t, err)
		releases = append(releases, release)
	}
	for _, i := range []int{1, 2, 0} {
		releases[i]()
	}
	for _, want := range []uint16{11, 12, 10} {
		port, release, err := n.lease(t.Context(), b, PortRange{10, 12})
		require.NoError(t, err)
		require.Equal(t, want, port)
		release()
	}
}

func TestPortBookReleaseCountsOnce(t *testing.T) {
	b, n := newPortBook(func(int) int { return 0 }), new(noted)
	_, first, err := n.lease(t.Context(), b, PortRange{10, 10})
	require.NoError(t, err)
	first()
	_, second, err := n.lease(t.Context(), b, PortRange{10, 10})
	require.NoError(t, err)
	first() // again: it must not give away the second lease
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no patience"))
	_, _, err = n.lease(ctx, b, PortRange{10, 10})
	require.ErrorIs(t, err, ErrPortRange)
	second()
}

func TestPortBookTellsHostsApart(t *testing.T) {
	b, n := newPortBook(func(int) int { return 0 }), new(noted)
	_, _, err := n.lease(t.Context(), b, PortRange{10, 10})
	require.NoError(t, err)
	_, _, err = b.listen(t.Context(), netip.IPv6Loopback(), PortRange{10, 10}, n.open)
	require.NoError(t, err, "another address has ports of its own")
}

func TestPortBookLetsTransfersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, n := newPortBook(func(int) int { return 0 }), new(noted)
		_, release, err := n.lease(t.Context(), b, PortRange{10, 10})
		require.NoError(t, err)
		var waited []time.Duration
		start := time.Now()
		var work sync.WaitGroup
		var mu sync.Mutex
		for range 3 {
			work.Go(func() {
				_, release, err := n.lease(t.Context(), b, PortRange{10, 10})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				waited = append(waited, time.Since(start))
				mu.Unlock()
				time.Sleep(time.Second) // the transfer
				release()
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Empty(t, waited)
		release()
		work.Wait()
		require.Equal(t, []time.Duration{60 * time.Second, 61 * time.Second, 62 * time.Second}, waited)
	})
}

func TestPortBookWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, n := newPortBook(func(int) int { return 0 }), new(noted)
		_, release, err := n.lease(t.Context(), b, PortRange{10, 10})
		require.NoError(t, err)
		defer release()
		limit := &TimeoutError{"free port", time.Minute, "Timeouts.Accept"}
		ctx, cancel := withLimit(t.Context(), limit)
		defer cancel()
		start := time.Now()
		_, _, err = n.lease(ctx, b, PortRange{10, 10})
		require.Equal(t, time.Minute, time.Since(start))
		require.ErrorIs(t, err, ErrPortRange)
		require.ErrorIs(t, err, limit)
	})
}

func TestPortBookUnderLoad(t *testing.T) {
	b, n := newPortBook(func(k int) int { return k / 2 }), new(noted)
	var mu sync.Mutex
	inUse := make(map[uint16]bool)
	var work sync.WaitGroup
	for range 32 {
		work.Go(func() {
			for range 50 {
				var port uint16
				_, release, err := b.listen(t.Context(), bookHost, PortRange{10, 13}, func(p uint16) (net.Listener, error) {
					port = p
					return n.open(p)
				})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				twice := inUse[port]
				inUse[port] = true
				mu.Unlock()
				if twice {
					t.Error(fmt.Sprint("leased twice: ", port))
				}
				mu.Lock()
				inUse[port] = false
				mu.Unlock()
				release()
			}
		})
	}
	work.Wait()
	slices.Sort(n.asked)
	require.Equal(t, []uint16{10, 11, 12, 13}, slices.Compact(n.asked))
}

// A port that another program holds is tried at each sweep. That must not wake
// whoever waits for a port of this process, least of all the one who tried.
func TestPortBookWaitsQuietlyBesideABusyPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, n := newPortBook(func(int) int { return 0 }), &noted{busy: map[uint16]error{11: syscall.EADDRINUSE}}
		_, release, err := n.lease(t.Context(), b, PortRange{10, 11})
		require.NoError(t, err)
		defer release()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		sweeps := 0
		_, _, err = b.listen(ctx, bookHost, PortRange{10, 11}, func(port uint16) (net.Listener, error) {
			if sweeps++; sweeps > 50 {
				cancel()
			}
			return n.open(port)
		})
		require.ErrorIs(t, err, ErrPortRange)
		require.LessOrEqual(t, sweeps, 2)
	})
}
