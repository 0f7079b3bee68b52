package ftptest_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

func onData(fault ftptest.DataFault) ftptest.Fault {
	return ftptest.Fault{On: "data", Nth: 1, Data: fault}
}

// watched is a connection beneath TLS that tells whether TLS came to its end.
type watched struct {
	net.Conn
	ended bool
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.ended = w.ended || n == 0 && errors.Is(err, io.EOF)
	return n, err
}

func TestNoCloseNotify(t *testing.T) {
	tests := map[string]struct {
		fault ftptest.DataFault
		size  int
		code  string
		torn  bool
	}{
		"close_notify":               {ftptest.DataFault{}, 100_000, "226", false},
		"none":                       {ftptest.DataFault{End: ftptest.EndNoCloseNotify}, 100_000, "226", true},
		"none, and short":            {ftptest.DataFault{Action: ftptest.DataCloses, After: 99, End: ftptest.EndNoCloseNotify}, 99, "426", true},
		"short, with a close_notify": {ftptest.DataFault{Action: ftptest.DataCloses, After: 99}, 99, "426", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := startTLS(t, ftptest.TLS{}, onData(test.fault))
			c := loginTLS(t, srv, srv.ClientTLS())
			raw := &watched{Conn: c.epsv()}
			c.cmd("RETR f", "150")
			data, err := io.ReadAll(c.protect(raw, srv.ClientTLS()))
			require.NoError(t, err, "crypto/tls says io.EOF to both")
			require.Equal(t, test.torn, raw.ended)
			require.Len(t, data, test.size)
			c.expect(test.code)
			require.Equal(t, "226", c.fetch(srv.ClientTLS())[:3])
		})
	}
}

func TestUploadWithoutCloseNotify(t *testing.T) {
	for name, lenient := range map[string]bool{"426": false, "226": true} {
		t.Run(name, func(t *testing.T) {
			srv := startTLS(t, ftptest.TLS{LenientEnd: lenient})
			c := loginTLS(t, srv, srv.ClientTLS())
			raw := c.epsv()
			c.cmd("STOR up", "150")
			_, err := io.WriteString(c.protect(raw, srv.ClientTLS()), "data")
			require.NoError(t, err)
			require.NoError(t, raw.Close())
			c.expect(name)
			require.False(t, srv.DataConns()[0].CloseNotify)
			got, err := srv.Tree.ReadFile("/up")
			require.NoError(t, err)
			require.Equal(t, "data", string(got))
		})
	}
}

// The client closes at once behind its close_notify, which it may.
func TestUploadClosedAtOnce(t *testing.T) {
	srv := startTLS(t, ftptest.TLS{})
	c := loginTLS(t, srv, srv.ClientTLS())
	for range 20 {
		conn := c.open("STOR up", srv.ClientTLS())
		_, err := io.WriteString(conn, "data")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		c.expect("226")
	}
}

func TestResetBehindTheFinalReply(t *testing.T) {
	for _, protected := range []bool{false, true} {
		srv := startTLS(t, ftptest.TLS{}, onData(ftptest.DataFault{End: ftptest.EndResets}))
		c := loginTLS(t, srv, srv.ClientTLS())
		if !protected {
			c.cmd("PROT C", "200")
		}
		conn := c.epsv()
		raw := conn.(*net.TCPConn)
		c.cmd("STOR up", "150")
		closeWrite := raw.CloseWrite
		if protected {
			secured := c.protect(conn, srv.ClientTLS())
			conn, closeWrite = secured, secured.CloseWrite
		}
		_, err := io.WriteString(conn, "data")
		require.NoError(t, err)
		require.NoError(t, closeWrite())
		c.expect("226")
		_, err = io.ReadAll(conn)
		require.ErrorContains(t, err, "reset")
		got, err := srv.Tree.ReadFile("/up")
		require.NoError(t, err)
		require.Equal(t, "data", string(got))
		c.cmd("NOOP", "200")
	}
}

// With TLS 1.3 the server's ticket comes while the client writes. One that closes without having read it makes its kernel
// reset the connection, and what the server had not taken yet is lost.
func TestUploadLostWithTheTicket(t *testing.T) {
	const size = 300_000
	upload := func(t *testing.T, fault ftptest.DataFault, drain bool) (*ftptest.Server, *client) {
		srv := startTLS(t, ftptest.TLS{MinVersion: tls.VersionTLS13, RequireReuse: true},
			onData(fault))
		config, _ := remembering(srv, 0)
		c := loginTLS(t, srv, config)
		raw := c.epsv().(*net.TCPConn)
		require.NoError(t, raw.SetWriteBuffer(2*size))
		c.cmd("STOR up", "150")
		conn := c.protect(raw, config)
		_, err := conn.Write(make([]byte, size))
		require.NoError(t, err)
		if drain {
			require.NoError(t, conn.CloseWrite())
			_, err = io.Copy(io.Discard, conn)
			require.NoError(t, err)
		}
		require.NoError(t, conn.Close())
		return srv, c
	}
	t.Run("unread", func(t *testing.T) {
		srv, c := upload(t, ftptest.DataFault{Pace: 200_000, ReadBuffer: 16 << 10}, false)
		c.expect("426")
		require.Less(t, srv.DataConns()[0].Received, int64(size))
		require.False(t, srv.DataConns()[0].CloseNotify)
	})
	t.Run("read", func(t *testing.T) {
		srv, c := upload(t, ftptest.DataFault{Pace: 2_000_000}, true)
		c.expect("226")
		require.EqualValues(t, size, srv.DataConns()[0].Received)
		require.True(t, srv.DataConns()[0].CloseNotify)
	})
}
