package realserver

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListensSeesOwnSocketsOnly(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			listener, err := net.Listen("tcp", address)
			require.NoError(t, err)
			addr := netip.MustParseAddrPort(listener.Addr().String())

			require.NoError(t, (&process{pid: os.Getpid()}).listens(addr))
			require.ErrorContains(t, (&process{pid: os.Getppid()}).listens(addr), "belongs to another process")
			require.NoError(t, listener.Close())
			require.ErrorContains(t, (&process{pid: os.Getpid()}).listens(addr), "nothing listens")
		})
	}
}

func TestReadStatusOfThisProcess(t *testing.T) {
	s, err := readStatus(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, os.Getppid(), s.parent)
	require.False(t, s.zombie)
	require.NotEmpty(t, s.start)
}

func TestKillRemainingSparesAReusedNumber(t *testing.T) {
	stranger := member{pid: os.Getpid(), start: "1"} // this process started later than that
	require.False(t, killRemaining([]member{stranger}))
}
