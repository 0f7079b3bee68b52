package wire

import "fmt"

// The limits in force where a field of [Limits] is not positive.
const (
	DefaultLineLimit  = 8 << 10 // bytes in one line
	DefaultLinesLimit = 4096    // lines in one reply
	DefaultTotalLimit = 1 << 20 // bytes in one reply
)

// Limits bounds what one reply may cost. A field that is zero or negative means
// its default.
type Limits struct {
	Line  int // bytes of one line, without its line end
	Lines int // lines of one reply, with blank lines skipped before it
	Total int // bytes of one reply as received, with everything dropped from it
}

func (l Limits) withDefaults() Limits {
	if l.Line <= 0 {
		l.Line = DefaultLineLimit
	}
	if l.Lines <= 0 {
		l.Lines = DefaultLinesLimit
	}
	if l.Total <= 0 {
		l.Total = DefaultTotalLimit
	}
	return l
}

// A LimitError says that a reply went over a limit. What follows on the
// connection cannot be told apart from the rest of that reply.
type LimitError struct {
	Name  string // such as "reply line length"
	Limit int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("server exceeded the limit on %s (%d)", e.Name, e.Limit)
}
