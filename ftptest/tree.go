package ftptest

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Entry describes one name in a Tree.
type Entry struct {
	Name    string      // the last element of the path, any bytes but '/' and NUL
	Size    int64       // bytes; 0 for directories and links
	Mode    fs.FileMode // type bits fs.ModeDir and fs.ModeSymlink, and the nine permission bits
	ModTime time.Time   // UTC
	Target  string      // of a symbolic link, as it was written
	ID      uint64      // differs between any two nodes of a tree, as an inode number does
}

// IsDir reports whether the entry is a directory (a link to one is not).
func (e Entry) IsDir() bool { return e.Mode.IsDir() }

// Tree is the server's file system, in memory. It is safe for concurrent use, also while clients are connected: a file that
// is being uploaded can be read half-way.
//
// Paths are absolute, separated by slashes, and byte-exact: names are not required to be UTF-8. A missing leading slash is
// supplied. Links are followed as a Unix system follows them. Errors are *fs.PathError and match fs.ErrNotExist,
// fs.ErrExist, fs.ErrPermission or fs.ErrInvalid.
type Tree struct {
	mu     sync.RWMutex
	clock  func() time.Time
	root   *node
	lastID uint64
}

// node is a file, a directory or a link. Its fields are guarded by the tree's lock.
type node struct {
	id       uint64
	mode     fs.FileMode
	modTime  time.Time
	target   string
	content  content
	children map[string]*node
	generate *generatedDir // a directory whose entries are computed
}

// NewTree returns a tree that holds an empty root directory. A server makes its own unless Config.Tree is set.
func NewTree() *Tree {
	t := &Tree{clock: time.Now}
	t.root = t.newNodeLocked(fs.ModeDir | 0o755)
	return t
}

func (t *Tree) setClock(clock func() time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clock = clock
	t.root.modTime = t.nowLocked()
}

func (t *Tree) newNodeLocked(mode fs.FileMode) *node {
	t.lastID++
	n := &node{id: t.lastID, mode: mode, modTime: t.nowLocked()}
	if mode.IsDir() {
		n.children = make(map[string]*node)
	}
	return n
}

// nowLocked keeps milliseconds, the finest time an FTP server tells.
func (t *Tree) nowLocked() time.Time { return t.clock().UTC().Truncate(time.Millisecond) }

// WriteFile makes the file with a copy of data, replacing a file of that name and making the directories above it.
func (t *Tree) WriteFile(name string, data []byte) error {
	return t.plant("write", name, &bytesContent{data: slices.Clone(data)})
}

// AddGenerated makes a file of size bytes that takes no memory: its bytes are those of Generated(seed, size).
func (t *Tree) AddGenerated(name string, size int64, seed uint64) error {
	return t.plant("generate", name, generatedContent{seed: seed, length: size})
}

// AddSink makes an empty file that forgets what is uploaded into it and keeps only the size and, for Tree.Digest, the
// SHA-256 of what was written in order: for uploads too large to keep.
func (t *Tree) AddSink(name string) error { return t.plant("sink", name, newSinkContent()) }

func (t *Tree) plant(op, name string, c content) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	name = clean(name)
	if err := t.mkdirAllLocked(path.Dir(name)); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	n, err := t.createLocked(name)
	if err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	n.content, n.modTime = c, t.nowLocked()
	return nil
}

// ReadFile returns a copy of the file's bytes. Do not use it on large generated files.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	f, err := t.open(clean(name))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return io.ReadAll(io.NewSectionReader(f, 0, f.size()))
}

// Digest returns the SHA-256 of the file; for a sink, that of the bytes it was given, in the order they came.
func (t *Tree) Digest(name string) ([]byte, error) {
	f, err := t.open(clean(name))
	if err != nil {
		return nil, &fs.PathError{Op: "digest", Path: name, Err: err}
	}
	return digest(f)
}

// MkdirAll makes the directory and those above it. A directory that is there already is not an error.
func (t *Tree) MkdirAll(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.mkdirAllLocked(clean(name)); err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	return nil
}

// Symlink makes name a link to target, which need not exist and may be relative.
func (t *Tree) Symlink(target, name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir, base, err := t.parentLocked(clean(name))
	if err != nil {
		return &fs.PathError{Op: "symlink", Path: name, Err: err}
	}
	if dir.children[base] != nil {
		return &fs.PathError{Op: "symlink", Path: name, Err: fs.ErrExist}
	}
	n := t.newNodeLocked(fs.ModeSymlink | 0o777)
	n.target = target
	dir.children[base] = n
	return nil
}

// SetModTime sets the modification time, which is kept to the millisecond. Links are followed.
func (t *Tree) SetModTime(name string, when time.Time) error {
	return t.change("chtimes", name, func(n *node) { n.modTime = when.UTC().Truncate(time.Millisecond) })
}

// Chmod sets the nine permission bits. Without the owner's read bit a file cannot be downloaded nor a directory listed;
// without the owner's write bit a file cannot be overwritten nor a directory changed. Links are followed.
func (t *Tree) Chmod(name string, mode fs.FileMode) error {
	return t.change("chmod", name, func(n *node) { n.mode = n.mode.Type() | mode.Perm() })
}

func (t *Tree) change(op, name string, apply func(*node)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, _, err := t.findLocked(clean(name), true)
	if err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	apply(n)
	return nil
}

// Remove removes the name and, of a directory, everything below it, whatever the permissions. A link is not followed.
func (t *Tree) Remove(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	name = clean(name)
	dir, base, err := t.parentLocked(name)
	if err == nil && dir.children[base] == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	delete(dir.children, base)
	return nil
}

// Stat describes the name; a link is described, not followed.
func (t *Tree) Stat(name string) (Entry, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	name = clean(name)
	n, _, err := t.findLocked(name, false)
	if err != nil {
		return Entry{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return n.entry(path.Base(name)), nil
}

// List returns the entries of a directory in byte order of their names. A generated directory is not listed by it.
func (t *Tree) List(name string) ([]Entry, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, _, err := t.findLocked(clean(name), true)
	if err == nil && !n.mode.IsDir() {
		err = errNotDir
	}
	if err != nil {
		return nil, &fs.PathError{Op: "list", Path: name, Err: err}
	}
	return n.entries(), nil
}

// Walk calls visit for every name below root, a directory before what it holds, in byte order. It follows no links, and stops
// at the first error that visit returns. The tree may be changed meanwhile.
func (t *Tree) Walk(root string, visit func(name string, e Entry) error) error {
	entries, err := t.List(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(clean(root), e.Name)
		if err := visit(name, e); err != nil {
			return err
		}
		if !e.IsDir() {
			continue
		}
		if err := t.Walk(name, visit); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) entry(name string) Entry {
	e := Entry{Name: name, Mode: n.mode, ModTime: n.modTime, Target: n.target, ID: n.id}
	if n.content != nil {
		e.Size = n.content.size()
	}
	return e
}

func (n *node) entries() []Entry {
	list := make([]Entry, 0, len(n.children))
	for name, child := range n.children {
		list = append(list, child.entry(name))
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return list
}
