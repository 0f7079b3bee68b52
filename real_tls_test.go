//go:build realserver

package ftp_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/internal/realserver"
)

// tlsCase is one way to speak TLS to one daemon.
type tlsCase struct {
	server   string
	implicit bool
	version  uint16
}

func (c tlsCase) name() string {
	kind := "explicit"
	if c.implicit {
		kind = "implicit"
	}
	return fmt.Sprintf("%s/%s/%s", c.server, kind, tls.VersionName(c.version))
}

// config is the strictest that the daemon has.
func (c tlsCase) config() realserver.Config {
	cfg := realserver.Config{Name: c.server, TLS: &realserver.TLS{Implicit: c.implicit, MinVersion: c.version, MaxVersion: c.version}}
	strict := cfg
	strict.TLS = &realserver.TLS{Implicit: c.implicit, MinVersion: c.version, MaxVersion: c.version, RequireReuse: true, Strict: true}
	if strict.Validate() == nil {
		return strict
	}
	strict.TLS.Strict = false
	if strict.Validate() == nil {
		return strict
	}
	return cfg
}

func forEachTLS(t *testing.T, test func(t *testing.T, c tlsCase)) {
	for _, name := range realserver.Names() {
		for _, implicit := range []bool{false, true} {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				c := tlsCase{name, implicit, version}
				if c.config().Validate() != nil {
					continue // pure-ftpd has no implicit TLS
				}
				t.Run(c.name(), func(t *testing.T) { test(t, c) })
			}
		}
	}
}

// options are those of a user: the CA, and nothing about sessions.
func (c tlsCase) options(srv *realserver.Server) *ftp.Options {
	mode := ftp.TLSExplicit
	if c.implicit {
		mode = ftp.TLSImplicit
	}
	return &ftp.Options{TLS: mode, TLSConfig: &tls.Config{RootCAs: srv.RootCAs}}
}

func TestRealTLSSmoke(t *testing.T) {
	forEachTLS(t, func(t *testing.T, c tlsCase) {
		srv := realserver.Start(t, c.config())
		for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
			opts := c.options(srv)
			opts.Mode = mode
			client := login(t, srv, opts)
			for i, size := range []int{0, 1, 65535, 65536, 65537, 1 << 20, 8 << 20} {
				name := fmt.Sprint("f", i)
				content := randomBytes(t, size)
				stored, err := client.Store(t.Context(), name, bytes.NewReader(content))
				require.NoError(t, err)
				onDisk, err := os.ReadFile(filepath.Join(srv.Root, name))
				require.NoError(t, err)
				require.Equal(t, sha256.Sum256(content), sha256.Sum256(onDisk))
				h := sha256.New()
				got, err := client.Retrieve(t.Context(), name, h)
				require.NoError(t, err)
				want := sha256.Sum256(content)
				require.Equal(t, want[:], h.Sum(nil))
				t.Log(mode, size, stored.Negotiation.TLS.Resumed, got.Negotiation.TLS.Resumed, got.Negotiation.TLS.Version, got.Negotiation.Relogin, stored.Negotiation.Relogin)
			}
			require.Len(t, names(t, client, ""), 7)
		}
	})
}

var _ = errors.New
var _ = io.EOF
var _ = rand.IntN
var _ = time.Now
