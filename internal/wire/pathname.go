package wire

import (
	"errors"
	"fmt"
	"strings"
)

// ParsePath257 returns the path that the text of a 257 reply tells (RFC 959
// appendix II): it stands in quotes, and a quote within it is doubled.
//
// Two habits of servers are allowed for. A quote in the path that is not doubled
// is noticed by the character behind it, and the last quote of the line then ends
// the path. A path without quotes is taken where its end is certain: it has no
// blanks, or one of the usual phrases ("is current directory") follows. A text
// that could be read in two ways is an error, as is a path with CR, LF or NUL.
func ParsePath257(text string) (string, error) {
	for line := range strings.SplitSeq(text, "\n") {
		path, found := quotedPath(line)
		if !found {
			path, found = unquotedPath(line)
		}
		if found {
			return checkName(path, "path")
		}
	}
	return "", fmt.Errorf("no path in the reply %s", quote(text))
}

// checkName refuses what must never come back to the server in a command.
func checkName(name, what string) (string, error) {
	if name == "" {
		return "", errors.New("empty " + what + " in the reply")
	}
	if strings.ContainsAny(name, "\r\n\x00") {
		return "", fmt.Errorf("control byte in the %s %s of the reply", what, quote(name))
	}
	return name, nil
}

// quotedPath returns what stands between the quotes of line.
func quotedPath(line string) (string, bool) {
	_, rest, found := strings.Cut(line, `"`)
	if !found {
		return "", false
	}
	end := closingQuote(rest)
	if end < 0 {
		return "", false
	}
	if !endsWord(rest, end) && strings.Count(rest, `"`) > 1 {
		if end = onlyWordEnd(rest); end < 0 {
			return "", false
		}
	}
	return strings.ReplaceAll(rest[:end], `""`, `"`), true
}

// endsWord reports whether what stands behind s[i] may stand behind a quotation.
func endsWord(s string, i int) bool {
	return i+1 == len(s) || strings.IndexByte(" \t\r.,;:)", s[i+1]) >= 0
}

// onlyWordEnd returns the index of the one quote in s that may end a quotation, or
// -1 if there is another such quote.
func onlyWordEnd(s string) int {
	found := -1
	for i := range len(s) {
		if s[i] != '"' || !endsWord(s, i) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// closingQuote returns the index of the first quote in s that is not doubled.
func closingQuote(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 == len(s) || s[i+1] != '"' {
			return i
		}
		i++
	}
	return -1
}

// unquotedPath finds a path at the start of a line that has no quote.
func unquotedPath(line string) (string, bool) {
	line = strings.Trim(line, " \t\r")
	if strings.Contains(line, `"`) {
		return "", false
	}
	path, certain := line, !strings.ContainsAny(line, " \t")
	if i := phraseBehindPath(line); i >= 0 {
		path, certain = strings.TrimRight(line[:i], " \t"), true
	}
	return path, certain && startsLikePath(path)
}

// phraseBehindPath returns where the usual words behind a path begin, or -1. A
// line with two such places is not certain.
func phraseBehindPath(line string) int {
	lower := asciiLower(line)
	found := -1
	for _, phrase := range []string{
		" is current", " is the current", " is your current", " is working", " is the working", " is cwd",
	} {
		i := strings.Index(lower, phrase)
		if i < 0 {
			continue
		}
		rest := lower[i+len(phrase):]
		if found >= 0 || strings.Contains(rest, phrase) || strings.ContainsAny(rest, `/\`) {
			return -1
		}
		found = i
	}
	done, created := strings.CutSuffix(strings.TrimRight(lower, " \t.!"), " created")
	switch {
	case !created:
		return found
	case found >= 0:
		return -1
	}
	return len(strings.TrimSuffix(strings.TrimSuffix(done, " directory"), " folder"))
}

// startsLikePath reports whether s begins as the absolute paths of Unix, Windows,
// VMS (DISK:[DIR]) and MVS ('NAME.') do, and not as a sentence does.
func startsLikePath(s string) bool {
	if s == "" {
		return false
	}
	if strings.IndexByte(`/\~'[`, s[0]) >= 0 {
		return true
	}
	before, after, found := strings.Cut(s, ":")
	if !found || strings.ContainsAny(before, " \t") {
		return false
	}
	return len(before) == 1 || strings.HasPrefix(after, "[")
}

// asciiLower lowers A to Z and leaves every other byte where it is, so that an
// index into its result is an index into s.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}
