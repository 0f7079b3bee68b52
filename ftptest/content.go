package ftptest

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
)

// content is what a file holds. The tree's lock guards it.
type content interface {
	size() int64
	readAt(p []byte, off int64) (int, error)
	writeAt(p []byte, off int64) error
	truncate(size int64) error
}

// bytesContent is a file in memory.
type bytesContent struct{ data []byte }

func (c *bytesContent) size() int64 { return int64(len(c.data)) }

func (c *bytesContent) readAt(p []byte, off int64) (int, error) {
	if off >= int64(len(c.data)) {
		return 0, io.EOF
	}
	return copy(p, c.data[off:]), nil
}

// maxHole bounds the zeros that a restart beyond the end puts into a file.
const maxHole = 1 << 30

func (c *bytesContent) writeAt(p []byte, off int64) error {
	if off-int64(len(c.data)) > maxHole {
		return errors.New("restart point too far beyond the end of the file")
	}
	if missing := off - int64(len(c.data)); missing > 0 {
		c.data = append(c.data, make([]byte, missing)...)
	}
	n := copy(c.data[off:], p)
	c.data = append(c.data, p[n:]...)
	return nil
}

func (c *bytesContent) truncate(size int64) error {
	if size < int64(len(c.data)) {
		c.data = c.data[:size:size]
	}
	return nil
}

// sinkContent keeps the size and a hash of what is written, not the bytes.
type sinkContent struct {
	length int64
	sum    hash.Hash
}

func newSinkContent() *sinkContent { return &sinkContent{sum: sha256.New()} }

func (c *sinkContent) size() int64 { return c.length }

func (c *sinkContent) readAt([]byte, int64) (int, error) { return 0, fs.ErrPermission }

func (c *sinkContent) writeAt(p []byte, off int64) error {
	c.length = max(c.length, off+int64(len(p)))
	_, _ = c.sum.Write(p) // a hash.Hash never fails
	return nil
}

func (c *sinkContent) truncate(size int64) error {
	if size == 0 {
		c.sum.Reset()
	}
	c.length = min(c.length, size)
	return nil
}

// file is an open file. It stays valid when its name is removed, as on Unix.
type file struct {
	tree *Tree
	node *node
}

func (t *Tree) open(name string) (*file, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, _, err := t.findLocked(name, true)
	switch {
	case err != nil:
		return nil, err
	case n.mode.IsDir():
		return nil, errIsDir
	}
	return &file{tree: t, node: n}, nil
}

// openForReading is open as a client may do it, which takes the permission bits into account.
func (t *Tree) openForReading(name string) (*file, error) {
	f, err := t.open(name)
	if err == nil && !f.permits(0o400) {
		return nil, fs.ErrPermission
	}
	return f, err
}

// openForWriting opens or makes a file; keep is how many of its bytes stay, negative for all.
func (t *Tree) openForWriting(name string, keep int64) (*file, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.createLocked(name)
	if err != nil {
		return nil, err
	}
	if n.mode&0o200 == 0 {
		return nil, fs.ErrPermission
	}
	if keep >= 0 {
		if err := n.content.truncate(keep); err != nil {
			return nil, err
		}
	}
	n.modTime = t.nowLocked()
	return &file{tree: t, node: n}, nil
}

func (f *file) permits(bit fs.FileMode) bool {
	f.tree.mu.RLock()
	defer f.tree.mu.RUnlock()
	return f.node.mode&bit != 0
}

func (f *file) size() int64 {
	f.tree.mu.RLock()
	defer f.tree.mu.RUnlock()
	return f.node.content.size()
}

// ReadAt is io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.tree.mu.RLock()
	defer f.tree.mu.RUnlock()
	n, err := f.node.content.readAt(p, off)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// WriteAt is io.WriterAt.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	if err := f.node.content.writeAt(p, off); err != nil {
		return 0, err
	}
	f.node.modTime = f.tree.nowLocked()
	return len(p), nil
}

func digest(f *file) ([]byte, error) {
	if sum := f.sinkSum(); sum != nil {
		return sum, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, f.size())); err != nil {
		return nil, err
	}
	return sum.Sum(nil), nil
}

func (f *file) sinkSum() []byte {
	f.tree.mu.RLock()
	defer f.tree.mu.RUnlock()
	if sink, ok := f.node.content.(*sinkContent); ok {
		return sink.sum.Sum(nil)
	}
	return nil
}
