package listing

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNoEntry(t *testing.T) {
	for _, line := range []string{
		"", " ", "\t  ", "total 12", "Total 0", "total 1.2M", "total: 12", "insgesamt 12", "итого 12", "总用量 12", "合計 12",
		" Volume in drive C is System", " Volume Serial Number is 0000-0000", " Directory of C:\\ftp",
		"               3 File(s)      1,234 bytes", "               2 Dir(s)  12,345,678 bytes free",
	} {
		e, ok, err := summer().Parse(line)
		require.NoError(t, err, line)
		require.False(t, ok, line)
		require.Zero(t, e, line)
	}
}

// TestMixedFormats reads a listing in which every line is of another format.
func TestMixedFormats(t *testing.T) {
	p := summer()
	var names []string
	for _, line := range []string{
		"total 3",
		"-rw-r--r-- 1 me us 5 Jan  2 15:04 unix",
		"01-02-24  03:04PM       <DIR>          dos",
		"type=file;size=5;modify=20240102150405; mlsd",
		" type=file;size=5; mlst",
		"drwxr-xr-x 1 me us 5 Jan  2 15:04 unix again",
	} {
		e, ok, err := p.Parse(line)
		require.NoError(t, err, line)
		if ok {
			names = append(names, e.Name)
		}
	}
	require.Equal(t, []string{"unix", "dos", "mlsd", "mlst", "unix again"}, names)
}

// TestFactsInLIST holds lines that look like MLSx and are too little like it to be taken for an entry of LIST.
func TestFactsInLIST(t *testing.T) {
	for _, line := range []string{
		"a=b c", "a=b c; d", "=; d", "error=1;", "a b=c; d", " x y=z; name", "x=1; ",
	} {
		_, ok, err := summer().Parse(line)
		require.False(t, ok, line)
		require.Error(t, err, line)
	}
}

func TestFormatNames(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range formats() {
		require.NotEmpty(t, f.name)
		require.False(t, seen[f.name], f.name)
		seen[f.name] = true
	}
}

func zone(hours int) *time.Location { return time.FixedZone("test", hours*3600) }

// TestYear holds the rule for dates without a year: the last such date that is at most one day after now.
func TestYear(t *testing.T) {
	for _, tt := range []struct {
		name string
		now  time.Time
		loc  *time.Location
		date string
		want time.Time
	}{
		{"this year", utc(2024, 7, 1, 12, 0, 0, 0), nil, "Jun 30 12:00", utc(2024, 6, 30, 12, 0, 0, 0)},
		{"this minute", utc(2024, 7, 1, 12, 0, 0, 0), nil, "Jul  1 12:00", utc(2024, 7, 1, 12, 0, 0, 0)},
		{"one day ahead", utc(2024, 7, 1, 12, 0, 0, 0), nil, "Jul  2 12:00", utc(2024, 7, 2, 12, 0, 0, 0)},
		{"a minute more", utc(2024, 7, 1, 12, 0, 0, 0), nil, "Jul  2 12:01", utc(2023, 7, 2, 12, 1, 0, 0)},
		{"last December", utc(2024, 1, 1, 0, 0, 0, 0), nil, "Dec 31 23:59", utc(2023, 12, 31, 23, 59, 0, 0)},
		{"New Year's Eve, clock ahead", utc(2023, 12, 31, 23, 59, 0, 0), nil, "Jan  1 00:01", utc(2024, 1, 1, 0, 1, 0, 0)},
		{"New Year's Eve, far ahead", utc(2023, 12, 31, 10, 0, 0, 0), nil, "Jan  1 10:01", utc(2023, 1, 1, 10, 1, 0, 0)},
		{"day before New Year's Eve", utc(2023, 12, 30, 12, 0, 0, 0), nil, "Jan  1 00:01", utc(2023, 1, 1, 0, 1, 0, 0)},
		{"just under a year ago", utc(2024, 7, 1, 12, 0, 0, 0), nil, "Jul  3 00:00", utc(2023, 7, 3, 0, 0, 0, 0)},
		{"server east of us, its New Year", utc(2023, 12, 31, 20, 0, 0, 0), zone(8), "Jan  1 04:00", utc(2023, 12, 31, 20, 0, 0, 0)},
		{"server west of us, its old year", utc(2024, 1, 1, 3, 0, 0, 0), zone(-8), "Dec 31 19:00", utc(2024, 1, 1, 3, 0, 0, 0)},
		{"29 February, today", utc(2024, 2, 29, 12, 0, 0, 0), nil, "Feb 29 11:00", utc(2024, 2, 29, 11, 0, 0, 0)},
		{"29 February, tomorrow", utc(2024, 2, 28, 12, 0, 0, 0), nil, "Feb 29 11:00", utc(2024, 2, 29, 11, 0, 0, 0)},
		{"29 February, too far ahead", utc(2024, 2, 27, 12, 0, 0, 0), nil, "Feb 29 12:00", utc(2020, 2, 29, 12, 0, 0, 0)},
		{"29 February, last year", utc(2025, 1, 10, 0, 0, 0, 0), nil, "Feb 29 12:00", utc(2024, 2, 29, 12, 0, 0, 0)},
		{"29 February, three years ago", utc(2027, 7, 1, 0, 0, 0, 0), nil, "Feb 29 12:00", utc(2024, 2, 29, 12, 0, 0, 0)},
		{"29 February, across 2100", utc(2103, 7, 1, 0, 0, 0, 0), nil, "Feb 29 12:00", utc(2096, 2, 29, 12, 0, 0, 0)},
		{"29 February, across 1900, too far ahead", utc(1904, 2, 27, 0, 0, 0, 0), nil, "Feb 29 12:00", utc(1896, 2, 29, 12, 0, 0, 0)},
		{"now in another zone", utc(2024, 7, 1, 12, 0, 0, 0).In(zone(5)), nil, "Jul  2 12:00", utc(2024, 7, 2, 12, 0, 0, 0)},
		{"iso style", utc(2024, 1, 1, 0, 0, 0, 0), nil, "12-31 23:59", utc(2023, 12, 31, 23, 59, 0, 0)},
		{"day first", utc(2024, 1, 1, 0, 0, 0, 0), nil, "31 Dec 23:59", utc(2023, 12, 31, 23, 59, 0, 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &Parser{Now: tt.now, Location: tt.loc}
			e, ok, err := p.Parse("-rw-r--r-- 1 me us 5 " + tt.date + " a")
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, tt.want, e.Time.UTC())
			require.Equal(t, Minute, e.Precision)
			require.Equal(t, p.location(), e.Time.Location())
		})
	}
}

func TestLocation(t *testing.T) {
	p := &Parser{Location: zone(2)}
	for line, want := range map[string]time.Time{
		"-rw-r--r-- 1 me us 5 Jan  2  2023 a":                  utc(2023, 1, 1, 22, 0, 0, 0),
		"-rw-r--r-- 1 me us 5 2023-01-02 15:04:05.000 +0100 a": utc(2023, 1, 2, 14, 4, 5, 0),
		"01-02-23  03:04PM                    5 a":             utc(2023, 1, 2, 13, 4, 0, 0),
		"type=file;modify=20230102150405; a":                   utc(2023, 1, 2, 15, 4, 5, 0),
	} {
		e, ok, err := p.Parse(line)
		require.NoError(t, err, line)
		require.True(t, ok, line)
		require.Equal(t, want, e.Time.UTC(), line)
		require.Equal(t, zone(2).String(), e.Time.Location().String(), line)
	}
	e, ok, err := p.Parse("type=file; no time")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, e.Time.IsZero())
}

// TestNowMissing makes sure that the parser does not invent a year for a caller that did not set Now.
func TestNowMissing(t *testing.T) {
	p := &Parser{}
	_, ok, err := p.Parse("-rw-r--r-- 1 me us 5 Jan  2 15:04 a")
	require.False(t, ok)
	require.ErrorContains(t, err, "Parser.Now")
	_, ok, err = p.Parse("-rw-r--r-- 1 me us 5 Jan  2  2023 a")
	require.NoError(t, err)
	require.True(t, ok)
}

// TestNowAtTheBeginningOfTime holds a Now so early that no leap year comes before it within reach.
func TestNowAtTheBeginningOfTime(t *testing.T) {
	p := &Parser{Now: utc(1, 1, 1, 0, 0, 0, 1)}
	e, ok, err := p.Parse("-rw-r--r-- 1 me us 5 Feb 29 15:04 a")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, e.Time.After(p.Now))
}

// TestParseIsPure reads lines in two orders, which must make no difference.
func TestParseIsPure(t *testing.T) {
	lines := strings.Split("total 3\n-rw-r--r-- 1 me us 5 Jan  2 15:04 a\n01-02-24  03:04PM       <DIR>          b\nx", "\n")
	read := func(p *Parser, line string) (r struct {
		e   Entry
		ok  bool
		err error
	}) {
		r.e, r.ok, r.err = p.Parse(line)
		return r
	}
	p := summer()
	for i := range lines {
		for j := range lines {
			read(p, lines[j])
			require.Equal(t, read(summer(), lines[i]), read(p, lines[i]))
		}
	}
}
