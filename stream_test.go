package ftp_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// errCaller is an error of the caller's own reader or writer.
var errCaller = errors.New("disk full")

func TestReaderReads(t *testing.T) {
	data := noise(5, 200_000)
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/f", data)
	put(t, srv, aliveFile, []byte(aliveData))
	for _, tt := range []struct {
		name string
		read func(r *ftp.Reader) ([]byte, error)
	}{
		{"ReadAll", func(r *ftp.Reader) ([]byte, error) { return io.ReadAll(r) }},
		{"one byte at a time", func(r *ftp.Reader) ([]byte, error) { return io.ReadAll(iotest.OneByteReader(r)) }},
		{"WriteTo", func(r *ftp.Reader) ([]byte, error) {
			var buf bytes.Buffer
			n, err := r.WriteTo(&buf)
			require.Equal(t, int64(buf.Len()), n)
			return buf.Bytes(), err
		}},
		{"Read, then WriteTo", func(r *ftp.Reader) ([]byte, error) {
			buf := bytes.NewBuffer(make([]byte, 1000))
			_, err := io.ReadFull(r, buf.Bytes())
			require.NoError(t, err)
			_, err = io.Copy(buf, r)
			return buf.Bytes(), err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := c.Open(t.Context(), "/f")
			require.NoError(t, err)
			require.Equal(t, int64(len(data)), r.Size())
			got, err := tt.read(r)
			require.NoError(t, err)
			require.True(t, bytes.Equal(data, got))
			require.Equal(t, 226, r.Result().Reply.Code)
			require.Equal(t, int64(len(data)), r.Result().Bytes)
			n, err := r.Read(make([]byte, 1))
			require.Zero(t, n)
			require.ErrorIs(t, err, io.EOF, "the end stays the end")
			require.NoError(t, r.Close())
			require.NoError(t, r.Close())
			require.NoError(t, r.Abort())
			requireAlive(t, c)
		})
	}
	require.Empty(t, sent(srv, "ABOR"))
}

func TestReaderReadsNothingIntoNothing(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/f", []byte("abc"))
	r, err := c.Open(t.Context(), "/f")
	require.NoError(t, err)
	n, err := r.Read(nil)
	require.Zero(t, n)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "abc", string(got))
}

func TestPartialReadThenCloseIsAnAbort(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, srv.Tree.AddGenerated("/big", 1<<40, 1))
	put(t, srv, aliveFile, []byte(aliveData))
	for _, end := range []func(*ftp.Reader) error{(*ftp.Reader).Close, (*ftp.Reader).Abort} {
		for _, part := range []int64{0, 1, 100_000} {
			r, err := c.OpenFrom(t.Context(), "/big", 77)
			require.NoError(t, err)
			_, err = io.CopyN(io.Discard, r, part)
			require.NoError(t, err)
			require.NoError(t, end(r), "stopping early is no error")
			require.NoError(t, r.Close())
			require.NoError(t, r.Abort())
			_, err = r.Read(make([]byte, 1))
			require.Error(t, err)
			require.NotErrorIs(t, err, io.EOF, "what was broken off has not come to its end")
			requireAlive(t, c)
		}
	}
	require.Len(t, sent(srv, "ABOR"), 6)
	require.Equal(t, 1, srv.Sessions())
}

func TestExactSizeReadThenCloseIsNoAbort(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	for _, size := range []int{0, 1, 70_000} {
		data := noise(9, size)
		put(t, srv, "/f", data)
		r, err := c.Open(t.Context(), "/f")
		require.NoError(t, err)
		got := make([]byte, r.Size())
		_, err = io.ReadFull(r, got)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got))
		require.NoError(t, r.Close())
		require.Equal(t, 226, r.Result().Reply.Code)
		require.Equal(t, int64(size), r.Result().Bytes)
	}
	require.Empty(t, sent(srv, "ABOR"))
}

func TestExactSizeReadThenCloseTellsOfAFailure(t *testing.T) {
	c, srv := session(t, ftptest.Config{Faults: []ftptest.Fault{{On: "226", Nth: 1, Reply: "451 Disk read error."}}}, nil)
	put(t, srv, "/f", []byte("12345"))
	r, err := c.Open(t.Context(), "/f")
	require.NoError(t, err)
	_, err = io.ReadFull(r, make([]byte, 5))
	require.NoError(t, err)
	err = r.Close()
	require.ErrorIs(t, err, ftp.ErrIncomplete)
	require.Equal(t, 451, ftp.ReplyCode(err))
	require.NoError(t, r.Close(), "the error is told once")
}

func TestEOFComesOnlyAfterTheFinalReply(t *testing.T) {
	for _, reply := range []string{"451 Read error.", "426 Connection closed.", "550 What you got is not the file."} {
		t.Run(reply[:3], func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Faults: []ftptest.Fault{{On: "226", Nth: 1, Reply: reply}}}, nil)
			put(t, srv, "/f", []byte("all of it"))
			put(t, srv, aliveFile, []byte(aliveData))
			r, err := c.Open(t.Context(), "/f")
			require.NoError(t, err)
			got, err := io.ReadAll(r)
			require.Equal(t, "all of it", string(got))
			require.ErrorIs(t, err, ftp.ErrIncomplete)
			require.Equal(t, reply[:3], strconv.Itoa(ftp.ReplyCode(err)))
			_, again := r.Read(make([]byte, 1))
			require.Equal(t, err, again)
			require.Equal(t, err, r.Close())
			require.NoError(t, r.Close())
			requireAlive(t, c)
		})
	}
}

func TestWriterWrites(t *testing.T) {
	data := noise(6, 600_000)
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, aliveFile, []byte(aliveData))
	for _, tt := range []struct {
		name  string
		write func(w *ftp.Writer) error
	}{
		{"Write", func(w *ftp.Writer) error {
			n, err := w.Write(data)
			require.Equal(t, len(data), n)
			return err
		}},
		{"ReadFrom", func(w *ftp.Writer) error {
			n, err := w.ReadFrom(bytes.NewReader(data))
			require.Equal(t, int64(len(data)), n)
			return err
		}},
		{"small parts", func(w *ftp.Writer) error {
			_, err := io.Copy(struct{ io.Writer }{w}, iotest.HalfReader(bytes.NewReader(data)))
			return err
		}},
		{"Write, then ReadFrom, then Write", func(w *ftp.Writer) error {
			_, err := w.Write(data[:100])
			require.NoError(t, err)
			_, err = w.ReadFrom(bytes.NewReader(data[100:1000]))
			require.NoError(t, err)
			_, err = w.Write(data[1000:])
			return err
		}},
		{"a reader whose last bytes come with io.EOF", func(w *ftp.Writer) error {
			_, err := w.ReadFrom(iotest.DataErrReader(bytes.NewReader(data)))
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, err := c.Create(t.Context(), "/f")
			require.NoError(t, err)
			require.NoError(t, tt.write(w))
			require.Zero(t, w.Result().Reply.Code, "nothing is confirmed before Close")
			require.NoError(t, w.Close())
			require.Equal(t, 226, w.Result().Reply.Code)
			require.Equal(t, int64(len(data)), w.Result().Bytes)
			require.True(t, bytes.Equal(data, stored(t, srv, "/f")))
			require.NoError(t, w.Close())
			require.NoError(t, w.Abort())
			_, err = w.Write([]byte("more"))
			require.Error(t, err)
			requireAlive(t, c)
		})
	}
	require.Empty(t, sent(srv, "ABOR"))
}

func TestCreateFromAndAppend(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/f", []byte("0123456789"))
	w, err := c.CreateFrom(t.Context(), "/f", 4)
	require.NoError(t, err)
	_, err = w.Write([]byte("abcdefgh"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, int64(4), w.Result().Offset)
	w, err = c.CreateAppend(t.Context(), "/f")
	require.NoError(t, err)
	_, err = w.Write([]byte("!"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, "0123abcdefgh!", string(stored(t, srv, "/f")))
}

func TestWriterAbort(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, aliveFile, []byte(aliveData))
	for _, size := range []int{0, 1, 500_000} {
		w, err := c.Create(t.Context(), "/f")
		require.NoError(t, err)
		_, err = w.Write(noise(1, size))
		require.NoError(t, err)
		require.NoError(t, w.Abort())
		require.NoError(t, w.Abort())
		require.NoError(t, w.Close())
		_, err = w.Write([]byte("more"))
		require.Error(t, err)
		requireAlive(t, c)
	}
	require.Len(t, sent(srv, "ABOR"), 3)
}

func TestUploadRefusedAtTheEnd(t *testing.T) {
	for _, reply := range []string{"452 Insufficient storage space.", "552 Quota exceeded.", "451 Local error."} {
		c, srv := session(t, ftptest.Config{Faults: []ftptest.Fault{{On: "226", Nth: 1, Reply: reply}}}, nil)
		put(t, srv, aliveFile, []byte(aliveData))
		w, err := c.Create(t.Context(), "/f")
		require.NoError(t, err)
		_, err = w.Write([]byte("data"))
		require.NoError(t, err)
		err = w.Close()
		require.ErrorIs(t, err, ftp.ErrIncomplete)
		require.ErrorContains(t, err, reply[4:])
		require.NoError(t, w.Close())
		requireAlive(t, c)
	}
}

func TestErrorOfTheCallersWriterWins(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, srv.Tree.AddGenerated("/big", 1<<40, 1))
	put(t, srv, aliveFile, []byte(aliveData))
	taken := 0
	result, err := c.Retrieve(t.Context(), "/big", writeFunc(func(p []byte) (int, error) {
		if taken += len(p); taken > 1<<20 {
			return 0, errCaller
		}
		return len(p), nil
	}))
	require.ErrorIs(t, err, errCaller)
	require.NotErrorIs(t, err, ftp.ErrIncomplete)
	require.Equal(t, "/big", result.Path)
	require.Equal(t, []string{"ABOR"}, sent(srv, "ABOR"))
	requireAlive(t, c)

	_, err = c.Retrieve(t.Context(), "/big", writeFunc(func(p []byte) (int, error) { return len(p) - 1, nil }))
	require.ErrorIs(t, err, io.ErrShortWrite)
	requireAlive(t, c)

	r, err := c.Open(t.Context(), "/big")
	require.NoError(t, err)
	_, err = r.WriteTo(writeFunc(func([]byte) (int, error) { return 0, errCaller }))
	require.ErrorIs(t, err, errCaller)
	require.ErrorIs(t, r.Close(), errCaller)
	require.NoError(t, r.Close())
	requireAlive(t, c)
}

func TestErrorOfTheCallersReaderWins(t *testing.T) {
	for _, size := range []int{0, 1, 700_000} {
		c, srv := session(t, ftptest.Config{}, nil)
		put(t, srv, aliveFile, []byte(aliveData))
		result, err := c.Store(t.Context(), "/f", io.MultiReader(bytes.NewReader(noise(1, size)), iotest.ErrReader(errCaller)))
		require.ErrorIs(t, err, errCaller)
		require.Equal(t, int64(size), result.Bytes)
		requireAlive(t, c)
		require.Equal(t, []string{"ABOR"}, sent(srv, "ABOR"))
	}
}

func TestUnexpectedEOFOfTheCallersReaderIsNoEnd(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	_, err := c.Store(t.Context(), "/f", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotEmpty(t, sent(srv, "ABOR"))
}

func TestReaderThatReturnsNothingForAWhile(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	idle := 0
	left := "content"
	_, err := c.Store(t.Context(), "/f", readFunc(func(p []byte) (int, error) {
		if idle++; idle < 20 {
			return 0, nil
		}
		n := copy(p, left)
		left = left[n:]
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}))
	require.NoError(t, err)
	require.Equal(t, "content", string(stored(t, srv, "/f")))
}

func TestWritesAfterTheUploadFailed(t *testing.T) {
	c, srv := session(t, ftptest.Config{Faults: []ftptest.Fault{
		{On: "data", Nth: 1, Data: ftptest.DataFault{Action: ftptest.DataResets, After: 1000}},
		{On: "226", Nth: 1, Reply: "552 Quota exceeded."},
	}}, nil)
	put(t, srv, aliveFile, []byte(aliveData))
	w, err := c.Create(t.Context(), "/f")
	require.NoError(t, err)
	chunk := noise(1, 64<<10)
	for range 10_000 {
		if _, err = w.Write(chunk); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, ftp.ErrIncomplete)
	require.Equal(t, 552, ftp.ReplyCode(err), "the server's reason is told")
	_, again := w.Write(chunk)
	require.Equal(t, err, again)
	require.Equal(t, err, w.Close())
	require.NoError(t, w.Close())
	requireAlive(t, c)
}
