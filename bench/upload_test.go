// Package bench holds comparisons with other clients. It is a module of its own,
// so that importing dualport brings none of them.
package bench

import (
	"bytes"
	"crypto/tls"
	"testing"

	peer "github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// BenchmarkSlowServerUpload uploads over TLS 1.3, with session resumption, to a
// server that reads slowly, and reports how much of what was sent has arrived. A
// client that closes the data connection with the server's session tickets
// unread makes its kernel reset the connection, and the rest is lost. No time is
// of interest here.
func BenchmarkSlowServerUpload(b *testing.B) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
	for _, client := range []struct {
		name   string
		upload func(b *testing.B, srv *ftptest.Server, name string, content []byte) error
	}{
		{"dualport", withDualport},
		{"jlaffaye", withJlaffaye},
	} {
		b.Run(client.name, func(b *testing.B) {
			srv := slowServer(b)
			sent, arrived, silent := 0, 0, 0
			for b.Loop() {
				err := client.upload(b, srv, "/f", content)
				stored, readErr := srv.Tree.ReadFile("/f")
				require.NoError(b, readErr)
				sent, arrived = sent+len(content), arrived+len(stored)
				if err == nil && len(stored) < len(content) {
					silent++
				}
			}
			b.ReportMetric(float64(arrived)/float64(sent), "arrived/sent")
			b.ReportMetric(float64(silent), "silent-losses")
			b.ReportMetric(0, "ns/op") // the machine's time says nothing here
		})
	}
}

// slowServer reads 16 MiB a second, so that the client has handed everything to
// its kernel long before the server has it. It takes whatever came for the file,
// as pyftpdlib does.
func slowServer(b *testing.B) *ftptest.Server {
	b.Helper()
	srv := ftptest.NewUnstartedServer(b)
	srv.Config.TLS = &ftptest.TLS{MinVersion: tls.VersionTLS13, LenientEnd: true}
	srv.Config.Faults = []ftptest.Fault{
		{On: "data", Data: ftptest.DataFault{Pace: 16 << 20}},
		{On: "226", Reply: "226 Transfer complete."},
	}
	srv.Start()
	return srv
}

func withDualport(b *testing.B, srv *ftptest.Server, name string, content []byte) error {
	b.Helper()
	c, err := ftp.Dial(b.Context(), srv.Addr, &ftp.Options{TLS: ftp.TLSExplicit, TLSConfig: &tls.Config{RootCAs: srv.RootCAs()}})
	require.NoError(b, err)
	defer func() { require.NoError(b, c.Close()) }()
	_, err = c.Store(b.Context(), name, bytes.NewReader(content))
	return err
}

// withJlaffaye sets what its users are told to set for servers that demand
// session reuse: a cache and the server's name.
func withJlaffaye(b *testing.B, srv *ftptest.Server, name string, content []byte) error {
	b.Helper()
	c, err := peer.Dial(srv.Addr, peer.DialWithExplicitTLS(&tls.Config{
		RootCAs: srv.RootCAs(), ServerName: "127.0.0.1", ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}))
	require.NoError(b, err)
	defer func() { _ = c.Quit() }()
	require.NoError(b, c.Login("anonymous", "anonymous@"))
	return c.Stor(name, bytes.NewReader(content))
}
