package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

func TestLs(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) {
		require.NoError(t, c.Tree.WriteFile("/d/b\x1b[31m", []byte("xy")))
		require.NoError(t, c.Tree.MkdirAll("/d/sub"))
		require.NoError(t, c.Tree.Symlink("sub", "/d/to"))
		for _, n := range []string{"/d/b\x1b[31m", "/d/sub"} {
			require.NoError(t, c.Tree.SetModTime(n, time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)))
		}
		require.NoError(t, c.Tree.WriteFile("/raw/\xff", nil))
	})
	s := newShell(t)
	o := s.run("ls", srv.URL+"/d/").wants(0)
	require.Contains(t, o.stdout, "-rw-r--r--            2 2024-05-06 07:08 b\\x1b[31m\n")
	require.Contains(t, o.stdout, "drwxr-xr-x            - 2024-05-06 07:08 sub\n")
	require.NotContains(t, o.stdout, "\x1b")

	o = s.run("ls", "-1", srv.URL+"//d").wants(0)
	require.Equal(t, "b\x1b[31m\nsub\nto\n", o.stdout)
	s.terminals = true
	o = s.run("ls", "--names", "-q", srv.URL+"//d").wants(0)
	require.Equal(t, "b\\x1b[31m\nsub\nto\n", o.stdout)
	s.terminals = false

	v := s.run("ls", "--json", srv.URL+"/d").wants(0).json()
	entries := v["entries"].([]any)
	require.Len(t, entries, 3)
	require.Equal(t, map[string]any{"name": "b\x1b[31m", "type": "file", "size": 2.0, "modify": "2024-05-06T07:08:09Z", "mode": "0644"}, entries[0])
	require.Equal(t, "EPSV", v["negotiation"].(map[string]any)["method"])

	v = s.run("ls", "--json", srv.URL+"/raw").wants(0).json()
	require.Equal(t, "/w==", v["entries"].([]any)[0].(map[string]any)["name_bytes"])
	v = s.run("ls", "--json", srv.URL+"/in").wants(0).json()
	require.Equal(t, []any{}, v["entries"])

	o = s.run("ls", "-1", srv.URL+"/pub/a.txt").wants(0)
	require.Equal(t, "a.txt\n", o.stdout)
}

func TestLsOfEndlessDirectory(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) { require.NoError(t, c.Tree.AddGeneratedDir("/endless", -1, nil)) })
	s := newShell(t)
	o := s.run("ls", srv.URL+"/endless").wants(6)
	require.Contains(t, o.stderr, "lines")
	s.run("ls", "--json", srv.URL+"/endless").wants(6)
}

func TestLsOfOddLines(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) {
		c.Dialect.DOS, c.Dialect.NoMLSD = true, true
	})
	o := newShell(t).run("ls", srv.URL+"/pub").wants(0)
	require.Regexp(t, `(?m)^-\?{9} +13 .* a\.txt$`, o.stdout)
}

func TestRemoveMakeMove(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	s.run("mkdir", srv.URL+"/x").wants(0)
	s.run("mkdir", srv.URL+"/x/").wants(5)
	s.run("mkdir", "-p", srv.URL+"/x/y/z").wants(0)
	s.run("mkdir", "-p", srv.URL+"/x/y/z").wants(0)
	s.run("mv", srv.URL+"/pub/a.txt", "x/y/").wants(0)
	require.Equal(t, hello, remote(t, srv, "/x/y/a.txt"))
	s.run("mv", srv.URL+"//x/y/a.txt", srv.URL+"/x/b%20.txt").wants(0)
	require.Equal(t, hello, remote(t, srv, "/x/b .txt"))
	s.run("mv", srv.URL+"/nothing", "b").wants(5)
	s.run("rm", srv.URL+"/x").wants(5)
	s.run("rm", srv.URL+"/x/b%20.txt").wants(0)
	s.run("rm", srv.URL+"/x/b%20.txt").wants(5)
	s.run("rm", "-r", srv.URL+"/x").wants(0)
	s.run("rm", "-r", srv.URL+"/x").wants(5)
	_, err := srv.Tree.Stat("/x")
	require.Error(t, err)
}

func TestRaw(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) {
		c.Faults = []ftptest.Fault{{On: "STAT", Reply: "211-one\n two\x1b\n211 end"}}
	})
	s := newShell(t)
	o := s.run("raw", srv.URL+"/pub", "PWD").wants(0)
	require.Contains(t, o.stdout, `257 "/pub"`)
	o = s.run("raw", srv.URL, "STAT").wants(0)
	require.Equal(t, "211-one\n211- two\x1b\n211 end\n", o.stdout)
	s.terminals = true
	o = s.run("raw", srv.URL, "STAT").wants(0)
	require.NotContains(t, o.stdout, "\x1b")
	s.terminals = false
	o = s.run("raw", srv.URL, "SITE NOSUCH thing").wants(5)
	require.Contains(t, o.stdout, "504")
	require.Contains(t, srv.Commands(), "SITE NOSUCH thing")
	v := s.run("raw", "--json", srv.URL, "SYST").wants(0).json()
	require.Equal(t, 215.0, v["reply"].(map[string]any)["code"])
	s.run("raw", srv.URL, "RETR pub/a.txt").wants(1)
}

func TestDoctor(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	o := s.run("doctor", srv.URL).wants(0)
	require.Contains(t, o.stdout, "What to do:\n1. Nothing to change")
	v := s.run("doctor", "--json", srv.URL).wants(0).json()
	require.Equal(t, true, v["doctor"].(map[string]any)["works"])

	srv = serve(t, func(c *ftptest.Config) {
		c.Disable = map[string]string{"EPSV": "", "PASV": "", "PORT": "", "EPRT": ""}
	})
	o = s.run("doctor", srv.URL, "--limit", "5").wants(4)
	require.Contains(t, o.stdout, "No data connection is possible")
	s.run("doctor", srv.URL, "--user", "nobody").wants(3)
}

// TestDoctorSpeaksOfFlags: a person at the command line has no library.
func TestDoctorSpeaksOfFlags(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) {
		c.Passive.EPSV.Silent, c.Passive.PASV.Silent = true, true
		c.Faults = []ftptest.Fault{{On: "EPRT", Close: true}}
	})
	s := newShell(t)
	o := s.run("doctor", srv.URL, "--limit", "3", "--port-range", "1024-65535", "--external-ip", "127.0.0.1").wants(0)
	require.Contains(t, o.stdout, "(--reply-timeout)")
	require.Contains(t, o.stdout, "flags:   --mode active --port-range 1024-65535 --external-ip 127.0.0.1\n")
	for line := range strings.Lines(o.stdout) {
		if !strings.HasPrefix(line, "   library: ") {
			require.NotRegexp(t, libraryWords, line)
		}
	}
	v := s.run("doctor", srv.URL, "--json", "--limit", "3").wants(0).json()
	for _, row := range v["doctor"].(map[string]any)["rows"].([]any) {
		require.NotRegexp(t, libraryWords, row.(map[string]any)["error"])
		require.NotRegexp(t, libraryWords, row.(map[string]any)["reason"])
	}
}
