package ftp

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Reader is a download under way. It has the client for itself until Close or
// Abort, or until Read has returned an error, io.EOF included. It is for one
// goroutine; to end a Read that blocks in another, cancel the context.
type Reader struct {
	transfer *transfer
	src      io.Reader // the transfer, or what turns its ASCII into text
	closed   bool
}

// Read reads the file. It returns io.EOF only after the server has confirmed
// that it sent all of it.
func (r *Reader) Read(p []byte) (int, error) { return r.src.Read(p) }

// WriteTo copies the rest of the file to w. An error of w breaks off the
// transfer.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	defer r.transfer.endOnPanic()()
	n, readErr, writeErr := copyAll(w, r.src)
	if writeErr != nil {
		return n, r.transfer.breakOff(writeErr)
	}
	return n, readErr
}

// Close ends the download. Where not all was read, that is Abort: stopping
// early is no error. The error of a download that failed is returned by the
// first Close too.
func (r *Reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.atEnd()
	if r.transfer.over {
		return r.transfer.err
	}
	return r.abort()
}

// atEnd looks for the end of data right behind the last byte that was read: a
// caller who knew the size has no reason to read on, and yet has it all.
func (r *Reader) atEnd() {
	t := r.transfer
	if t.over || t.ctx.Err() != nil {
		return
	}
	_ = t.raw.SetReadDeadline(time.Now().Add(endGrace))
	var one [1]byte
	n, err := t.conn.Read(one[:])
	if n == 0 && errors.Is(err, io.EOF) {
		_ = t.end(t.finish())
	}
}

// endGrace is how long Close waits for an end of data that may be on its way.
const endGrace = 50 * time.Millisecond

// Abort breaks off the download (ABOR) and leaves the client usable, or else
// broken, and then the error says so. After the end of the file it does
// nothing.
func (r *Reader) Abort() error {
	r.closed = true
	return r.abort()
}

func (r *Reader) abort() error { return r.transfer.abortQuietly() }

// abortQuietly breaks the transfer off; only a session that cannot go on is an
// error.
func (t *transfer) abortQuietly() error {
	if t.over {
		return nil
	}
	_ = t.breakOff(errAborted)
	if broken := t.client.ctl.broken; broken != nil {
		return t.client.wrap(t.exchange.transfer.op, t.exchange.transfer.path, broken)
	}
	return nil
}

var errAborted = errors.New("the transfer was broken off by the caller")

// Size is how many bytes the server announced in its 1xx reply, or -1.
func (r *Reader) Size() int64 { return r.transfer.size }

// Result tells what was transferred so far.
func (r *Reader) Result() Result { return r.transfer.result() }

// Writer is an upload under way. It has the client for itself until Close or
// Abort, or until Write has returned an error. It is for one goroutine; to end a
// Write that blocks in another, cancel the context.
type Writer struct {
	transfer *transfer
	dst      io.Writer // the transfer, or what turns text into its ASCII
	closed   bool
}

// Write sends the next part of the file. That it arrived is known only when
// Close has returned nil.
func (w *Writer) Write(p []byte) (int, error) { return w.dst.Write(p) }

// ReadFrom sends everything that it reads from src. An error of src breaks off
// the transfer, so that a short file is not taken for a whole one.
func (w *Writer) ReadFrom(src io.Reader) (int64, error) {
	defer w.transfer.endOnPanic()()
	n, readErr, writeErr := copyAll(w.dst, src)
	if readErr != nil {
		return n, w.transfer.breakOff(fmt.Errorf("reading the data to send: %w", readErr))
	}
	return n, writeErr
}

// sendAll sends what src holds, and ends the upload.
func (w *Writer) sendAll(src io.Reader) error {
	_, err := w.ReadFrom(src)
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Close ends the upload: it closes the data connection and waits for the
// server's final reply. The file is stored only if Close returns nil. A second
// Close returns nil.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if w.transfer.over {
		return w.transfer.err
	}
	return w.transfer.end(w.transfer.finish())
}

// Abort breaks off the upload (ABOR). What the server already has may stay
// there as a partial file. After Close it does nothing.
func (w *Writer) Abort() error {
	w.closed = true
	return w.transfer.abortQuietly()
}

// Result tells what was transferred so far; after StoreUnique, under which
// name.
func (w *Writer) Result() Result { return w.transfer.result() }

// Interface checks.
var (
	_ io.ReadCloser  = (*Reader)(nil)
	_ io.WriterTo    = (*Reader)(nil)
	_ io.WriteCloser = (*Writer)(nil)
	_ io.ReaderFrom  = (*Writer)(nil)
)
