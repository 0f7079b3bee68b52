package ftptest

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecordConnStopsAtTheEndOfARecord(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("\x17\x03\x03\x00\x04data\x15\x03\x03\x00\x02\x01\x00NOOP\r\n"))
	conn := &recordConn{in: in}
	buf := make([]byte, 100)
	for _, want := range []string{"\x17\x03\x03\x00\x04data", "\x15\x03\x03\x00\x02\x01\x00"} {
		n, err := conn.Read(buf)
		require.NoError(t, err)
		require.Equal(t, want, string(buf[:n]))
	}
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Equal(t, "NOOP\r\n", string(rest))

	conn = &recordConn{in: bufio.NewReader(strings.NewReader("\x17\x03"))}
	_, err = conn.Read(buf)
	require.Equal(t, io.EOF, err)
}

func FuzzLastRecord(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x04data\x15\x03\x03\x00\x02\x01\x00"))
	f.Add([]byte("\x17\x03\x03"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		at := lastRecord(b)
		require.True(t, at == 0 || at < len(b))
		require.GreaterOrEqual(t, at+recordLength(b[at:]), len(b))
	})
}

func TestCarrierHoldsTheTicketBack(t *testing.T) {
	near, far := net.Pipe()
	sent := make(chan string, 4)
	go func() {
		defer close(sent)
		buf := make([]byte, 100)
		for {
			n, err := far.Read(buf)
			if err != nil {
				return
			}
			sent <- string(buf[:n])
		}
	}()
	conn := &carrier{Conn: near}
	const one, two, three = "\x16\x03\x03\x00\x01a", "\x17\x03\x03\x00\x02bb", "\x17\x03\x03\x00\x00"
	write := func(s string) {
		n, err := io.WriteString(conn, s)
		require.NoError(t, err)
		require.Equal(t, len(s), n)
	}
	write(one)
	conn.due = true
	write(one + two)
	write(three)
	conn.due = true
	write(one)
	require.NoError(t, conn.release())
	require.NoError(t, conn.release())
	require.NoError(t, conn.Close())
	var got []string
	for s := range sent {
		got = append(got, s)
	}
	require.Equal(t, []string{one, one, two + three, one}, got)
	_, err := io.WriteString(conn, one)
	require.Error(t, err)
}

func TestStamp(t *testing.T) {
	want := stamp{family: 7, data: true, serial: 1 << 60}
	got, ok := parseStamp([][]byte{[]byte("of another layer"), want.bytes()})
	require.True(t, ok)
	require.Equal(t, want, got)
	_, ok = parseStamp([][]byte{nil, []byte("of another layer")})
	require.False(t, ok)
}
