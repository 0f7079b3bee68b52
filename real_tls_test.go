//go:build realserver

package ftp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
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
	return fmt.Sprintf("%s/%s", kind, tls.VersionName(c.version))
}

// config is the strictest that the daemon has.
func (c tlsCase) config() realserver.Config {
	var cfg realserver.Config
	for _, strictness := range []realserver.TLS{{RequireReuse: true, Strict: true}, {RequireReuse: true}, {}} {
		strictness.Implicit, strictness.MinVersion, strictness.MaxVersion = c.implicit, c.version, c.version
		cfg = realserver.Config{Name: c.server, TLS: &strictness}
		if cfg.Validate() == nil {
			break
		}
	}
	return cfg
}

// forEachTLS runs test for every daemon and every way in which it speaks TLS,
// the daemons side by side: with a limited rate they mostly wait.
func forEachTLS(t *testing.T, test func(t *testing.T, c tlsCase)) {
	t.Run("on", func(t *testing.T) {
		for _, name := range realserver.Names() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, implicit := range []bool{false, true} {
					for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
						c := tlsCase{name, implicit, version}
						if c.config().Validate() != nil {
							continue // pure-ftpd has no implicit TLS
						}
						t.Run(c.name(), func(t *testing.T) { test(t, c) })
					}
				}
			})
		}
	})
}

// options are those of a user: the mode and the CA, and nothing about sessions.
func (c tlsCase) options(srv *realserver.Server) *ftp.Options {
	mode := ftp.TLSExplicit
	if c.implicit {
		mode = ftp.TLSImplicit
	}
	return &ftp.Options{TLS: mode, TLSConfig: &tls.Config{RootCAs: srv.RootCAs}}
}

// full tells whether everything is to be run, which takes a quarter of an hour.
func full() bool { return os.Getenv("DUALPORT_FULL") == "1" }

// share is the full count where DUALPORT_FULL=1 asks for it, and a tenth
// otherwise.
func share(t *testing.T, n int) int {
	t.Helper()
	if full() {
		return n
	}
	t.Logf("%d in place of %d; DUALPORT_FULL=1 runs them all", n/10, n)
	return n / 10
}

// tally counts over all daemons.
type tally struct {
	mu    sync.Mutex
	start time.Time
	count map[string]int
	order []string
}

// report logs the counts when the test is over.
func (s *tally) report(t *testing.T) {
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, what := range s.order {
			t.Logf("%7d %s", s.count[what], what)
		}
		t.Logf("in %v", time.Since(s.start).Round(time.Second))
	})
}

func newTally(t *testing.T) *tally {
	s := &tally{start: time.Now(), count: make(map[string]int)}
	s.report(t)
	return s
}

func (s *tally) add(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.count[what]; !known {
		s.order = append(s.order, what)
	}
	s.count[what]++
}

// slowRate is a rate at which a daemon falls behind the client in the largest
// file, and the whole series still ends. pyftpdlib waits only after two seconds'
// worth.
func slowRate(server string) int {
	if server == "pyftpdlib" {
		return 3 << 20
	}
	return 24 << 20
}

// tlsSizes are those at which something begins or ends: a file, a record, a
// buffer.
func tlsSizes() []int { return []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20, 8 << 20} }

// series is one login over which everything goes in a row.
type series struct {
	tlsCase
	srv    *realserver.Server
	client *ftp.Client
	pool   []byte // contents are parts of it
	tally  *tally

	now    []byte // the content under way, and the file's name
	name   string
	behind bool // the client had written it all before the daemon had it
	last   ftp.Result
}

func TestRealTLSSeries(t *testing.T) {
	counts := newTally(t)
	uploads, downloads, listings := share(t, 200), share(t, 200), share(t, 50)
	forEachTLS(t, func(t *testing.T, c tlsCase) {
		cfg := c.config()
		cfg.UploadRate = slowRate(c.server)
		srv := realserver.Start(t, cfg)
		for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
			t.Run(mode.String(), func(t *testing.T) {
				s := &series{tlsCase: c, srv: srv, pool: randomBytes(t, 9<<20), tally: counts}
				opts := c.options(srv)
				opts.Mode, opts.Progress = mode, s.progress
				opts.Trace = &ftp.Trace{Transfer: func(e ftp.TransferEvent) { s.last = e.Result }} // of listings, too
				s.client = login(t, srv, opts)
				for i := range uploads {
					s.upload(t, i)
				}
				for i := range downloads {
					s.download(t, i)
				}
				for range listings {
					s.list(t)
				}
				require.NoError(t, s.client.NoOp(t.Context()))
			})
		}
	})
}

// content is what the ith upload carries: never what the file held before.
func (s *series) content(i int) []byte {
	size := tlsSizes()[i%len(tlsSizes())]
	return s.pool[i*4001 : i*4001+size]
}

func (s *series) progress(p ftp.Progress) {
	if p.Upload && !p.Done && p.Bytes == int64(len(s.now)) {
		info, err := os.Stat(filepath.Join(s.srv.Root, s.name))
		s.behind = err != nil || info.Size() < p.Bytes
	}
}

func (s *series) upload(t *testing.T, i int) {
	t.Helper()
	s.now, s.name, s.behind = s.content(i), fmt.Sprint("f", i%len(tlsSizes())), false
	result, err := s.client.Store(t.Context(), s.name, struct{ io.Reader }{bytes.NewReader(s.now)})
	require.NoError(t, err, "upload %d of %d bytes", i, len(s.now))
	onDisk, err := os.ReadFile(filepath.Join(s.srv.Root, s.name))
	require.NoError(t, err)
	require.Len(t, onDisk, len(s.now), "upload %d", i)
	require.Equal(t, sha256.Sum256(s.now), sha256.Sum256(onDisk), "upload %d", i)
	s.check(t, result, len(s.now))
	s.tally.add("uploads, whole on the server's disk")
	if s.behind {
		s.tally.add("uploads written out while the server was behind, " + s.server)
	}
}

func (s *series) download(t *testing.T, i int) {
	t.Helper()
	last := i % len(tlsSizes())
	name := fmt.Sprint("f", last)
	onDisk, err := os.ReadFile(filepath.Join(s.srv.Root, name))
	require.NoError(t, err)
	require.Len(t, onDisk, tlsSizes()[last])
	hash := sha256.New()
	result, err := s.client.Retrieve(t.Context(), name, hash)
	require.NoError(t, err, "download %d", i)
	want := sha256.Sum256(onDisk)
	require.Equal(t, want[:], hash.Sum(nil), "download %d", i)
	s.check(t, result, len(onDisk))
	s.tally.add("downloads, whole")
}

func (s *series) list(t *testing.T) {
	t.Helper()
	require.Equal(t, []string{"f0", "f1", "f2", "f3", "f4", "f5", "f6"}, names(t, s.client, ""))
	s.check(t, s.last, int(s.last.Bytes))
	s.tally.add("listings")
}

// check looks at the record of a transfer.
func (s *series) check(t *testing.T, result ftp.Result, size int) {
	t.Helper()
	require.EqualValues(t, size, result.Bytes)
	require.False(t, result.Negotiation.Relogin)
	require.Len(t, result.Negotiation.Rungs, 1)
	require.Equal(t, tls.VersionName(s.version), result.Negotiation.TLS.Version)
	if s.config().TLS.RequireReuse {
		require.True(t, result.Negotiation.TLS.Resumed)
	}
	if result.Negotiation.TLS.Resumed {
		s.tally.add("transfers that resumed the session, " + s.server)
	} else {
		s.tally.add("transfers that did not, " + s.server)
	}
}

// The daemon takes far longer to read than the client to write, and longer than
// the client waits for its end: what the kernel still holds must arrive all the same.
func TestRealTLSUploadFarAheadOfTheServer(t *testing.T) {
	if !full() {
		t.Skip("takes a minute; DUALPORT_FULL=1 runs it")
	}
	content := randomBytes(t, 8<<20)
	forEachTLS(t, func(t *testing.T, c tlsCase) {
		if c.implicit {
			t.Skip("the data connections are the same as of explicit TLS")
		}
		cfg := c.config()
		cfg.UploadRate = 600 << 10
		srv := realserver.Start(t, cfg)
		s := &series{tlsCase: c, srv: srv, now: content, name: "f"}
		opts := c.options(srv)
		opts.Progress = s.progress
		start := time.Now()
		result, err := login(t, srv, opts).Store(t.Context(), "f", bytes.NewReader(content))
		require.NoError(t, err)
		t.Log("took", time.Since(start), result.Reply)
		require.True(t, s.behind)
		onDisk, err := os.ReadFile(filepath.Join(srv.Root, "f"))
		require.NoError(t, err)
		require.Equal(t, sha256.Sum256(content), sha256.Sum256(onDisk))
	})
}

func TestRealTLSBreakingOffDownloads(t *testing.T) {
	const size = 24 << 20
	counts := newTally(t)
	tries := share(t, 40)
	large, small := randomBytes(t, size), randomBytes(t, 10_000)
	forEachTLS(t, func(t *testing.T, c tlsCase) {
		if c.implicit {
			return // the data connections are the same as of explicit TLS
		}
		srv := realserver.Start(t, c.config())
		srv.Put("large", large)
		srv.Put("small", small)
		for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
			t.Run(mode.String(), func(t *testing.T) {
				opts := c.options(srv)
				opts.Mode = mode
				client := login(t, srv, opts)
				random := rand.New(rand.NewPCG(2026, uint64(c.version)))
				for i := range tries {
					at := random.Int64N(size)
					what := fmt.Sprintf("%s %s %s: try %d, after %d bytes", c.server, c.name(), mode, i, at)
					start := time.Now()
					bounded(t, 30*time.Second, func() { breakOffReal(t, client, large, at, i%2 == 0, what) })
					require.Less(t, time.Since(start), 10*time.Second, what)
					require.Equal(t, []string{"large", "small"}, names(t, client, ""), what)
					var got bytes.Buffer
					result, err := client.Retrieve(t.Context(), "small", &got)
					require.NoError(t, err, what)
					require.True(t, bytes.Equal(small, got.Bytes()), what)
					require.False(t, result.Negotiation.Relogin, what)
					counts.add("downloads broken off, and the next commands right")
				}
			})
		}
	})
}

// breakOffReal aborts a download, or cancels it, once the given number of bytes
// has come.
func breakOffReal(t *testing.T, client *ftp.Client, large []byte, at int64, abort bool, what string) {
	t.Helper()
	if abort {
		r, err := client.Open(t.Context(), "large")
		require.NoError(t, err, what)
		got, err := io.ReadAll(io.LimitReader(r, at))
		require.NoError(t, err, what)
		require.True(t, bytes.Equal(large[:at], got), what)
		require.NoError(t, r.Abort(), what)
		return
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	_, err := client.Retrieve(ctx, "large", writerFunc(func(p []byte) (int, error) {
		if at -= int64(len(p)); at <= 0 {
			cancel(errCancelled)
		}
		return len(p), nil
	}))
	require.ErrorIs(t, err, errCancelled, what)
}

func TestRealTLSCertificates(t *testing.T) {
	for _, bad := range []struct {
		name        string
		certificate realserver.Certificate
		trusted     bool // the client has the CA, and yet must refuse
		advice      string
	}{
		{"self-signed", realserver.SelfSigned(t), false, "TLSConfig.RootCAs"},
		{"untrusted CA", realserver.Issued(t), false, "TLSConfig.RootCAs"},
		{"expired", realserver.Expired(t), true, "new certificate"},
		{"wrong name", realserver.WrongName(t), true, "TLSConfig.ServerName"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			forEachTLS(t, func(t *testing.T, c tlsCase) {
				cfg := c.config()
				cfg.TLS.Certificate = bad.certificate
				srv := realserver.Start(t, cfg)
				opts := c.options(srv)
				opts.User, opts.Password = srv.User, srv.Password
				if !bad.trusted {
					opts.TLSConfig.RootCAs = realserver.Issued(t).RootCAs // of somebody else
				}
				_, err := ftp.Dial(t.Context(), srv.Addr, opts)
				require.ErrorIs(t, err, ftp.ErrTLS)
				require.ErrorContains(t, err, bad.advice)

				opts.TLSConfig = &tls.Config{InsecureSkipVerify: true}
				requireSmallTransfer(t, srv, opts)
				if !bad.trusted {
					opts.TLSConfig = &tls.Config{RootCAs: bad.certificate.RootCAs}
					requireSmallTransfer(t, srv, opts)
				}
				pinned, err := ftp.PinnedTLS(pinOf(t, bad.certificate.TLS))
				require.NoError(t, err)
				opts.TLSConfig = pinned
				requireSmallTransfer(t, srv, opts)
			})
		})
	}
}

func requireSmallTransfer(t *testing.T, srv *realserver.Server, opts *ftp.Options) {
	t.Helper()
	client := login(t, srv, opts)
	content := randomBytes(t, 1000)
	_, err := client.Store(t.Context(), "f", bytes.NewReader(content))
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, srv.Get("f")))
	var got bytes.Buffer
	_, err = client.Retrieve(t.Context(), "f", &got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got.Bytes()))
}

// Explicit TLS with a daemon that has implicit TLS, and the reverse.
func TestRealTLSServerOfTheOtherKind(t *testing.T) {
	forEachTLS(t, func(t *testing.T, c tlsCase) {
		srv := realserver.Start(t, c.config())
		opts := c.options(srv)
		advice := "TLSExplicit"
		if opts.TLS = ftp.TLSImplicit; c.implicit {
			opts.TLS, advice = ftp.TLSExplicit, "TLSImplicit"
		}
		opts.Timeouts.Dial = 2 * time.Second
		_, err := ftp.Dial(t.Context(), srv.Addr, opts)
		require.ErrorContains(t, err, advice)
	})
}

func TestRealTLSClearControlAndProtection(t *testing.T) {
	for _, clear := range []bool{false, true} {
		t.Run(fmt.Sprintf("CCC=%t", clear), func(t *testing.T) {
			forEachTLS(t, func(t *testing.T, c tlsCase) {
				cfg := c.config()
				cfg.TLS.AllowPlain = true
				srv := realserver.Start(t, cfg)
				opts := c.options(srv)
				opts.User, opts.Password = srv.User, srv.Password
				opts.ClearControlUnsafe = clear
				if !clear {
					opts.DataProtection = ftp.DataClear
				}
				client, err := ftp.Dial(t.Context(), srv.Addr, opts)
				if clear && (c.server == "vsftpd" || c.server == "pyftpdlib") { // they have no CCC
					require.Equal(t, 500, ftp.ReplyCode(err))
					require.ErrorContains(t, err, "CCC")
					return
				}
				require.NoError(t, err)
				require.NoError(t, client.Close())
				requireSmallTransfer(t, srv, opts)
			})
		})
	}
}
