package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// TestNoSecretIsTold runs every kind of command with a password that nothing but
// the server may see.
func TestNoSecretIsTold(t *testing.T) {
	const password, account = "Hunter2%zwei", "AcctSecret77"
	srv := serve(t, func(c *ftptest.Config) {
		c.Login.Users = map[string]string{"joe": password}
		c.Login.Account = account
		c.Faults = []ftptest.Fault{{On: "NOOP", Reply: "500 your password is " + password}}
		c.Disable = map[string]string{"MKD": "550 No, " + password + " and " + account}
	})
	host := strings.TrimPrefix(srv.URL, "ftp://")
	withPassword := "ftp://joe:Hunter2%25zwei@" + host
	commands := [][]string{
		{"get", withPassword + "/pub/a.txt"},
		{"get", withPassword + "/pub/a.txt", "-"},
		{"get", withPassword + "/nothing"},
		{"get", withPassword + "/a%zz"},
		{"ls", withPassword + "/"},
		{"mkdir", withPassword + "/x"},
		{"raw", withPassword + "/", "NOOP"},
		{"doctor", withPassword},
		{withPassword + "/"},
		{"get", "--no-such-flag", withPassword},
		{"mv", withPassword + "/a", "ftp://other:" + "Hunter2%25zwei@" + host + "/b"},
		{"get", "ftp://jim:Hunter2%25zwei@" + host + "/pub/a.txt"},
		{"get", "ftps://joe:Hunter2%25zwei@" + host + "/pub/a.txt"},
		{"get", "ftp://joe:Hunter2%25zwei@" + host + "/pub/a.txt", "--mode", "none"},
		{"get", "-p" + password, withPassword},
	}
	explicit, authority := serveTLS(t, ftptest.TLS{}, func(c *ftptest.Config) {
		c.Login.Users, c.Login.Account = map[string]string{"joe": password}, account
	})
	implicit, _ := serveTLS(t, ftptest.TLS{Implicit: true, Authority: authority}, func(c *ftptest.Config) {
		c.Login.Users, c.Login.Account = map[string]string{"joe": password}, account
	})
	s := newShell(t)
	ca := write(t, "ca.pem", string(authority.PEM()))
	for _, server := range []string{"ftpes://joe:Hunter2%25zwei@" + explicit.Addr, "ftps://joe:Hunter2%25zwei@" + implicit.Addr} {
		commands = append(commands,
			[]string{"get", server + "/pub/a.txt", "-", "--ca-file", ca},
			[]string{"get", server + "/pub/a.txt", "-"},
			[]string{"doctor", server, "--ca-file", ca},
			[]string{"ls", server, "--tls", "none"},
		)
	}
	for _, args := range commands {
		for _, extra := range [][]string{nil, {"-v"}, {"--json", "-v"}, {"--json", "--trace", "trace"}} {
			all := append(append([]string{}, args...), append(extra, "--account", account)...)
			o := s.run(all...)
			trace, _ := os.ReadFile("trace") // none where the command ended before
			told := o.stdout + o.stderr + string(trace)
			require.NotContains(t, told, "unter2", "%q", all)
			if args[0] != "raw" {
				require.NotContains(t, told, account, "%q", all)
			}
		}
	}
	for _, srv := range []*ftptest.Server{srv, explicit, implicit} {
		require.Contains(t, srv.Commands(), "PASS "+password)
	}
	require.Contains(t, srv.Commands(), "ACCT "+account)
}

// TestServerThatRepeatsThePassword does so wherever a reply is shown.
func TestServerThatRepeatsThePassword(t *testing.T) {
	const password = "Hunter2zwei"
	again := func(code string) string {
		return code + "-" + password + "\r\n " + password + "\r\n" + code + " you are " + password
	}
	srv := serve(t, func(c *ftptest.Config) {
		c.Login.Users = map[string]string{"joe": password}
		c.Greeting = again("220")
		c.Faults = []ftptest.Fault{
			{On: "226", Reply: again("226"), Execute: true},
			{On: "150", Reply: again("150"), Execute: true},
			{On: "SYST", Reply: again("215")},
			{On: "EPSV", Reply: again("500")},
		}
	})
	url := strings.Replace(srv.URL, "ftp://", "ftp://joe:"+password+"@", 1)
	s := newShell(t)
	for _, args := range [][]string{
		{"get", url + "/pub/a.txt", "--json"},
		{"get", url + "/pub/a.txt", "-v"},
		{"get", url + "/nothing"},
		{"put", "a.txt", url + "/in/", "--json"},
		{"ls", url, "--json"},
		{"raw", url, "SYST"},
		{"raw", url, "SYST", "--json"},
		{"doctor", url},
		{"doctor", url, "--json"},
		{"doctor", url, "-v"},
	} {
		o := s.run(args...)
		require.Contains(t, []int{0, 5}, o.code, "%q: %s", args, o.stderr)
		require.NotContains(t, o.stdout+o.stderr, "unter2", "%q", args)
	}
	require.Contains(t, s.run("doctor", url).stdout, "greeting:      ****")
}

func TestTraceFile(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	write(t, "trace", "something old and long that must be gone")
	require.NoError(t, os.Chmod("trace", 0o644))
	o := s.run("get", srv.URL+"/pub/a.txt", "--trace", "trace").wants(0)
	require.Empty(t, o.stderr)
	info, err := os.Stat("trace")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	text := local(t, "trace")
	require.Regexp(t, `(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z > PASS \*\*\*\*$`, text)
	require.Regexp(t, `(?m)^\S+Z < 229 `, text)
	require.Regexp(t, `(?m)^\S+Z > QUIT$`, text)
	require.NotContains(t, text, "something old")
}

func TestWhereThePasswordComesFrom(t *testing.T) {
	logins := map[string]string{"url": "u", "file": "f", "env": "e", "net": "n"}
	srv := serve(t, func(c *ftptest.Config) { c.Login.Users = logins })
	host := strings.TrimPrefix(srv.URL, "ftp://")
	tests := []struct {
		name  string
		args  []string
		env   string
		stdin string
		user  string // who is logged in
	}{
		{"nobody", []string{"ftp://" + host}, "secret", "", "anonymous"},
		{"the URL", []string{"ftp://url:u@" + host}, "x", "", "url"},
		{"a file", []string{"ftp://file:wrong@" + host, "--password-file", "pw"}, "x", "", "file"},
		{"standard input", []string{"ftp://" + host, "--user", "file", "--password-file", "-"}, "x", "f\r\nrest", "file"},
		{"the environment", []string{"ftp://env@" + host}, "e", "", "env"},
		{"--user beats the URL", []string{"ftp://url:u@" + host, "--user", "env"}, "e", "", "env"},
		{"--user that is in the URL", []string{"ftp://url:u@" + host, "--user", "url"}, "x", "", "url"},
		{"netrc", []string{"ftp://" + host, "--netrc"}, "x", "", "net"},
		{"netrc by user", []string{"ftp://net@" + host, "--netrc=other"}, "x", "", "net"},
		{"the URL beats netrc", []string{"ftp://url:u@" + host, "--netrc"}, "x", "", "url"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShell(t)
			s.env[passwordVariable] = tt.env
			s.stdin = strings.NewReader(tt.stdin)
			write(t, "pw", "f\n")
			write(t, s.home+"/.netrc", "machine 127.0.0.1 login net password n")
			write(t, "other", "machine 127.0.0.1 login x password y machine 127.0.0.1 login net password n")
			before := len(srv.Commands())
			s.run(append([]string{"ls"}, tt.args...)...).wants(0)
			require.Equal(t, "USER "+tt.user, srv.Commands()[before])
			if tt.user == "anonymous" {
				require.Equal(t, "PASS anonymous@", srv.Commands()[before+1])
			}
		})
	}
}
