package ftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// sizes are those at which buffers of the client, the network and the server
// begin and end.
func sizes() []int {
	return []int{0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 256 << 10, 256<<10 + 1, 8 << 20}
}

func TestStoreAndRetrieve(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	for i, size := range sizes() {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			data := noise(uint64(i), size)
			result, err := c.Store(t.Context(), "/f", bytes.NewReader(data))
			require.NoError(t, err)
			require.Equal(t, int64(size), result.Bytes)
			require.Equal(t, "/f", result.Path)
			require.Equal(t, 226, result.Reply.Code)
			require.Equal(t, ftp.EPSV, result.Negotiation.Method())
			require.True(t, bytes.Equal(data, stored(t, srv, "/f")))

			var got bytes.Buffer
			result, err = c.Retrieve(t.Context(), "/f", &got)
			require.NoError(t, err)
			require.Equal(t, int64(size), result.Bytes)
			require.Equal(t, 226, result.Reply.Code)
			require.Positive(t, result.Duration)
			require.True(t, bytes.Equal(data, got.Bytes()))
		})
	}
}

func TestStoreReplaces(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/f", []byte("a long content"))
	store(t, c, "/f", []byte("short"))
	require.Equal(t, "short", string(stored(t, srv, "/f")))
}

func TestAppend(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	for _, part := range []string{"one ", "", "two ", "three"} {
		result, err := c.Append(t.Context(), "/log", strings.NewReader(part))
		require.NoError(t, err)
		require.Equal(t, int64(len(part)), result.Bytes)
	}
	require.Equal(t, "one two three", string(stored(t, srv, "/log")))
	require.Len(t, sent(srv, "APPE /log"), 4)
}

func TestStoreUnique(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	seen := map[string]bool{}
	for _, suggestion := range []string{"", "a.txt"} {
		result, err := c.StoreUnique(t.Context(), suggestion, strings.NewReader("unique"))
		require.NoError(t, err)
		require.False(t, seen[result.Path], "the name was given before")
		seen[result.Path] = true
		require.Equal(t, "unique", string(stored(t, srv, result.Path)))
	}
	require.Equal(t, []string{"STOU", "STOU a.txt"}, sent(srv, "STOU"))
}

func TestStoreUniqueName(t *testing.T) {
	for _, tt := range []struct{ name, mark, final, want string }{
		{"from the 150, RFC 1123", "150 FILE: ftp.0001", "226 Transfer complete.", "ftp.0001"},
		{"from the 125", "125 FILE: ftp.0001", "226 Transfer complete.", "ftp.0001"},
		{"from the 226 of the BSD line", "150 Ok to send data.", "226 Transfer complete (unique file name:ftp.0002).", "ftp.0002"},
		{"from the 226, quoted", "150 Ok to send data.", `226 Stored as "a ""b"" c"`, `a "b" c`},
		{"the 150 counts where both tell", "150 FILE: first", "226 FILE: second", "first"},
		{"absent", "150 Ok to send data.", "226 Transfer complete.", ""},
		{"absent, though suggested", "150 Ok to send data.", "250 Done.", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := scripted(t, welcome+fmt.Sprintf(`
C: EPSV
S: 229 (|||{port}|)
C: STOU hint
S: %s
D< "data"
S: %s
`, tt.mark, tt.final)+goodbye)
			result, err := c.StoreUnique(t.Context(), "hint", strings.NewReader("data"))
			require.NoError(t, err)
			require.Equal(t, tt.want, result.Path)
			require.Equal(t, int64(4), result.Bytes)
		})
	}
}

func TestOffsets(t *testing.T) {
	data := noise(1, 300_000)
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/f", data)
	for _, offset := range []int64{0, 1, 65536, 299_999, 300_000} {
		var got bytes.Buffer
		result, err := c.RetrieveFrom(t.Context(), "/f", offset, &got)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data[offset:], got.Bytes()))
		require.Equal(t, int64(len(data))-offset, result.Bytes)
		require.Equal(t, offset, result.Offset)
	}
	for _, offset := range []int64{0, 1, 65536, 299_999, 300_000} {
		put(t, srv, "/up", data[:offset])
		result, err := c.StoreFrom(t.Context(), "/up", offset, bytes.NewReader(data[offset:]))
		require.NoError(t, err)
		require.Equal(t, int64(len(data))-offset, result.Bytes)
		require.True(t, bytes.Equal(data, stored(t, srv, "/up")))
	}
	require.Len(t, sent(srv, "REST"), 8, "offset 0 needs no REST")
}

func TestOffsetRefused(t *testing.T) {
	t.Run("negative", func(t *testing.T) {
		c, srv := session(t, ftptest.Config{}, nil)
		_, err := c.RetrieveFrom(t.Context(), "/f", -1, io.Discard)
		require.ErrorContains(t, err, "negative")
		_, err = c.StoreFrom(t.Context(), "/f", -1, strings.NewReader(""))
		require.ErrorContains(t, err, "negative")
		require.Empty(t, sent(srv, "RETR", "STOR", "EPSV"))
		require.NoError(t, c.NoOp(t.Context()))
	})
	t.Run("beyond the end", func(t *testing.T) {
		c, srv := session(t, ftptest.Config{}, nil)
		put(t, srv, aliveFile, []byte(aliveData))
		_, err := c.RetrieveFrom(t.Context(), aliveFile, 1000, io.Discard)
		require.Equal(t, 550, ftp.ReplyCode(err))
		requireAlive(t, c)
	})
	t.Run("REST unknown", func(t *testing.T) {
		c, srv := session(t, ftptest.Config{Disable: map[string]string{"REST": ""}}, nil)
		put(t, srv, aliveFile, []byte(aliveData))
		_, err := c.RetrieveFrom(t.Context(), aliveFile, 5, io.Discard)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.NotErrorIs(t, err, ftp.ErrDataConnection)
		require.Empty(t, sent(srv, "RETR"), "without REST the whole file would come")
		requireAlive(t, c)
		_, err = c.StoreFrom(t.Context(), aliveFile, 5, strings.NewReader("x"))
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.Empty(t, sent(srv, "STOR"), "without REST the begin of the file would be lost")
		requireAlive(t, c)
	})
	t.Run("REST is for one transfer", func(t *testing.T) {
		c, srv := session(t, ftptest.Config{}, nil)
		put(t, srv, "/f", []byte("0123456789"))
		_, err := c.RetrieveFrom(t.Context(), "/missing", 5, io.Discard)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Equal(t, "0123456789", string(retrieve(t, c, "/f")))
	})
}

func TestEmptyPathIsRefused(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	before := srv.Commands()
	ctx := t.Context()
	_, retrieveErr := c.Retrieve(ctx, "", io.Discard)
	_, storeErr := c.Store(ctx, "", strings.NewReader("x"))
	_, appendErr := c.Append(ctx, "", strings.NewReader("x"))
	_, sizeErr := c.Size(ctx, "")
	_, timeErr := c.ModTime(ctx, "")
	for i, err := range []error{
		retrieveErr, storeErr, appendErr, sizeErr, timeErr,
		c.Delete(ctx, ""), c.RemoveDir(ctx, ""), c.MakeDir(ctx, ""), c.MakeDirAll(ctx, ""),
		c.ChangeDir(ctx, ""), c.Rename(ctx, "", "x"), c.Rename(ctx, "x", ""), c.Chmod(ctx, "", 0o644),
	} {
		require.ErrorContains(t, err, "path is empty", i)
	}
	require.Equal(t, before, srv.Commands())
}

func TestControlBytesInAPathAreRefused(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/victim", []byte("x"))
	before := srv.Commands()
	ctx := t.Context()
	for _, bad := range []string{"a\r\nDELE /victim", "a\nDELE /victim", "a\rb", "a\x00b", "\n", "a\r\n"} {
		_, openErr := c.Open(ctx, bad)
		_, createErr := c.Create(ctx, bad)
		_, statErr := c.Stat(ctx, bad)
		_, rawErr := c.Raw(ctx, "HELP", bad)
		_, verbErr := c.Raw(ctx, bad)
		for i, err := range []error{
			openErr, createErr, statErr, rawErr, verbErr,
			c.Delete(ctx, bad), c.MakeDir(ctx, bad), c.RemoveDir(ctx, bad), c.ChangeDir(ctx, bad),
			c.Rename(ctx, "/victim", bad), c.Rename(ctx, bad, "/x"), c.Chmod(ctx, bad, 0o600),
			c.Login(ctx, bad, "x"),
		} {
			require.ErrorContains(t, err, "refused to send", "%q %d", bad, i)
		}
		for _, err := range c.List(ctx, bad) {
			require.Error(t, err)
		}
	}
	after := srv.Commands()[len(before):]
	for _, line := range after {
		require.Equal(t, "EPSV", line, "only the negotiation before the transfer command may have been sent")
	}
	_, err := srv.Tree.Stat("/victim")
	require.NoError(t, err)
	require.NoError(t, c.NoOp(ctx))
}

// oddNames returns a name for every byte that a name can hold, and some that
// mean something to shells, servers and parsers.
func oddNames() []string {
	found := []string{" a", "a ", "  ", "-a", "-la x", "*", "?", "[a]", "a\\b", "~", "a;b", "a=b; c", `"`, `""a"`, "...", ".hidden", "a  b",
		"\xff\xff", "\xff\xf4", "ä", "a\u0308", "日本", "\xe4", "$(x)", "`x`", "total 5", "drwx", "a -> b", "<DIR>", "%s%n", "(1 bytes)"}
	for b := 1; b < 256; b++ {
		if c := byte(b); c != '/' && c != '\r' && c != '\n' {
			found = append(found, "x"+string([]byte{c})+"y", "x"+string([]byte{c}))
		}
	}
	return found
}

func TestNamesAreByteExact(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	ctx := t.Context()
	require.NoError(t, srv.Tree.MkdirAll("/d"))
	for _, name := range oddNames() {
		content := []byte("content of " + name)
		store(t, c, "/d/"+name, content)
		require.Equal(t, content, stored(t, srv, "/d/"+name), "%q", name)
		require.Equal(t, []string{name}, listed(t, c, "/d"))
		require.Equal(t, content, retrieve(t, c, "/d/"+name))
		e, err := c.Stat(ctx, "/d/"+name)
		require.NoError(t, err)
		require.Equal(t, name, e.Name())
		size, err := c.Size(ctx, "/d/"+name)
		require.NoError(t, err)
		require.Equal(t, int64(len(content)), size)
		require.NoError(t, c.Rename(ctx, "/d/"+name, "/d/"+name+name))
		require.Equal(t, content, stored(t, srv, "/d/"+name+name))
		require.NoError(t, c.Delete(ctx, "/d/"+name+name))
		require.Empty(t, listed(t, c, "/d"))

		require.NoError(t, c.MakeDir(ctx, name))
		require.NoError(t, c.ChangeDir(ctx, name))
		dir, err := c.CurrentDir(ctx)
		require.NoError(t, err)
		require.Equal(t, "/"+name, dir)
		require.NoError(t, c.ChangeDir(ctx, "/"))
		require.NoError(t, c.RemoveDir(ctx, name))
	}
}

func TestByte0xFFIsDoubledOnTheWire(t *testing.T) {
	c, _ := scripted(t, welcome+`
C! "DELE \xff\xffa\xff\xff\xff\xff"
S: 250 gone
C: PWD
S! "257 \"/\xff\xffb\" is it\r\n"
`+goodbye)
	require.NoError(t, c.Delete(t.Context(), "\xffa\xff\xff"))
	dir, err := c.CurrentDir(t.Context())
	require.NoError(t, err)
	require.Equal(t, "/\xffb", dir)
}

func TestRefusedTransfers(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, aliveFile, []byte(aliveData))
	put(t, srv, "/closed", []byte("x"))
	require.NoError(t, srv.Tree.Chmod("/closed", 0))
	ctx := t.Context()
	for _, tt := range []struct {
		name string
		do   func() (ftp.Result, error)
		want error
	}{
		{"missing", func() (ftp.Result, error) { return c.Retrieve(ctx, "/missing", io.Discard) }, fs.ErrNotExist},
		{"unreadable", func() (ftp.Result, error) { return c.Retrieve(ctx, "/closed", io.Discard) }, fs.ErrPermission},
		{"unwritable", func() (ftp.Result, error) { return c.Store(ctx, "/closed", strings.NewReader("x")) }, fs.ErrPermission},
		{"not appendable", func() (ftp.Result, error) { return c.Append(ctx, "/closed", strings.NewReader("x")) }, fs.ErrPermission},
		{"no directory", func() (ftp.Result, error) { return c.Store(ctx, "/no/f", strings.NewReader("x")) }, fs.ErrNotExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result, err := tt.do()
			require.ErrorIs(t, err, tt.want)
			require.NotErrorIs(t, err, ftp.ErrDataConnection)
			require.NotErrorIs(t, err, ftp.ErrIncomplete)
			require.Equal(t, 550, ftp.ReplyCode(err))
			require.Equal(t, 550, result.Reply.Code)
			require.NotNil(t, result.Negotiation)
			require.Zero(t, result.Bytes)
			requireAlive(t, c)
		})
	}
	require.Equal(t, 5, len(sent(srv, "RETR /missing", "RETR /closed", "STOR", "APPE")), "a refused transfer is not tried again")
}

func TestProgress(t *testing.T) {
	var calls []ftp.Progress
	c, srv := session(t, ftptest.Config{}, &ftp.Options{Progress: func(p ftp.Progress) { calls = append(calls, p) }})
	data := noise(3, 1<<20)
	put(t, srv, "/f", data)
	for _, tt := range []struct {
		name           string
		do             func() error
		upload         bool
		bytes, offset  int64
		size           int64
		beforeLastDone bool
	}{
		{name: "download", do: func() error { _, err := c.Retrieve(t.Context(), "/f", io.Discard); return err }, bytes: 1 << 20, size: 1 << 20},
		{name: "download from an offset", do: func() error { _, err := c.RetrieveFrom(t.Context(), "/f", 1000, io.Discard); return err }, bytes: 1<<20 - 1000, offset: 1000, size: 1 << 20},
		{name: "upload", do: func() error { _, err := c.Store(t.Context(), "/f", bytes.NewReader(data)); return err }, upload: true, bytes: 1 << 20, size: -1},
		{name: "empty upload", do: func() error { _, err := c.Store(t.Context(), "/f", strings.NewReader("")); return err }, upload: true, size: -1},
		{name: "empty download", do: func() error { _, err := c.Retrieve(t.Context(), "/f", io.Discard); return err }, size: 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls = nil
			require.NoError(t, tt.do())
			require.NotEmpty(t, calls)
			var before int64
			for i, p := range calls {
				require.Equal(t, "/f", p.Path)
				require.Equal(t, tt.upload, p.Upload)
				require.Equal(t, tt.offset, p.Offset)
				require.Equal(t, tt.size, p.Size)
				require.GreaterOrEqual(t, p.Bytes, before)
				require.Equal(t, i == len(calls)-1, p.Done, "Done comes once, at the end")
				before = p.Bytes
			}
			require.Equal(t, tt.bytes, before)
		})
	}
	calls = nil
	listed(t, c, "/")
	_, err := c.Retrieve(t.Context(), "/missing", io.Discard)
	require.Error(t, err)
	require.Empty(t, calls, "neither a listing nor a refused transfer is progress")
}
