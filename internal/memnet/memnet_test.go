package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/dualport/ftp/internal/memnet"
)

func pair(t *testing.T, n *memnet.Network) (dialled, accepted net.Conn) {
	t.Helper()
	ln, err := n.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	dialled, err = n.DialContext(t.Context(), "tcp", ln.Addr().String())
	require.NoError(t, err)
	accepted, err = ln.Accept()
	require.NoError(t, err)
	return dialled, accepted
}

func TestConnConformance(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		a, b := pair(t, memnet.New())
		return a, b, func() { a.Close(); b.Close() }, nil
	})
}

func TestAddresses(t *testing.T) {
	n := memnet.New()
	ln, err := n.Listen(t.Context(), "tcp", "203.0.113.7:21")
	require.NoError(t, err)
	defer ln.Close()
	_, err = n.Listen(t.Context(), "tcp4", "203.0.113.7:21")
	require.ErrorIs(t, err, syscall.EADDRINUSE)

	conn, err := n.Host(netip.MustParseAddr("198.51.100.9")).DialContext(t.Context(), "tcp", "203.0.113.7:21")
	require.NoError(t, err)
	defer conn.Close()
	far, err := ln.Accept()
	require.NoError(t, err)
	defer far.Close()
	require.Equal(t, "203.0.113.7:21", conn.RemoteAddr().String())
	require.Equal(t, conn.LocalAddr().String(), far.RemoteAddr().String())
	require.Equal(t, "198.51.100.9", far.RemoteAddr().(*net.TCPAddr).IP.String())
}

func TestDialRefused(t *testing.T) {
	n := memnet.New()
	_, err := n.DialContext(t.Context(), "tcp", "127.0.0.1:9")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	for name, address := range map[string]string{"name": "example.test:21", "port": "127.0.0.1:65536", "no port": "127.0.0.1"} {
		t.Run(name, func(t *testing.T) {
			_, err := n.DialContext(t.Context(), "tcp", address)
			require.Error(t, err)
		})
	}
	_, err = n.DialContext(t.Context(), "udp", "127.0.0.1:9")
	require.Error(t, err)
	_, err = n.DialContext(t.Context(), "tcp6", "127.0.0.1:9")
	require.Error(t, err)
}

func TestWildcardListener(t *testing.T) {
	n := memnet.New()
	ln, err := n.Listen(t.Context(), "tcp6", "[::]:2121")
	require.NoError(t, err)
	defer ln.Close()
	conn, err := n.DialContext(t.Context(), "tcp", "[2001:db8::5]:2121")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	_, err = n.DialContext(t.Context(), "tcp", "192.0.2.1:2121")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestBlackHoleBlocksUntilDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		hole, err := n.BlackHole(t.Context(), "tcp", "192.0.2.1:0")
		require.NoError(t, err)
		defer hole.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		_, err = n.DialContext(ctx, "tcp", hole.Addr().String())
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 20*time.Second, time.Since(start))
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
	})
}

func TestHalfCloseKeepsOtherDirection(t *testing.T) {
	a, b := pair(t, memnet.New())
	defer a.Close()
	defer b.Close()
	_, err := a.Write([]byte("question"))
	require.NoError(t, err)
	require.NoError(t, a.(interface{ CloseWrite() error }).CloseWrite())
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, "question", string(got))
	_, err = a.Write([]byte("more"))
	require.ErrorIs(t, err, syscall.EPIPE)
	_, err = b.Write([]byte("answer"))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	got, err = io.ReadAll(a)
	require.NoError(t, err)
	require.Equal(t, "answer", string(got))
}

func TestCloseDeliversWhatWasWritten(t *testing.T) {
	a, b := pair(t, memnet.New())
	defer b.Close()
	_, err := a.Write([]byte("last words"))
	require.NoError(t, err)
	require.NoError(t, a.Close())
	require.ErrorIs(t, a.Close(), net.ErrClosed)
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, "last words", string(got))
}

func TestCloseWithUnreadInputResets(t *testing.T) {
	a, b := pair(t, memnet.New())
	defer a.Close()
	_, err := a.Write([]byte("never read"))
	require.NoError(t, err)
	_, err = b.Write([]byte("lost"))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	_, err = a.Read(make([]byte, 8))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = a.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
}

func TestLingerZeroResets(t *testing.T) {
	a, b := pair(t, memnet.New())
	defer b.Close()
	require.NoError(t, a.(interface{ SetLinger(int) error }).SetLinger(0))
	require.NoError(t, a.Close())
	_, err := b.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestWriterWaitsForReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, memnet.New())
		defer b.Close()
		defer a.Close()
		require.NoError(t, a.SetWriteDeadline(time.Now().Add(time.Minute)))
		n, err := a.Write(make([]byte, 1<<20))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 64<<10, n)
	})
}

func TestListenerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		ln, err := n.Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		bounded := ln.(interface{ SetDeadline(time.Time) error })
		require.NoError(t, bounded.SetDeadline(time.Now().Add(time.Second)))
		_, err = ln.Accept()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, bounded.SetDeadline(time.Time{}))

		waiting, err := n.DialContext(t.Context(), "tcp", ln.Addr().String())
		require.NoError(t, err)
		defer waiting.Close()
		require.NoError(t, ln.Close())
		_, err = waiting.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = ln.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, ln.Close(), net.ErrClosed)
		_, err = n.DialContext(t.Context(), "tcp", ln.Addr().String())
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	})
}

func TestCancelledDial(t *testing.T) {
	cause := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := memnet.New().DialContext(ctx, "tcp", "127.0.0.1:9")
	require.ErrorIs(t, err, cause)
}
