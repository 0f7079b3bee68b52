package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	bufferSize = 4 << 10
	// maxEmptyReads is how often a Read may return nothing and no error.
	maxEmptyReads = 100
)

// A Reader reads replies from a control connection. It is not safe for
// concurrent use: the owner of the connection owns it too.
type Reader struct {
	src    io.Reader
	limits Limits

	buf        [bufferSize]byte
	start, end int // buf[start:end] has been read and not looked at

	decoder telnetDecoder // the line in progress
	reply   Reply         // the reply in progress; Code is 0 before its first line
	raw     int           // bytes taken from buf since the last complete reply
	skipped int           // blank lines before the reply in progress
	err     error         // a protocol or limit error; the stream is lost with it
}

// NewReader returns a Reader of the replies that arrive on r.
func NewReader(r io.Reader, lim Limits) *Reader {
	return &Reader{src: r, limits: lim.withDefaults()}
}

// Buffered returns how many bytes were read from the connection that belong to
// no returned reply. After the reply to AUTH it must be 0: anything else was
// slipped in before TLS began.
func (r *Reader) Buffered() int { return r.end - r.start + r.raw }

// Pending reports whether more than blank lines was read that belongs to no
// returned reply: between two commands, that is something nobody asked for.
func (r *Reader) Pending() bool {
	unseen := bytes.Trim(r.buf[r.start:r.end], " \t\r\n\x00")
	return len(unseen) > 0 || r.reply.Code != 0 || !r.blank()
}

// ReadReply reads the next reply, of one line or of many.
//
// An error of the underlying Read is returned wrapped, and nothing is lost: the
// next call goes on where this one stopped. This is how a deadline in the past
// interrupts a wait. The end of the connection is io.EOF before the first byte of
// a reply and matches io.ErrUnexpectedEOF within one. After a *ProtocolError or a
// *LimitError every later call returns the same error.
func (r *Reader) ReadReply() (Reply, error) {
	if r.err != nil {
		return Reply{}, r.err
	}
	var readErr error
	for {
		done, err := r.consume()
		if err != nil {
			r.err = err
			return Reply{}, err
		}
		if done {
			reply := r.reply
			r.reply, r.raw, r.skipped = Reply{}, 0, 0
			return reply, nil
		}
		// An error that came along with bytes waits until they are used; if they
		// completed a reply it is dropped, for the next Read repeats it.
		if readErr != nil {
			return Reply{}, r.readError(readErr)
		}
		readErr = r.fill()
	}
}

// fill reads once into the empty buffer.
func (r *Reader) fill() error {
	r.start, r.end = 0, 0
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf[:])
		if n < 0 || n > len(r.buf) {
			return errors.New("connection returned an impossible count from Read")
		}
		r.end = n
		if n > 0 || err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// readError turns an error of Read into the error of ReadReply.
func (r *Reader) readError(err error) error {
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read reply: %w", err)
	}
	line := r.decoder.line
	switch {
	case r.reply.Code == 0 && r.blank():
		return io.EOF
	case r.reply.Code == 0 && len(line) > 0 && !isDigit(line[0]):
		return r.malformed("connection closed within a line that has no three-digit code", io.ErrUnexpectedEOF)
	}
	return io.ErrUnexpectedEOF
}

// consume takes buffered bytes until a reply is complete or none are left.
func (r *Reader) consume() (done bool, err error) {
	for r.start < r.end {
		if r.raw == r.limits.Total {
			return false, &LimitError{Name: "reply size", Limit: r.limits.Total}
		}
		c := r.buf[r.start]
		r.start++
		r.raw++
		if r.decoder.next(c) {
			done, err = r.endLine()
			r.decoder.reset()
			if done || err != nil {
				return done, err
			}
			continue
		}
		if err := r.checkPartial(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// checkPartial looks at a line that is not complete: one that is too long, and
// binary data, which may never bring a line end.
func (r *Reader) checkPartial() error {
	line := r.decoder.line
	// CRs at the end may yet turn out to be a part of the line end.
	if n := len(line); n > r.limits.Line && (line[n-1] != '\r' || n > r.limits.Line+2) {
		return &LimitError{Name: "reply line length", Limit: r.limits.Line}
	}
	if r.reply.Code == 0 && len(line) == 2 && isTLSRecord(line) {
		return r.malformed("no three-digit code", nil)
	}
	return nil
}

// endLine takes the complete line and reports whether the reply is complete.
func (r *Reader) endLine() (done bool, err error) {
	line := r.decoder.line
	switch {
	case len(line) > r.limits.Line:
		return false, &LimitError{Name: "reply line length", Limit: r.limits.Line}
	case len(r.reply.Lines)+r.skipped == r.limits.Lines:
		return false, &LimitError{Name: "lines in a reply", Limit: r.limits.Lines}
	case r.reply.Code == 0 && r.blank():
		r.skipped++
		return false, nil
	case r.reply.Code == 0:
		return r.firstLine(line)
	}
	code, sep := splitCode(line)
	if code != r.reply.Code || sep == 0 {
		r.reply.Lines = append(r.reply.Lines, string(line))
		return false, nil
	}
	r.reply.Lines = append(r.reply.Lines, textBehindCode(line))
	return sep == ' ', nil
}

func (r *Reader) firstLine(line []byte) (done bool, err error) {
	code, sep := splitCode(line)
	switch {
	case code == 0:
		return false, r.malformed("no three-digit code", nil)
	case code < 100 || code > 639:
		return false, r.malformed("reply code out of range", nil)
	case sep == 0:
		return false, r.malformed("neither a blank nor a hyphen behind the code", nil)
	}
	r.reply.Code = code
	r.reply.Lines = append(r.reply.Lines, textBehindCode(line))
	return sep == ' ', nil
}

// splitCode returns the three-digit code a line begins with, or 0, and what
// stands behind it: ' ' (also for the end of the line), '-', or 0 for anything else.
func splitCode(line []byte) (code int, sep byte) {
	if len(line) < 3 || !isDigit(line[0]) || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, 0
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	switch {
	case len(line) == 3 || line[3] == ' ':
		return code, ' '
	case line[3] == '-':
		return code, '-'
	}
	return code, 0
}

func textBehindCode(line []byte) string {
	if len(line) <= 4 {
		return ""
	}
	return string(line[4:])
}

// blank reports whether the line in progress holds nothing but blanks.
func (r *Reader) blank() bool {
	for _, c := range r.decoder.line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

func (r *Reader) malformed(reason string, cause error) error {
	line := r.decoder.line
	return &ProtocolError{Reason: reason, Quote: quote(line), Looks: looksLike(line), Err: cause}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
