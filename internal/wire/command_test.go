package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppendCommand(t *testing.T) {
	for _, tt := range []struct {
		name, verb string
		args       []string
		want       string
	}{
		{"verb alone", "NOOP", nil, "NOOP\r\n"},
		{"one argument", "CWD", []string{"/a b"}, "CWD /a b\r\n"},
		{"two arguments", "SITE", []string{"CHMOD", "644 x"}, "SITE CHMOD 644 x\r\n"},
		{"empty argument", "PASS", []string{""}, "PASS \r\n"},
		{"leading and trailing blanks kept", "DELE", []string{" a "}, "DELE  a \r\n"},
		{"format verbs are text", "STOR", []string{"100%s%d%!"}, "STOR 100%s%d%!\r\n"},
		{"UTF-8", "MKD", []string{"été"}, "MKD été\r\n"},
		{"0xFF doubled", "RETR", []string{"\xffa\xff\xffb\xff"}, "RETR \xff\xffa\xff\xff\xff\xffb\xff\xff\r\n"},
		{"other control bytes pass", "RETR", []string{"a\x1b\tb"}, "RETR a\x1b\tb\r\n"},
		{"verb in lower case", "xfoo", nil, "xfoo\r\n"},
		{"at the limit", "STOR", []string{strings.Repeat("a", MaxCommand-7)}, "STOR " + strings.Repeat("a", MaxCommand-7) + "\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendCommand([]byte("before"), tt.verb, tt.args...)
			require.NoError(t, err)
			require.Equal(t, "before"+tt.want, string(got))
		})
	}
}

func TestAppendCommandRefuses(t *testing.T) {
	const secret = "hunter2"
	for _, tt := range []struct {
		name, verb string
		args       []string
		want       ArgumentError
	}{
		{"empty verb", "", []string{secret}, ArgumentError{"", "empty verb", -1}},
		{"blank in the verb", "PASS " + secret, nil, ArgumentError{"PASS", "blank, control or non-ASCII byte in the verb", 4}},
		{"line end in the verb", "NOOP\r\nDELE", nil, ArgumentError{"NOOP", "blank, control or non-ASCII byte in the verb", 4}},
		{"Telnet in the verb", "\xffABOR", nil, ArgumentError{"", "blank, control or non-ASCII byte in the verb", 0}},
		{"DEL in the verb", "AB\x7f", nil, ArgumentError{"AB", "blank, control or non-ASCII byte in the verb", 2}},
		{"CR", "PASS", []string{secret + "\rx"}, ArgumentError{"PASS", "carriage return in an argument", 7}},
		{"LF", "PASS", []string{secret + "\nDELE x"}, ArgumentError{"PASS", "line feed in an argument", 7}},
		{"NUL", "PASS", []string{secret + "\x00"}, ArgumentError{"PASS", "NUL byte in an argument", 7}},
		{"second argument", "SITE", []string{"PSWD", secret + "\n"}, ArgumentError{"SITE", "line feed in an argument", 7}},
		{"over the limit", "PASS", []string{strings.Repeat(secret, MaxCommand)}, ArgumentError{"PASS", "line longer than 65536 bytes", -1}},
		{"one byte over", "STOR", []string{strings.Repeat("a", MaxCommand-6)}, ArgumentError{"STOR", "line longer than 65536 bytes", -1}},
		{"over the limit by doubling", "STOR", []string{strings.Repeat("\xff", MaxCommand/2)}, ArgumentError{"STOR", "line longer than 65536 bytes", -1}},
		{"over the limit by many", "STOR", make([]string, MaxCommand), ArgumentError{"STOR", "line longer than 65536 bytes", -1}},
		{"verb over the limit", strings.Repeat("V", MaxCommand+1), nil, ArgumentError{"", "verb too long", -1}},
		{"verb and line end over the limit", strings.Repeat("V", MaxCommand-1), nil, ArgumentError{strings.Repeat("V", 64), "line longer than 65536 bytes", -1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dst := []byte("before")
			got, err := AppendCommand(dst, tt.verb, tt.args...)
			var a *ArgumentError
			require.ErrorAs(t, err, &a)
			require.Equal(t, tt.want, *a)
			require.NotContains(t, err.Error(), secret)
			require.Contains(t, err.Error(), tt.want.Reason)
			require.Equal(t, "before", string(got))
		})
	}
}

func FuzzAppendCommand(f *testing.F) {
	f.Add("STOR", "a\xffb", "c")
	f.Add("PASS x", "\r\n", "")
	f.Add("SITE", "CHMOD", "644 a\x00")
	f.Fuzz(func(t *testing.T, verb, first, second string) {
		line, err := AppendCommand(nil, verb, first, second)
		if err != nil {
			require.Empty(t, line)
			return
		}
		body, found := bytes.CutSuffix(line, []byte("\r\n"))
		require.True(t, found)
		require.False(t, bytes.ContainsAny(body, "\r\n\x00"), "%q", line)
		require.LessOrEqual(t, len(line), MaxCommand)
		// A server that follows Telnet reads back what was meant.
		var d telnetDecoder
		for i, c := range line {
			require.Equal(t, i == len(line)-1, d.next(c))
		}
		require.Equal(t, verb+" "+first+" "+second, string(d.line))
	})
}
