package ftptest

import (
	"io/fs"
	"path"
	"strings"
)

// The operations of this file are what clients do to a tree; unlike those of Tree they respect permissions and refuse what
// a Unix server refuses.

// lookup finds a node as a client names it; it returns the path without links too.
func (t *Tree) lookup(name string, follow bool) (*node, Entry, string, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, where, err := t.findLocked(name, follow)
	if err != nil {
		return nil, Entry{}, "", err
	}
	return n, n.entry(path.Base(where)), where, nil
}

func (t *Tree) mkdir(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir, base, err := t.parentLocked(name)
	switch {
	case name == "/":
		return fs.ErrExist
	case err != nil:
		return err
	case dir.children[base] != nil:
		return fs.ErrExist
	case !dir.writable():
		return fs.ErrPermission
	}
	dir.children[base] = t.newNodeLocked(fs.ModeDir | 0o755)
	dir.modTime = t.nowLocked()
	return nil
}

func (t *Tree) rmdir(name string) error {
	return t.unlink(name, func(n *node) error {
		switch {
		case !n.mode.IsDir():
			return errNotDir
		case len(n.children) > 0 || n.generate != nil:
			return errNotEmpty
		}
		return nil
	})
}

func (t *Tree) removeFile(name string) error {
	return t.unlink(name, func(n *node) error {
		if n.mode.IsDir() {
			return errIsDir
		}
		return nil
	})
}

func (t *Tree) unlink(name string, permit func(*node) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir, base, err := t.parentLocked(name)
	if err != nil {
		return err
	}
	n := dir.children[base]
	if n == nil {
		return fs.ErrNotExist
	}
	if err := permit(n); err != nil {
		return err
	}
	if !dir.writable() {
		return fs.ErrPermission
	}
	delete(dir.children, base)
	dir.modTime = t.nowLocked()
	return nil
}

// rename moves a name, onto an existing file if there is one, as rename(2) does.
func (t *Tree) rename(from, to string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	source, oldBase, err := t.parentLocked(from)
	if err != nil {
		return err
	}
	dest, newBase, err := t.parentLocked(to)
	if err != nil {
		return err
	}
	n := source.children[oldBase]
	switch old := dest.children[newBase]; {
	case n == nil:
		return fs.ErrNotExist
	case old == n:
		return nil
	case n.mode.IsDir() && strings.HasPrefix(to, from+"/"):
		return fs.ErrInvalid
	case old != nil && old.mode.IsDir() && (!n.mode.IsDir() || len(old.children) > 0):
		return fs.ErrExist
	case old != nil && !old.mode.IsDir() && n.mode.IsDir():
		return errNotDir
	case !source.writable() || !dest.writable():
		return fs.ErrPermission
	}
	delete(source.children, oldBase)
	dest.children[newBase] = n
	return nil
}

func (n *node) writable() bool { return n.generate == nil && n.mode&0o200 != 0 }
