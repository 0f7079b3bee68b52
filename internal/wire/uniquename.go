package wire

import (
	"fmt"
	"strings"
)

// ParseUniqueName returns the name a server chose for a STOU upload. RFC 1123
// section 4.1.2.9 wants "FILE: name" in the 125 or 150 reply; servers of the BSD
// line write "(unique file name:name)." in the final one, and others just quote
// the name. Text is one reply; a caller asks with the first and then with the last.
func ParseUniqueName(text string) (string, error) {
	for line := range strings.SplitSeq(text, "\n") {
		if name, found := labelledName(line); found {
			return checkName(name, "file name")
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if name, found := quotedPath(line); found {
			return checkName(name, "file name")
		}
	}
	return "", fmt.Errorf("no file name in the reply %s", quote(text))
}

// labelledName finds a name behind one of the labels servers use.
func labelledName(line string) (string, bool) {
	lower := asciiLower(line)
	for _, label := range []string{"unique file name:", "unique filename:", "file:"} {
		i := strings.Index(lower, label)
		if i < 0 || i > 0 && strings.IndexByte(" \t(", line[i-1]) < 0 {
			continue
		}
		name := strings.Trim(line[i+len(label):], " \t\r")
		if i > 0 && line[i-1] == '(' {
			// The parenthesis that opened before the label closes behind the name.
			if end := strings.LastIndexByte(name, ')'); end >= 0 {
				name = name[:end]
			}
		}
		if quoted, found := strings.CutPrefix(name, `"`); found {
			if end := closingQuote(quoted); end >= 0 {
				name = strings.ReplaceAll(quoted[:end], `""`, `"`)
			}
		}
		return name, true
	}
	return "", false
}
