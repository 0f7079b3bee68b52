package doctor

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible returns s with what could steer a terminal, or is not text, replaced by
// escapes such as \x1b: what a server says must not reach a terminal as it is.
func Visible(s string) string {
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
