package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseUniqueName(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"RFC 1123", "FILE: stou.x7Ab", "stou.x7Ab"},
		{"RFC 1123, blanks in the name", "FILE: a b.txt", "a b.txt"},
		{"RFC 1123, lower case, no blank", "file:abc", "abc"},
		{"RFC 1123, quoted", `FILE: "a""b"`, `a"b`},
		{"RFC 1123, quote within", `FILE: a"b`, `a"b`},
		{"RFC 1123, quote never closed", `FILE: "ab`, `"ab`},
		{"RFC 1123, later in the line", "Opening data connection for FILE: x.1", "x.1"},
		{"RFC 1123, second line", "Here we go\nFILE: x.1\nend", "x.1"},
		{"RFC 1123, parenthesis in the name", "FILE: a (1)", "a (1)"},
		{"no-break space belongs to the name", "FILE: a\u00a0", "a\u00a0"},
		{"BSD", "Transfer complete (unique file name:foo.1).", "foo.1"},
		{"BSD, parenthesis in the name", "Transfer complete (unique file name:foo(2)).", "foo(2)"},
		{"BSD, never closed", "Transfer complete (unique file name:foo", "foo"},
		{"sentence", "Transfer complete. Unique file name: foo.1", "foo.1"},
		{"one word", "unique filename: foo.1", "foo.1"},
		{"label beats quotes", "\"x\" stored\nFILE: y", "y"},
		{"quoted", `"foo.1" stored.`, "foo.1"},
		{"quoted later", `Transfer of "/pub/a b" starting`, "/pub/a b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseUniqueName(tt.text)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	for _, tt := range []struct{ name, text string }{
		{"empty", ""},
		{"no name", "Transfer complete"},
		{"label alone", "FILE:"},
		{"label and blanks", "FILE:   "},
		{"empty quotes", `FILE: ""`},
		{"label in a word", "PROFILE: x"},
		{"CR", "FILE: a\rb"},
		{"NUL", "FILE: a\x00b"},
		{"CR in quotes", "\"a\rb\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseUniqueName(tt.text)
			require.Error(t, err, got)
			require.Empty(t, got)
		})
	}
}

func FuzzParseUniqueName(f *testing.F) {
	f.Add("FILE: stou.x7Ab")
	f.Add("Transfer complete (unique file name:foo(2)).")
	f.Add("\"a\"\"b\" stored\nFILE")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := ParseUniqueName(text); err == nil {
			require.NotEmpty(t, got)
			require.False(t, strings.ContainsAny(got, "\r\n\x00"), "%q", got)
		}
	})
}
