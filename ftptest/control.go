package ftptest

import (
	"bufio"
	"io"
	"strings"
	"time"
)

const (
	// maxPending is how many command lines a session reads ahead.
	maxPending = 64
	// tooLong stands for a command line beyond the limit. No client can send it: it has a line end in it.
	tooLong = "\n"
)

// Telnet codes of RFC 854.
const (
	telnetIAC  = 255
	telnetWill = 251
	telnetDont = 254
	telnetMin  = 240 // the lowest command code
)

// readLines passes the client's command lines on until it is gone. Behind AUTH and CCC it stops, and goes on with the reader that
// the session has then.
func (s *session) readLines(in *bufio.Reader) {
	defer close(s.lines)
	for {
		line, err := readCommand(in, s.config.Limits.Line)
		if err != nil {
			return
		}
		if line != tooLong {
			s.server.noteCommand(line)
		}
		select {
		case s.lines <- line:
		case <-s.ctx.Done():
			return
		}
		if !changesLayer(line) {
			continue
		}
		select {
		case in = <-s.resume:
		case <-s.ctx.Done():
			return
		}
	}
}

// readCommand reads one line: it ends with CR LF or LF, CR NUL stands for CR, and Telnet codes are undone. A line of more
// than limit bytes is read to its end and comes back as tooLong.
func readCommand(in io.ByteReader, limit int) (string, error) {
	var (
		line []byte
		over bool
		cr   bool // the byte before was a CR, not yet in line
	)
	for {
		c, data, err := readTelnet(in)
		if err != nil {
			return "", err
		}
		if !data {
			continue
		}
		if c == '\n' {
			if over {
				return tooLong, nil
			}
			return string(line), nil
		}
		if cr {
			line = append(line, '\r')
		}
		if cr && c == 0 {
			cr = false
			continue
		}
		if cr = c == '\r'; !cr {
			line = append(line, c)
		}
		if len(line) > limit {
			line, over = line[:0], true
		}
	}
}

// readTelnet reads one byte of data, or skips one Telnet command and returns data false.
func readTelnet(in io.ByteReader) (c byte, data bool, err error) {
	if c, err = in.ReadByte(); err != nil || c != telnetIAC {
		return c, true, err
	}
	code, err := in.ReadByte()
	switch {
	case err != nil:
		return 0, false, err
	case code == telnetIAC || code < telnetMin: // doubled, or a lone IAC whose code was sent as urgent data and lost
		return code, true, nil
	case code >= telnetWill && code <= telnetDont:
		_, err = in.ReadByte() // the option
	}
	return 0, false, err
}

// reply sends a reply as Config describes one, after the delay and the rewriting that Config asks for.
func (s *session) reply(text string) { s.replyAnd(text, "") }

// replyAnd is reply with something behind it that is sent as it is, in the same segment.
func (s *session) replyAnd(text, behind string) {
	if s.quiet.Load() {
		return
	}
	s.pause(s.config.ReplyDelay)
	if rewrite := s.config.RewriteReply; rewrite != nil {
		text = rewrite(text)
	}
	s.write(text, behind)
}

// send is reply for a text that a fault asked for: it is not muted, and the empty text sends nothing.
func (s *session) send(text string) {
	if text != "" {
		s.write(text, "")
	}
}

// muted does something and sends nothing of what it replies.
func (s *session) muted(do func()) {
	was := s.quiet.Swap(true)
	defer s.quiet.Store(was)
	do()
}

func (s *session) write(text, behind string) {
	end := "\r\n"
	if s.config.Dialect.ReplyBareLF {
		end = "\n"
	}
	text = strings.ReplaceAll(text, "\xff", "\xff\xff")
	text = strings.ReplaceAll(text, "\n", end) + end
	s.writing.Lock()
	defer s.writing.Unlock()
	_, _ = io.WriteString(s.control, text+behind) // a client that is gone is noticed by the reader
}

// quote makes a name fit for a reply: quotes are doubled and line ends become what RFC 2640 has in their place.
func quote(name string) string {
	return `"` + strings.ReplaceAll(plain(name), `"`, `""`) + `"`
}

// plain keeps a name from ending the reply that it stands in: CR becomes CR NUL, LF becomes NUL.
func plain(name string) string {
	return strings.NewReplacer("\r", "\r\x00", "\n", "\x00").Replace(name)
}

// pause waits, or returns early when the session ends.
func (s *session) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}
