package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible replaces what could steer a terminal, or is not text, by escapes: what
// a server says must not reach the terminal as it is.
func visible(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		c, n := utf8.DecodeRuneInString(s)
		if c == utf8.RuneError && n == 1 || !unicode.IsPrint(c) {
			for _, raw := range []byte(s[:n]) {
				fmt.Fprintf(&b, `\x%02x`, raw)
			}
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}
