package wire

import "strings"

// A Reply is one complete reply of the server (RFC 959 section 4.2).
type Reply struct {
	// Code is the three-digit code, 100 to 699; zero in the zero Reply.
	Code int

	// Lines holds the text of each line without the line end. The code with
	// the blank or hyphen behind it is cut from the first and the last line,
	// and from the middle lines of servers that repeat it there. Any other
	// leading blank is kept. A reply that was read has at least one line.
	Lines []string
}

// Text returns the lines joined with "\n".
func (r Reply) Text() string { return strings.Join(r.Lines, "\n") }
