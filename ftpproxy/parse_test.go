package ftpproxy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftpproxy"
)

func TestParse(t *testing.T) {
	for url, want := range map[string]string{
		"socks5://proxy.test":                  "socks5://proxy.test:1080",
		"SOCKS5H://proxy.test:1081/":           "socks5://proxy.test:1081",
		"http://proxy.test":                    "http://proxy.test:1080",
		"https://proxy.test":                   "https://proxy.test:443",
		"proxy.test:3128":                      "http://proxy.test:3128",
		" proxy.test ":                         "http://proxy.test:1080",
		"user:secret@proxy.test:0080":          "http://user@proxy.test:80",
		"socks5://user@proxy.test":             "socks5://user@proxy.test:1080",
		"socks5://a%40b:secret@[2001:db8::1]":  "socks5://a%40b@[2001:db8::1]:1080",
		"socks5://a:b@secret@proxy.test":       "socks5://a@proxy.test:1080",
		"http://[fe80::1%25eth0]:1":            "http://[fe80::1%25eth0]:1",
		"socks5://user:secret%2F%23@127.0.0.1": "socks5://user@127.0.0.1:1080",
	} {
		p, err := ftpproxy.Parse(url, nil)
		require.NoError(t, err, url)
		require.Equal(t, want, p.String())
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ url, want string }{
		{"", "has no host"},
		{"socks5://", "has no host"},
		{"socks5://user:secret@:1080", "has no host"},
		{"socks4://user:secret@proxy.test", "write socks5://"},
		{"ftp://user:secret@proxy.test", "use socks5://, http:// or https://"},
		{"socks5://user:secret@proxy.test:0", "use 1 to 65535"},
		{"socks5://user:secret@proxy.test:65536", "use 1 to 65535"},
		{"socks5://user:secret@proxy.test:ftp", "cannot be read"},
		{"socks5://user:secret@proxy.test/path", "cannot be read"},
		{"socks5://user:1#secret@proxy.test", "cannot be read"},
		{"socks5://user:secret#1@proxy.test", "cannot be read"},
		{"socks5://user:1?secret@proxy.test", "cannot be read"},
		{"socks5://user:1/secret@proxy.test", "cannot be read"},
		{"socks5://user:secret%zz@proxy.test", "cannot be read"},
		{"socks5://user:secret @proxy.test", "cannot be read"},
		{"socks5://:secret@proxy.test", "has a password and no user"},
		{"socks5://user:" + strings.Repeat("secret", 50) + "@proxy.test", "room for 255 bytes"},
		{"http://us%3Aer:secret@proxy.test", "must not hold a colon"},
	} {
		_, err := ftpproxy.Parse(test.url, nil)
		require.ErrorContains(t, err, test.want, test.url)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), "user:1")
	}
}

// No way of printing a proxy shows the password.
func TestPrinting(t *testing.T) {
	p := parse(t, "socks5://user:secret@proxy.test", nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{p, *p, []*ftpproxy.Proxy{p}, struct{ P *ftpproxy.Proxy }{p}} {
			printed := fmt.Sprintf(verb, value)
			require.NotContains(t, printed, "secret", verb)
			require.NotContains(t, printed, "736563726574", verb)
		}
	}
}
