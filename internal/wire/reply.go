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

// Preliminary reports a 1xx reply: another reply to the same command follows.
func (r Reply) Preliminary() bool { return r.Code/100 == 1 }

// Positive reports a 2xx reply: the command is done.
func (r Reply) Positive() bool { return r.Code/100 == 2 }

// Intermediate reports a 3xx reply: the server waits for the next command of a
// sequence, such as PASS after USER.
func (r Reply) Intermediate() bool { return r.Code/100 == 3 }

// Transient reports a 4xx reply: refused now, the same command may work later.
func (r Reply) Transient() bool { return r.Code/100 == 4 }

// Permanent reports a 5xx reply: refused, and would be refused again.
func (r Reply) Permanent() bool { return r.Code/100 == 5 }

// Protected reports a 6xx reply, the wrapped replies of RFC 2228, which this
// package passes on as text.
func (r Reply) Protected() bool { return r.Code/100 == 6 }
