package listing

import (
	"bytes"
	"fmt"
	"io"
)

// DefaultLine is the longest line of a listing, in bytes, where Limits.Line is zero. A name of 255 characters
// takes four times that at most, a link may add 4 KiB of target and MLSD some facts.
const DefaultLine = 16 << 10

// Limits bound what a server can make a [Scanner] read. The zero value bounds the line alone, which is what
// keeps memory constant; it is for the caller to say how long a listing may be.
type Limits struct {
	// Line is the longest line in bytes, without its ending. Zero or less means DefaultLine: there is no
	// way to read lines without a limit.
	Line int64
	// Total is the size of the whole listing in bytes, with the line endings. Zero or less means no limit.
	Total int64
	// Lines is the number of lines, blank ones included. Zero or less means no limit.
	Lines int
}

// LimitName names a limit in a [LimitError].
type LimitName string

// The limits of a listing.
const (
	LimitLine  LimitName = "line length"
	LimitTotal LimitName = "total size"
	LimitLines LimitName = "number of lines"
)

// LimitError says that a listing exceeds a limit. Nothing can be read after it.
type LimitError struct {
	Limit LimitName
	Max   int64 // in bytes, for LimitLines in lines
}

// Error names the limit and its value.
func (e *LimitError) Error() string {
	unit := "bytes"
	if e.Limit == LimitLines {
		unit = "lines"
	}
	return fmt.Sprintf("listing exceeds the limit on its %s (%d %s): raise the limit if the server is to be trusted", e.Limit, e.Max, unit)
}

// firstBuffer is the size a scanner's buffer starts with, in bytes.
const firstBuffer = 4 << 10

// endingSlack is how many CRs may stand before the LF of a line of the greatest length: servers that convert
// line endings twice send two.
const endingSlack = 2

// emptyReads is how many reads may bring nothing, and no error, before the reader counts as stuck.
const emptyReads = 100

// Scanner cuts a listing into lines, in memory bounded by the line limit. Lines end with LF; all
// CRs before it are cut. The last line may lack its ending. A line that a read error cut short is not
// returned, as its name would be wrong.
//
// Where a limit is exceeded depends on the bytes alone, not on how they arrive.
type Scanner struct {
	r      io.Reader
	limits Limits
	buf    []byte
	start  int    // of what is not yet returned, in buf
	end    int    // of what has been read, in buf
	line   []byte // the current line
	total  int64  // bytes returned, with line endings
	lines  int    // lines returned
	ended  bool   // whether the reader has come to its end
	cause  error  // why it ended, nil for io.EOF
	err    error
	done   bool
}

// NewScanner returns a scanner of the listing that r delivers.
func NewScanner(r io.Reader, lim Limits) *Scanner {
	if lim.Line <= 0 {
		lim.Line = DefaultLine
	}
	return &Scanner{r: r, limits: lim}
}

// Scan goes to the next line. It returns false at the end of the listing, and when a read fails or a limit is
// exceeded; Err tells which.
func (s *Scanner) Scan() bool {
	s.line = nil
	if s.done {
		return false
	}
	line, size, ok := s.next()
	if !ok {
		s.done = true
		return false
	}
	line = bytes.TrimRight(line, "\r")
	s.total += int64(size)
	s.lines++
	switch {
	case int64(len(line)) > s.limits.Line:
		s.exceed(LimitLine, s.limits.Line)
	case s.limits.Total > 0 && s.total > s.limits.Total:
		s.exceed(LimitTotal, s.limits.Total)
	case s.limits.Lines > 0 && s.lines > s.limits.Lines:
		s.exceed(LimitLines, int64(s.limits.Lines))
	default:
		s.line = line
	}
	return !s.done
}

// Text returns the current line without its ending.
func (s *Scanner) Text() string { return string(s.line) }

// Bytes returns the current line without its ending. The next call of Scan overwrites it.
func (s *Scanner) Bytes() []byte { return s.line }

// Err returns why Scan returned false: nil at the end of the listing, a *[LimitError], or the reader's own
// error as it is.
func (s *Scanner) Err() error { return s.err }

// next returns a line with its CRs but without its LF, and the number of bytes it took from the listing.
func (s *Scanner) next() (line []byte, size int, ok bool) {
	for seen := 0; ; {
		if i := bytes.IndexByte(s.buf[s.start+seen:s.end], '\n'); i >= 0 {
			line = s.buf[s.start : s.start+seen+i]
			s.start += seen + i + 1
			return line, len(line) + 1, s.fits(line)
		}
		seen = s.end - s.start
		if !s.fits(s.buf[s.start:s.end]) {
			return nil, 0, false
		}
		if s.ended {
			return s.last()
		}
		s.fill()
	}
}

// fits reports whether a line, as far as it is known, stays within the limit, counting a few CRs at its end
// as none of it.
func (s *Scanner) fits(line []byte) bool {
	if int64(len(line))-endingSlack <= s.limits.Line {
		return true
	}
	s.exceed(LimitLine, s.limits.Line)
	return false
}

// last returns what stands behind the last LF, once the reader has ended.
func (s *Scanner) last() (line []byte, size int, ok bool) {
	if s.cause != nil {
		s.err = s.cause
		return nil, 0, false
	}
	line = s.buf[s.start:s.end]
	s.start = s.end
	return line, len(line), len(line) > 0
}

// fill reads once more, making room first: it moves the unfinished line to the front and, where that gains
// little, doubles the buffer. The line limit bounds the buffer.
func (s *Scanner) fill() {
	if s.start > 0 {
		copy(s.buf, s.buf[s.start:s.end])
		s.start, s.end = 0, s.end-s.start
	}
	if s.end == len(s.buf) {
		grown := make([]byte, max(firstBuffer, 2*len(s.buf)))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	for range emptyReads {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.ended = true
			if err != io.EOF { // an error that only wraps io.EOF is no end
				s.cause = err
			}
			return
		}
		if n > 0 {
			return
		}
	}
	s.ended, s.cause = true, io.ErrNoProgress
}

// exceed ends the scan at a limit.
func (s *Scanner) exceed(name LimitName, limit int64) {
	s.err, s.done = &LimitError{Limit: name, Max: limit}, true
}
