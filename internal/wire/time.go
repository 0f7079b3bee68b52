package wire

import (
	"fmt"
	"strings"
	"time"
)

const (
	timeLayout = "20060102150405"
	// maxFraction is how many digits of a fraction are read through; a
	// time.Time keeps the first nine.
	maxFraction = 32
)

// ParseTime reads a time-val of RFC 3659 section 2.3, YYYYMMDDHHMMSS with an
// optional fraction, which is UTC. It is the answer to MDTM and the value of the
// modify and create facts.
//
// Old servers print "19" and the years since 1900 in three digits, so that 2003
// reads 19103; that form has one digit more and is understood. Blanks around are
// dropped. A date that does not exist is an error; second 60 is the next minute.
func ParseTime(s string) (time.Time, error) {
	digits, fraction, dotted := strings.Cut(strings.TrimSpace(s), ".")
	if !allDigits(digits) || dotted && (!allDigits(fraction) || len(fraction) > maxFraction) {
		return time.Time{}, badTime(s)
	}
	var year int
	switch {
	case len(digits) == len(timeLayout):
		year = number(digits[:4])
		digits = digits[4:]
	case len(digits) == len(timeLayout)+1 && strings.HasPrefix(digits, "191"):
		year = 1900 + number(digits[2:5])
		digits = digits[5:]
	default:
		return time.Time{}, badTime(s)
	}
	month, day := time.Month(number(digits[:2])), number(digits[2:4])
	hour, minute, second := number(digits[4:6]), number(digits[6:8]), number(digits[8:10])
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if year == 0 || date.Month() != month || date.Day() != day || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, badTime(s)
	}
	return time.Date(year, month, day, hour, minute, second, nanoseconds(fraction), time.UTC), nil
}

func badTime(s string) error {
	return fmt.Errorf("%s is no time of the form YYYYMMDDHHMMSS[.frac]", quote(s))
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// number returns the value of a few digits.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

func nanoseconds(fraction string) int {
	const width = 9
	if len(fraction) >= width {
		return number(fraction[:width])
	}
	return number(fraction + "000000000"[len(fraction):])
}

// FormatTime returns t in the form MFMT takes: UTC, whole seconds (a fraction is
// allowed by RFC 3659 and refused by many servers). A year outside 1 to 9999 has
// no such form and is an error.
func FormatTime(t time.Time) (string, error) {
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return "", fmt.Errorf("year %d does not fit YYYYMMDDHHMMSS", y)
	}
	return t.Format(timeLayout), nil
}
