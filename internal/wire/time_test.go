package wire

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseTime(t *testing.T) {
	at := func(y int, m time.Month, d, hh, mm, ss, ns int) time.Time {
		return time.Date(y, m, d, hh, mm, ss, ns, time.UTC)
	}
	for _, tt := range []struct {
		name, in string
		want     time.Time
	}{
		{"plain", "20260214153012", at(2026, 2, 14, 15, 30, 12, 0)},
		{"blanks around", " 20260214153012\r\n", at(2026, 2, 14, 15, 30, 12, 0)},
		{"tenths", "19980615100045.0", at(1998, 6, 15, 10, 0, 45, 0)},
		{"milliseconds", "19980615100045.014", at(1998, 6, 15, 10, 0, 45, 14e6)},
		{"nanoseconds", "19980615100045.123456789", at(1998, 6, 15, 10, 0, 45, 123456789)},
		{"finer than nanoseconds", "19980615100045.1234567899", at(1998, 6, 15, 10, 0, 45, 123456789)},
		{"29 February", "20240229000000", at(2024, 2, 29, 0, 0, 0, 0)},
		{"29 February 2000", "20000229000000", at(2000, 2, 29, 0, 0, 0, 0)},
		{"leap second", "20161231235960", at(2017, 1, 1, 0, 0, 0, 0)},
		{"first", "00010101000000", at(1, 1, 1, 0, 0, 0, 0)},
		{"last", "99991231235959", at(9999, 12, 31, 23, 59, 59, 0)},
		{"year 1910 is no year-2000 bug", "19100101000000", at(1910, 1, 1, 0, 0, 0, 0)},
		{"year-2000 bug, 2000", "191000615100045", at(2000, 6, 15, 10, 0, 45, 0)},
		{"year-2000 bug, 2003", "191030228235959.5", at(2003, 2, 28, 23, 59, 59, 5e8)},
		{"year-2000 bug, 2026", "191261231235959", at(2026, 12, 31, 23, 59, 59, 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseTime(tt.in)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.Equal(t, time.UTC, got.Location())
		})
	}
}

func TestParseTimeRefuses(t *testing.T) {
	for _, tt := range []struct{ name, in string }{
		{"empty", ""},
		{"date alone", "20260214"},
		{"one digit short", "2026021415301"},
		{"one digit more", "202602141530123"},
		{"two digits more", "1910002141530121"},
		{"letters", "2026021415301x"},
		{"sign", "-2026021415301"},
		{"zone", "20260214153012Z"},
		{"offset", "20260214153012+0000"},
		{"text behind", "20260214153012 GMT"},
		{"fraction empty", "20260214153012."},
		{"fraction of letters", "20260214153012.x"},
		{"two fractions", "20260214153012.1.2"},
		{"fraction without end", "20260214153012.000000000000000000000000000000000"},
		{"year zero", "00000101000000"},
		{"month 0", "20260014153012"},
		{"month 13", "20261314153012"},
		{"day 0", "20260200153012"},
		{"30 February", "20260230153012"},
		{"29 February 2023", "20230229153012"},
		{"31 April", "20260431153012"},
		{"hour 24", "20260214243012"},
		{"minute 60", "20260214156012"},
		{"second 61", "20260214153061"},
		{"other digits", "٢٠٢٦٠٢١٤١٥٣٠١٢"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseTime(tt.in)
			require.Error(t, err)
		})
	}
}

func TestFormatTime(t *testing.T) {
	cet := time.FixedZone("CET", 3600)
	got, err := FormatTime(time.Date(2026, 1, 1, 0, 30, 5, 999, cet))
	require.NoError(t, err)
	require.Equal(t, "20251231233005", got)

	got, err = FormatTime(time.Date(812, 3, 4, 5, 6, 7, 0, time.UTC))
	require.NoError(t, err)
	require.Equal(t, "08120304050607", got)

	for _, year := range []int{0, -1, 10000} {
		_, err := FormatTime(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC))
		require.Error(t, err)
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("20260214153012.123")
	f.Add("191000615100045")
	f.Add("20161231235960")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s)
		if err != nil {
			return
		}
		text, err := FormatTime(got)
		if got.Year() > 9999 { // the leap second of the last year
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		again, err := ParseTime(text)
		require.NoError(t, err)
		require.True(t, got.Truncate(time.Second).Equal(again))
	})
}
