package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseNetrc(t *testing.T) {
	const file = `# a comment machine h login no password no
machine h login joe password "s e\"c" account acc
machine h
	login ann
	password hunter2
macdef init
machine evil login x password y
cd /

machine other login o password p
default login anonymous password me@
machine late login l password l
`
	tests := []struct {
		name, text, host, user string
		want                   netrcEntry
		found                  bool
	}{
		{"the first of the host", file, "H", "", netrcEntry{"joe", `s e"c`, "acc"}, true},
		{"by user", file, "h", "ann", netrcEntry{"ann", "hunter2", ""}, true},
		{"nobody of that name, so the default", file, "h", "bob", netrcEntry{}, false},
		{"behind a macro", file, "other", "", netrcEntry{"o", "p", ""}, true},
		{"inside a macro", file, "evil", "", netrcEntry{"anonymous", "me@", ""}, true},
		{"default", file, "nowhere", "", netrcEntry{"anonymous", "me@", ""}, true},
		{"behind the default", file, "late", "", netrcEntry{"anonymous", "me@", ""}, true},
		{"password alone fits any user", "machine h password p", "h", "joe", netrcEntry{"", "p", ""}, true},
		{"empty", "", "h", "", netrcEntry{}, false},
		{"words before any machine", "login a password b", "h", "", netrcEntry{"a", "b", ""}, false},
		{"macro without an end", "macdef x\nmachine h login a", "h", "", netrcEntry{}, false},
		{"CRLF", "macdef x\r\ny\r\n\r\nmachine h\r\nlogin a\r\npassword b\r\n", "h", "", netrcEntry{"a", "b", ""}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, found, err := parseNetrc(tt.text, tt.host, tt.user)
			require.NoError(t, err)
			require.Equal(t, tt.found, found)
			if tt.found {
				require.Equal(t, tt.want, got)
			}
		})
	}
	for name, text := range map[string]string{
		"no end of the quotes": `machine h login "secret`,
		"unknown word":         "machine h\nsecret",
		"no value":             "machine h password",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseNetrc(text, "h", "")
			require.Error(t, err)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func FuzzParseNetrc(f *testing.F) {
	f.Add("machine h login a password \"b\\\"\"\nmacdef x\n\ndefault", "h", "")
	f.Fuzz(func(t *testing.T, text, host, user string) {
		entry, found, err := parseNetrc(text, host, user)
		if err != nil {
			require.False(t, found)
		}
		if found && user != "" && entry.login != "" {
			require.Equal(t, user, entry.login)
		}
	})
}
