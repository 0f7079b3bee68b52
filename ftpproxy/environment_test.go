package ftpproxy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftpproxy"
)

func TestFromEnvironment(t *testing.T) {
	type environment map[string]string
	for _, test := range []struct {
		name string
		env  environment
		want string // empty for no proxy
	}{
		{"nothing", environment{}, ""},
		{"another protocol", environment{"http_proxy": "http://h"}, ""},
		{"lower case first", environment{"ftp_proxy": "http://a", "FTP_PROXY": "http://b"}, "http://a:1080"},
		{"upper case", environment{"FTP_PROXY": "http://b", "all_proxy": "http://c"}, "http://b:1080"},
		{"all", environment{"ftp_proxy": " ", "all_proxy": "socks5h://c", "ALL_PROXY": "http://d"}, "socks5://c:1080"},
		{"all in upper case", environment{"ALL_PROXY": "d:3128"}, "http://d:3128"},
		{"exempt", environment{"ALL_PROXY": "d:3128", "NO_PROXY": "ftp.test"}, ""},
		{"lower case exempts first", environment{"ALL_PROXY": "d:3128", "NO_PROXY": "ftp.test", "no_proxy": "other.test"}, "http://d:3128"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := ftpproxy.FromEnvironment("ftp.test", func(name string) string { return test.env[name] }, nil)
			require.NoError(t, err)
			if test.want == "" {
				require.Nil(t, p)
				return
			}
			require.Equal(t, test.want, p.String())
		})
	}
}

func TestNoProxy(t *testing.T) {
	for _, test := range []struct {
		list, server string
		exempt       bool
	}{
		{"*", "ftp.test", true},
		{"a.test, *", "ftp.test", true},
		{"ftp.test", "FTP.test.:21", true},
		{"test", "ftp.test", true},
		{"Ftp.Test.", "ftp.test", true},
		{".ftp.test", "ftp.test", true},
		{"*.test", "a.ftp.test", true},
		{"tp.test", "ftp.test", false},
		{"a.ftp.test", "ftp.test", false},
		{"a.test b.test\tftp.test", "ftp.test", true},
		{"ftp.test:21", "ftp.test", true},
		{"ftp.test:990", "ftp.test", false},
		{"ftp.test:990", "ftp.test:990", true},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1:21", "192.0.2.1:2121", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2", "192.0.2.1", false},
		{"2.1", "192.0.2.1", false},
		{"192.0.2.0/24", "192.0.2.1:2121", true},
		{"192.0.2.0/24", "ftp.test", false},
		{"192.0.2.0/33", "192.0.2.1", false},
		{"2001:db8::/32", "[2001:db8::1]:21", true},
		{"2001:db8::1", "2001:db8::1", true},
		{"[2001:db8::1]", "2001:db8::1", true},
		{"[2001:db8::1]:21", "[2001:db8::1]", true},
		{"[2001:db8::1]:990", "[2001:db8::1]", false},
		{",, :21 . *.", "ftp.test", false},
		{"", "localhost:2121", true},
		{"", "a.localhost", true},
		{"", "127.3.2.1", true},
		{"", "[::1]:21", true},
		{"", "ftp.test", false},
	} {
		env := map[string]string{"ftp_proxy": "socks5://proxy.test", "no_proxy": test.list}
		p, err := ftpproxy.FromEnvironment(test.server, func(name string) string { return env[name] }, nil)
		require.NoError(t, err)
		require.Equal(t, test.exempt, p == nil, "%q %s", test.list, test.server)
	}
}

func TestFromEnvironmentNamesTheVariable(t *testing.T) {
	t.Setenv("ftp_proxy", "")
	t.Setenv("FTP_PROXY", "")
	t.Setenv("no_proxy", "")
	t.Setenv("NO_PROXY", "")
	t.Setenv("all_proxy", "socks://user:secret@proxy.test/")
	_, err := ftpproxy.FromEnvironment("ftp.test", nil, nil)
	require.EqualError(t, err, `the environment variable all_proxy: a proxy of the scheme "socks" cannot be used; if it also speaks SOCKS version 5, write socks5://`)
}
