package listing

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	benchMLSD = "type=file;size=1073741824;modify=20240229235959.123;UNIX.mode=0644;UNIX.uid=1000;UNIX.gid=100;unique=801U4AC3; some file with blanks.tar.gz"
	benchUnix = "-rw-r--r--   1 owner    group      1073741824 Feb 29 23:59 some file with blanks.tar.gz"
	benchLink = "lrwxrwxrwx   1 owner    group              11 Feb  2  2024 latest -> v1.2/latest"
	benchFull = "-rw-r--r--   1 owner    group      1073741824 2024-02-29 23:59:59.123456789 +0100 some file"
	benchDOS  = "02-29-24  11:59PM           1073741824 some file with blanks.tar.gz"
)

func benchParser() *Parser {
	return &Parser{Now: time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func BenchmarkMLSD(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(benchMLSD)))
	for b.Loop() {
		if _, err := ParseMLSx(benchMLSD); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMLSDStream measures what a user of a listing pays for each line: cutting, copying and parsing.
func BenchmarkMLSDStream(b *testing.B) {
	const lines = 1000
	text := strings.Repeat(benchMLSD+"\r\n", lines)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := NewScanner(strings.NewReader(text), Limits{})
		for s.Scan() {
			if _, err := ParseMLSx(s.Text()); err != nil {
				b.Fatal(err)
			}
		}
		if s.Err() != nil {
			b.Fatal(s.Err())
		}
	}
}

func BenchmarkLIST(b *testing.B) {
	for _, bm := range []struct{ name, line string }{
		{"unix", benchUnix}, {"link", benchLink}, {"full time", benchFull}, {"dos", benchDOS},
	} {
		b.Run(bm.name, func(b *testing.B) {
			p := benchParser()
			b.ReportAllocs()
			b.SetBytes(int64(len(bm.line)))
			for b.Loop() {
				if _, ok, err := p.Parse(bm.line); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// TestAllocations keeps a directory of a million entries from costing more than its lines.
func TestAllocations(t *testing.T) {
	p := benchParser()
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = ParseMLSx(benchMLSD) }))
	for _, line := range []string{benchUnix, benchLink, benchFull, benchDOS, "total 12"} {
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _, _ = p.Parse(line) }), line)
	}
	s := NewScanner(strings.NewReader(strings.Repeat(benchMLSD+"\r\n", 1000)), Limits{})
	require.True(t, s.Scan())
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		s.Scan()
		_, _ = ParseMLSx(s.Text())
	}), 1.0)
}
