package listing

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

// seedLines adds the lines of all listings in testdata, and some that are hostile.
func seedLines(f *testing.F) {
	f.Helper()
	for _, name := range listings(f) {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		for line := range strings.Lines(string(text)) {
			f.Add(strings.TrimRight(line, "\r\n"))
		}
	}
	for _, line := range []string{
		"", " ", ";", "=", "; ", "=; ", " ; ", "type=; ", "\xdeA=1;\u212a=2; a", "type=file;size=99999999999999999999; \xff", "modify=99999999999999; \x00",
		"type=OS.unix=slink:a b;c; d; e", "unix.mode=7777777; m", "-rwxrwxrwx", "lrwxrwxrwx 1 9223372036854775807 Jan 2 15:04 a",
		"lrwxrwxrwx 1 0 Jan 2 15:04  -> ", "crw-rw-rw- , 1 Jan 2 15:04 a", "crw-rw-rw- 8, Jan 2 15:04 a", "- 1 Feb 29 15:04 a",
		"-rw-r--r-- 1 u g 5 0000-00-00 00:00:00. + a", "-rw-r--r--999999999999 5 Jan 2 15:04:60 9999 a", "01-01-00 12:00AM <SYMLINK> [", "--", "-/.",
		"00/00/00 PM", "1,000 -rw-r--r-- 1,000 Jan 1 0001 \xa0", "\xff,\xff 01-02-03 1\xff000 \xff",
	} {
		f.Add(line)
	}
}

// checkEntry holds what is true of every entry that a parser returns.
func checkEntry(t *testing.T, line string, e Entry) {
	t.Helper()
	require.Equal(t, line, e.Raw)
	require.NotEmpty(t, e.Name)
	for _, part := range []string{e.Name, e.Target, e.Owner, e.Group, string(e.Facts)} {
		require.Contains(t, line, part)
		require.True(t, sendable(part))
	}
	require.GreaterOrEqual(t, e.Size, int64(-1))
	require.GreaterOrEqual(t, e.Links, 0)
	require.Equal(t, e.Name == "." || e.Kind == CurrentDir, e.Kind == CurrentDir)
	require.Equal(t, e.Name == ".." || e.Kind == ParentDir, e.Kind == ParentDir)
	require.LessOrEqual(t, e.Precision, Subsecond)
	require.LessOrEqual(t, e.Kind, ParentDir)
	if e.Precision == 0 {
		require.True(t, e.Time.IsZero())
	}
	if e.Target != "" {
		require.Contains(t, []Kind{Link, CurrentDir, ParentDir}, e.Kind)
	}
	if !e.HasPerm {
		require.Zero(t, e.Perm)
	}
}

func FuzzMLSx(f *testing.F) {
	seedLines(f)
	f.Fuzz(func(t *testing.T, line string) {
		e, err := ParseMLSx(line)
		if err != nil {
			var lineErr *LineError
			require.ErrorAs(t, err, &lineErr)
			require.Equal(t, line, lineErr.Line)
			require.Zero(t, e)
		} else {
			checkEntry(t, line, e)
			require.Equal(t, strings.TrimLeft(line, " "), strings.TrimLeft(string(e.Facts)+" "+e.Name, " "))
			checkRoundTrip(t, e)
		}
		checkAnyName(t, line)
	})
}

// checkRoundTrip writes an entry as a server would and reads it again.
func checkRoundTrip(t *testing.T, e Entry) {
	t.Helper()
	if e.Facts == "" {
		return // " a=b; c" is the one line with two readings
	}
	again, err := ParseMLSx(string(e.Facts) + " " + e.Name)
	require.NoError(t, err)
	again.Raw = e.Raw
	require.Equal(t, e, again)
	for key, value := range e.Facts.All() {
		_, ok := e.Fact(key)
		require.True(t, ok)
		require.NotContains(t, value, ";")
	}
}

// checkAnyName makes sure that every name that can be sent arrives byte for byte, whatever it looks like.
func checkAnyName(t *testing.T, name string) {
	t.Helper()
	e, err := ParseMLSx("type=file;size=1; " + name)
	p := Parser{Now: time.Unix(1_700_000_000, 0)}
	unix, ok, unixErr := p.Parse("-rw-r--r-- 1 me us 1 Jan  2 15:04 " + name)
	if name == "" || !sendable(name) {
		require.Error(t, err)
		require.Error(t, unixErr)
		return
	}
	require.NoError(t, err)
	require.Equal(t, name, e.Name)
	require.NoError(t, unixErr)
	require.True(t, ok)
	require.Equal(t, name, unix.Name)
}

func FuzzLIST(f *testing.F) {
	seedLines(f)
	now := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, line string) {
		p := Parser{Now: now, Location: time.FixedZone("test", 3600)}
		e, ok, err := p.Parse(line)
		switch {
		case err != nil:
			require.False(t, ok)
			var lineErr *LineError
			require.ErrorAs(t, err, &lineErr)
			require.Equal(t, line, lineErr.Line)
			require.NotEmpty(t, lineErr.Reason)
		case ok:
			checkEntry(t, line, e)
			again, _, _ := p.Parse(line)
			require.Equal(t, e, again)
		}
		if !ok {
			require.Zero(t, e)
		}
	})
}

func FuzzScanner(f *testing.F) {
	for _, name := range listings(f) {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(text, 0, 0, 0)
		f.Add(text, 80, 200, 3)
	}
	f.Add([]byte("a\r\r\nb\rc\n\n\r\xff\x00"), 1, 2, 3)
	f.Fuzz(func(t *testing.T, text []byte, line, total, lines int) {
		lim := Limits{Line: int64(line), Total: int64(total), Lines: lines}
		got, err := scanAll(strings.NewReader(string(text)), lim)
		slow, slowErr := scanAll(iotest.OneByteReader(strings.NewReader(string(text))), lim)
		require.Equal(t, got, slow)
		require.Equal(t, err, slowErr)
		for _, l := range got {
			require.NotContains(t, l, "\n")
			require.False(t, strings.HasSuffix(l, "\r"))
			if line > 0 {
				require.LessOrEqual(t, len(l), line)
			}
		}
		if lines > 0 {
			require.LessOrEqual(t, len(got), lines)
		}
		if err == nil {
			require.Equal(t, linesOf(string(text)), got)
		} else {
			require.IsType(t, (*LimitError)(nil), err)
		}
		cut, err := scanAll(io.MultiReader(strings.NewReader(string(text)), iotest.ErrReader(io.ErrClosedPipe)), Limits{})
		require.Error(t, err)
		require.LessOrEqual(t, len(cut), strings.Count(string(text), "\n"))
	})
}

// linesOf cuts a text into lines in the plainest way.
func linesOf(text string) (lines []string) {
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(strings.TrimSuffix(line, "\n"), "\r"))
	}
	return lines
}

// listings returns the listings in testdata.
func listings(tb testing.TB) []string {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "*.list"))
	require.NoError(tb, err)
	require.NotEmpty(tb, names)
	return names
}
