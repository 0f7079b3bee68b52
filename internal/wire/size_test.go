package wire

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSize213(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       int64
	}{
		{"zero", "0", 0},
		{"number", "12345", 12345},
		{"blanks", " 12345 \r", 12345},
		{"leading zeros", "007", 7},
		{"largest", "9223372036854775807", 1<<63 - 1},
		{"word behind", "12345 bytes", 12345},
		{"words before", "File status; 169", 169},
		{"many lines", "Size\n 99\nend", 99},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseSize213(tt.text)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	for _, tt := range []struct{ name, text string }{
		{"empty", ""},
		{"words", "no such thing"},
		{"negative", "-1"},
		{"plus", "+1"},
		{"too large", "9223372036854775808"},
		{"far too large", "99999999999999999999999999"},
		{"fraction", "1.5"},
		{"separator", "1,234"},
		{"hexadecimal", "0x10"},
		{"underscore", "1_000"},
		{"two numbers", "12 34"},
		{"number in the name", "file1 has 12"},
		{"other digits", "١٢"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseSize213(tt.text)
			require.Error(t, err)
		})
	}
}

func FuzzParseSize213(f *testing.F) {
	f.Add("12345", int64(0))
	f.Add("File status; 169", int64(1))
	f.Add("-1 1,2 9223372036854775808", int64(-5))
	f.Fuzz(func(t *testing.T, s string, n int64) {
		if got, err := ParseSize213(s); err == nil {
			require.GreaterOrEqual(t, got, int64(0))
		}
		got, err := ParseSize213(strconv.FormatInt(n, 10))
		require.Equal(t, n >= 0, err == nil)
		if n >= 0 {
			require.Equal(t, n, got)
		}
	})
}
