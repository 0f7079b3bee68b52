//go:build linux

package lab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseAttempt(t *testing.T) {
	v4 := []byte{
		0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 168, 1, 10, 203, 0, 113, 3,
		0x9c, 0x40, 0, 21, 0, 0, 0, 1, 0, 0, 0, 0, 0xa0, 2, 0, 0, 0, 0, 0, 0,
	}
	a, ok := parseAttempt(v4)
	require.True(t, ok)
	require.Equal(t, "192.168.1.10:40000", a.from.String())
	require.Equal(t, "203.0.113.3:21", a.to.String())

	v6 := append(make([]byte, 40), v4[20:]...)
	v6[0], v6[6], v6[23], v6[39] = 0x60, 6, 1, 2
	a, ok = parseAttempt(v6)
	require.True(t, ok)
	require.Equal(t, "[::1]:40000", a.from.String())
	require.Equal(t, "[::2]:21", a.to.String())

	answer := append([]byte(nil), v4...)
	answer[33] = 0x12 // SYN and ACK
	_, ok = parseAttempt(answer)
	require.False(t, ok, "an answer is no attempt")
	datagram := append([]byte(nil), v4...)
	datagram[9] = 17 // UDP
	_, ok = parseAttempt(datagram)
	require.False(t, ok)
	for n := range v4 {
		_, ok = parseAttempt(v4[:n])
		require.False(t, ok, "%d bytes of a packet", n)
	}
	for n := range v6 {
		_, ok = parseAttempt(v6[:n])
		require.False(t, ok, "%d bytes of a packet", n)
	}
}
