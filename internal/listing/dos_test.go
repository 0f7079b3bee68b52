package listing

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// winFile and winDir return entries as DIR tells them.
func winFile(name string, size int64) Entry {
	return Entry{Name: name, Kind: File, Size: size, Time: utc(2024, 1, 2, 15, 4, 0, 0), Precision: Minute}
}

func winDir(name string) Entry {
	return Entry{Name: name, Kind: Dir, Size: -1, Time: utc(2024, 1, 2, 15, 4, 0, 0), Precision: Minute}
}

func winLink(name, target string) Entry {
	return Entry{Name: name, Kind: Link, Target: target, Size: -1, Time: utc(2024, 1, 2, 15, 4, 0, 0), Precision: Minute}
}

func winDated(precision Precision, t time.Time) Entry {
	return Entry{Name: "a", Kind: File, Size: 5, Time: t, Precision: precision}
}

func TestDOSLines(t *testing.T) {
	testLines(t, summer(), []lineTest{
		{"directory", "01-02-24  03:04PM       <DIR>          name", winDir("name")},
		{"file", "01-02-24  03:04PM                 1234 name.txt", winFile("name.txt", 1234)},
		{"year of four digits", "01-02-2024  03:04PM       <DIR>          name", winDir("name")},
		{"24 hours", "01-02-24  15:04       <DIR>          name", winDir("name")},
		{"24 hours, year of four digits", "01-02-2024  15:04                 1234 name.txt", winFile("name.txt", 1234)},
		{"slashes, PM apart", "01/02/2024  03:04 PM    <DIR>          name", winDir("name")},
		{"points, day first", "02.01.2024  15:04    <DIR>          name", winDir("name")},
		{"iso", "2024-01-02  15:04    <DIR>          name", winDir("name")},
		{"small letters", "01-02-24  03:04pm       <dir>          name", winDir("name")},
		{"P for PM", "01-02-24  03:04p                 5 name", winFile("name", 5)},
		{"narrow", "01-02-24 03:04PM <DIR> name", winDir("name")},
		{"tabs", "01-02-24\t03:04PM\t<DIR>\t\tname", winDir("name")},
		{"blanks in the name", "01-02-24  03:04PM       <DIR>          My  Files ", winDir("My  Files ")},
		{"blanks in front of a directory", "01-02-24  03:04PM       <DIR>            name", winDir("  name")},
		{"directory in columns of its own", "01-02-24  03:04PM  <DIR>                 name", winDir("name")},
		{"blanks in front of a file", "01-02-24  03:04PM                 1234   name", winFile("  name", 1234)},
		{"dot", "01-02-24  03:04PM       <DIR>          .", with(winDir("."), func(e *Entry) { e.Kind = CurrentDir })},
		{"dots", "01-02-24  03:04PM       <DIR>          ..", with(winDir(".."), func(e *Entry) { e.Kind = ParentDir })},
		{"junction", `01/02/2024  03:04 PM    <JUNCTION>     name [C:\other place]`, winLink("name", `C:\other place`)},
		{"link to a directory", `01/02/2024  03:04 PM    <SYMLINKD>     name [..\x]`, winLink("name", `..\x`)},
		{"link to a file", `01/02/2024  03:04 PM    <SYMLINK>      name [x]`, winLink("name", "x")},
		{"link without target", `01/02/2024  03:04 PM    <SYMLINKD>     name`, winLink("name", "")},
		{"brackets in the name", `01/02/2024  03:04 PM    <JUNCTION>     name [1] [x]`, winLink("name [1]", "x")},
		{"brackets in a directory", `01/02/2024  03:04 PM    <DIR>          name [x]`, winDir("name [x]")},
		{"commas", "01/02/2024  03:04 PM         1,234,567 name", winFile("name", 1234567)},
		{"points", "02.01.2024  15:04         1.234.567 name", winFile("name", 1234567)},
		{"apostrophes", "02.01.2024  15:04         1'234'567 name", winFile("name", 1234567)},
		{"no-break spaces", "02/01/2024  15:04         1\u00a0234\u00a0567 name",
			with(winFile("name", 1234567), func(e *Entry) { e.Time = utc(2024, 2, 1, 15, 4, 0, 0) })},
		{"no-break spaces of Latin-1", "01/02/2024  15:04         1\xa0234 name", winFile("name", 1234)},
		{"no-break spaces of DOS", "01/02/2024  15:04         1\xff234 name", winFile("name", 1234)},
		{"moved to slow storage", "01/02/2024  15:04          (1,234) name", winFile("name", 1234)},
		{"size 0", "01-02-24  03:04PM                    0 name", winFile("name", 0)},
		{"size beyond", "01-02-24  03:04PM 99999999999999999999 name", winFile("name", -1)},
		{"grouped size beyond", "01-02-24  03:04PM 999,999,999,999,999,999,999 name", winFile("name", -1)},
		{"name of a number", "01-02-24  03:04PM                    5 12", winFile("12", 5)},
		{"Latin-1", "01-02-24  03:04PM                    5 caf\xe9", winFile("caf\xe9", 5)},
		{"0xFF", "01-02-24  03:04PM                    5 \xff", winFile("\xff", 5)},
		{"like a date", "01-02-24  03:04PM                    5 01-02-24  03:04PM", winFile("01-02-24  03:04PM", 5)},
	})
}

func TestDOSDates(t *testing.T) {
	for _, tt := range []struct {
		date     string
		dayFirst bool
		want     Entry
	}{
		{"01-02-24  12:00AM", false, winDated(Minute, utc(2024, 1, 2, 0, 0, 0, 0))},
		{"01-02-24  12:59AM", false, winDated(Minute, utc(2024, 1, 2, 0, 59, 0, 0))},
		{"01-02-24  12:00PM", false, winDated(Minute, utc(2024, 1, 2, 12, 0, 0, 0))},
		{"01-02-24  1:04 AM", false, winDated(Minute, utc(2024, 1, 2, 1, 4, 0, 0))},
		{"01-02-24  11:59PM", false, winDated(Minute, utc(2024, 1, 2, 23, 59, 0, 0))},
		{"01-02-24  00:15AM", false, winDated(Minute, utc(2024, 1, 2, 0, 15, 0, 0))},
		{"01-02-24  03:04:05PM", false, winDated(Second, utc(2024, 1, 2, 15, 4, 5, 0))},
		{"01-02-24", false, winDated(Day, utc(2024, 1, 2, 0, 0, 0, 0))},
		{"1-2-24", false, winDated(Day, utc(2024, 1, 2, 0, 0, 0, 0))},
		{"12-31-69", false, winDated(Day, utc(2069, 12, 31, 0, 0, 0, 0))},
		{"01-01-70", false, winDated(Day, utc(1970, 1, 1, 0, 0, 0, 0))},
		{"12-31-99", false, winDated(Day, utc(1999, 12, 31, 0, 0, 0, 0))},
		{"02-29-00", false, winDated(Day, utc(2000, 2, 29, 0, 0, 0, 0))},
		{"31-12-24", false, winDated(Day, utc(2024, 12, 31, 0, 0, 0, 0))},
		{"02-01-24", true, winDated(Day, utc(2024, 1, 2, 0, 0, 0, 0))},
		{"02/01/24", true, winDated(Day, utc(2024, 1, 2, 0, 0, 0, 0))},
		{"12/31/24", true, winDated(Day, utc(2024, 12, 31, 0, 0, 0, 0))},
		{"2024-01-02", true, winDated(Day, utc(2024, 1, 2, 0, 0, 0, 0))},
	} {
		t.Run(tt.date, func(t *testing.T) {
			p := &Parser{DayFirst: tt.dayFirst}
			line := tt.date + "                    5 a"
			got, ok, err := p.Parse(line)
			require.NoError(t, err)
			require.True(t, ok)
			tt.want.Raw = line
			require.Equal(t, tt.want, got)
		})
	}
}

func TestDOSErrors(t *testing.T) {
	const noSize = "no size and no <DIR> behind the date"
	for _, tt := range []struct{ name, line, reason string }{
		{"date alone", "01-02-24", noSize},
		{"date and time", "01-02-24  03:04PM", noSize},
		{"no name", "01-02-24  03:04PM       <DIR>", reasonNoName},
		{"blanks for a name", "01-02-24  03:04PM       <DIR>          ", reasonNoName},
		{"file without a name", "01-02-24  03:04PM   5 ", reasonNoName},
		{"no size", "01-02-24  03:04PM  name", noSize},
		{"marker unknown", "01-02-24  03:04PM  <FOO>          name", noSize},
		{"13 PM", "01-02-24  13:04PM  5 name", noSize},
		{"24 hours", "01-02-24  24:00  5 name", noSize},
		{"MP", "01-02-24  03:04MP  5 name", noSize},
		{"thousands badly grouped", "01-02-24  03:04PM  1,2345 name", noSize},
		{"thousands with two separators", "01-02-24  03:04PM  1,234.567 name", noSize},
		{"four digits before the separator", "01-02-24  03:04PM  1234,567 name", noSize},
		{"size with too many groups", "01-02-24  03:04PM  1" + strings.Repeat(",234", 20) + " name", noSize},
		{"month 13 and day 13", "13-13-24  03:04PM  5 name", reasonFormat},
		{"month 0", "00-02-24  03:04PM  5 name", reasonFormat},
		{"30 February", "02-30-24  03:04PM  5 name", reasonFormat},
		{"iso month 13", "2024-13-02  03:04PM  5 name", reasonFormat},
		{"year of three digits", "01-02-124  03:04PM  5 name", reasonFormat},
		{"two separators", "01-02/24  03:04PM  5 name", reasonFormat},
		{"month of three digits", "001-02-24  03:04PM  5 name", reasonFormat},
		{"letters", "aa-bb-cc  03:04PM  5 name", reasonFormat},
		{"heading of what", "Volume of sales", reasonFormat},
		{"files of what", "3 files", reasonFormat},
		{"NUL", "01-02-24  03:04PM  5 na\x00me", reasonBytes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, ok, err := summer().Parse(tt.line)
			require.False(t, ok)
			require.Equal(t, &LineError{Line: tt.line, Reason: tt.reason}, err)
		})
	}
}
