package ftp

import (
	"bufio"
	"io"
)

// textReader is what the caller of a download reads: the bytes as they are, or
// in TYPE A with LF line endings.
func (t *transfer) textReader() io.Reader {
	if t.client.typ == TypeASCII {
		return &fromNVT{bufio.NewReader(t)}
	}
	return t
}

// textWriter is what the caller of an upload writes to.
func (t *transfer) textWriter() io.Writer {
	if t.client.typ == TypeASCII {
		return &toNVT{dst: t}
	}
	return t
}

// fromNVT turns the CR LF of the network's text form (RFC 959 section 3.1.1.1)
// into LF. A CR that no LF follows stays.
type fromNVT struct{ src *bufio.Reader }

func (r *fromNVT) Read(p []byte) (n int, err error) {
	for n < len(p) && (n == 0 || r.src.Buffered() > 0) {
		b, err := r.src.ReadByte()
		if err != nil {
			return n, err
		}
		if b == '\r' {
			if next, _ := r.src.Peek(1); len(next) == 1 && next[0] == '\n' {
				continue
			}
		}
		p[n] = b
		n++
	}
	return n, nil
}

// toNVT turns LF into CR LF; a CR LF stays as it is.
type toNVT struct {
	dst io.Writer
	cr  bool // the last byte written was a CR
	buf []byte
}

func (w *toNVT) Write(p []byte) (int, error) {
	w.buf = w.buf[:0]
	for _, b := range p {
		if b == '\n' && !w.cr {
			w.buf = append(w.buf, '\r')
		}
		w.buf = append(w.buf, b)
		w.cr = b == '\r'
	}
	if _, err := w.dst.Write(w.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}
