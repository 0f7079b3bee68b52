package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseSize213 returns the size in bytes that the text of a 213 reply to SIZE
// tells (RFC 3659 section 4). Servers that put words around the number are
// understood as long as it is the only one; a sign, a fraction, a separator or a
// number over 1<<63-1 is an error.
func ParseSize213(text string) (int64, error) {
	number := ""
	for word := range strings.FieldsSeq(text) {
		if !strings.ContainsAny(word, "0123456789") {
			continue
		}
		if number != "" || strings.Trim(word, "0123456789") != "" {
			return 0, fmt.Errorf("no certain size in the reply %s", quote(text))
		}
		number = word
	}
	if number == "" {
		return 0, fmt.Errorf("no size in the reply %s", quote(text))
	}
	size, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("size out of range in the reply %s", quote(text))
	}
	return size, nil
}
