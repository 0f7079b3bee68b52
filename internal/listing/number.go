package listing

import "strings"

// number reads a decimal number of at most nine digits, nothing but digits, between low and top.
func number(s string, low, top int) (n int, ok bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	if n < low || n > top {
		return 0, false
	}
	return n, true
}

// nanoseconds reads the digits behind the point of a second. Digits finer than a nanosecond are dropped.
func nanoseconds(digits string) (int, bool) {
	if !allDigits(digits) {
		return 0, false
	}
	n := 0
	for i := range 9 {
		n *= 10
		if i < len(digits) {
			n += int(digits[i] - '0')
		}
	}
	return n, true
}

// plainSize reads a size of nothing but digits. It reports false for what is none or exceeds an int64.
func plainSize(s string) (int64, bool) {
	if !allDigits(s) {
		return -1, false
	}
	n := int64(0)
	for i := range len(s) {
		d := int64(s[i] - '0')
		if n > (1<<63-1-d)/10 {
			return -1, false
		}
		n = n*10 + d
	}
	return n, true
}

// columnSize reads the size column of a LIST line and reports whether s can be one. It gives -1 for a size
// that is one by its form but has no exact value: negative (a counter that wrapped), rounded ("1.5K"), or
// beyond an int64.
func columnSize(s string) (size int64, ok bool) {
	if size, ok = plainSize(s); ok {
		return size, true
	}
	if allDigits(strings.TrimPrefix(s, "-")) || rounded(s) {
		return -1, true
	}
	return groupedSize(s)
}

// rounded reports whether s is a size for humans: digits, perhaps a fraction, and a unit.
func rounded(s string) bool {
	if s == "" || strings.IndexByte("kKMGTPEZYB", s[len(s)-1]) < 0 {
		return false
	}
	whole, fraction, pointed := strings.Cut(strings.Replace(s[:len(s)-1], ",", ".", 1), ".")
	return allDigits(whole) && (!pointed || allDigits(fraction))
}

// groupedSize reads a size with a separator between the thousands, the same throughout: a comma, a point, an
// apostrophe or a no-break space, which is 0xA0 in Latin-1 and Windows-1252 and 0xFF in the DOS code pages.
func groupedSize(s string) (size int64, ok bool) {
	head := 0
	for head < len(s) && isDigit(s[head]) {
		head++
	}
	if head == 0 || head > 3 || head == len(s) {
		return -1, false
	}
	sep := separator(s[head:])
	var buf [32]byte
	plain := append(buf[:0], s[:head]...)
	for rest := s[head:]; rest != ""; {
		group, found := strings.CutPrefix(rest, sep)
		if sep == "" || !found || len(group) < 3 || !allDigits(group[:3]) || len(plain)+3 > len(buf) {
			return -1, false
		}
		plain, rest = append(plain, group[:3]...), group[3:]
	}
	size, _ = plainSize(string(plain))
	return size, true
}

// separator returns the separator of thousands that s begins with.
func separator(s string) string {
	for _, sep := range [...]string{",", ".", "'", "\u00a0", "\u202f", "\u2019", "\xa0", "\xff"} {
		if strings.HasPrefix(s, sep) {
			return sep
		}
	}
	return ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// allDigits reports whether s is one or more decimal digits.
func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
