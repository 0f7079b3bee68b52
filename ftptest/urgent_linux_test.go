package ftptest_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// sendUrgent sends first with its last byte marked urgent, and then the rest.
func sendUrgent(t *testing.T, conn net.Conn, first, rest string) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	var sent error
	require.NoError(t, raw.Write(func(fd uintptr) bool {
		sent = syscall.Sendto(int(fd), []byte(first), syscall.MSG_OOB, nil)
		return true
	}))
	require.NoError(t, sent)
	_, err = conn.Write([]byte(rest))
	require.NoError(t, err)
}
