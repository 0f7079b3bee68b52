package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsePath257(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", `"/home/joe" is the current directory`, "/home/joe"},
		{"path alone", `"/"`, "/"},
		{"created", `"/a b" directory created`, "/a b"},
		{"doubled quotes (RFC 959 appendix II)", `"/usr/dm/foo""bar" directory created`, `/usr/dm/foo"bar`},
		{"doubled quotes at both ends", `"""a""" created`, `"a"`},
		{"two doubled quotes in a row", `"a""""b" created`, `a""b`},
		{"quote within not doubled", `"/a"b" is current directory`, `/a"b`},
		{"quote within not doubled, path alone", `"/a"b"`, `/a"b`},
		{"no blank behind the path", `"/a"is current directory`, "/a"},
		{"full stop behind the path", `"/a".`, "/a"},
		{"other quotes later", `"/a" is "current"`, "/a"},
		{"text first", `Current directory is "/x y"`, "/x y"},
		{"on a later line", "Hello\n\"/x\" is current\nend", "/x"},
		{"MVS", `"'USER.DATA.'" is the working directory name prefix.`, "'USER.DATA.'"},
		{"VMS", `"DISK$USER:[JOE]" is current directory.`, "DISK$USER:[JOE]"},
		{"Windows", `"C:\pub" is current directory.`, `C:\pub`},
		{"no trailing text, trailing blank in the path", `"/a " is current`, "/a "},
		{"Latin-1", "\"/\xe9t\xe9\" ok", "/\xe9t\xe9"},
		{"Latin-1 behind an undoubled quote", "\"/a\"\xe9\" ok", "/a\"\xe9"},
		{"0xFF", "\"/\xff\"", "/\xff"},
		{"no quotes, path alone", "/home/joe", "/home/joe"},
		{"no quotes, trailing CR", "/home/joe\r", "/home/joe"},
		{"no quotes", "/home/joe is current directory.", "/home/joe"},
		{"no quotes, blank in the path", "/home/my dir is the current directory", "/home/my dir"},
		{"no quotes, upper case", "/HOME IS CURRENT DIRECTORY", "/HOME"},
		{"no quotes, created", "/a/b directory created.", "/a/b"},
		{"no quotes, folder", "/a/b folder created", "/a/b"},
		{"no quotes, plain created", "/a/b created", "/a/b"},
		{"no quotes, phrase within the path", "/a created/b is current directory", "/a created/b"},
		{"no quotes, Windows", `C:\pub is current directory`, `C:\pub`},
		{"no quotes, VMS", "DISK$USER:[JOE]", "DISK$USER:[JOE]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePath257(tt.text)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParsePath257Refuses(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"empty", ""},
		{"empty quotes", `"" is current directory`},
		{"sentence", "Directory created"},
		{"word", "OK"},
		{"quote never closed", `"/home is current directory`},
		{"quote closed by a doubled one alone", `"/home""`},
		{"two ends possible", `"/a"b" and "c"`},
		{"no end possible", `"/a"b"c is current`},
		{"no quotes, blank, no phrase", "/home/my dir"},
		{"no quotes, phrase twice", "/a is current dir is current directory"},
		{"no quotes, two phrases", "/a is current directory created"},
		{"no quotes, path behind the phrase", "/x is current directory of /y"},
		{"no quotes, host and port", "server:21"},
		{"CR", "\"/a\rDELE b\""},
		{"NUL", "\"/a\x00b\""},
		{"CR without quotes", "/a\rb"},
		{"path over two lines", "\"/a\nb\" is current"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePath257(tt.text)
			require.Error(t, err, got)
			require.Empty(t, got)
		})
	}
}

func TestParsersQuoteBounded(t *testing.T) {
	_, err := ParsePath257(strings.Repeat("\x1b", 1<<16))
	require.Less(t, len(err.Error()), 500)
	require.NotContains(t, err.Error(), "\x1b")
}

func FuzzParsePath257(f *testing.F) {
	f.Add(`"/usr/dm/foo""bar" directory created`)
	f.Add("/home/my dir is the current directory")
	f.Add("Hello\n\"/x\" is current")
	f.Add(`"/a"b" x`)
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := ParsePath257(s); err == nil {
			require.NotEmpty(t, got)
			require.False(t, strings.ContainsAny(got, "\r\n\x00"), "%q", got)
		}
		// What a correct server writes is read back, whatever the name.
		if s == "" || strings.ContainsAny(s, "\r\n\x00") {
			return
		}
		got, err := ParsePath257(`"` + strings.ReplaceAll(s, `"`, `""`) + `" created`)
		require.NoError(t, err)
		require.Equal(t, s, got)
	})
}
