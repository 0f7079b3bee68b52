package ftptest_test

import (
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

func TestTree(t *testing.T) {
	tree := ftptest.NewTree()
	data := []byte("abc")
	require.NoError(t, tree.WriteFile("a/b/c.txt", data))
	data[0] = 'X'
	got, err := tree.ReadFile("/a/b/c.txt")
	require.NoError(t, err)
	require.Equal(t, "abc", string(got), "the tree keeps a copy")

	when := time.Date(2024, 2, 29, 23, 59, 59, 123_456_789, time.FixedZone("", 3600))
	require.NoError(t, tree.SetModTime("/a/b/c.txt", when))
	require.NoError(t, tree.Chmod("/a/b/c.txt", 0o640|fs.ModeSetuid))
	e, err := tree.Stat("/a/./x/../b/c.txt")
	require.NoError(t, err)
	require.Equal(t, "c.txt", e.Name)
	require.EqualValues(t, 3, e.Size)
	require.Equal(t, fs.FileMode(0o640), e.Mode)
	require.Equal(t, when.UTC().Truncate(time.Millisecond), e.ModTime)

	require.NoError(t, tree.Symlink("../a/b", "/a/link"))
	require.NoError(t, tree.MkdirAll("/a/link/d"))
	var names []string
	require.NoError(t, tree.Walk("/", func(name string, _ ftptest.Entry) error {
		names = append(names, name)
		return nil
	}))
	require.Equal(t, []string{"/a", "/a/b", "/a/b/c.txt", "/a/b/d", "/a/link"}, names)
	got, err = tree.ReadFile("/a/link/c.txt")
	require.NoError(t, err)
	require.Equal(t, "abc", string(got))
	stop := errors.New("enough")
	require.ErrorIs(t, tree.Walk("/", func(string, ftptest.Entry) error { return stop }), stop)

	require.NoError(t, tree.Remove("/a/link"))
	_, err = tree.Stat("/a/b/c.txt")
	require.NoError(t, err, "removing a link leaves what it points to")
	require.NoError(t, tree.Remove("/a"))
	list, err := tree.List("/")
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestTreeErrors(t *testing.T) {
	tree := ftptest.NewTree()
	require.NoError(t, tree.WriteFile("/f", nil))
	require.NoError(t, tree.Symlink("nowhere", "/dangling"))
	require.NoError(t, tree.Symlink("/loop2", "/loop1"))
	require.NoError(t, tree.Symlink("/loop1", "/loop2"))
	require.ErrorIs(t, tree.Remove("/nosuch"), fs.ErrNotExist)
	require.ErrorIs(t, tree.Remove("/"), fs.ErrInvalid)
	require.ErrorIs(t, tree.SetModTime("/nosuch", time.Time{}), fs.ErrNotExist)
	require.ErrorIs(t, tree.Symlink("x", "/f"), fs.ErrExist)
	require.ErrorIs(t, tree.MkdirAll("/dangling"), fs.ErrExist)
	require.ErrorIs(t, tree.AddGeneratedDir("/f", 1, nil), fs.ErrExist)
	require.Error(t, tree.MkdirAll("/f/d"))
	require.Error(t, tree.WriteFile("/", nil))
	_, err := tree.Digest("/loop1")
	require.ErrorContains(t, err, "too many levels")
	_, err = tree.List("/f")
	require.ErrorContains(t, err, "not a directory")
	var path *fs.PathError
	require.ErrorAs(t, err, &path)
	require.Equal(t, "/f", path.Path)
	require.Error(t, tree.Walk("/nosuch", nil))
}

func TestGeneratedIsAReader(t *testing.T) {
	whole, err := io.ReadAll(ftptest.Generated(42, 1003))
	require.NoError(t, err)
	require.Len(t, whole, 1003)
	require.NoError(t, iotest.TestReader(ftptest.Generated(42, 1003), whole))
	other, err := io.ReadAll(ftptest.Generated(43, 1003))
	require.NoError(t, err)
	require.NotEqual(t, whole, other)
	_, err = ftptest.Generated(1, 10).ReadAt(make([]byte, 1), -1)
	require.Error(t, err)
}
