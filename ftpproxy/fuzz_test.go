package ftpproxy

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzSOCKSReply(f *testing.F) {
	for _, seed := range []string{
		"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x15rest",
		"\x05\x00\x00\x03\x08ftp.test\x00\x15",
		"\x05\x00\x00\x03\x00\x00\x15",
		"\x05\x00\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x15",
		"\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00",
		"\x05\xff", "HTTP/1.1 400", "\x00\x5a", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		r := bytes.NewReader(said)
		p := &Proxy{login: func() credentials { return credentials{"user", "password"} }}
		addr, err := p.readReply(r, opBind)
		require.LessOrEqual(t, len(said)-r.Len(), 4+1+255+2, "a reply has an end")
		if err != nil {
			require.NotEmpty(t, lost(err).Error())
			return
		}
		require.Equal(t, byte(0), said[1])
		_ = addr.String()
		if at, err := boundAddr(addr, addr); err == nil {
			_, err := netip.ParseAddrPort(at.String())
			require.NoError(t, err)
		}
		_ = p.verdict(said)
	})
}

func FuzzConnectAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 Connection established\r\n\r\n220 ready",
		"HTTP/1.0 200\n\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n",
		"HTTP/1.1  403 Forbidden\r\nX\r\n\r\n",
		"HTTP/1.1 +20 x\r\n\r\n", "HTTP/9 200\r\n\r\n", "\x05\x00", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		r := bytes.NewReader(said)
		a, err := readAnswer(r, true)
		read := said[:len(said)-r.Len()]
		require.LessOrEqual(t, len(read), maxAnswer)
		if err != nil {
			require.NotEmpty(t, lost(err).Error())
			return
		}
		require.Regexp(t, `(?s)\n\r?\n$`, string(read), "nothing beyond the head is read")
		require.True(t, a.status >= 200 && a.status <= 999)
		text := (&statusError{a, target{"ftp.test", 21}, false}).Error()
		require.False(t, strings.ContainsAny(text, "\r\n\x1b"), "%q", text)
	})
}
