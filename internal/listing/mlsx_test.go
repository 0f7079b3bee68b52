package listing

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func utc(year int, month time.Month, day, hour, minute, second, nanosecond int) time.Time {
	return time.Date(year, month, day, hour, minute, second, nanosecond, time.UTC)
}

func TestParseMLSx(t *testing.T) {
	leap := utc(2024, 2, 29, 23, 59, 58, 0)
	for _, tt := range []struct {
		name, line string
		want       Entry // without Facts and Raw
	}{
		{"file", "type=file;size=12;modify=20240229235958; a.txt",
			Entry{Name: "a.txt", Kind: File, Size: 12, Time: leap, Precision: Second}},
		{"directory", "type=dir;modify=20240229235958;perm=flcdmpe; pub",
			Entry{Name: "pub", Kind: Dir, Size: -1, Time: leap, Precision: Second}},
		{"current directory", "type=cdir;modify=20240229235958; /pub/here",
			Entry{Name: "/pub/here", Kind: CurrentDir, Size: -1, Time: leap, Precision: Second}},
		{"parent directory", "type=pdir; ..", Entry{Name: "..", Kind: ParentDir, Size: -1}},
		{"dot as a plain directory", "type=dir; .", Entry{Name: ".", Kind: CurrentDir, Size: -1}},
		{"dots as a file", "type=file;size=1; ..", Entry{Name: "..", Kind: ParentDir, Size: 1}},
		{"fact names in any case", "Type=FILE;SIZE=3;Modify=20240229235958; A",
			Entry{Name: "A", Kind: File, Size: 3, Time: leap, Precision: Second}},
		{"milliseconds", "type=file;modify=20240229235958.123; ms",
			Entry{Name: "ms", Kind: File, Size: -1, Time: leap.Add(123 * time.Millisecond), Precision: Subsecond}},
		{"nanoseconds and finer", "modify=20240229235958.0000000019; ns",
			Entry{Name: "ns", Size: -1, Time: leap.Add(1), Precision: Subsecond}},
		{"leap second", "modify=20161231235960; leap",
			Entry{Name: "leap", Size: -1, Time: utc(2017, 1, 1, 0, 0, 0, 0), Precision: Second}},
		{"years since 1900 behind a 19", "modify=191240229235958; y2k",
			Entry{Name: "y2k", Size: -1, Time: leap, Precision: Second}},
		{"no facts", " name alone", Entry{Name: "name alone", Size: -1}},
		{"no facts, blanks in front of the name", "   name", Entry{Name: "  name", Size: -1}},
		{"the blank of MLST", " type=file;size=5; /pub/x", Entry{Name: "/pub/x", Kind: File, Size: 5}},
		{"more blanks of MLST", "   type=file;size=5;  y", Entry{Name: " y", Kind: File, Size: 5}},
		{"name with a semicolon", "type=file;size=5; a;b; c", Entry{Name: "a;b; c", Kind: File, Size: 5}},
		{"name like a fact", "type=file; size=7;", Entry{Name: "size=7;", Kind: File, Size: -1}},
		{"no facts, name like one", " size=7;", Entry{Name: "size=7;", Size: -1}},
		{"blanks around the name", "type=file;  two  ", Entry{Name: " two  ", Kind: File, Size: -1}},
		{"name of one blank", "type=file;  ", Entry{Name: " ", Kind: File, Size: -1}},
		{"name with a tab and an escape", "type=file; a\t\x1b[2J", Entry{Name: "a\t\x1b[2J", Kind: File, Size: -1}},
		{"name in Latin-1", "type=file; caf\xe9", Entry{Name: "caf\xe9", Kind: File, Size: -1}},
		{"name of 0xFF", "type=file; \xff\xff", Entry{Name: "\xff\xff", Kind: File, Size: -1}},
		{"link with target", "type=OS.unix=slink:/pub/a=b;size=9; l",
			Entry{Name: "l", Kind: Link, Target: "/pub/a=b", Size: 9}},
		{"link without target", "type=OS.unix=symlink; l", Entry{Name: "l", Kind: Link, Size: -1}},
		{"link with an empty target", "type=OS.UNIX=SLINK:; l", Entry{Name: "l", Kind: Link, Size: -1}},
		{"link with a blank in its target", "type=OS.unix=slink:/my files/a;size=9; l; m",
			Entry{Name: "l; m", Kind: Link, Target: "/my files/a", Size: 9}},
		{"link as a plain word", "type=symlink; l", Entry{Name: "l", Kind: Link, Size: -1}},
		{"character device", "type=OS.unix=chr-13/29; null", Entry{Name: "null", Kind: Other, Size: -1}},
		{"pipe", "type=OS.unix=fifo; p", Entry{Name: "p", Kind: Other, Size: -1}},
		{"type of another system", "type=OS.vms=thing; t", Entry{Name: "t", Kind: Other, Size: -1}},
		{"type not known", "type=x-door; t", Entry{Name: "t", Size: -1}},
		{"empty type", "type=; t", Entry{Name: "t", Size: -1}},
		{"size of a directory", "type=dir;sizd=4096; d", Entry{Name: "d", Kind: Dir, Size: 4096}},
		{"mode", "type=file;UNIX.mode=0644; m", Entry{Name: "m", Kind: File, Size: -1, Perm: 0o644, HasPerm: true}},
		{"mode with file type", "type=file;UNIX.mode=0100600; m",
			Entry{Name: "m", Kind: File, Size: -1, Perm: 0o600, HasPerm: true}},
		{"mode with special bits", "unix.mode=7751; m", Entry{Name: "m", Size: -1, HasPerm: true,
			Perm: 0o751 | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky}},
		{"mode 0", "unix.mode=0; m", Entry{Name: "m", Size: -1, HasPerm: true}},
		{"owner and group by number", "UNIX.uid=1000;UNIX.gid=100; o", Entry{Name: "o", Size: -1, Owner: "1000", Group: "100"}},
		{"owner and group by name too", "UNIX.uid=0;UNIX.ownername=root;UNIX.groupname=wheel;UNIX.gid=0; o",
			Entry{Name: "o", Size: -1, Owner: "root", Group: "wheel"}},
		{"owner and group in short", "UNIX.owner=root;UNIX.group=wheel; o",
			Entry{Name: "o", Size: -1, Owner: "root", Group: "wheel"}},
		{"group with a blank", "type=file;UNIX.groupname=domain users;size=4; g; h",
			Entry{Name: "g; h", Kind: File, Size: 4, Group: "domain users"}},
		{"last fact without its end", "type=file;size=5 a; b", Entry{Name: "a; b", Kind: File, Size: 5}},
		{"group as a last fact without its end", "type=file;unix.group=a b", Entry{Name: "b", Kind: File, Size: -1, Group: "a"}},
		{"empty facts between", "type=file;;size=5;; e", Entry{Name: "e", Kind: File, Size: 5}},
		{"facts that are none", "type=file;hidden;=3;size=5; e", Entry{Name: "e", Kind: File, Size: 5}},
		{"the first of two", "size=1;size=2; two", Entry{Name: "two", Size: 1}},
		{"unknown facts", "X.foo=a;unique=8;media-type=text/plain;charset=;lang=en; u", Entry{Name: "u", Size: -1}},
		{"greatest size", "size=9223372036854775807; s", Entry{Name: "s", Size: 1<<63 - 1}},
		{"size beyond", "size=9223372036854775808; s", Entry{Name: "s", Size: -1}},
		{"size far beyond", "size=" + strings.Repeat("9", 400) + "; s", Entry{Name: "s", Size: -1}},
		{"negative size", "size=-1; s", Entry{Name: "s", Size: -1}},
		{"signed size", "size=+1; s", Entry{Name: "s", Size: -1}},
		{"size in hexadecimal", "size=0x10; s", Entry{Name: "s", Size: -1}},
		{"mode in decimal", "unix.mode=0689; s", Entry{Name: "s", Size: -1}},
		{"mode too long", "unix.mode=00000644; s", Entry{Name: "s", Size: -1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseMLSx(tt.line)
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(tt.line, " "+got.Name))
			require.Contains(t, tt.line, string(got.Facts))
			tt.want.Raw, tt.want.Facts = tt.line, got.Facts
			require.Equal(t, tt.want, got)
		})
	}
}

// TestParseMLSxTimes holds the values of modify that tell no time. The entry survives them.
func TestParseMLSxTimes(t *testing.T) {
	for _, value := range []string{
		"", ".", "2024", "20240229", "202402292359", "2024022923595", "2024022923595x", "20240229235958.", "20240229235958.x",
		"20240229235958.1 2", "20230229000000", "20240431000000", "20241301000000", "20240001000000", "20240100000000",
		"20240132000000", "20240101240000", "20240101006000", "20240101000061", "-0240101000000", "+2024010100000",
		"192240229235958", "19a240229235958", "1912402292359589", "99999999999999", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		e, err := ParseMLSx("type=file;modify=" + strings.ReplaceAll(value, " ", "_") + "; n")
		require.NoError(t, err, value)
		require.Zero(t, e.Time, value)
		require.Zero(t, e.Precision, value)
		require.Equal(t, "n", e.Name)
	}
}

func TestParseMLSxErrors(t *testing.T) {
	for _, tt := range []struct{ name, line, reason string }{
		{"empty", "", "no blank"},
		{"name missing", "type=file; ", reasonNoName},
		{"name and blank missing", "type=file;", "no blank"},
		{"a blank alone", " ", reasonNoName},
		{"LIST line", "-rw-r--r-- 1 u g 5 Jan  2 15:04 a", "not begin with a fact"},
		{"total", "total 12", "not begin with a fact"},
		{"fact without a name", "=file; a", "not begin with a fact"},
		{"NUL in the name", "type=file; a\x00b", reasonBytes},
		{"CR in the name", "type=file; a\rb", reasonBytes},
		{"line not cut from its ending", "type=file; a\r\n", reasonBytes},
		{"two lines", "type=file; a\ntype=file; b", reasonBytes},
		{"NUL in a fact", "type=\x00; a", reasonBytes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := ParseMLSx(tt.line)
			require.Zero(t, e)
			var lineErr *LineError
			require.ErrorAs(t, err, &lineErr)
			require.Equal(t, tt.line, lineErr.Line)
			require.Contains(t, lineErr.Reason, tt.reason)
			require.ErrorContains(t, err, "listing line not understood: ")
		})
	}
}

func TestLineErrorCutsTheQuote(t *testing.T) {
	err := &LineError{Line: strings.Repeat("x", 1<<20), Reason: "too dull"}
	require.Less(t, len(err.Error()), 300)
	require.Contains(t, err.Error(), "too dull")
	require.Contains(t, err.Error(), "...")
}

func TestFacts(t *testing.T) {
	e, err := ParseMLSx("Type=file;;X.Foo=a=b;broken;size=1;SIZE=2; n")
	require.NoError(t, err)
	value, ok := e.Fact("x.foo")
	require.True(t, ok)
	require.Equal(t, "a=b", value)
	value, ok = e.Fact("size")
	require.True(t, ok)
	require.Equal(t, "1", value)
	for _, none := range []string{"modify", "", "broken", "typ", "types", "\u212aelvin"} {
		_, ok = e.Fact(none)
		require.False(t, ok, none)
	}
	var keys []string
	for key := range e.Facts.All() {
		keys = append(keys, key)
	}
	require.Equal(t, []string{"type", "x.foo", "size", "size"}, keys)
	for key := range e.Facts.All() {
		require.Equal(t, "type", key, "the loop was left after the first")
		break
	}
	require.Empty(t, maps.Collect(Facts("").All()))
}

func TestWords(t *testing.T) {
	var kinds, precisions []string
	for k := range ParentDir + 2 {
		kinds = append(kinds, k.String())
	}
	for p := range Subsecond + 1 {
		precisions = append(precisions, p.String())
	}
	require.Equal(t, []string{"unknown", "file", "directory", "link", "other", "current directory", "parent directory", "unknown"}, kinds)
	require.Equal(t, []string{"none", "day", "minute", "second", "subsecond"}, precisions)
}
