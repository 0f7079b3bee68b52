package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// bufferSize bounds what one direction holds in flight, so that a writer feels a reader that does not read.
const bufferSize = 64 << 10

// stream is one direction of a connection: a bounded buffer between one writer and one reader.
type stream struct {
	mu      sync.Mutex
	changed sync.Cond
	buf     []byte
	failure error // seen by the reader at once, whatever is buffered

	writerDone   bool // no more bytes will come
	writerClosed bool // the writing end was closed, not only half closed
	readerClosed bool

	readDeadline, writeDeadline deadline
}

func newStream() *stream {
	s := new(stream)
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readerClosed:
			return 0, net.ErrClosed
		case s.failure != nil:
			return 0, s.failure
		case s.readDeadline.passed:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case len(s.buf) > 0:
			n := copy(p, s.buf)
			s.buf = s.buf[n:]
			if len(s.buf) == 0 {
				s.buf = nil
			}
			s.changed.Broadcast()
			return n, nil
		case s.writerDone:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := 0
	for {
		switch {
		case s.writerClosed:
			return written, net.ErrClosed
		case s.failure != nil, s.readerClosed, s.writerDone:
			return written, syscall.EPIPE
		case s.writeDeadline.passed:
			return written, os.ErrDeadlineExceeded
		case written == len(p):
			return written, nil
		}
		if room := bufferSize - len(s.buf); room > 0 {
			n := min(room, len(p)-written)
			s.buf = append(s.buf, p[written:written+n]...)
			written += n
			s.changed.Broadcast()
			if written == len(p) {
				return written, nil
			}
			continue
		}
		s.changed.Wait()
	}
}

// finish is the writer's half close.
func (s *stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writerDone = true
	s.changed.Broadcast()
}

// closeWriter is the writer's Close.
func (s *stream) closeWriter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writerDone, s.writerClosed = true, true
	s.writeDeadline.stopLocked()
	s.changed.Broadcast()
}

// abandon is the reader's Close; it reports whether bytes were left unread.
func (s *stream) abandon() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	unread := len(s.buf) > 0
	s.readerClosed = true
	s.buf = nil
	s.readDeadline.stopLocked()
	s.changed.Broadcast()
	return unread
}

// fail makes the reader see err at once, as a TCP reset does.
func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
	s.changed.Broadcast()
}

func (s *stream) setReadDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readDeadline.setLocked(&s.mu, &s.changed, t)
}

func (s *stream) setWriteDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeDeadline.setLocked(&s.mu, &s.changed, t)
}
