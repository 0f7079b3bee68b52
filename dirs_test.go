package ftp_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

func TestDirectoryVerbs(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	ctx := t.Context()
	put(t, srv, "/f", []byte("x"))
	put(t, srv, "/full/x", nil)
	for _, tt := range []struct {
		name string
		do   func() error
		line string
		want error
	}{
		{"MakeDir", func() error { return c.MakeDir(ctx, "/d") }, "MKD /d", nil},
		{"MakeDir of what exists", func() error { return c.MakeDir(ctx, "/d") }, "MKD /d", fs.ErrExist},
		{"MakeDir below what is missing", func() error { return c.MakeDir(ctx, "/x/y") }, "MKD /x/y", fs.ErrNotExist},
		{"ChangeDir", func() error { return c.ChangeDir(ctx, "d") }, "CWD d", nil},
		{"ChangeDir to the parent", func() error { return c.ChangeDir(ctx, "..") }, "CWD ..", nil},
		{"ChangeDir to nowhere", func() error { return c.ChangeDir(ctx, "/missing") }, "CWD /missing", fs.ErrNotExist},
		{"RemoveDir", func() error { return c.RemoveDir(ctx, "/d") }, "RMD /d", nil},
		{"RemoveDir of what is missing", func() error { return c.RemoveDir(ctx, "/d") }, "RMD /d", fs.ErrNotExist},
		{"Rename", func() error { return c.Rename(ctx, "/f", "/g") }, "RNTO /g", nil},
		{"Delete", func() error { return c.Delete(ctx, "/g") }, "DELE /g", nil},
		{"Delete of what is missing", func() error { return c.Delete(ctx, "/g") }, "DELE /g", fs.ErrNotExist},
		{"Rename of what is missing", func() error { return c.Rename(ctx, "/g", "/h") }, "RNFR /g", fs.ErrNotExist},
		{"Rename to nowhere", func() error { return c.Rename(ctx, "/full", "/no/where") }, "RNTO /no/where", fs.ErrNotExist},
		{"Rename onto a directory", func() error { return c.Rename(ctx, "/full/x", "/full") }, "RNTO /full", fs.ErrExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.do()
			if tt.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, tt.want)
			}
			commands := srv.Commands()
			require.Equal(t, tt.line, commands[len(commands)-1])
		})
	}
	require.Error(t, c.RemoveDir(ctx, "/full"), "not empty")
	require.NotErrorIs(t, c.RemoveDir(ctx, "/full"), fs.ErrNotExist)
	require.Error(t, c.Delete(ctx, "/full"), "a directory")
	require.NotErrorIs(t, c.Delete(ctx, "/full"), fs.ErrNotExist)
}

func TestCurrentDir(t *testing.T) {
	for _, tt := range []struct{ reply, want string }{
		{`257 "/a b" is current directory.`, "/a b"},
		{`257 "/with ""quotes""" is it`, `/with "quotes"`},
		{`257 "/"`, "/"},
		{`250 "/odd code"`, "/odd code"},
		{`257 nothing that could be a path, really`, ""},
		{`257 ""`, ""},
		{"257 \"/a\rb\"", ""},
		{`550 no`, ""},
	} {
		p := &puppet{replies: map[string]string{"PWD": tt.reply}}
		dir, err := p.dial(t, nil).CurrentDir(t.Context())
		require.Equal(t, tt.want, dir, tt.reply)
		require.Equal(t, tt.want == "", err != nil, tt.reply)
	}
}

func TestMakeDirAll(t *testing.T) {
	for _, path := range []string{"/a/b/c", "a/b/c", "/a/b/c/", "/a//b/c", "/a b/-c/*"} {
		c, srv := session(t, ftptest.Config{}, nil)
		require.NoError(t, c.MakeDirAll(t.Context(), path))
		e, err := srv.Tree.Stat(path)
		require.NoError(t, err)
		require.True(t, e.IsDir())
		require.NoError(t, c.MakeDirAll(t.Context(), path), "what exists is no error")
		dir, err := c.CurrentDir(t.Context())
		require.NoError(t, err)
		require.Equal(t, "/", dir, "the working directory stays")
	}
}

func TestMakeDirAllTriesTheLastFirst(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, srv.Tree.MkdirAll("/a/b"))
	require.NoError(t, c.MakeDirAll(t.Context(), "/a/b/c"))
	require.Equal(t, []string{"MKD /a/b/c"}, sent(srv, "MKD", "CWD", "PWD"))
}

func TestMakeDirAllWithManyWaysToSayThatItExists(t *testing.T) {
	for _, reply := range []string{
		"550 Create directory operation failed.",                  // vsftpd
		"550 a: File exists",                                      // ProFTPD
		"550 Can't create directory: File exists",                 // Pure-FTPd
		"521 /a directory exists; taking no action",               // RFC 1123 era servers
		"550 Cannot create a file when that file already exists.", // IIS
		"501 Invalid directory name.",
		"550 Directory already exists", // FileZilla Server
		"553 Requested action not taken",
		"550 Permission denied.", // a server where only the last element is writable
	} {
		t.Run(reply, func(t *testing.T) {
			made := map[string]bool{"/a": true, "/a/b": true}
			p := &puppet{reply: func(verb, arg string) string {
				switch {
				case verb == "MKD" && made[arg]:
					return reply
				case verb == "MKD" && made[arg[:strings.LastIndex(arg, "/")]]:
					made[arg] = true
					return "257 made"
				case verb == "MKD":
					return "550 No such file or directory"
				case verb == "CWD" && arg != "/" && !made[arg]:
					return "550 No such file or directory"
				}
				return ""
			}}
			c := p.dial(t, nil)
			require.NoError(t, c.MakeDirAll(t.Context(), "/a/b/c/d"))
			require.True(t, made["/a/b/c/d"])
			require.NoError(t, c.MakeDirAll(t.Context(), "/a/b"))
		})
	}
}

func TestMakeDirAllRefused(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/file", nil)
	require.NoError(t, srv.Tree.MkdirAll("/locked"))
	require.NoError(t, srv.Tree.Chmod("/locked", 0o500))
	err := c.MakeDirAll(t.Context(), "/locked/a/b")
	require.ErrorIs(t, err, fs.ErrPermission)
	err = c.MakeDirAll(t.Context(), "/file/a")
	require.Error(t, err)
	err = c.MakeDirAll(t.Context(), "/file")
	require.Error(t, err, "a file of that name is no directory")
	require.Equal(t, 550, ftp.ReplyCode(err))
	require.NoError(t, c.NoOp(t.Context()))
}

func TestRenameSendsNothingWhereTheNewNameCannotBeSent(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.Error(t, c.Rename(t.Context(), "/a", "b\r\nDELE x"))
	require.Empty(t, sent(srv, "RNFR"))
}

func TestRenameRefusedHalfWay(t *testing.T) {
	for _, reply := range []string{"553 Rename failed.", "503 Bad sequence of commands.", "550 Permission denied"} {
		c, srv := session(t, ftptest.Config{Disable: map[string]string{"RNTO": reply}}, nil)
		put(t, srv, "/a", nil)
		err := c.Rename(t.Context(), "/a", "/b")
		require.ErrorContains(t, err, reply)
		var e *ftp.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, []string{"rename", "/a", "RNTO"}, []string{e.Op, e.Path, e.Command})
	}
}

func TestManyChangesOfDirectoryAreBounded(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, srv.Tree.MkdirAll("/"+strings.Repeat("d/", 40)))
	for range 40 {
		require.NoError(t, c.ChangeDir(t.Context(), "d"))
	}
	require.LessOrEqual(t, len(sent(srv, "PWD")), 3)
	dir, err := c.CurrentDir(t.Context())
	require.NoError(t, err)
	require.Equal(t, "/"+strings.TrimSuffix(strings.Repeat("d/", 40), "/"), dir)
}

// A session that must log in anew on the way to a data connection comes back
// to the same directory.
func TestReloginReturnsToTheWorkingDirectory(t *testing.T) {
	for _, changes := range [][]string{{"/a"}, {"a", "b"}, {"/a/b", ".."}, {"a", "b", "..", "b"}} {
		t.Run(fmt.Sprint(changes), func(t *testing.T) {
			srv := serve(t, ftptest.Config{Faults: []ftptest.Fault{{On: "EPSV", Session: 1, Silent: true}}})
			put(t, srv, "/a/b/f", []byte("content"))
			put(t, srv, "/a/f", []byte("content"))
			c := dial(t, srv.Addr, &ftp.Options{Timeouts: ftp.Timeouts{Reply: 200 * time.Millisecond}})
			for _, dir := range changes {
				require.NoError(t, c.ChangeDir(t.Context(), dir))
			}
			before, err := c.CurrentDir(t.Context())
			require.NoError(t, err)
			require.Equal(t, "content", string(retrieve(t, c, "f")))
			require.Equal(t, 2, srv.Sessions())
			after, err := c.CurrentDir(t.Context())
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}
