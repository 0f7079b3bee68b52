//go:build realserver

package ftp_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/internal/realserver"
)

// Each daemon is one process for all tests of a family: starting one takes
// longer than most of the tests.

// forEachServer runs test against every daemon, over IPv4 and IPv6.
func forEachServer(t *testing.T, test func(t *testing.T, srv *realserver.Server)) {
	for _, name := range realserver.Names() {
		for _, v6 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%s", name, familyName(v6)), func(t *testing.T) {
				test(t, realserver.Start(t, realserver.Config{Name: name, IPv6: v6}))
			})
		}
	}
}

func familyName(v6 bool) string {
	if v6 {
		return "IPv6"
	}
	return "IPv4"
}

// login dials with the given options, which may be nil.
func login(t *testing.T, srv *realserver.Server, opts *ftp.Options) *ftp.Client {
	t.Helper()
	if opts == nil {
		opts = new(ftp.Options)
	}
	opts.User, opts.Password = srv.User, srv.Password
	c, err := ftp.Dial(t.Context(), srv.Addr, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// oneMethod are options that permit one method only.
func oneMethod(m ftp.Method) *ftp.Options {
	if m.Passive() {
		return &ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{m}}}
	}
	return &ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Methods: []ftp.Method{m}}}
}

// speaks tells whether a daemon is known to speak a method over a family. What
// it does not must fail as a data connection that cannot be had.
func speaks(srv *realserver.Server, m ftp.Method) bool {
	if !srv.IPv6 {
		return true
	}
	return m == ftp.EPSV || m == ftp.EPRT || m == ftp.PASV && srv.Name == "vsftpd"
}

func randomBytes(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, err := rand.Read(b)
	require.NoError(t, err)
	return b
}

func TestRealTransfersByEveryMethod(t *testing.T) {
	big := randomBytes(t, 5<<20)
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		for _, m := range []ftp.Method{ftp.EPSV, ftp.PASV, ftp.EPRT, ftp.PORT} {
			t.Run(string(m), func(t *testing.T) {
				c := login(t, srv, oneMethod(m))
				if !speaks(srv, m) {
					requireRefused(t, c)
					return
				}
				for name, content := range map[string][]byte{"big.bin": big, "empty.bin": nil} {
					requireRoundTrip(t, srv, c, m, name, content)
				}
			})
		}
	})
}

func requireRoundTrip(t *testing.T, srv *realserver.Server, c *ftp.Client, m ftp.Method, name string, content []byte) {
	t.Helper()
	stored, err := c.Store(t.Context(), name, bytes.NewReader(content))
	require.NoError(t, err)
	require.EqualValues(t, len(content), stored.Bytes)
	require.Equal(t, m, stored.Negotiation.Method())
	onDisk, err := os.ReadFile(filepath.Join(srv.Root, name))
	require.NoError(t, err)
	require.Equal(t, sha256.Sum256(content), sha256.Sum256(onDisk))

	hash := sha256.New()
	got, err := c.Retrieve(t.Context(), name, hash)
	require.NoError(t, err)
	require.Equal(t, m, got.Negotiation.Method())
	want := sha256.Sum256(content)
	require.Equal(t, want[:], hash.Sum(nil))
}

func requireRefused(t *testing.T, c *ftp.Client) {
	t.Helper()
	start := time.Now()
	var err error
	for _, err = range c.NameList(t.Context(), "") {
		require.Error(t, err)
	}
	require.ErrorIs(t, err, ftp.ErrDataConnection)
	require.Less(t, time.Since(start), 10*time.Second)
	t.Log(err)
	require.NoError(t, c.NoOp(t.Context()), "the session must go on")
}

func TestRealDirectoryWork(t *testing.T) {
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		ctx := t.Context()
		c := login(t, srv, nil)
		require.NoError(t, c.MakeDirAll(ctx, "a/b c/d"))
		require.NoError(t, c.MakeDirAll(ctx, "a/b c/d"), "a second time")
		_, err := c.Store(ctx, "a/b c/one.txt", bytes.NewReader([]byte("one")))
		require.NoError(t, err)
		require.Equal(t, []string{"d", "one.txt"}, names(t, c, "a/b c"))

		e, err := c.Stat(ctx, "a/b c/one.txt")
		require.NoError(t, err)
		require.Equal(t, "one.txt", e.Name())
		require.EqualValues(t, 3, e.Size())
		require.Equal(t, ftp.EntryFile, e.EntryType())
		dir, err := c.Stat(ctx, "a/b c")
		require.NoError(t, err)
		require.True(t, dir.IsDir())

		size, err := c.Size(ctx, "a/b c/one.txt")
		require.NoError(t, err)
		require.EqualValues(t, 3, size)
		onDisk, err := os.Stat(filepath.Join(srv.Root, "a/b c/one.txt"))
		require.NoError(t, err)
		modTime, err := c.ModTime(ctx, "a/b c/one.txt")
		require.NoError(t, err)
		require.Equal(t, onDisk.ModTime().UTC().Truncate(time.Second), modTime)

		require.NoError(t, c.Rename(ctx, "a/b c/one.txt", "a/two.txt"))
		require.FileExists(t, filepath.Join(srv.Root, "a/two.txt"))
		require.NoError(t, c.ChangeDir(ctx, "a"))
		wd, err := c.CurrentDir(ctx)
		require.NoError(t, err)
		require.Equal(t, "/a", wd)
		require.NoError(t, c.Delete(ctx, "two.txt"))
		require.NoFileExists(t, filepath.Join(srv.Root, "a/two.txt"))
		_, err = c.Stat(ctx, "two.txt")
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = c.Retrieve(ctx, "two.txt", io.Discard)
		require.Error(t, err)
		require.NotErrorIs(t, err, ftp.ErrDataConnection)
		require.NoError(t, c.ChangeDir(ctx, ".."))
	})
}

func TestRealRemoveAllDoesNotFollowLinks(t *testing.T) {
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		ctx := t.Context()
		c := login(t, srv, nil)
		require.NoError(t, c.MakeDirAll(ctx, "keep"))
		require.NoError(t, c.MakeDirAll(ctx, "gone/deep/er"))
		for _, name := range []string{"keep/file", "gone/file", "gone/deep/file"} {
			_, err := c.Store(ctx, name, bytes.NewReader([]byte("x")))
			require.NoError(t, err)
		}
		_, err := c.Store(ctx, "gone/deep/er/.hidden", bytes.NewReader([]byte("x")))
		require.NoError(t, err)
		require.NoError(t, os.Symlink("../../keep", filepath.Join(srv.Root, "gone/deep/link")))
		var walked []string
		require.NoError(t, c.Walk(ctx, "gone", func(path string, d fs.DirEntry, err error) error {
			if d.Name() != ".hidden" { // LIST does not show it
				walked = append(walked, path)
			}
			return err
		}))
		slices.Sort(walked)
		require.Equal(t, []string{"gone", "gone/deep", "gone/deep/er", "gone/deep/file", "gone/deep/link", "gone/file"}, walked)
		require.NoError(t, c.RemoveAll(ctx, "gone"))
		require.NoDirExists(t, filepath.Join(srv.Root, "gone"))
		require.FileExists(t, filepath.Join(srv.Root, "keep/file"))
		require.NoError(t, c.RemoveAll(ctx, "gone"), "what is not there")
	})
}

func names(t *testing.T, c *ftp.Client, dir string) []string {
	t.Helper()
	var names []string
	for e, err := range c.List(t.Context(), dir) {
		require.NoError(t, err)
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

func TestRealResumeFromOffset(t *testing.T) {
	content := randomBytes(t, 1<<20)
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		ctx := t.Context()
		c := login(t, srv, nil)
		_, err := c.Store(ctx, "f", bytes.NewReader(content[:400_000]))
		require.NoError(t, err)
		_, err = c.StoreFrom(ctx, "f", 400_000, bytes.NewReader(content[400_000:]))
		require.NoError(t, err)
		onDisk, err := os.ReadFile(filepath.Join(srv.Root, "f"))
		require.NoError(t, err)
		require.Equal(t, sha256.Sum256(content), sha256.Sum256(onDisk))

		var rest bytes.Buffer
		_, err = c.RetrieveFrom(ctx, "f", 700_001, &rest)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content[700_001:], rest.Bytes()))

		_, err = c.Append(ctx, "f", bytes.NewReader([]byte("tail")))
		require.NoError(t, err)
		size, err := c.Size(ctx, "f")
		require.NoError(t, err)
		require.EqualValues(t, len(content)+4, size)
	})
}

func TestRealFiftyTransfersThroughThreePorts(t *testing.T) {
	ports := freeRange(t, 3)
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		c := login(t, srv, &ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Ports: ports}})
		content := randomBytes(t, 10_000)
		_, err := c.Store(t.Context(), "f", bytes.NewReader(content))
		require.NoError(t, err)
		for i := range 50 {
			var got bytes.Buffer
			r, err := c.Retrieve(t.Context(), "f", &got)
			require.NoError(t, err, "transfer %d", i)
			require.True(t, bytes.Equal(content, got.Bytes()))
			require.True(t, ports.Contains(r.Negotiation.Final().Advertised.Port()))
			require.Len(t, r.Negotiation.Rungs, 1)
		}
	})
}

// freeRange finds n neighbouring ports that nobody listens on.
func freeRange(t *testing.T, n int) ftp.PortRange {
	t.Helper()
search:
	for lo := 42000; lo < 60000; lo += n {
		for p := lo; p < lo+n; p++ {
			for _, host := range []string{"127.0.0.1", "::1"} {
				ln, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(p)))
				if err != nil {
					continue search
				}
				_ = ln.Close()
			}
		}
		return ftp.PortRange{Lo: uint16(lo), Hi: uint16(lo + n - 1)}
	}
	t.Fatal("no free port range")
	return ftp.PortRange{}
}

func TestRealCancelTwentyTimes(t *testing.T) {
	const size = 64 << 20
	small := randomBytes(t, 5000)
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		requireSparse(t, filepath.Join(srv.Root, "large"), size)
		for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
			t.Run(mode.String(), func(t *testing.T) {
				c := login(t, srv, &ftp.Options{Mode: mode})
				_, err := c.Store(t.Context(), "small", bytes.NewReader(small))
				require.NoError(t, err)
				for i := range 20 {
					cancelDownload(t, c, int64(i)*77_777)
					require.Equal(t, []string{"large", "small"}, names(t, c, ""))
					var got bytes.Buffer
					_, err := c.Retrieve(t.Context(), "small", &got)
					require.NoError(t, err, "round %d", i)
					require.True(t, bytes.Equal(small, got.Bytes()))
				}
			})
		}
	})
}

func requireSparse(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(size))
	require.NoError(t, f.Chmod(0o644))
	require.NoError(t, f.Close())
}

// cancelDownload cancels once after bytes have come, and wants the call to
// return with the cancellation, soon.
func cancelDownload(t *testing.T, c *ftp.Client, after int64) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("changed my mind")
	var since time.Time
	_, err := c.Retrieve(ctx, "large", writerFunc(func(p []byte) (int, error) {
		if after -= int64(len(p)); after <= 0 && since.IsZero() {
			since = time.Now()
			cancel(reason)
		}
		return len(p), nil
	}))
	require.ErrorIs(t, err, reason)
	require.Less(t, time.Since(since), 3*time.Second)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A call may be cancelled at any step, also where a command is on its way whose
// reply nobody will wait for: what it does to the session must not reach the
// next call.
func TestRealCancelAnywhere(t *testing.T) {
	small := randomBytes(t, 5000)
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
			t.Run(mode.String(), func(t *testing.T) {
				c := login(t, srv, &ftp.Options{Mode: mode})
				_, err := c.Store(t.Context(), "small", bytes.NewReader(small))
				require.NoError(t, err)
				broken := 0
				defer func() { require.Less(t, broken, 30, "most calls leave the session usable") }()
				for i := range 60 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%15)*250*time.Microsecond)
					switch i % 3 {
					case 0:
						_, _ = c.RetrieveFrom(ctx, "small", 4000, io.Discard) // whether it was cancelled or not
					case 1:
						_, _ = c.Store(ctx, "other", bytes.NewReader(small[:100]))
					case 2:
						for _, err := range c.List(ctx, "") {
							_ = err // whether it was cancelled or not
						}
					}
					cancel()
					var got bytes.Buffer
					_, err := c.Retrieve(t.Context(), "small", &got)
					if errors.Is(err, ftp.ErrBroken) && srv.Name == "pyftpdlib" { // it keeps a transfer that it says it has aborted
						broken++
						c = login(t, srv, &ftp.Options{Mode: mode})
						continue
					}
					require.NoError(t, err, "after call %d", i)
					require.True(t, bytes.Equal(small, got.Bytes()), "after call %d", i)
				}
			})
		}
	})
}
