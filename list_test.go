package ftp_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// dialects are servers that list in different ways.
func dialects() map[string]ftptest.Dialect {
	return map[string]ftptest.Dialect{
		"MLSD":             {},
		"MLSD, no dots":    {NoPseudoDirs: true},
		"MLSD, LF alone":   {ListBareLF: true},
		"Unix LIST":        {NoMLSD: true},
		"Unix LIST, LF":    {NoMLSD: true, ListBareLF: true},
		"DOS LIST":         {NoMLSD: true, DOS: true},
		"all with bare LF": {NoMLSD: true, ListBareLF: true, ReplyBareLF: true},
	}
}

// day is a time whose seconds are zero, so that every dialect can tell it; it is
// recent enough for the minutes to be in LIST lines.
func day() time.Time { return time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Minute) }

func TestList(t *testing.T) {
	for name, dialect := range dialects() {
		t.Run(name, func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Dialect: dialect}, nil)
			put(t, srv, "/d/file one.txt", []byte("12345"))
			put(t, srv, "/d/zero", nil)
			require.NoError(t, srv.Tree.MkdirAll("/d/sub"))
			for _, n := range []string{"/d/file one.txt", "/d/zero", "/d/sub"} {
				require.NoError(t, srv.Tree.SetModTime(n, day()))
			}
			entries := map[string]ftp.Entry{}
			for e, err := range c.List(t.Context(), "/d") {
				require.NoError(t, err)
				entries[e.Name()] = e
			}
			require.Len(t, entries, 3, "without . and ..")
			file, sub := entries["file one.txt"], entries["sub"]
			require.Equal(t, int64(5), file.Size())
			require.Zero(t, entries["zero"].Size())
			require.Equal(t, ftp.EntryFile, file.EntryType())
			require.Equal(t, ftp.EntryDir, sub.EntryType())
			require.True(t, sub.IsDir())
			require.False(t, file.IsDir())
			require.True(t, file.ModTime().Equal(day()), "%v is not %v", file.ModTime(), day())
			if dialect.DOS {
				require.False(t, file.HasMode())
				return
			}
			require.True(t, file.HasMode())
			require.Equal(t, fs.FileMode(0o644), file.Mode())
			require.Equal(t, fs.ModeDir|0o755, sub.Mode())
		})
	}
}

func TestListOfTheWorkingDirectory(t *testing.T) {
	for name, dialect := range dialects() {
		t.Run(name, func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Dialect: dialect}, nil)
			put(t, srv, "/d/f", nil)
			require.NoError(t, c.ChangeDir(t.Context(), "/d"))
			require.Equal(t, []string{"f"}, listed(t, c, ""))
			require.Len(t, append(sent(srv, "MLSD"), sent(srv, "LIST")...), 1)
			require.NotContains(t, strings.Join(srv.Commands(), "\n"), "LIST \n")
		})
	}
}

func TestListOfAnEmptyDirectory(t *testing.T) {
	for name, dialect := range dialects() {
		c, srv := session(t, ftptest.Config{Dialect: dialect}, nil)
		require.NoError(t, srv.Tree.MkdirAll("/empty"))
		require.Empty(t, listed(t, c, "/empty"), name)
		require.NoError(t, c.NoOp(t.Context()))
	}
}

func TestListRefused(t *testing.T) {
	for name, dialect := range dialects() {
		c, srv := session(t, ftptest.Config{Dialect: dialect}, nil)
		put(t, srv, aliveFile, []byte(aliveData))
		require.NoError(t, srv.Tree.MkdirAll("/closed"))
		require.NoError(t, srv.Tree.Chmod("/closed", 0))
		for dir, want := range map[string]error{"/missing": fs.ErrNotExist, "/closed": fs.ErrPermission} {
			calls := 0
			for e, err := range c.List(t.Context(), dir) {
				calls++
				require.ErrorIs(t, err, want, name)
				require.NotErrorIs(t, err, ftp.ErrDataConnection)
				require.Empty(t, e.Name())
				var ftpErr *ftp.Error
				require.ErrorAs(t, err, &ftpErr)
				require.Equal(t, []string{"list", dir}, []string{ftpErr.Op, ftpErr.Path})
			}
			require.Equal(t, 1, calls, "the error is the last thing yielded")
		}
		requireAlive(t, c)
	}
}

func TestListGoesOnAfterALineNotUnderstood(t *testing.T) {
	for _, tt := range []struct{ name, features, verb, lines string }{
		{"MLSD", "211-\n MLST type*;\n211 End", "MLSD", "type=file; a\nnot a fact line\ntype=file;\ntype=dir; b\n"},
		{"LIST", "500 what?", "LIST", "total 3\n-rw-r--r-- 1 o g 5 Jan 02 2020 a\nnot a line of ls\n\\\\\ndrwxr-xr-x 2 o g 0 Jan 02 2020 b\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			feat := "S: " + strings.ReplaceAll(tt.features, "\n", "\nS: ")
			c, _ := scripted(t, strings.Replace(welcome, "S: 500 what?", feat, 1)+
				"C: EPSV\nS: 229 (|||{port}|)\nC: "+tt.verb+" /d\nS: 150 ok\nD> @lines\nS: 226 done\nC: NOOP\nS: 200 ok"+goodbye+"-- lines --\n"+tt.lines)
			var found []string
			bad := 0
			for e, err := range c.List(t.Context(), "/d") {
				if err != nil {
					var line *ftp.ListLineError
					require.ErrorAs(t, err, &line)
					require.NotEmpty(t, line.Line)
					require.NotEmpty(t, line.Reason)
					require.Contains(t, tt.lines, line.Line)
					bad++
					continue
				}
				found = append(found, e.Name())
			}
			require.Equal(t, []string{"a", "b"}, found)
			require.Equal(t, 2, bad)
			require.NoError(t, c.NoOp(t.Context()))
		})
	}
}

func TestListStopsAtALineNotUnderstood(t *testing.T) {
	p := &puppet{features: []string{"MLST type*;"}, data: func(string, string) io.Reader {
		return strings.NewReader(strings.Repeat("garbage\r\n", 10_000))
	}}
	c := p.dial(t, nil)
	calls := 0
	for _, err := range c.List(t.Context(), "/d") {
		calls++
		require.Error(t, err)
		break
	}
	require.Equal(t, 1, calls)
	require.NoError(t, c.NoOp(t.Context()))
}

func TestListLimits(t *testing.T) {
	for name, dialect := range dialects() {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, ftptest.Config{Dialect: dialect})
			put(t, srv, aliveFile, []byte(aliveData))
			require.NoError(t, srv.Tree.AddGeneratedDir("/many", -1, nil))
			long := strings.Repeat("x", 300)
			put(t, srv, "/long/"+long, nil)

			c := dial(t, srv.Addr, &ftp.Options{Limits: ftp.Limits{ListLines: 1000}})
			seen, last := 0, error(nil)
			for _, err := range c.List(t.Context(), "/many") {
				if last = err; err == nil {
					seen++
				}
			}
			require.ErrorContains(t, last, "number of lines (1000")
			require.InDelta(t, 1000, seen, 2)
			requireAlive(t, c)

			c = dial(t, srv.Addr, &ftp.Options{Limits: ftp.Limits{ListLine: 200}})
			last = nil
			for _, err := range c.List(t.Context(), "/long") {
				last = err
			}
			require.ErrorContains(t, last, "line length (200 bytes)")
			requireAlive(t, c)

			c = dial(t, srv.Addr, nil)
			require.Equal(t, []string{long}, listed(t, c, "/long"))
		})
	}
}

// Names that servers take for options, wildcards or two arguments.
func hazardousDirs() []string {
	return []string{"a b", "-la", "-R", "a*", "?", "[ab]", "{a,b}", "~root", `a"b`, "a'b", "$HOME", "a;b", "tab\there", "a\\b", "a`b", "(x)", "<y>"}
}

func TestLISTOfAHazardousName(t *testing.T) {
	for _, glob := range []bool{false, true} {
		c, srv := session(t, ftptest.Config{Dialect: ftptest.Dialect{NoMLSD: true, Glob: glob}}, nil)
		put(t, srv, "/decoy", nil)
		for _, dir := range hazardousDirs() {
			for _, base := range []string{"/w/" + dir, dir} {
				put(t, srv, "/w/"+dir+"/inside", nil)
				require.NoError(t, c.ChangeDir(t.Context(), "/w"))
				before := len(srv.Commands())
				require.Equal(t, []string{"inside"}, listed(t, c, base), base)
				if strings.HasPrefix(base, "/") && !strings.ContainsAny(base, " \t*?[]{}~\\\"'`$&|;<>()") {
					continue // an absolute path cannot begin with a hyphen
				}
				require.Equal(t, []string{"PWD", "CWD " + base, "EPSV", "LIST", "CWD /w"}, srv.Commands()[before:])
			}
		}
	}
}

func TestLISTOfAHazardousNameGoesBack(t *testing.T) {
	c, srv := session(t, ftptest.Config{Dialect: ftptest.Dialect{NoMLSD: true}}, nil)
	require.NoError(t, srv.Tree.AddGeneratedDir("/home/a b", 50_000, nil))
	require.NoError(t, c.ChangeDir(t.Context(), "/home"))
	here := func() string {
		dir, err := c.CurrentDir(t.Context())
		require.NoError(t, err)
		return dir
	}
	for _, err := range c.List(t.Context(), "a b") {
		require.NoError(t, err)
		break
	}
	require.Equal(t, "/home", here(), "after the caller broke out")

	for _, err := range c.List(t.Context(), "no such dir") {
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	require.Equal(t, "/home", here(), "after a refused CWD")

	require.NoError(t, srv.Tree.MkdirAll("/home/closed dir"))
	require.NoError(t, srv.Tree.Chmod("/home/closed dir", 0o300))
	for _, err := range c.List(t.Context(), "closed dir") {
		require.ErrorIs(t, err, fs.ErrPermission)
	}
	require.Equal(t, "/home", here(), "after a refused LIST")

	ctx, cancel := cancelled(t)
	for _, err := range c.List(ctx, "a b") {
		if err != nil {
			require.ErrorIs(t, err, errCancelled)
			continue
		}
		cancel()
	}
	require.Equal(t, "/home", here(), "after the caller gave up")
}

func TestLISTThatCannotGoBackBreaksTheSession(t *testing.T) {
	c, srv := session(t, ftptest.Config{Dialect: ftptest.Dialect{NoMLSD: true}, Faults: []ftptest.Fault{{On: "CWD", Nth: 2, Reply: "550 gone"}}}, nil)
	require.NoError(t, srv.Tree.MkdirAll("/a b"))
	var last error
	for _, err := range c.List(t.Context(), "/a b") {
		last = err
	}
	require.ErrorIs(t, last, ftp.ErrBroken, "every relative path would mean another file")
	require.ErrorContains(t, last, "returning to the directory")
	require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
}

func TestLISTNamesAreByteExact(t *testing.T) {
	c, srv := session(t, ftptest.Config{Dialect: ftptest.Dialect{NoMLSD: true}}, nil)
	for _, name := range oddNames() {
		if strings.HasPrefix(name, ".") {
			continue // LIST hides them
		}
		put(t, srv, "/d/"+name, []byte("x"))
		require.Equal(t, []string{name}, listed(t, c, "/d"))
		e, err := c.Stat(t.Context(), "/d/"+name)
		require.NoError(t, err)
		require.Equal(t, name, e.Name())
		require.NoError(t, c.Delete(t.Context(), "/d/"+name))
	}
}

func TestNameList(t *testing.T) {
	c, srv := session(t, ftptest.Config{Dialect: ftptest.Dialect{Glob: true}}, nil)
	for _, n := range []string{"a.txt", "b c.txt", "d.bin"} {
		put(t, srv, "/d/"+n, nil)
	}
	put(t, srv, aliveFile, []byte(aliveData))
	collect := func(path string) (found []string, last error) {
		for n, err := range c.NameList(t.Context(), path) {
			if last = err; err == nil {
				found = append(found, n)
			}
		}
		return found, last
	}
	found, err := collect("/d")
	require.NoError(t, err)
	require.Equal(t, []string{"a.txt", "b c.txt", "d.bin"}, found)
	found, err = collect("/d/*.txt")
	require.NoError(t, err)
	require.Equal(t, []string{"a.txt", "b c.txt"}, found, "wildcards are the server's")
	_, err = collect("/missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for n, err := range c.NameList(t.Context(), "/d") {
		require.NoError(t, err)
		require.Equal(t, "a.txt", n)
		break
	}
	requireAlive(t, c)
}

func TestNameListOfNothing(t *testing.T) {
	for _, reply := range []string{"226 done", "250 done"} {
		c, _ := scripted(t, welcome+"C: EPSV\nS: 229 (|||{port}|)\nC: NLST\nS: 150 ok\nD> \"\\r\\n\"\nS: "+reply+goodbye)
		for n, err := range c.NameList(t.Context(), "") {
			require.Fail(t, "yielded", "%q %v", n, err)
		}
	}
}

func TestStat(t *testing.T) {
	for name, dialect := range dialects() {
		t.Run(name, func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Dialect: dialect}, nil)
			ctx := t.Context()
			put(t, srv, "/d/f", []byte("123"))
			require.NoError(t, srv.Tree.MkdirAll("/d/sub"))
			for _, tt := range []struct {
				path, name string
				kind       ftp.EntryType
			}{
				{"/d/f", "f", ftp.EntryFile}, {"d/f", "f", ftp.EntryFile}, {"/d", "d", ftp.EntryDir}, {"/d/", "d", ftp.EntryDir},
				{"/d/sub", "sub", ftp.EntryDir}, {"/", "/", ftp.EntryDir}, {"d", "d", ftp.EntryDir},
			} {
				e, err := c.Stat(ctx, tt.path)
				require.NoError(t, err, tt.path)
				require.Equal(t, tt.name, e.Name(), tt.path)
				require.Equal(t, tt.kind, e.EntryType(), tt.path)
			}
			e, err := c.Stat(ctx, "/d/f")
			require.NoError(t, err)
			require.Equal(t, int64(3), e.Size())
			for _, missing := range []string{"/d/missing", "/missing/f", "missing"} {
				_, err := c.Stat(ctx, missing)
				require.ErrorIs(t, err, fs.ErrNotExist, missing)
				var ftpErr *ftp.Error
				require.ErrorAs(t, err, &ftpErr)
				require.Equal(t, []string{"stat", missing}, []string{ftpErr.Op, ftpErr.Path})
			}
			require.NoError(t, c.ChangeDir(ctx, "/d"))
			e, err = c.Stat(ctx, "f")
			require.NoError(t, err)
			require.Equal(t, "f", e.Name())
			for _, here := range []string{"", "."} {
				e, err = c.Stat(ctx, here)
				require.NoError(t, err)
				require.True(t, e.IsDir())
			}
			dir, err := c.CurrentDir(ctx)
			require.NoError(t, err)
			require.Equal(t, "/d", dir)
		})
	}
}

func TestMLSTReplies(t *testing.T) {
	for _, tt := range []struct{ name, reply, want string }{
		{"RFC 3659", "250-Listing\n type=file;size=7; /d/f\n250 End", "f file 7"},
		{"name alone", "250-Listing\n type=file;size=7; f\n250 End", "f file 7"},
		{"no blank before the facts", "250-Listing\ntype=file;size=7; f\n250 End", "f file 7"},
		{"a directory with a slash", "250-Listing\n type=dir; /d/f/\n250 End", "f dir -1"},
		{"cdir", "250-Listing\n type=cdir; .\n250 End", "f dir -1"},
		{"another name", "250-Listing\n type=file;size=7; /other\n250 End", "f file 7"},
		{"on one line", "250 type=file;size=7; f", "f file 7"},
		{"no facts", "250-Listing\n250 End", ""},
		{"empty", "250 ok", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &puppet{features: []string{"MLST type*;size*;"}, replies: map[string]string{"MLST": tt.reply}}
			e, err := p.dial(t, nil).Stat(t.Context(), "/d/f")
			if tt.want == "" {
				require.Error(t, err)
				require.NotErrorIs(t, err, fs.ErrNotExist)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, fmt.Sprint(e.Name(), " ", e.EntryType(), " ", e.Size()))
		})
	}
}

func TestListTimeZone(t *testing.T) {
	zone := time.FixedZone("server", -5*3600)
	c, srv := session(t, ftptest.Config{Dialect: ftptest.Dialect{NoMLSD: true, ListZone: zone}}, &ftp.Options{Location: zone})
	put(t, srv, "/d/f", nil)
	require.NoError(t, srv.Tree.SetModTime("/d/f", day()))
	for e, err := range c.List(t.Context(), "/d") {
		require.NoError(t, err)
		require.True(t, day().Equal(e.ModTime()), "%v is not %v", e.ModTime(), day())
		require.Equal(t, zone, e.ModTime().Location())
		require.Equal(t, ftp.PrecisionMinute, e.TimePrecision())
	}
}

func TestListCanBeRangedOverTwice(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/d/f", nil)
	seq := c.List(t.Context(), "/d")
	require.Empty(t, sent(srv, "MLSD"), "nothing is sent before the loop")
	for range 2 {
		for _, err := range seq {
			require.NoError(t, err)
		}
	}
	require.Len(t, sent(srv, "MLSD"), 2)
}

func TestListOfATransferThatFailsAtTheEnd(t *testing.T) {
	c, srv := session(t, ftptest.Config{Faults: []ftptest.Fault{{On: "226", Nth: 1, Reply: "451 Read error."}}}, nil)
	put(t, srv, aliveFile, []byte(aliveData))
	var errs []error
	for _, err := range c.List(t.Context(), "/alive") {
		errs = append(errs, err)
	}
	require.Len(t, errs, 2)
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], ftp.ErrIncomplete, "half a listing must not pass for a whole one")
	requireAlive(t, c)
}

func TestListLineErrorIsReadable(t *testing.T) {
	err := &ftp.ListLineError{Line: strings.Repeat("x", 10_000) + "\x1b[31m", Reason: "it has no format known here"}
	require.Less(t, len(err.Error()), 400)
	require.Contains(t, err.Error(), "it has no format known here")
	require.False(t, slices.ContainsFunc([]rune(err.Error()), func(r rune) bool { return r < ' ' }))
	require.False(t, errors.Is(err, fs.ErrNotExist))
}

func TestStatOfAHiddenFileByLIST(t *testing.T) {
	c, srv := session(t, ftptest.Config{Dialect: ftptest.Dialect{NoMLSD: true}}, nil)
	put(t, srv, "/d/.hidden", []byte("123"))
	require.NoError(t, srv.Tree.MkdirAll("/d/.dir"))
	e, err := c.Stat(t.Context(), "/d/.hidden")
	require.NoError(t, err, "LIST does not show it, which does not mean that it is not there")
	require.Equal(t, int64(3), e.Size())
	require.False(t, e.IsDir())
	e, err = c.Stat(t.Context(), "/d/.dir")
	require.NoError(t, err)
	require.True(t, e.IsDir())
	_, err = c.Stat(t.Context(), "/d/.missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
