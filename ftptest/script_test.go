package ftptest_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

func dialScript(t *testing.T, srv *ftptest.ScriptServer) *client {
	t.Helper()
	return dial(t, &ftptest.Server{Addr: srv.Addr})
}

func TestDialogueFiles(t *testing.T) {
	t.Run("epsv-refused", func(t *testing.T) {
		srv := ftptest.ScriptFile(t, "testdata/epsv-refused.txtar")
		c := dialScript(t, srv)
		c.expect("220")
		c.cmd("USER anonymous", "331")
		c.cmd("PASS me@", "230")
		c.cmd("TYPE I", "200")
		c.cmd("EPSV", "500")
		conn := c.connect(c.pasv())
		c.cmd("LIST", "150")
		want, ok := srv.Section("listing")
		require.True(t, ok)
		require.Equal(t, want, readAll(t, conn))
		c.expect("226")
		c.cmd("QUIT", "221")
		require.Equal(t, "USER anonymous,PASS me@,TYPE I,EPSV,PASV,LIST,QUIT", strings.Join(srv.Commands(), ","))
	})
	t.Run("second-150", func(t *testing.T) {
		c := dialScript(t, ftptest.ScriptFile(t, "testdata/second-150.txtar"))
		c.expect("220")
		c.cmd("USER anonymous", "230")
		c.cmd("TYPE I", "200")
		conn := c.epsv()
		c.cmd("RETR a.bin", "150")
		c.expect("150")
		require.Equal(t, "five!", readAll(t, conn))
		c.expect("250")
	})
	t.Run("epsv-silent", func(t *testing.T) {
		srv := ftptest.ScriptFile(t, "testdata/epsv-silent.txtar")
		c := dialScript(t, srv)
		c.expect("220")
		c.cmd("USER anonymous", "230")
		c.cmd("TYPE I", "200")
		c.send("EPSV")
		require.NoError(t, c.conn.Close())
		c = dialScript(t, srv)
		c.expect("220")
		c.cmd("USER anonymous", "230")
		c.cmd("TYPE I", "200")
		conn := c.connect(c.pasv())
		c.cmd("STOR up.txt", "150")
		_, err := io.WriteString(conn, "first line\nsecond line\n")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		c.expect("226")
	})
}

func TestDialogueFilesOfTransfers(t *testing.T) {
	t.Run("abort-426-226", func(t *testing.T) {
		c := dialScript(t, ftptest.ScriptFile(t, "testdata/abort-426-226.txtar"))
		c.expect("220")
		c.cmd("USER anonymous", "230")
		c.cmd("TYPE I", "200")
		conn := c.epsv()
		c.cmd("RETR large.bin", "150")
		_, err := io.ReadFull(conn, make([]byte, 18))
		require.NoError(t, err)
		sendUrgent(t, c.conn, "\xff\xf4\xff\xf2", "ABOR\r\n")
		c.expect("426")
		c.expect("226")
		c.cmd("NOOP", "200")
	})
	t.Run("active-upload", func(t *testing.T) {
		c := dialScript(t, ftptest.ScriptFile(t, "testdata/active-upload.txtar"))
		c.expect("220")
		c.cmd("USER anonymous", "331")
		c.cmd("PASS me@", "230")
		c.cmd("TYPE I", "200")
		ln, port, _ := listenFor(t, "127.0.0.1")
		c.cmd(port, "200")
		c.cmd("STOR a.txt", "150")
		conn := accept(t, ln)
		_, err := io.WriteString(conn, "hello, server\n")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		c.expect("226")
	})
}

// recorder is a test that is expected to fail.
type recorder struct {
	cleanups []func()
	failed   string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Logf(string, ...any)       {}
func (r *recorder) Fatalf(f string, a ...any) { r.failed += fmt.Sprintf(f, a...); panic(r) }

// run is what the testing package does with a test.
func (r *recorder) run(test func()) {
	guarded := func(f func()) {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		f()
	}
	guarded(test)
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		guarded(r.cleanups[i])
	}
}

func TestScriptFailsTheTest(t *testing.T) {
	tests := map[string]struct {
		text   string
		client func(addr string)
		want   string
	}{
		"departure": {"-- control --\nS: 220 hi\nC: USER *\nC: PASS *\n", func(addr string) {
			conn, err := net.DialTimeout("tcp", addr, patience)
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			_, err = io.WriteString(conn, "USER a\r\nEPSV\r\n")
			require.NoError(t, err)
			_, _ = io.ReadAll(conn) // the server closes, or resets
		}, "    C: USER *\n  - C: PASS *\n  + C: EPSV"},
		"nobody":     {"-- control --\nS: 220 hi\n", func(string) {}, "never played"},
		"unreadable": {"-- control --\nfoo\n", func(string) {}, `line 2: "foo"`},
		"missing second": {"-- control --\nclose\n-- control 2 --\nclose\n", func(addr string) {
			conn, err := net.DialTimeout("tcp", addr, patience)
			require.NoError(t, err)
			defer conn.Close()
			_, _ = io.ReadAll(conn)
		}, "1 of 2 control sections"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := new(recorder)
			r.run(func() { test.client(ftptest.Script(r, test.text).Addr) })
			require.Contains(t, r.failed, test.want)
		})
	}
	t.Run("no file", func(t *testing.T) {
		r := new(recorder)
		r.run(func() { ftptest.ScriptFile(r, "testdata/nosuch") })
		require.Contains(t, r.failed, "read the dialogue")
	})
}
