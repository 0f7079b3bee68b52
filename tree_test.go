package ftp_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// plantTree makes a small tree below /t.
func plantTree(t testing.TB, srv *ftptest.Server) {
	t.Helper()
	for _, name := range []string{"/t/a/1", "/t/a/2", "/t/b/c/3", "/t/z", "/outside/kept"} {
		put(t, srv, name, []byte("x"))
	}
	require.NoError(t, srv.Tree.MkdirAll("/t/empty"))
	require.NoError(t, srv.Tree.Symlink("/outside", "/t/link"))
	require.NoError(t, srv.Tree.Symlink("/outside/kept", "/t/a/link to a file"))
	require.NoError(t, srv.Tree.Symlink("/nowhere", "/t/b/dangling"))
}

// walked returns the paths that Walk reports.
func walked(t testing.TB, c *ftp.Client, root string) []string {
	t.Helper()
	var paths []string
	require.NoError(t, c.Walk(t.Context(), root, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	}))
	return paths
}

func TestWalkInOrder(t *testing.T) {
	for name, dialect := range dialects() {
		if dialect.DOS {
			continue // it has no links
		}
		t.Run(name, func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Dialect: dialect}, nil)
			plantTree(t, srv)
			require.Equal(t, []string{
				"/t", "/t/a", "/t/a/1", "/t/a/2", "/t/a/link to a file", "/t/b", "/t/b/c", "/t/b/c/3", "/t/b/dangling",
				"/t/empty", "/t/link", "/t/z",
			}, walked(t, c, "/t"), "links are reported and not followed")
			require.Equal(t, []string{"/t/z"}, walked(t, c, "/t/z"), "a file")
			require.NoError(t, c.ChangeDir(t.Context(), "/t/b"))
			require.Equal(t, []string{"c", "c/3"}, walked(t, c, "c"), "a relative path")
		})
	}
}

func TestWalkRoots(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/d/f", nil)
	for root, want := range map[string][]string{
		"/":   {"/", "/d", "/d/f"},
		"/d/": {"/d/", "/d/f"},
		".":   {".", "./d", "./d/f"},
		"":    {"", "d", "d/f"},
	} {
		require.Equal(t, want, walked(t, c, root), "%q", root)
	}
}

func TestWalkEntries(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	plantTree(t, srv)
	require.NoError(t, c.Walk(t.Context(), "/t", func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		e, err := srv.Tree.Stat(path)
		require.NoError(t, err)
		require.Equal(t, e.Name, d.Name())
		require.Equal(t, e.IsDir(), d.IsDir(), path)
		require.Equal(t, e.Mode.Type(), d.Type(), path)
		require.IsType(t, ftp.Entry{}, d)
		return nil
	}))
}

func TestWalkSkips(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	plantTree(t, srv)
	stop := errors.New("enough")
	for _, tt := range []struct {
		name, at string
		answer   error
		want     string // the paths, without /t
		err      error
	}{
		{"SkipDir of a directory", "/t/b", fs.SkipDir, " /a /a/1 /a/2 /a/link to a file /b /empty /link /z", nil},
		{"SkipDir of a file skips the rest of its directory", "/t/a/1", fs.SkipDir, " /a /a/1 /b /b/c /b/c/3 /b/dangling /empty /link /z", nil},
		{"SkipDir of the root", "/t", fs.SkipDir, "", nil},
		{"SkipAll", "/t/b/c", fs.SkipAll, " /a /a/1 /a/2 /a/link to a file /b /b/c", nil},
		{"SkipAll in a file", "/t/a/2", fs.SkipAll, " /a /a/1 /a/2", nil},
		{"an error", "/t/a/2", stop, " /a /a/1 /a/2", stop},
		{"an error that wraps SkipAll", "/t/a/2", fmt.Errorf("x: %w", fs.SkipAll), " /a /a/1 /a/2", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got strings.Builder
			err := c.Walk(t.Context(), "/t", func(path string, _ fs.DirEntry, err error) error {
				require.NoError(t, err)
				if path != "/t" {
					got.WriteString(" " + strings.TrimPrefix(path, "/t"))
				}
				if path == tt.at {
					return tt.answer
				}
				return nil
			})
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.err == nil, err == nil)
			require.Equal(t, tt.want, got.String())
		})
	}
}

func TestWalkPassesErrorsToTheFunction(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	plantTree(t, srv)
	require.NoError(t, srv.Tree.Chmod("/t/b", 0))
	var seen []string
	require.NoError(t, c.Walk(t.Context(), "/t", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			require.ErrorIs(t, err, fs.ErrPermission)
			require.Equal(t, "b", d.Name())
			seen = append(seen, path)
		}
		return nil
	}))
	require.Equal(t, []string{"/t/b"}, seen, "and the walk went on")
	err := c.Walk(t.Context(), "/t", func(_ string, _ fs.DirEntry, err error) error { return err })
	require.ErrorIs(t, err, fs.ErrPermission)

	err = c.Walk(t.Context(), "/missing", func(path string, d fs.DirEntry, err error) error {
		require.Equal(t, "/missing", path)
		require.Nil(t, d)
		return err
	})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, c.Walk(t.Context(), "/missing", func(string, fs.DirEntry, error) error { return fs.SkipDir }))
}

func TestWalkMayUseTheClient(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	plantTree(t, srv)
	files := 0
	require.NoError(t, c.Walk(t.Context(), "/t", func(path string, d fs.DirEntry, err error) error {
		if d.Type().IsRegular() {
			files++
			require.Equal(t, "x", string(retrieve(t, c, path)))
		}
		return err
	}))
	require.Equal(t, 4, files)
}

func TestWalkIsCancelled(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	plantTree(t, srv)
	ctx, cancel := cancelled(t)
	err := c.Walk(ctx, "/t", func(path string, _ fs.DirEntry, err error) error {
		if path == "/t/a" {
			cancel()
		}
		return err
	})
	require.ErrorIs(t, err, errCancelled)
	require.NoError(t, c.NoOp(t.Context()))
}

// chain is a server with one directory in another, so many levels deep; below
// is the last one's listing.
func chain(levels int, below string) *puppet {
	return &puppet{features: []string{"MLST type*;"}, forgetful: levels > 1000,
		reply: func(verb, _ string) string {
			if verb == "MLST" {
				return "250-\n type=dir; /\n250 End"
			}
			return ""
		},
		data: func(_, arg string) io.Reader {
			if len(arg) < len("/d")*levels {
				return strings.NewReader("type=dir; d\r\ntype=OS.unix=slink:/; l\r\n")
			}
			return strings.NewReader(below)
		},
	}
}

func TestDeepTree(t *testing.T) {
	t.Parallel()
	levels := 10_000
	if raceDetector() {
		levels = 2000 // the paths add up to as much as the square of it
	}
	p := chain(levels, "type=file; f\r\n")
	c := p.dial(t, nil)
	deepest, files := 0, 0
	require.NoError(t, c.Walk(t.Context(), "/", func(path string, d fs.DirEntry, err error) error {
		deepest = max(deepest, strings.Count(path[len(path)-min(len(path), 2):], "/d")*len(path)/len("/d"))
		if d.Name() == "f" {
			files++
		}
		return err
	}))
	require.Equal(t, levels, deepest)
	require.Equal(t, 1, files)
}

func TestRemoveDeepTree(t *testing.T) {
	const levels = 1000
	p := chain(levels, "type=file; f\r\n")
	c := p.dial(t, nil)
	require.NoError(t, c.RemoveAll(t.Context(), "/d"))
	require.Len(t, sent(p, "RMD"), levels)
	require.Len(t, sent(p, "DELE"), levels, "the links and the file")
	require.Equal(t, "RMD /d", sent(p, "RMD")[levels-1], "the uppermost last")
}

// A server that lists names which lead elsewhere must not steer what is walked
// or removed.
func TestNamesThatLeadOutOfTheDirectory(t *testing.T) {
	for _, name := range []string{"../x", "a/b", "/etc", "a/", "..", "../..", "/", "", "a/../../x"} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"dir", "file"} {
				p := chain(1, "type=file; fine\r\ntype="+kind+"; "+name+"\r\ntype=file; behind\r\n")
				if name == ".." {
					p = chain(1, "type=file; fine\r\ntype="+kind+"; ..\r\n")
				}
				c := p.dial(t, nil)
				err := c.Walk(t.Context(), "/d", func(path string, _ fs.DirEntry, err error) error {
					require.True(t, path == "/d" || path == "/d/fine", path)
					return err
				})
				removeErr := c.RemoveAll(t.Context(), "/d")
				if name == ".." { // the parent's own entry, which every server may list
					require.NoError(t, err)
					require.NoError(t, removeErr)
					require.Equal(t, []string{"DELE /d/fine", "RMD /d"}, sent(p, "DELE", "RMD"))
					continue
				}
				require.Error(t, err)
				require.Error(t, removeErr)
				require.Empty(t, sent(p, "DELE", "RMD"), "nothing is removed from a directory that cannot be trusted")
			}
		})
	}
}

func TestWalkGoesOnWhereTheFunctionToleratesAHostileListing(t *testing.T) {
	p := chain(1, "type=file; fine\r\ntype=dir; ../x\r\n")
	c := p.dial(t, nil)
	told := 0
	require.NoError(t, c.Walk(t.Context(), "/d", func(path string, _ fs.DirEntry, err error) error {
		require.True(t, path == "/d" || path == "/d/fine", path)
		if err != nil {
			told++
		}
		return nil
	}))
	require.Equal(t, 1, told)
	for _, line := range sent(p, "MLSD") {
		require.Equal(t, "MLSD /d", line)
	}
}

func TestRemoveAll(t *testing.T) {
	for name, dialect := range dialects() {
		if dialect.DOS {
			continue // its LIST calls a link a file, and DELE removes that
		}
		t.Run(name, func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Dialect: dialect}, nil)
			plantTree(t, srv)
			require.NoError(t, c.RemoveAll(t.Context(), "/t"))
			_, err := srv.Tree.Stat("/t")
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.Equal(t, "x", string(stored(t, srv, "/outside/kept")), "a link's target stays")
			require.NoError(t, c.RemoveAll(t.Context(), "/t"), "what is not there is no error")
			require.NoError(t, c.RemoveAll(t.Context(), "/outside/kept"), "a file")
			require.Empty(t, listed(t, c, "/outside"))
		})
	}
}

func TestRemoveAllOfALinkRemovesTheLink(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	plantTree(t, srv)
	require.NoError(t, c.RemoveAll(t.Context(), "/t/link"))
	_, err := srv.Tree.Stat("/t/link")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Equal(t, "x", string(stored(t, srv, "/outside/kept")))
}

// pyftpdlib follows links when it writes MLSD and MLST; LIST shows them.
func TestRemoveAllWhereMLSDHidesLinks(t *testing.T) {
	p := &puppet{features: []string{"MLST type*;"},
		reply: func(verb, arg string) string {
			switch {
			case verb == "MLST":
				return "250-\n type=dir; /d\n250 End"
			case verb == "RMD" && arg == "/d/link":
				return "550 Not a directory"
			}
			return ""
		},
		data: func(verb, arg string) io.Reader {
			switch {
			case verb == "MLSD" && arg == "/d":
				return strings.NewReader("type=dir; link\r\ntype=dir; sub\r\ntype=file; f\r\n")
			case verb == "LIST" && arg == "/":
				return strings.NewReader("drwxr-xr-x 1 o g 7 Mar 1 2024 d\r\n")
			case verb == "LIST" && (arg == "/d" || arg == ""):
				return strings.NewReader("lrwxrwxrwx 1 o g 7 Mar 1 2024 link -> /outside\r\ndrwxr-xr-x 1 o g 7 Mar 1 2024 sub\r\n-rw-r--r-- 1 o g 7 Mar 1 2024 f\r\n")
			}
			return strings.NewReader("")
		}}
	c := p.dial(t, nil)
	require.NoError(t, c.RemoveAll(t.Context(), "/d"))
	require.ElementsMatch(t, []string{"DELE /d/link", "DELE /d/f", "RMD /d/sub", "RMD /d"}, sent(p, "DELE", "RMD"))
	require.NotContains(t, sent(p, "MLSD"), "MLSD /d/link")
}

// The path itself may be such a link.
func TestRemoveAllOfALinkThatMLSTHides(t *testing.T) {
	removed := false
	p := &puppet{features: []string{"MLST type*;"},
		reply: func(verb, arg string) string {
			switch verb {
			case "MLST":
				return "250-\n type=dir; /link\n250 End"
			case "RMD":
				return "550 Not a directory"
			case "DELE":
				removed = removed || arg == "/link"
			}
			return ""
		},
		data: func(verb, arg string) io.Reader {
			if verb == "LIST" && (arg == "" || arg == "/") {
				return strings.NewReader("lrwxrwxrwx 1 o g 7 Mar 1 2024 link -> /outside\r\n")
			}
			return strings.NewReader("type=file; kept\r\n")
		}}
	c := p.dial(t, nil)
	_ = c.RemoveAll(t.Context(), "/link")
	require.NotContains(t, sent(p, "DELE"), "DELE /link/kept", "that is a file of the link's target")
}

func TestRemoveAllStopsAtARefusal(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	plantTree(t, srv)
	require.NoError(t, srv.Tree.Chmod("/t/b/c", 0o500))
	err := c.RemoveAll(t.Context(), "/t")
	require.ErrorIs(t, err, fs.ErrPermission)
	var e *ftp.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "/t/b/c/3", e.Path, "the error names what could not be removed")
}

func TestRemoveAllOfAnEmptyPathOrTheRootIsNotSilent(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/f", nil)
	require.Error(t, c.RemoveAll(t.Context(), ""), "an empty path must not mean the working directory")
	_, err := srv.Tree.Stat("/f")
	require.NoError(t, err)
}

func TestWalkDoesNotRepeatLISTWithoutNeed(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	plantTree(t, srv)
	bounded(t, time.Minute, func() { walked(t, c, "/t") })
	require.Len(t, sent(srv, "LIST"), 2, "once for each directory that holds directories")
}

func TestRemoveAllFindsWhatLISTHides(t *testing.T) {
	c, srv := session(t, ftptest.Config{Dialect: ftptest.Dialect{NoMLSD: true}}, nil)
	for _, name := range []string{"/t/.hidden", "/t/.git/config", "/t/.git/.deep/x", "/t/shown", "/t/a b/.x"} {
		put(t, srv, name, nil)
	}
	require.NoError(t, c.RemoveAll(t.Context(), "/t"))
	_, err := srv.Tree.Stat("/t")
	require.ErrorIs(t, err, fs.ErrNotExist)
	dir, err := c.CurrentDir(t.Context())
	require.NoError(t, err)
	require.Equal(t, "/", dir)
}

// nested is a server on which every directory holds one of the given name.
func nested(name string) *puppet {
	return &puppet{features: []string{"MLST type*;"},
		replies: map[string]string{"MLST": "250-\n type=dir; /d\n250 End"},
		data: func(verb, _ string) io.Reader {
			if verb == "LIST" {
				const dir = "drwxr-xr-x 1 o g 7 Mar 1 2024 "
				return strings.NewReader(dir + "d\r\n" + dir + name + "\r\nlrwxrwxrwx 1 o g 7 Mar 1 2024 l -> /\r\n")
			}
			return strings.NewReader("type=dir; " + name + "\r\ntype=OS.unix=slink:/; l\r\n")
		},
	}
}

func TestTreeWithoutABottom(t *testing.T) {
	p := nested(strings.Repeat("n", 1000))
	c := p.dial(t, nil)
	err := c.Walk(t.Context(), "/d", func(_ string, _ fs.DirEntry, err error) error { return err })
	require.ErrorContains(t, err, "too deep")
	require.Less(t, len(sent(p, "MLSD")), 50)
	require.ErrorContains(t, c.RemoveAll(t.Context(), "/d"), "too deep")
	require.Empty(t, sent(p, "RMD"))
	require.Less(t, len(c.RemoveAll(t.Context(), "/d").Error()), 1000)
}

func TestNameAsLongAsAPathMayBe(t *testing.T) {
	c := nested(strings.Repeat("n", 40_000)).dial(t, &ftp.Options{Limits: ftp.Limits{ListLine: 64 << 10}})
	err := c.Walk(t.Context(), "/d", func(_ string, _ fs.DirEntry, err error) error { return err })
	require.ErrorContains(t, err, "too deep")
}

func TestRemoveAllInDoubtRemovesNothing(t *testing.T) {
	for _, line := range []string{"", "drwxr-xr-x 1 o g 7 Mar 1 2024 another\r\n", "not a line of ls\r\n"} {
		p := &puppet{features: []string{"MLST type*;"},
			replies: map[string]string{"MLST": "250-\n type=dir; /d\n250 End"},
			data: func(verb, _ string) io.Reader {
				if verb == "LIST" {
					return strings.NewReader(line)
				}
				return strings.NewReader("type=file; f\r\n")
			}}
		require.Error(t, p.dial(t, nil).RemoveAll(t.Context(), "/d"), "%q", line)
		require.Empty(t, sent(p, "DELE", "RMD"), "/d may be a link to a directory elsewhere")
	}
}
