package ftptest

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"time"
)

// Generated returns the content of a generated file: size bytes that depend on the seed and their position alone, so that
// a test can check a download of any size, or a part of one, without keeping it.
func Generated(seed uint64, size int64) *io.SectionReader {
	return io.NewSectionReader(stream(seed), 0, size)
}

// stream is an endless sequence of bytes: the little-endian words of a mixing function of seed and index.
type stream uint64

func (s stream) word(index uint64) uint64 {
	z := uint64(s) + (index+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// ReadAt is io.ReaderAt; it never fails for an offset that is not negative.
func (s stream) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	total := len(p)
	index := uint64(off) / 8
	var word [8]byte
	if skip := off % 8; skip != 0 {
		binary.LittleEndian.PutUint64(word[:], s.word(index))
		p = p[copy(p, word[skip:]):]
		index++
	}
	for ; len(p) >= 8; index++ {
		binary.LittleEndian.PutUint64(p, s.word(index))
		p = p[8:]
	}
	if len(p) > 0 {
		binary.LittleEndian.PutUint64(word[:], s.word(index))
		copy(p, word[:])
	}
	return total, nil
}

// generatedContent is a file whose bytes are computed.
type generatedContent struct {
	seed   uint64
	length int64
}

func (c generatedContent) size() int64 { return c.length }

func (c generatedContent) readAt(p []byte, off int64) (int, error) {
	if off >= c.length {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), c.length-off)]
	return stream(c.seed).ReadAt(p, off)
}

func (c generatedContent) writeAt([]byte, int64) error { return fs.ErrPermission }
func (c generatedContent) truncate(int64) error        { return fs.ErrPermission }

// generatedDir is a directory whose entries are computed.
type generatedDir struct {
	count int64
	make  func(index int64) Entry
}

// AddGeneratedDir makes a directory that lists count entries without keeping them; a negative count never ends. The entry of
// each index comes from entry, which must be safe for concurrent use; nil makes plain files named file-0000000, file-0000001
// and so on. The entries can be listed, and nothing else can be done with them.
func (t *Tree) AddGeneratedDir(name string, count int64, entry func(index int64) Entry) error {
	if entry == nil {
		entry = numberedFile
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	name = clean(name)
	if err := t.mkdirAllLocked(path.Dir(name)); err != nil {
		return &fs.PathError{Op: "generate", Path: name, Err: err}
	}
	dir, base, err := t.parentLocked(name)
	if err == nil && dir.children[base] != nil {
		err = fs.ErrExist
	}
	if err != nil {
		return &fs.PathError{Op: "generate", Path: name, Err: err}
	}
	n := t.newNodeLocked(fs.ModeDir | 0o555)
	n.generate = &generatedDir{count: count, make: entry}
	dir.children[base] = n
	return nil
}

func numberedFile(index int64) Entry {
	return Entry{
		Name:    fmt.Sprintf("file-%07d", index),
		Size:    index,
		Mode:    0o644,
		ModTime: time.Date(2024, time.March, 1, 12, 0, 0, 0, time.UTC),
		ID:      uint64(index) + 1<<32,
	}
}

// entries yields what a client sees in a directory: a snapshot of a real one, the computed entries of a generated one.
func (t *Tree) entries(n *node) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		if n.generate != nil {
			for i := int64(0); n.generate.count < 0 || i < n.generate.count; i++ {
				if !yield(n.generate.make(i)) {
					return
				}
			}
			return
		}
		t.mu.RLock()
		list := n.entries()
		t.mu.RUnlock()
		for _, e := range list {
			if !yield(e) {
				return
			}
		}
	}
}
