//go:build realserver

package realserver

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A megabyte fits into the sockets between two programs on one machine, and takes a slow
// daemon some seconds. pyftpdlib lets two seconds' worth through before it waits.
const (
	slowSize = 1 << 20
	slowRate = slowSize / 3
)

// openSlow starts a daemon with limits, and logs in with or without TLS.
func openSlow(t *testing.T, cfg Config) (*Server, *session) {
	server := Start(t, cfg)
	if cfg.TLS != nil {
		return server, dialTLS(t, server, false, clientConfig(server, 0, &tickets{}))
	}
	control := dial(t, server)
	require.Regexp(t, "^200", control.command("TYPE I"))
	return server, control
}

func forEachSlow(t *testing.T, limit Config, test func(t *testing.T, server *Server, control *session)) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			cfg := limit
			cfg.Name = name
			server, control := openSlow(t, cfg)
			test(t, server, control)
		})
	}
}

func TestUploadRateLetsTheClientRunAhead(t *testing.T) {
	for _, settings := range []*TLS{nil, {}} {
		t.Run(fmt.Sprintf("TLS=%v", settings != nil), func(t *testing.T) {
			forEachSlow(t, Config{UploadRate: slowRate, TLS: settings}, requireSlowUpload)
		})
	}
}

func requireSlowUpload(t *testing.T, server *Server, control *session) {
	content := bytes.Repeat([]byte("slow and steady\n"), slowSize/16)
	start := time.Now()
	upload := control.transfer("EPSV", "STOR file")
	_, err := upload.Write(content)
	require.NoError(t, err)
	require.Less(t, len(server.Get("file")), slowSize, "the daemon was as fast as the client")
	finish(t, upload)
	require.Regexp(t, "^226", control.reply())
	require.Greater(t, time.Since(start), time.Second)
	require.True(t, bytes.Equal(content, server.Get("file")))
}

func TestDownloadRate(t *testing.T) {
	forEachSlow(t, Config{DownloadRate: slowRate, TLS: &TLS{}}, func(t *testing.T, server *Server, control *session) {
		server.Put("file", make([]byte, slowSize))
		start := time.Now()
		require.Len(t, control.retrieve("EPSV", "RETR file"), slowSize)
		require.Greater(t, time.Since(start), time.Second)
	})
}
