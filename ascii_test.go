package ftp_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

func TestASCIITransfers(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, c.SetType(t.Context(), ftp.TypeASCII))
	text := strings.Repeat("a line\n\nlone \r stays\n", 20_000)
	result, err := c.Store(t.Context(), "/f", strings.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, text, string(stored(t, srv, "/f")))
	onTheWire := int64(len(text) + strings.Count(text, "\n"))
	require.Equal(t, onTheWire, result.Bytes, "what the data connection carried")
	require.Equal(t, onTheWire, srv.DataConns()[0].Received)

	require.Equal(t, text, string(retrieve(t, c, "/f")))
	require.Equal(t, onTheWire, srv.DataConns()[1].Sent)
}

func TestASCIIFileIsLongerThanAnnounced(t *testing.T) {
	for _, text := range []string{"\n\n\n", "", "no line end", "\r\n\r\n"} { // the 150 announces the size in the server's file system
		c, srv := session(t, ftptest.Config{}, nil)
		put(t, srv, "/f", []byte(text))
		require.NoError(t, c.SetType(t.Context(), ftp.TypeASCII))
		retrieve(t, c, "/f")
	}
}

func TestASCIIStreaming(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, c.SetType(t.Context(), ftp.TypeASCII))
	w, err := c.Create(t.Context(), "/f")
	require.NoError(t, err)
	for _, part := range []string{"one\r", "\ntwo", "\n", "three"} {
		n, err := io.WriteString(w, part)
		require.NoError(t, err)
		require.Equal(t, len(part), n)
	}
	require.NoError(t, w.Close())
	require.Equal(t, "one\ntwo\nthree", string(stored(t, srv, "/f")))

	r, err := c.Open(t.Context(), "/f")
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "one\ntwo\nthree", string(got))
	require.NoError(t, r.Close())
}

func TestTypeIsSentOnceAChange(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, aliveFile, []byte(aliveData))
	ctx := t.Context()
	require.NoError(t, c.SetType(ctx, ftp.TypeImage))
	require.NoError(t, c.SetType(ctx, ftp.TypeASCII))
	require.NoError(t, c.SetType(ctx, ftp.TypeASCII))
	requireAlive(t, c)
	requireAlive(t, c)
	require.NoError(t, c.SetType(ctx, ftp.TypeImage))
	requireAlive(t, c)
	require.Equal(t, []string{"TYPE I", "TYPE A", "TYPE I"}, sent(srv, "TYPE"))
}

func TestTypeRefusedLeavesTheOldOne(t *testing.T) {
	c, srv := session(t, ftptest.Config{Faults: []ftptest.Fault{{On: "TYPE", Nth: 2, Reply: "504 no text here"}}}, nil)
	put(t, srv, "/f", []byte("a\r\nb"))
	require.Error(t, c.SetType(t.Context(), ftp.TypeASCII))
	require.Equal(t, "a\r\nb", string(retrieve(t, c, "/f")), "a type that was refused is not wanted any more")
	require.Error(t, c.SetType(t.Context(), 'E'), "EBCDIC")
	require.Error(t, c.SetType(t.Context(), 0))
	require.Equal(t, []string{"TYPE I", "TYPE A"}, sent(srv, "TYPE"))
}

func TestRawTYPEIsUndoneByTheNextTransfer(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	data := []byte("a\nb\r\n")
	put(t, srv, "/f", data)
	reply, err := c.Raw(t.Context(), "type", "A")
	require.NoError(t, err)
	require.Equal(t, 200, reply.Code)
	require.Equal(t, data, retrieve(t, c, "/f"))
	require.Equal(t, data, retrieve(t, c, "/f"))
	require.Equal(t, []string{"TYPE I", "TYPE I"}, sent(srv, "TYPE"), "and the one in lower case")
}
