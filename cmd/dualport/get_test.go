package main

import (
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

const hello = "hello, world\n"

func TestGetNames(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) {
		require.NoError(t, c.Tree.WriteFile("/pub/b c#.txt", []byte(hello)))
		require.NoError(t, c.Tree.WriteFile("/lines.txt", []byte("a\nb\n")))
	})
	tests := []struct {
		name string
		args []string
		want string // the file that is there afterwards
	}{
		{"the name in the URL", []string{"/pub/a.txt"}, "a.txt"},
		{"absolute", []string{"//pub/a.txt"}, "a.txt"},
		{"escapes", []string{"/pub/b%20c%23.txt"}, "b c#.txt"},
		{"a given name", []string{"/pub/a.txt", "other"}, "other"},
		{"a directory", []string{"/pub/a.txt", "dir"}, "dir/a.txt"},
		{"a name in a directory", []string{"/pub/a.txt", "dir/x"}, "dir/x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShell(t)
			require.NoError(t, os.Mkdir("dir", 0o700))
			tt.args[0] = srv.URL + tt.args[0]
			o := s.run(append([]string{"get"}, tt.args...)...).wants(0)
			require.Empty(t, o.stdout)
			require.Empty(t, o.stderr)
			require.Equal(t, hello, local(t, tt.want))
			_, err := os.Stat(tt.want + ".part")
			require.ErrorIs(t, err, os.ErrNotExist)
		})
	}
}

func TestGetRefusedBeforeConnecting(t *testing.T) {
	srv := serve(t, nil)
	tests := []struct {
		name string
		args []string
	}{
		{"a directory", []string{"get", "/pub/"}},
		{"nothing", []string{"get", "/"}},
		{"the parent", []string{"get", "/pub/.."}},
		{"a name with a slash", []string{"get", "/pub%2Fa.txt"}},
		{"a name with a backslash", []string{"get", `/pub/a%5Ctxt`}},
		{"CRLF in the path", []string{"get", "/a%0d%0aDELE%20pub/a.txt", "x"}},
		{"no such local directory", []string{"get", "/pub/a.txt", "nowhere/x"}},
		{"no such local directory, with a slash", []string{"get", "/pub/a.txt", "nowhere/"}},
		{"resume to standard output", []string{"get", "/pub/a.txt", "-", "--resume"}},
		{"resume of a range", []string{"get", "/pub/a.txt", "--resume", "--range", "1-"}},
		{"range of text", []string{"get", "/pub/a.txt;type=a", "--range", "1-"}},
		{"range backwards", []string{"get", "/pub/a.txt", "--range", "5-3"}},
		{"range of no numbers", []string{"get", "/pub/a.txt", "--range", "x"}},
		{"CRLF in the user", []string{"get", "/pub/a.txt", "--user", "a\r\nDELE b"}},
		{"CRLF in the account", []string{"get", "/pub/a.txt", "--account", "a\nb"}},
		{"password with --user", []string{"get", "/pub/a.txt", "--user", "a:b"}},
		{"two families", []string{"get", "/pub/a.txt", "-4", "-6"}},
		{"no such interface", []string{"get", "/pub/a.txt", "--bind", "nosuch0"}},
		{"no time", []string{"get", "/pub/a.txt", "--timeout", "soon"}},
		{"no range of ports", []string{"get", "/pub/a.txt", "--port-range", "9-1"}},
		{"no address", []string{"get", "/pub/a.txt", "--passive-address", "host.example"}},
		{"method of another mode", []string{"get", "/pub/a.txt", "--mode", "active", "--data-command", "epsv"}},
		{"no method", []string{"get", "/pub/a.txt", "--data-command", "retr"}},
		{"PORT over IPv6", []string{"get", "/pub/a.txt", "--data-command", "port", "-6"}},
		{"no password file", []string{"get", "/pub/a.txt", "--user", "a", "--password-file", "nowhere"}},
		{"password for nobody", []string{"get", "/pub/a.txt", "--password-file", "nowhere"}},
		{"no netrc", []string{"get", "/pub/a.txt", "--netrc"}},
		{"trace to nowhere", []string{"get", "/pub/a.txt", "--trace", "nowhere/t"}},
		{"too many arguments", []string{"get", "/pub/a.txt", "a", "b"}},
		{"put of nothing there", []string{"put", "nowhere", "/in/"}},
		{"put of a directory", []string{"put", ".", "/in/"}},
		{"put of standard input to a directory", []string{"put", "-", "/in/"}},
		{"put with CRLF", []string{"put", "-", "/in/a%0d%0ab"}},
		{"put -, resumed", []string{"put", "-", "/in/x", "--resume"}},
		{"rm of the login directory", []string{"rm", "-r", "/"}},
		{"rm of the root", []string{"rm", "-r", "//"}},
		{"rm of a parent", []string{"rm", "-r", "/pub/.."}},
		{"mkdir of nothing", []string{"mkdir", "/"}},
		{"mv to another server", []string{"mv", "/pub/a.txt", "ftp://127.0.0.2/b"}},
		{"mv to nothing", []string{"mv", "/pub/a.txt", ""}},
		{"mv with CRLF", []string{"mv", "/pub/a.txt", "a\r\nb"}},
		{"raw of two commands", []string{"raw", "/", "NOOP\r\nDELE pub/a.txt"}},
		{"raw of nothing", []string{"raw", "/", " "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.args
			for i, a := range args {
				if i > 0 && len(a) > 0 && a[0] == '/' {
					args[i] = srv.URL + a
				}
			}
			o := newShell(t).run(args...).wants(1)
			require.NotEmpty(t, o.stderr)
		})
	}
	require.Zero(t, srv.Sessions(), "%q", srv.Commands())
}

func TestGetToStandardOutput(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	o := s.run("get", srv.URL+"/pub/a.txt", "-", "--json").wants(0)
	require.Equal(t, hello, o.stdout)
	o.stdout = o.stderr
	v := o.json()
	require.Equal(t, "get", v["command"])
	require.Equal(t, true, v["transfer"].(map[string]any)["verified"])
	require.Empty(t, files(t))

	o = s.run("get", srv.URL+"/nothing", "-", "--json").wants(5)
	require.Empty(t, o.stdout)
	o.stdout = o.stderr
	require.Equal(t, 5.0, o.json()["exit_code"])
}

func TestGetText(t *testing.T) {
	srv := serve(t, nil)
	newShell(t).run("get", srv.URL+"/pub/a.txt;type=a").wants(0)
	require.Equal(t, hello, local(t, "a.txt"))
	require.Contains(t, srv.Commands(), "TYPE A")
}

func TestFailedDownloadKeepsOldFile(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) {
		c.Faults = []ftptest.Fault{{On: "data", Nth: 1, Data: ftptest.DataFault{Action: ftptest.DataCloses, After: 5}}}
	})
	s := newShell(t)
	write(t, "a.txt", "old")
	require.NoError(t, os.Chmod("a.txt", 0o640))
	s.run("get", srv.URL+"/pub/a.txt").wants(6)
	require.Equal(t, "old", local(t, "a.txt"))
	require.Equal(t, hello[:5], local(t, "a.txt.part"))

	s.run("get", srv.URL+"/nothing", "b.txt").wants(5)
	require.Equal(t, []string{"a.txt", "a.txt.part"}, files(t))

	s.run("get", "--resume", srv.URL+"/pub/a.txt").wants(0)
	require.Equal(t, hello, local(t, "a.txt"))
	require.Equal(t, []string{"a.txt"}, files(t))
	require.Equal(t, []string{"REST 5"}, withPrefix(srv, "REST"))
	info, err := os.Stat("a.txt")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}

func TestShortFileWithGoodReplyIsNoSuccess(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) {
		c.Faults = []ftptest.Fault{
			{On: "data", Data: ftptest.DataFault{Action: ftptest.DataCloses, After: 5}},
			{On: "226", Reply: "226 Fine."},
			{On: "150", Reply: "150 Here it comes.", Execute: true},
		}
	})
	o := newShell(t).run("get", srv.URL+"/pub/a.txt").wants(6)
	require.Contains(t, o.stderr, "told a size of 13")
	require.Equal(t, []string{"a.txt.part"}, files(t))
}

func TestGetResume(t *testing.T) {
	tests := []struct {
		name, part string
		disable    string
		code       int
		part2      string // what is left of the part, after a failure
		retr       int
	}{
		{name: "nothing there", retr: 1},
		{name: "a part", part: hello[:4], retr: 1},
		{name: "all of it", part: hello, retr: 0},
		{name: "more than the server has", part: hello + "x", code: 6, part2: hello + "x"},
		{name: "no REST", part: hello[:4], disable: "REST", code: 5, part2: hello[:4]},
		{name: "no SIZE", part: hello[:4], disable: "SIZE", retr: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, func(c *ftptest.Config) { c.Disable = map[string]string{tt.disable: ""} })
			s := newShell(t)
			if tt.part != "" {
				write(t, "a.txt.part", tt.part)
			}
			o := s.run("get", "--resume", srv.URL+"/pub/a.txt").wants(tt.code)
			require.Len(t, withPrefix(srv, "RETR"), tt.retr)
			if tt.code == 0 {
				require.Equal(t, hello, local(t, "a.txt"))
				require.Equal(t, []string{"a.txt"}, files(t))
				return
			}
			require.Equal(t, tt.part2, local(t, "a.txt.part"))
			require.NotEmpty(t, o.stderr)
		})
	}
}

func TestPartThatIsNoFile(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	write(t, "victim", "untouched")
	require.NoError(t, os.Symlink("victim", "a.txt.part"))
	s.run("get", srv.URL+"/pub/a.txt").wants(1)
	require.Equal(t, "untouched", local(t, "victim"))
}

func TestGetThroughLinkAndToDevice(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	write(t, "real", "old")
	require.NoError(t, os.Symlink("real", "link"))
	s.run("get", srv.URL+"/pub/a.txt", "link").wants(0)
	require.Equal(t, hello, local(t, "real"))
	info, err := os.Lstat("link")
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)

	s.run("get", srv.URL+"/pub/a.txt", os.DevNull).wants(0)
	info, err = os.Stat(os.DevNull)
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular())
}

func TestGetRange(t *testing.T) {
	tests := []struct {
		name, rang, want string
		code             int
	}{
		{"the middle", "2-4", hello[2:5], 0},
		{"one byte", "0-0", hello[:1], 0},
		{"to the end", "7-", hello[7:], 0},
		{"up to the last byte", "7-12", hello[7:], 0},
		{"beyond the end", "7-99", hello[7:], 0},
		{"all", "0-", hello, 0},
		{"behind the end", "13-", "", 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, nil)
			o := newShell(t).run("get", "--range", tt.rang, srv.URL+"/pub/a.txt", "-").wants(tt.code)
			require.Equal(t, tt.want, o.stdout)
		})
	}
	t.Run("of a large file", func(t *testing.T) {
		srv := serve(t, func(c *ftptest.Config) { require.NoError(t, c.Tree.AddGenerated("/big", 1<<32, 7)) })
		newShell(t).run("get", "--range", "4000000000-4000000099", srv.URL+"/big").wants(0)
		want := make([]byte, 100)
		_, err := ftptest.Generated(7, 1<<32).ReadAt(want, 4000000000)
		require.NoError(t, err)
		require.Equal(t, string(want), local(t, "big"))
		require.Equal(t, []string{"big"}, files(t))
	})
}

func TestEmptyFile(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) { require.NoError(t, c.Tree.WriteFile("/empty", nil)) })
	s := newShell(t)
	s.run("get", srv.URL+"/empty").wants(0)
	require.Empty(t, local(t, "empty"))
	s.run("put", "empty", srv.URL+"/in/").wants(0)
	require.Empty(t, remote(t, srv, "/in/empty"))
}

// TestFinalReplyThatNeverComes: the higher layer looks on a new login.
func TestFinalReplyThatNeverComes(t *testing.T) {
	lost := func(c *ftptest.Config) { c.Faults = []ftptest.Fault{{On: "226", Silent: true, Execute: true}} }
	srv := serve(t, lost)
	s := newShell(t)
	o := s.run("get", "--final-timeout", "0.1", srv.URL+"/pub/a.txt").wants(0)
	require.Contains(t, o.stderr, "on a new login")
	require.Equal(t, hello, local(t, "a.txt"))

	s.run("put", "a.txt", srv.URL+"/in/b", "--final-timeout", "0.1").wants(0)
	require.Equal(t, hello, remote(t, srv, "/in/b"))

	srv = serve(t, func(c *ftptest.Config) {
		lost(c)
		c.Disable = map[string]string{"SIZE": ""}
	})
	s.run("get", "--final-timeout", "0.1", srv.URL+"/pub/a.txt", "c").wants(6)
	require.NotContains(t, files(t), "c")
}

func TestModesAndAddresses(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	for _, tt := range []struct {
		flags  []string
		method string
	}{
		{nil, "EPSV"},
		{[]string{"--mode", "active"}, "PORT"},
		{[]string{"--data-command", "eprt"}, "EPRT"},
		{[]string{"--data-command", "PASV", "--passive-address", "127.0.0.1"}, "PASV"},
		{[]string{"--data-command", "pasv", "--passive-address", "server"}, "PASV"},
		{[]string{"--data-command", "port", "--port-range", "1024-65535", "--bind", "127.0.0.1", "-4"}, "PORT"},
	} {
		o := s.run(append([]string{"get", "--json", srv.URL + "/pub/a.txt"}, tt.flags...)...).wants(0)
		n := o.json()["negotiation"].(map[string]any)
		require.Equal(t, tt.method, n["method"])
		require.Len(t, n["rungs"], 1)
	}
	host, _, err := net.SplitHostPort(srv.Addr)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", host)
}
