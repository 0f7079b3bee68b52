package listing

import (
	"fmt"
	"strings"
)

// LineError says that a line of a listing was not understood. The listing can go on after it.
type LineError struct {
	Line   string // the whole line, as it came
	Reason string // what is wrong with it
}

// longestQuote bounds the part of a line that an error text repeats, in bytes.
const longestQuote = 160

// Error quotes the line, cut to a readable length.
func (e *LineError) Error() string {
	line, more := e.Line, ""
	if len(line) > longestQuote {
		line, more = line[:longestQuote], "..."
	}
	return fmt.Sprintf("listing line not understood: %s: %q%s", e.Reason, line, more)
}

// Reasons that more than one format gives.
const (
	reasonBytes   = "it holds a CR, LF or NUL"
	reasonNoName  = "the name is missing"
	reasonFormat  = "it has no format known here"
	reasonNoNow   = "its date has no year, and Parser.Now is not set"
	reasonBadDate = "no size followed by a valid date found"
)

// sendable reports whether s is free of the bytes that can be in no name that is to be sent back.
func sendable(s string) bool { return !strings.ContainsAny(s, "\r\n\x00") }
