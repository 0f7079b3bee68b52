package listing

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// summer is the time at which the lists of these tests were taken, if not said otherwise.
func summer() *Parser { return &Parser{Now: utc(2024, 7, 1, 12, 0, 0, 0)} }

// file returns an entry as most lines of the table have it.
func file(name string, size int64) Entry {
	return Entry{Name: name, Kind: File, Size: size, Time: utc(2024, 1, 2, 15, 4, 0, 0), Precision: Minute,
		Perm: 0o644, HasPerm: true, Links: 1, Owner: "me", Group: "us"}
}

// with changes an entry.
func with(e Entry, change func(e *Entry)) Entry {
	change(&e)
	return e
}

// dated returns an entry with another time.
func dated(precision Precision, t time.Time) Entry {
	return with(file("a", 5), func(e *Entry) { e.Time, e.Precision = t, precision })
}

// owned returns an entry with other columns between mode and size.
func owned(links int, owner, group string) Entry {
	return with(file("a", 5), func(e *Entry) { e.Links, e.Owner, e.Group = links, owner, group })
}

// link returns a link.
func link(name, target string, size int64) Entry {
	return with(file(name, size), func(e *Entry) { e.Kind, e.Target, e.Perm = Link, target, 0o777 })
}

// kind returns an entry of another kind and mode.
func kind(k Kind, perm fs.FileMode) Entry {
	return with(file("a", 5), func(e *Entry) { e.Kind, e.Perm = k, perm })
}

type lineTest struct {
	name, line string
	want       Entry // without Raw
}

func testLines(t *testing.T, p *Parser, tests []lineTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := p.Parse(tt.line)
			require.NoError(t, err)
			require.True(t, ok)
			tt.want.Raw = tt.line
			require.Equal(t, tt.want, got)
		})
	}
}

func TestUnixColumns(t *testing.T) {
	testLines(t, summer(), []lineTest{
		{"usual", "-rw-r--r--   1 me       us              5 Jan  2 15:04 a", file("a", 5)},
		{"narrow", "-rw-r--r-- 1 me us 5 Jan 2 15:04 a", file("a", 5)},
		{"tabs", "-rw-r--r--\t1\tme\tus\t5\tJan\t2\t15:04\ta", file("a", 5)},
		{"blanks in front", "  -rw-r--r-- 1 me us 5 Jan  2 15:04 a", file("a", 5)},
		{"inode", "1234567 -rw-r--r-- 1 me us 5 Jan  2 15:04 a", file("a", 5)},
		{"inode and blocks", " 1234567    8 -rw-r--r-- 1 me us 5 Jan  2 15:04 a", file("a", 5)},
		{"blocks for humans", "4.0K -rw-r--r-- 1 me us 5 Jan  2 15:04 a", file("a", 5)},
		{"numeric owners", "-rw-r--r-- 1 1000 100 5 Jan  2 15:04 a", owned(1, "1000", "100")},
		{"no group", "-rw-r--r-- 1 me 5 Jan  2 15:04 a", owned(1, "me", "")},
		{"neither owner nor group", "-rw-r--r-- 1 5 Jan  2 15:04 a", owned(1, "", "")},
		{"no links", "-rw-r--r-- me us 5 Jan  2 15:04 a", owned(0, "me", "us")},
		{"size alone", "-rw-r--r-- 5 Jan  2 15:04 a", owned(0, "", "")},
		{"owner alone", "-rw-r--r-- me 5 Jan  2 15:04 a", owned(0, "me", "")},
		{"group with a blank", "-rw-r--r-- 1 me Domain Users 5 Jan  2 15:04 a", owned(1, "me", "Domain Users")},
		{"group with a number and blanks", "-rw-r--r-- 1 me Team  7 of us 5 Jan  2 15:04 a", owned(1, "me", "Team  7 of us")},
		{"group named like a month", "-rw-r--r-- 1 1000 Jan 5 Jan  2 15:04 a", owned(1, "1000", "Jan")},
		{"owner with a domain", `-rw-r--r-- 1 DOM\me us@example.org 5 Jan  2 15:04 a`, owned(1, `DOM\me`, "us@example.org")},
		{"links ran into the mode", "-rw-r--r--1024 me us 5 Jan  2 15:04 a", owned(1024, "me", "us")},
		{"links ran into the mode, numeric owner", "-rw-r--r--1024 7 8 5 Jan  2 15:04 a", owned(1024, "7", "8")},
		{"links beyond a count", "-rw-r--r-- 99999999999999999999 me us 5 Jan  2 15:04 a", owned(0, "me", "us")},
		{"access list", "-rw-r--r--+ 1 me us 5 Jan  2 15:04 a", file("a", 5)},
		{"security context", "-rw-r--r--. 1 me us 5 Jan  2 15:04 a", file("a", 5)},
		{"extended attributes", "-rw-r--r--@ 1 me us 5 Jan  2 15:04 a", file("a", 5)},
		{"file flags", "-rw-r--r-- 1 me us uchg,nodump 5 Jan  2 15:04 a", owned(1, "me", "us uchg,nodump")},
		{"size 0", "-rw-r--r-- 1 me us 0 Jan  2 15:04 a", file("a", 0)},
		{"size beyond 4 GiB", "-rw-r--r-- 1 me us 5368709120 Jan  2 15:04 a", file("a", 5<<30)},
		{"size with commas", "-rw-r--r-- 1 me us 1,234,567 Jan  2 15:04 a", file("a", 1234567)},
		{"size for humans", "-rw-r--r-- 1 me us 1.5K Jan  2 15:04 a", file("a", -1)},
		{"greatest size", "-rw-r--r-- 1 me us 9223372036854775807 Jan  2 15:04 a", file("a", 1<<63-1)},
		{"size beyond", "-rw-r--r-- 1 me us 9223372036854775808 Jan  2 15:04 a", file("a", -1)},
		{"size far beyond", "-rw-r--r-- 1 me us " + strings.Repeat("9", 500) + " Jan  2 15:04 a", file("a", -1)},
		{"size of a counter that wrapped", "-rw-r--r-- 1 me us -2147483648 Jan  2 15:04 a", file("a", -1)},
		{"file ls could not look at", "-????????? ? ? ? ?            ? a b ", Entry{Name: "a b ", Kind: File, Size: -1}},
		{"nothing known", "? ?????????? ? ? ? ?            ? a", Entry{Name: "a", Size: -1}},
		{"nothing known of the mode", "?????????? 1 me us 5 Jan  2 15:04 a",
			with(file("a", 5), func(e *Entry) { e.Kind, e.Perm, e.HasPerm = Unknown, 0, false })},
	})
}

func TestUnixModes(t *testing.T) {
	const rest = " 1 me us 5 Jan  2 15:04 a"
	testLines(t, summer(), []lineTest{
		{"directory", "drwxr-xr-x" + rest, kind(Dir, 0o755)},
		{"nothing allowed", "----------" + rest, kind(File, 0)},
		{"all allowed", "-rwxrwxrwx" + rest, kind(File, 0o777)},
		{"setuid", "-rwsr-xr-x" + rest, kind(File, 0o755|fs.ModeSetuid)},
		{"setuid without execution", "-rwSr--r--" + rest, kind(File, 0o644|fs.ModeSetuid)},
		{"setgid", "drwxrwsr-x" + rest, kind(Dir, 0o775|fs.ModeSetgid)},
		{"setgid without execution", "-rw-r-Sr--" + rest, kind(File, 0o644|fs.ModeSetgid)},
		{"mandatory locking", "-rw-r-lr--" + rest, kind(File, 0o644|fs.ModeSetgid)},
		{"sticky", "drwxrwxrwt" + rest, kind(Dir, 0o777|fs.ModeSticky)},
		{"sticky without execution", "drwxrwx--T+" + rest, kind(Dir, 0o770|fs.ModeSticky)},
		{"all special", "-rwsrwsrwt" + rest, kind(File, 0o777|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)},
		{"pipe", "prw-r--r--" + rest, kind(Other, 0o644)},
		{"socket", "srw-r--r--" + rest, kind(Other, 0o644)},
		{"door", "Drw-r--r--" + rest, kind(Other, 0o644)},
		{"migrated", "Mrw-r--r--" + rest, kind(File, 0o644)},
		{"device", "crw-r--r-- 1 me us 8, 1 Jan  2 15:04 a", with(kind(Other, 0o644), func(e *Entry) { e.Size = -1 })},
		{"device with wide columns", "brw-r--r--   1 me  us    8,   16 Jan  2 15:04 a",
			with(kind(Other, 0o644), func(e *Entry) { e.Size = -1 })},
		{"device in one word", "crw-r--r-- 1 me us 8,1 Jan  2 15:04 a", with(kind(Other, 0o644), func(e *Entry) { e.Size = -1 })},
		{"device in hexadecimal", "crw-r--r-- 1 me us 0x3000002 Jan  2 15:04 a",
			with(kind(Other, 0o644), func(e *Entry) { e.Size = -1 })},
		{"device without owners", "crw-r--r-- 8, 1 Jan  2 15:04 a",
			with(kind(Other, 0o644), func(e *Entry) { e.Size, e.Links, e.Owner, e.Group = -1, 0, "", "" })},
	})
}

func TestUnixNames(t *testing.T) {
	const start, linkStart = "-rw-r--r-- 1 me us 5 Jan  2 15:04 ", "lrwxrwxrwx 1 me us "
	testLines(t, summer(), []lineTest{
		{"blank in front", start + " a", file(" a", 5)},
		{"blanks all over", start + "  a  b  ", file("  a  b  ", 5)},
		{"one blank", start + " ", file(" ", 5)},
		{"tab", start + "\ta", file("\ta", 5)},
		{"like a date", start + "7 Jan  2 15:04 b", file("7 Jan  2 15:04 b", 5)},
		{"like a line", start + start + "x", file(start+"x", 5)},
		{"arrow in a file", start + "a -> b", file("a -> b", 5)},
		{"path", start + "../../etc/passwd", file("../../etc/passwd", 5)},
		{"escape sequence", start + "\x1b]0;x\x07", file("\x1b]0;x\x07", 5)},
		{"Latin-1", start + "caf\xe9", file("caf\xe9", 5)},
		{"0xFF", start + "\xff", file("\xff", 5)},
		{"no-break space", start + "\u00a0a", file("\u00a0a", 5)},
		{"very long", start + strings.Repeat("x ", 8000), file(strings.Repeat("x ", 8000), 5)},
		{"dot", start + ".", with(file(".", 5), func(e *Entry) { e.Kind = CurrentDir })},
		{"dots", start + "..", with(file("..", 5), func(e *Entry) { e.Kind = ParentDir })},
		{"behind a year", "-rw-r--r-- 1 me us 5 Jan  2  2023  a",
			with(file(" a", 5), func(e *Entry) { e.Time, e.Precision = utc(2023, 1, 2, 0, 0, 0, 0), Day })},
		{"link", linkStart + "6 Jan  2 15:04 a -> target", link("a", "target", 6)},
		{"link without target", linkStart + "6 Jan  2 15:04 a", link("a", "", 6)},
		{"link with an empty target", linkStart + "0 Jan  2 15:04 a -> ", link("a", "", 0)},
		{"link without name", linkStart + "0 Jan  2 15:04  -> x", link(" -> x", "", 0)},
		{"arrow in the target", linkStart + "6 Jan  2 15:04 a -> b -> c", link("a", "b -> c", 6)},
		{"arrow in the name", linkStart + "1 Jan  2 15:04 a -> b -> c", link("a -> b", "c", 1)},
		{"size that helps nothing", linkStart + "9 Jan  2 15:04 a -> b -> c", link("a", "b -> c", 9)},
		{"size beyond the line", linkStart + "9223372036854775807 Jan  2 15:04 a", link("a", "", 1<<63-1)},
		{"blanks around the arrow", linkStart + "2 Jan  2 15:04 a  ->  b", link("a ", " b", 2)},
	})
}

func TestUnixDates(t *testing.T) {
	const start = "-rw-r--r-- 1 me us 5 "
	minute := utc(2024, 1, 2, 15, 4, 0, 0)
	second := utc(2024, 1, 2, 15, 4, 5, 0)
	testLines(t, summer(), []lineTest{
		{"year", start + "Jan  2  2023 a", dated(Day, utc(2023, 1, 2, 0, 0, 0, 0))},
		{"old", start + "Dec 31  1969 a", dated(Day, utc(1969, 12, 31, 0, 0, 0, 0))},
		{"month in capitals", start + "JAN  2 15:04 a", dated(Minute, minute)},
		{"day with a zero", start + "Jan 02 15:04 a", dated(Minute, minute)},
		{"hour of one digit", start + "Jan  2  3:04 a", dated(Minute, utc(2024, 1, 2, 3, 4, 0, 0))},
		{"midnight", start + "Jan  2 00:00 a", dated(Minute, utc(2024, 1, 2, 0, 0, 0, 0))},
		{"seconds and year", start + "Jan  2 15:04:05 2024 a", dated(Second, second)},
		{"seconds alone", start + "Jan  2 15:04:05 a", dated(Second, second)},
		{"day first", start + " 2 Jan 15:04 a", dated(Minute, minute)},
		{"day first, year", start + " 2 Jan  2023 a", dated(Day, utc(2023, 1, 2, 0, 0, 0, 0))},
		{"German", start + "13. Mär 15:04 a", dated(Minute, utc(2024, 3, 13, 15, 4, 0, 0))},
		{"German in Latin-1", start + "M\xe4r 13 15:04 a", dated(Minute, utc(2024, 3, 13, 15, 4, 0, 0))},
		{"French", start + "13 févr. 15:04 a", dated(Minute, utc(2024, 2, 13, 15, 4, 0, 0))},
		{"Spanish", start + "ene  2 15:04 a", dated(Minute, minute)},
		{"Russian", start + "мая 13 15:04 a", dated(Minute, utc(2024, 5, 13, 15, 4, 0, 0))},
		{"Japanese", start + "1月  2 15:04 a", dated(Minute, minute)},
		{"Chinese", start + "12月 31日 2023 a", dated(Day, utc(2023, 12, 31, 0, 0, 0, 0))},
		{"Korean", start + " 1월  2 15:04 a", dated(Minute, minute)},
		{"long-iso", start + "2024-01-02 15:04 a", dated(Minute, minute)},
		{"long-iso with seconds", start + "2024-01-02 15:04:05 a", dated(Second, second)},
		{"full-iso", start + "2024-01-02 15:04:05.000000789 +0100 a", dated(Subsecond, utc(2024, 1, 2, 14, 4, 5, 789))},
		{"full-iso, west", start + "2024-01-02 15:04:05.000000000 -0330 a", dated(Subsecond, utc(2024, 1, 2, 18, 34, 5, 0))},
		{"zone without a fraction", start + "2024-01-02 15:04:05 +0000 a", dated(Second, second)},
		{"iso, recent", start + "01-02 15:04 a", dated(Minute, minute)},
		{"iso, old", start + "2023-01-02  a", dated(Day, utc(2023, 1, 2, 0, 0, 0, 0))},
		{"iso, old, not padded", start + "2023-01-02 a", dated(Day, utc(2023, 1, 2, 0, 0, 0, 0))},
		{"29 February", start + "Feb 29  2024 a", dated(Day, utc(2024, 2, 29, 0, 0, 0, 0))},
		{"name like a year", start + "Jan  2 15:04:05 2024", with(dated(Second, second), func(e *Entry) { e.Name = "2024" })},
		{"name like a time", start + "2024-01-02 15:04", with(dated(Day, utc(2024, 1, 2, 0, 0, 0, 0)), func(e *Entry) { e.Name = "15:04" })},
		{"name like a zone", start + "2024-01-02 15:04:05 +0100", with(dated(Second, second), func(e *Entry) { e.Name = "+0100" })},
		{"name nearly a zone", start + "2024-01-02 15:04:05 +0160 a", with(dated(Second, second), func(e *Entry) { e.Name = "+0160 a" })},
	})
}

func TestUnixErrors(t *testing.T) {
	const start = "-rw-r--r-- 1 me us "
	for _, tt := range []struct{ name, line, reason string }{
		{"mode alone", "-rw-r--r--", reasonBadDate},
		{"cut in the owners", "-rw-r--r-- 1 me", reasonBadDate},
		{"cut behind the size", start + "5", reasonBadDate},
		{"cut in the date", start + "5 Jan 2", reasonBadDate},
		{"no name", start + "5 Jan  2 15:04", reasonNoName},
		{"no name behind the blank", start + "5 Jan  2 15:04 ", reasonNoName},
		{"no size", "-rw-r--r-- Jan  2 15:04 a", reasonBadDate},
		{"size no number", start + "5x Jan  2 15:04 a", reasonBadDate},
		{"size in hexadecimal", start + "0x5 Jan  2 15:04 a", reasonBadDate},
		{"thousands badly grouped", start + "1,23,456 Jan  2 15:04 a", reasonBadDate},
		{"month unknown", start + "5 Foo  2 15:04 a", reasonBadDate},
		{"month too long", start + "5 Januaryjanuaryjanuary  2 15:04 a", reasonBadDate},
		{"month 13", start + "5 13月  2 15:04 a", reasonBadDate},
		{"day 0", start + "5 Jan  0 15:04 a", reasonBadDate},
		{"day 32", start + "5 Jan 32 15:04 a", reasonBadDate},
		{"day of letters", start + "5 Jan 2nd 15:04 a", reasonBadDate},
		{"30 February", start + "5 Feb 30 15:04 a", reasonBadDate},
		{"29 February of no leap year", start + "5 Feb 29  2023 a", reasonBadDate},
		{"24 hours", start + "5 Jan  2 24:00 a", reasonBadDate},
		{"60 minutes", start + "5 Jan  2 15:60 a", reasonBadDate},
		{"minute of one digit", start + "5 Jan  2 15:4 a", reasonBadDate},
		{"signed hour", start + "5 Jan  2 +5:04 a", reasonBadDate},
		{"61 seconds", start + "5 Jan  2 15:04:61 a", reasonBadDate},
		{"fraction of letters", start + "5 Jan  2 15:04:05.x a", reasonBadDate},
		{"year 0", start + "5 Jan  2  0000 a", reasonBadDate},
		{"year of five digits", start + "5 Jan  2 12024 a", reasonBadDate},
		{"iso month 13", start + "5 2024-13-02 15:04 a", reasonBadDate},
		{"iso year 0", start + "5 0000-01-02 15:04 a", reasonBadDate},
		{"iso 30 February", start + "5 2024-02-30 15:04 a", reasonBadDate},
		{"iso of letters", start + "5 2024-ab-cd 15:04 a", reasonBadDate},
		{"iso too long", start + "5 2024-01-023 15:04 a", reasonBadDate},
		{"iso without year and time", start + "5 01-02 a", reasonBadDate},
		{"date too far to the right", "-rw-r--r-- 1 " + strings.Repeat("g ", 40) + "5 Jan  2 15:04 a", reasonBadDate},
		{"mode too short", "-rw-r--r- 1 me us 5 Jan  2 15:04 a", reasonFormat},
		{"mode of other letters", "-rw-r--r-q 1 me us 5 Jan  2 15:04 a", reasonFormat},
		{"mode out of order", "-wr-r--r-- 1 me us 5 Jan  2 15:04 a", reasonFormat},
		{"mode with an unknown mark", "-rw-r--r--! 1 me us 5 Jan  2 15:04 a", reasonFormat},
		{"kind unknown", "xrw-r--r-- 1 me us 5 Jan  2 15:04 a", reasonFormat},
		{"three numbers before the mode", "1 2 3 -rw-r--r-- 1 me us 5 Jan  2 15:04 a", reasonFormat},
		{"message of ls", "ls: cannot open directory '.': Permission denied", reasonFormat},
		{"heading of a subdirectory", "./sub:", reasonFormat},
		{"words", "what is this", reasonFormat},
		{"total of what", "total -rw", reasonFormat},
		{"bytes", "\xff\xfe\x80", reasonFormat},
		{"NUL in the name", start + "5 Jan  2 15:04 a\x00.txt", reasonBytes},
		{"CR in the name", start + "5 Jan  2 15:04 a\rb", reasonBytes},
		{"LF in the name", start + "5 Jan  2 15:04 a\n", reasonBytes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, ok, err := summer().Parse(tt.line)
			require.False(t, ok)
			require.Zero(t, e)
			var lineErr *LineError
			require.ErrorAs(t, err, &lineErr)
			require.Equal(t, LineError{Line: tt.line, Reason: tt.reason}, *lineErr)
		})
	}
}
