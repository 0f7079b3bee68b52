package ftptest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadCommand(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"CR LF":         {"NOOP\r\n", "NOOP"},
		"LF":            {"NOOP\n", "NOOP"},
		"CR inside":     {"a\rb\r\n", "a\rb"},
		"CR NUL":        {"a\r\x00b\r\n", "a\rb"},
		"CR CR":         {"a\r\r\n", "a\r"},
		"doubled IAC":   {"a\xff\xffb\n", "a\xffb"},
		"Synch":         {"\xff\xf4\xff\xf2ABOR\r\n", "ABOR"},
		"option":        {"\xff\xfd\x06NOOP\n", "NOOP"},
		"mark lost":     {"\xff\xf4\xffABOR\r\n", "ABOR"},
		"at the limit":  {strings.Repeat("x", 20) + "\n", strings.Repeat("x", 20)},
		"over":          {strings.Repeat("x", 21) + "\n", tooLong},
		"far over":      {strings.Repeat("x", 1000) + "\n", tooLong},
		"over and over": {strings.Repeat("\r", 100) + "\n", tooLong},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readCommand(bufio.NewReader(strings.NewReader(test.in)), 20)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	_, err := readCommand(bufio.NewReader(strings.NewReader("no end")), 20)
	require.ErrorIs(t, err, io.EOF)
}

func FuzzReadCommand(f *testing.F) {
	f.Add([]byte("USER a\r\n\xff\xf4\xff\xf2ABOR\r\nx\r\x00\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 50
		r := bufio.NewReader(bytes.NewReader(in))
		for range len(in) + 1 {
			line, err := readCommand(r, limit)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if line != tooLong && (len(line) > limit || strings.Contains(line, "\n")) {
				t.Fatalf("line %q", line)
			}
		}
		t.Fatal("more lines than bytes")
	})
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"127,0,0,1,4,5", "|1|127.0.0.1|4000|", "!2!::1!1!", "1,2,3,4,5", "|||1|", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		if at, ok := parsePort(arg); ok && (!at.Addr().Is4() || at.Port() == 0) {
			t.Errorf("PORT %q gives %v", arg, at)
		}
		if family, at, ok := parseEPRT(arg); ok && (at.Port() == 0 || family == "1" && !at.Addr().Is4() || family == "2" && !at.Addr().Is6()) {
			t.Errorf("EPRT %q gives %v", arg, at)
		}
	})
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"20240229235959":      "20240229235959",
		"20240229235959.5":    "20240229235959.500",
		"20240229235959.1239": "20240229235959.123",
	} {
		got, ok := parseTime(text)
		require.True(t, ok, text)
		require.Equal(t, want, formatTime(got))
	}
	for _, text := range []string{
		"", "2024022923595", "20230229000000", "20240229235959.", "20240229235959.x", "2024-02-29 000", "20240229235959.0123456789",
	} {
		_, ok := parseTime(text)
		require.False(t, ok, text)
	}
}

func TestReplyCannotBeBrokenByAName(t *testing.T) {
	require.Equal(t, "\"a\"\"b\x00c\r\x00\"", quote("a\"b\nc\r"))
}
