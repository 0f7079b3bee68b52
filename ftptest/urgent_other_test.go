//go:build !linux

package ftptest_test

import (
	"net"
	"testing"
)

func sendUrgent(t *testing.T, _ net.Conn, _, _ string) {
	t.Helper()
	t.Skip("urgent data is sent with a Linux system call")
}
