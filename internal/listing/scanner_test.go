package listing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// scanAll returns all lines of a listing and how it ended.
func scanAll(r io.Reader, lim Limits) (lines []string, err error) {
	s := NewScanner(r, lim)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	return lines, s.Err()
}

// readers are the ways in which the same bytes can arrive.
func readers(text string) map[string]io.Reader {
	return map[string]io.Reader{
		"at once":            strings.NewReader(text),
		"byte by byte":       iotest.OneByteReader(strings.NewReader(text)),
		"by halves":          iotest.HalfReader(strings.NewReader(text)),
		"end with last data": iotest.DataErrReader(strings.NewReader(text)),
	}
}

func TestScanner(t *testing.T) {
	long := strings.Repeat("x", 10000)
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"one line", "a\r\n", []string{"a"}},
		{"last line without ending", "a\r\nb", []string{"a", "b"}},
		{"last line with a CR alone", "a\r\nb\r", []string{"a", "b"}},
		{"LF", "a\nb\n", []string{"a", "b"}},
		{"CR CR LF", "a\r\r\nb\r\r\n", []string{"a", "b"}},
		{"mixed endings", "a\nb\r\nc\r\r\n", []string{"a", "b", "c"}},
		{"blank lines", "\r\n\na\r\n\r\n", []string{"", "", "a", ""}},
		{"LF alone", "\n", []string{""}},
		{"CR alone", "\r", []string{""}},
		{"CR inside", "a\rb\r\n", []string{"a\rb"}},
		{"NUL and bytes", "a\x00\xff\r\n\xfe", []string{"a\x00\xff", "\xfe"}},
		{"blanks kept", " a \r\n", []string{" a "}},
		{"long lines", long + "\r\n" + long + "\r\nb\r\n" + long, []string{long, long, "b", long}},
		{"longest line", strings.Repeat("y", DefaultLine) + "\r\r\nb", []string{strings.Repeat("y", DefaultLine), "b"}},
	} {
		for way, r := range readers(tt.text) {
			t.Run(tt.name+" "+way, func(t *testing.T) {
				got, err := scanAll(r, Limits{})
				require.NoError(t, err)
				require.Equal(t, tt.want, got)
			})
		}
	}
}

func TestScannerLimits(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		limits     Limits
		want       []string
		err        *LimitError
	}{
		{"line at the limit", "abc\r\nabc\n", Limits{Line: 3}, []string{"abc", "abc"}, nil},
		{"line beyond", "abc\r\nabcd\r\nx", Limits{Line: 3}, []string{"abc"}, &LimitError{LimitLine, 3}},
		{"last line beyond", "abc\nabcd", Limits{Line: 3}, []string{"abc"}, &LimitError{LimitLine, 3}},
		{"line far beyond", strings.Repeat("x", 1<<20), Limits{Line: 3}, nil, &LimitError{LimitLine, 3}},
		{"default", strings.Repeat("x", DefaultLine+1) + "\n", Limits{}, nil, &LimitError{LimitLine, DefaultLine}},
		{"no way around it", strings.Repeat("x", DefaultLine+1), Limits{Line: -1}, nil, &LimitError{LimitLine, DefaultLine}},
		{"CRs without end", "a" + strings.Repeat("\r", 1000) + "\n", Limits{Line: 100}, nil, &LimitError{LimitLine, 100}},
		{"total at the limit", "abc\r\nabc\r\n", Limits{Total: 10}, []string{"abc", "abc"}, nil},
		{"total beyond", "abc\r\nabc\r\n", Limits{Total: 9}, []string{"abc"}, &LimitError{LimitTotal, 9}},
		{"total beyond in the last line", "abc\r\nabc", Limits{Total: 7}, []string{"abc"}, &LimitError{LimitTotal, 7}},
		{"no total", "abc\n", Limits{Total: -1}, []string{"abc"}, nil},
		{"lines at the limit", "a\nb\n", Limits{Lines: 2}, []string{"a", "b"}, nil},
		{"lines beyond", "a\nb\nc\n", Limits{Lines: 2}, []string{"a", "b"}, &LimitError{LimitLines, 2}},
		{"blank lines count", "\n\n\n", Limits{Lines: 2}, []string{"", ""}, &LimitError{LimitLines, 2}},
		{"no lines", "a\nb\n", Limits{Lines: -1}, []string{"a", "b"}, nil},
	} {
		for way, r := range readers(tt.text) {
			t.Run(tt.name+" "+way, func(t *testing.T) {
				got, err := scanAll(r, tt.limits)
				require.Equal(t, tt.want, got)
				if tt.err == nil {
					require.NoError(t, err)
					return
				}
				require.Equal(t, tt.err, err)
				require.ErrorContains(t, err, string(tt.err.Limit))
			})
		}
	}
	require.ErrorContains(t, &LimitError{LimitLines, 7}, "7 lines")
	require.ErrorContains(t, &LimitError{LimitTotal, 7}, "7 bytes")
}

// TestScannerErrors makes sure that a line which an error cut short is not taken for a whole one, and that the
// error arrives as it is.
func TestScannerErrors(t *testing.T) {
	broken := errors.New("connection reset")
	for _, tt := range []struct {
		name string
		err  error
	}{
		{"read error", broken},
		{"unexpected end", io.ErrUnexpectedEOF},
		{"error around io.EOF", fmt.Errorf("tls: %w", io.EOF)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := io.MultiReader(strings.NewReader("a\r\nb\r\ncut sho"), iotest.ErrReader(tt.err))
			got, err := scanAll(r, Limits{})
			require.Equal(t, []string{"a", "b"}, got)
			require.Same(t, tt.err, err)
		})
	}
}

// TestScannerDataWithError holds a reader that returns its last bytes together with an error.
func TestScannerDataWithError(t *testing.T) {
	broken := errors.New("connection reset")
	r := iotest.DataErrReader(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)))
	got, err := scanAll(r, Limits{})
	require.Equal(t, []string{"a"}, got)
	require.ErrorIs(t, err, broken)
}

// idle is a reader that never brings anything.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestScannerIdleReader(t *testing.T) {
	got, err := scanAll(io.MultiReader(strings.NewReader("a\nb"), idle{}), Limits{})
	require.Equal(t, []string{"a"}, got)
	require.ErrorIs(t, err, io.ErrNoProgress)
}

func TestScannerAfterTheEnd(t *testing.T) {
	s := NewScanner(strings.NewReader("a\nbb\nc\n"), Limits{Line: 1})
	require.Nil(t, s.Bytes())
	require.True(t, s.Scan())
	require.Equal(t, "a", string(s.Bytes()))
	for range 3 {
		require.False(t, s.Scan())
		require.Empty(t, s.Text())
		require.Error(t, s.Err())
	}
	s = NewScanner(strings.NewReader("a"), Limits{})
	require.True(t, s.Scan())
	for range 3 {
		require.False(t, s.Scan())
		require.NoError(t, s.Err())
	}
}

// flood is a reader of many lines that takes no memory of its own.
type flood struct {
	line []byte
	left int
	at   int
}

func (f *flood) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if f.left == 0 {
			return n, io.EOF
		}
		m := copy(p[n:], f.line[f.at:])
		n, f.at = n+m, f.at+m
		if f.at == len(f.line) {
			f.at, f.left = 0, f.left-1
		}
	}
	return n, nil
}

// TestScannerMemory reads 200,000 lines and looks at the buffer at the end.
func TestScannerMemory(t *testing.T) {
	const lines = 200_000
	s := NewScanner(&flood{line: []byte("type=file;size=5; " + strings.Repeat("n", 100) + "\r\n"), left: lines}, Limits{})
	count := 0
	for s.Scan() {
		count += bytes.Count(s.Bytes(), []byte("type"))
	}
	require.NoError(t, s.Err())
	require.Equal(t, lines, count)
	require.LessOrEqual(t, len(s.buf), firstBuffer)

	s = NewScanner(&flood{line: []byte("x"), left: 1 << 24}, Limits{})
	require.False(t, s.Scan())
	require.LessOrEqual(t, len(s.buf), 4*DefaultLine)
}
