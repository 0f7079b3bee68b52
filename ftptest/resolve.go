package ftptest

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

var (
	errNotDir   = errors.New("not a directory")
	errIsDir    = errors.New("is a directory")
	errNotEmpty = errors.New("directory not empty")
	errLoop     = errors.New("too many levels of symbolic links")
)

// maxLinks is how many links one path may lead through.
const maxLinks = 40

// clean makes a path absolute and takes out "." and "..", by the text alone.
func clean(name string) string { return path.Clean("/" + name) }

// findLocked walks to a node, through links. It also returns the path that leads there without links. The last element is
// followed only if follow is set.
func (t *Tree) findLocked(name string, follow bool) (*node, string, error) {
	var (
		at    = []*node{t.root}
		where []string
		links = 0
		todo  = split(name)
	)
	for len(todo) > 0 {
		element := todo[0]
		todo = todo[1:]
		if element == ".." {
			if len(where) > 0 {
				at, where = at[:len(at)-1], where[:len(where)-1]
			}
			continue
		}
		here := at[len(at)-1]
		if !here.mode.IsDir() {
			return nil, "", errNotDir
		}
		next := here.children[element]
		if next == nil {
			return nil, "", fs.ErrNotExist
		}
		if next.mode.Type() == fs.ModeSymlink && (follow || len(todo) > 0) {
			if links++; links > maxLinks {
				return nil, "", errLoop
			}
			if strings.HasPrefix(next.target, "/") {
				at, where = at[:1], nil
			}
			todo = append(split(next.target), todo...)
			continue
		}
		at, where = append(at, next), append(where, element)
	}
	return at[len(at)-1], "/" + strings.Join(where, "/"), nil
}

// split takes a path apart and drops empty and "." elements; ".." stays, since a link may stand before it.
func split(name string) []string {
	var elements []string
	for element := range strings.SplitSeq(name, "/") {
		if element != "" && element != "." {
			elements = append(elements, element)
		}
	}
	return elements
}

// parentLocked finds the directory that holds, or would hold, the last element of name.
func (t *Tree) parentLocked(name string) (dir *node, base string, err error) {
	if name == "/" {
		return nil, "", fs.ErrInvalid
	}
	dir, _, err = t.findLocked(path.Dir(name), true)
	if err != nil {
		return nil, "", err
	}
	if !dir.mode.IsDir() {
		return nil, "", errNotDir
	}
	return dir, path.Base(name), nil
}

func (t *Tree) mkdirAllLocked(name string) error {
	if name == "/" {
		return nil
	}
	if n, _, err := t.findLocked(name, true); err == nil {
		if !n.mode.IsDir() {
			return errNotDir
		}
		return nil
	}
	if err := t.mkdirAllLocked(path.Dir(name)); err != nil {
		return err
	}
	dir, base, err := t.parentLocked(name)
	if err != nil {
		return err
	}
	if dir.children[base] != nil { // a link that leads nowhere
		return fs.ErrExist
	}
	dir.children[base] = t.newNodeLocked(fs.ModeDir | 0o755)
	return nil
}

// createLocked returns the file of that name, made if it is not there.
func (t *Tree) createLocked(name string) (*node, error) {
	n, _, err := t.findLocked(name, true)
	switch {
	case err == nil && n.mode.IsDir():
		return nil, errIsDir
	case err == nil:
		return n, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	dir, base, err := t.parentLocked(name)
	if err != nil {
		return nil, err
	}
	if dir.children[base] != nil { // a link that leads nowhere
		return nil, fs.ErrNotExist
	}
	if dir.generate != nil || dir.mode&0o200 == 0 {
		return nil, fs.ErrPermission
	}
	n = t.newNodeLocked(0o644)
	n.content = new(bytesContent)
	dir.children[base] = n
	return n, nil
}
