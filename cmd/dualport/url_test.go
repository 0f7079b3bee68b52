package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
)

func TestParseURL(t *testing.T) {
	tests := []struct {
		url  string
		want target
		text string // without password; "" where it is the URL itself
	}{
		{"ftp://h/a/b.txt", target{host: "h", path: "a/b.txt", name: "b.txt"}, ""},
		{"FTP://h/a", target{host: "h", path: "a", name: "a"}, "ftp://h/a"},
		{"h/a", target{host: "h", path: "a", name: "a"}, "ftp://h/a"},
		{"h", target{host: "h"}, "ftp://h/"},
		{"ftp://h", target{host: "h"}, "ftp://h/"},
		{"ftp://h/", target{host: "h"}, ""},
		{"ftpes://h/a", target{host: "h", tls: ftp.TLSExplicit, path: "a", name: "a"}, ""},
		{"FTPS://h/a", target{host: "h", tls: ftp.TLSImplicit, path: "a", name: "a"}, "ftps://h/a"},
		{"ftps://h:990/a", target{host: "h", port: 990, tls: ftp.TLSImplicit, path: "a", name: "a"}, "ftps://h/a"},
		{"ftps://h:21/a", target{host: "h", port: 21, tls: ftp.TLSImplicit, path: "a", name: "a"}, ""},
		{"ftpes://h:990/a", target{host: "h", port: 990, tls: ftp.TLSExplicit, path: "a", name: "a"}, ""},
		{"ftp://h:21/a", target{host: "h", port: 21, path: "a", name: "a"}, "ftp://h/a"},
		{"ftp://h:2121/a/", target{host: "h", port: 2121, path: "a/"}, ""},
		{"ftp://h:/a", target{host: "h", path: "a", name: "a"}, "ftp://h/a"},
		{"ftp://h//etc/motd", target{host: "h", path: "/etc/motd", name: "motd"}, ""},
		{"ftp://h/%2Fetc/motd", target{host: "h", path: "/etc/motd", name: "motd"}, "ftp://h//etc/motd"},
		{"ftp://h/a%20b%25", target{host: "h", path: "a b%", name: "a b%"}, ""},
		{"ftp://h/a?b", target{host: "h", path: "a?b", name: "a?b"}, "ftp://h/a%3Fb"},
		{"ftp://h/a%23b", target{host: "h", path: "a#b", name: "a#b"}, ""},
		{"ftp://h/a%2Fb", target{host: "h", path: "a/b", name: "a/b"}, "ftp://h/a/b"},
		{"ftp://joe@h/a", target{host: "h", user: "joe", userSet: true, path: "a", name: "a"}, ""},
		{"ftp://joe:s%40c:r@h/a", target{host: "h", user: "joe", userSet: true, password: "s@c:r", passSet: true, path: "a", name: "a"}, "ftp://joe@h/a"},
		{"ftp://joe:a@b@h/", target{host: "h", user: "joe", userSet: true, password: "a@b", passSet: true}, "ftp://joe@h/"},
		{"ftp://j%6Fe:@h/", target{host: "h", user: "joe", userSet: true, passSet: true}, "ftp://joe@h/"},
		{"ftp://[::1]:2121/a", target{host: "::1", port: 2121, path: "a", name: "a"}, ""},
		{"[fe80::1%25eth0]/a", target{host: "fe80::1%eth0", path: "a", name: "a"}, "-"},
		{"ftp://h/a;type=a", target{host: "h", path: "a", name: "a", typ: ftp.TypeASCII}, ""},
		{"ftp://h/a;TYPE=I", target{host: "h", path: "a", name: "a"}, "ftp://h/a"},
		{"ftp://h/a;b", target{host: "h", path: "a;b", name: "a;b"}, ""},
		{"ftp://h/\xff%FE", target{host: "h", path: "\xff\xfe", name: "\xff\xfe"}, "ftp://h/%FF%FE"},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			got, err := parseURL(tt.url)
			require.NoError(t, err)
			if tt.want.typ == 0 {
				tt.want.typ = ftp.TypeImage
			}
			require.Equal(t, tt.want, got)
			if tt.text == "" {
				tt.text = tt.url
			}
			if tt.text != "-" {
				require.Equal(t, tt.text, got.String())
				again, err := parseURL(got.String())
				require.NoError(t, err)
				require.Equal(t, got.path, again.path)
			}
		})
	}
}

func TestParseURLRefuses(t *testing.T) {
	tests := []struct{ name, url, says string }{
		{"CRLF in the path", "ftp://h/a%0d%0aDELE%20b", "line break"},
		{"LF", "ftp://h/a%0Ab", "line break"},
		{"CR", "ftp://h/a\rb", "line break"},
		{"NUL", "ftp://h/%00", "line break"},
		{"CRLF in the user", "ftp://a%0d%0aX@h/", "user name"},
		{"LF in the password", "ftp://a:secret%0a@h/", "password"},
		{"bad escape", "ftp://h/%zz", "write %25"},
		{"fragment", "ftp://h/a#1", "write %23"},
		{"TLS without a host", "ftps:///a", "no valid host"},
		{"other scheme", "http://h/a", "unknown scheme"},
		{"no host", "ftp:///a", "no valid host"},
		{"empty", "", "no valid host"},
		{"blank in the host", "ftp://h h/a", "no valid host"},
		{"escape in the host", "ftp://h%41/a", "no valid host"},
		{"port 0", "ftp://h:0/", "port"},
		{"large port", "ftp://h:65536/", "port"},
		{"signed port", "ftp://h:+21/", "port"},
		{"IPv6 without brackets", "ftp://::1/", "no valid host"},
		{"IPv6 without brackets, with letters", "ftp://fe80::1/", "brackets"},
		{"open bracket", "ftp://[::1/", "bracket"},
		{"IPv4 in brackets", "ftp://[127.0.0.1]/", "no IPv6"},
		{"text behind the bracket", "ftp://[::1]x/", "bracket"},
		{"directory type", "ftp://h/a;type=d", ";type="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseURL(tt.url)
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestAddressOfURL(t *testing.T) {
	for url, want := range map[string]string{
		"h": "h:21", "ftp://h": "h:21", "ftpes://h": "h:21", "ftps://h": "h:990", "ftps://[::1]": "[::1]:990", "ftps://h:2121": "h:2121",
	} {
		got, err := parseURL(url)
		require.NoError(t, err)
		require.Equal(t, want, got.address(), url)
	}
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"ftp://u:p@[::1%25lo]:21/%2Fa;type=a", "h", "ftp://h:1//", "ftp://@h/%0a", "ftp://h/a;type="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseURL(s)
		if err != nil {
			return
		}
		require.False(t, strings.ContainsAny(got.user+got.password+got.path+got.name+got.host, "\r\n\x00"))
		require.NotEmpty(t, got.host)
		require.NotZero(t, got.knownPort())
		if again, err := parseURL(got.String()); err == nil {
			require.Equal(t, got.path, again.path)
		}
	})
}
