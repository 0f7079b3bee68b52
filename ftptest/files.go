package ftptest

import (
	"bufio"
	"fmt"
	"io"
	"math"
)

func (s *session) retr(name string) {
	f, err := s.tree.openForReading(s.resolve(name))
	if err != nil {
		s.refuse(name, err)
		return
	}
	size, from := f.size(), s.restart
	if from > size {
		s.reply("550 The restart point is beyond the end of the file.")
		return
	}
	ascii := s.ascii
	s.transfer(&transfer{
		verb: "RETR", opening: s.opening(name, fmt.Sprintf(" (%d bytes)", size)), success: "226 Transfer complete.",
		move: func(p *dataPipe) error {
			src := io.NewSectionReader(f, from, math.MaxInt64-from)
			if !ascii {
				return copyData(p, src)
			}
			out := &crlfWriter{out: bufio.NewWriterSize(p, copyBuffer)}
			if err := copyData(out, src); err != nil {
				return err
			}
			return out.out.Flush()
		},
	})
}

func (s *session) stor(name string) {
	s.receive("STOR", name, s.opening(name, ""), "226 Transfer complete.", s.restart, false)
}

func (s *session) appe(name string) {
	s.receive("APPE", name, s.opening(name, ""), "226 Transfer complete.", 0, true)
}

// stou stores under a name that the server chooses; the reply is the one of RFC 1123 section 4.1.2.9.
func (s *session) stou(string) {
	name := ""
	for name == "" {
		name = fmt.Sprintf("ftp.%06d", s.server.nextSerial())
		if _, _, _, err := s.tree.lookup(s.resolve(name), false); err == nil {
			name = ""
		}
	}
	s.receive("STOU", name, "150 FILE: "+name, "226 Stored as "+name, 0, false)
}

// receive stores at an offset; a restart keeps what is there, as a Unix server does, and offset 0 truncates.
func (s *session) receive(verb, name, opening, success string, offset int64, appending bool) {
	if s.data == nil { // before the file is touched
		s.reply("425 Use EPSV, PASV, EPRT or PORT first.")
		return
	}
	keep := int64(-1)
	if offset == 0 && !appending {
		keep = 0
	}
	f, err := s.tree.openForWriting(s.resolve(name), keep)
	if err != nil {
		s.refuse(name, err)
		return
	}
	if appending {
		offset = f.size()
	}
	ascii := s.ascii
	s.transfer(&transfer{verb: verb, opening: opening, success: success, move: func(p *dataPipe) error {
		var src io.Reader = p
		if ascii {
			src = &lfReader{in: bufio.NewReaderSize(p, copyBuffer)}
		}
		return copyData(io.NewOffsetWriter(f, offset), src)
	}})
}

// crlfWriter writes every LF as CR LF.
type crlfWriter struct{ out *bufio.Writer }

func (w *crlfWriter) Write(b []byte) (int, error) {
	for i, c := range b {
		if c == '\n' {
			if err := w.out.WriteByte('\r'); err != nil {
				return i, err
			}
		}
		if err := w.out.WriteByte(c); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// lfReader reads every CR LF as LF. A CR that stands alone stays.
type lfReader struct{ in *bufio.Reader }

func (r *lfReader) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		c, err := r.in.ReadByte()
		if err != nil {
			return n, err
		}
		if c == '\r' {
			if next, err := r.in.Peek(1); err == nil && next[0] == '\n' {
				continue
			}
		}
		b[n] = c
		n++
		if r.in.Buffered() == 0 {
			break
		}
	}
	return n, nil
}
