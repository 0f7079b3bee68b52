package ftp_test

import (
	"encoding/json"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
)

// entryFrom is the entry of one line of MLSD or LIST.
func entryFrom(t *testing.T, mlsd bool, line string) ftp.Entry {
	t.Helper()
	p := &puppet{data: func(string, string) io.Reader { return strings.NewReader(line + "\r\n") }}
	if mlsd {
		p.features = []string{"MLST type*;"}
	}
	var found []ftp.Entry
	for e, err := range p.dial(t, nil).List(t.Context(), "/") {
		require.NoError(t, err)
		found = append(found, e)
	}
	require.Len(t, found, 1)
	return found[0]
}

func TestEntry(t *testing.T) {
	moment := time.Date(2024, 3, 1, 12, 30, 15, 0, time.UTC)
	for _, tt := range []struct {
		name      string
		mlsd      bool
		line      string
		kind      ftp.EntryType
		mode      fs.FileMode
		hasMode   bool
		size      int64
		time      time.Time
		precision ftp.TimePrecision
		target    string
		format    string
	}{
		{name: "file", mlsd: true, line: "type=file;size=42;modify=20240301123015;UNIX.mode=0640; n", kind: ftp.EntryFile,
			mode: 0o640, hasMode: true, size: 42, time: moment, precision: ftp.PrecisionSecond, format: "- n"},
		{name: "fraction", mlsd: true, line: "type=file;modify=20240301123015.250; n", kind: ftp.EntryFile, size: -1,
			time: moment.Add(250 * time.Millisecond), precision: ftp.PrecisionSubsecond, format: "- n"},
		{name: "directory", mlsd: true, line: "Type=DIR;UNIX.mode=1777; n", kind: ftp.EntryDir, mode: fs.ModeDir | fs.ModeSticky | 0o777,
			hasMode: true, size: -1, format: "d n/"},
		{name: "link", mlsd: true, line: "type=OS.unix=slink:/target; n", kind: ftp.EntryLink, mode: fs.ModeSymlink, size: -1,
			target: "/target", format: "L n"},
		{name: "device", mlsd: true, line: "type=OS.unix=chr-13/29; n", kind: ftp.EntryOther, mode: fs.ModeIrregular, size: -1, format: "? n"},
		{name: "no type", mlsd: true, line: "size=3; n", kind: ftp.EntryUnknown, mode: fs.ModeIrregular, size: 3, format: "? n"},
		{name: "LIST", line: "-rwsr-x--- 1 own grp 7 Mar  1  2024 n", kind: ftp.EntryFile, mode: fs.ModeSetuid | 0o750, hasMode: true, size: 7,
			time: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), precision: ftp.PrecisionDay, format: "- n"},
		{name: "LIST of a link", line: "lrwxrwxrwx 1 own grp 7 Mar  1  2024 n -> ../t", kind: ftp.EntryLink, mode: fs.ModeSymlink | 0o777, hasMode: true,
			size: 7, time: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), precision: ftp.PrecisionDay, target: "../t", format: "L n"},
		{name: "DOS", line: "03-01-24  12:30PM                   42 n", kind: ftp.EntryFile, size: 42,
			time: moment.Truncate(time.Minute), precision: ftp.PrecisionMinute, format: "- n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := entryFrom(t, tt.mlsd, tt.line)
			require.Equal(t, "n", e.Name())
			require.Equal(t, tt.line, e.Raw())
			require.Equal(t, tt.kind, e.EntryType())
			require.Equal(t, tt.kind == ftp.EntryDir, e.IsDir())
			require.Equal(t, tt.mode, e.Mode())
			require.Equal(t, tt.mode.Type(), e.Type())
			require.Equal(t, tt.hasMode, e.HasMode())
			require.Equal(t, tt.size, e.Size())
			require.Equal(t, tt.time, e.ModTime())
			require.Equal(t, tt.precision, e.TimePrecision())
			require.Equal(t, tt.target, e.LinkTarget())
			require.Equal(t, tt.format, e.String())
			require.Nil(t, e.Sys())
			info, err := e.Info()
			require.NoError(t, err)
			require.Equal(t, e, info)
		})
	}
}

func TestEntryFacts(t *testing.T) {
	e := entryFrom(t, true, "type=file;unique=5UA;perm=adfr;UNIX.owner=1000;UNIX.ownername=me;UNIX.group=100; n")
	for _, tt := range []struct {
		name, value string
		ok          bool
	}{{"unique", "5UA", true}, {"PERM", "adfr", true}, {"size", "", false}} {
		value, ok := e.Fact(tt.name)
		require.Equal(t, tt.ok, ok)
		require.Equal(t, tt.value, value)
	}
	require.Equal(t, []string{"me", "100"}, []string{e.Owner(), e.Group()})

	e = entryFrom(t, false, "-rw-r--r-- 1 own grp 7 Mar  1  2024 n")
	require.Equal(t, []string{"own", "grp"}, []string{e.Owner(), e.Group()})
	_, ok := e.Fact("type")
	require.False(t, ok)
}

func TestEntryTypeText(t *testing.T) {
	got, err := json.Marshal([]ftp.EntryType{ftp.EntryUnknown, ftp.EntryFile, ftp.EntryDir, ftp.EntryLink, ftp.EntryOther, 99})
	require.NoError(t, err)
	require.JSONEq(t, `["unknown","file","dir","link","other","EntryType(99)"]`, string(got))
}
