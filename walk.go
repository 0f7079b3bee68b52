package ftp

import (
	"context"
	"errors"
	"io/fs"
)

// Walk calls fn for root and everything below it, a directory before what is
// in it, each directory in the order of its listing, as [fs.WalkDir] does:
// fn may return [fs.SkipDir] and [fs.SkipAll]. Links are reported and never
// followed. fn may use the client.
func (c *Client) Walk(ctx context.Context, root string, fn fs.WalkDirFunc) error {
	e, err := c.Stat(ctx, root)
	if err != nil {
		err = fn(root, nil, err)
	} else {
		err = c.walk(ctx, root, e, fn)
	}
	if errors.Is(err, fs.SkipAll) || errors.Is(err, fs.SkipDir) {
		return nil
	}
	return err
}

// visit is a directory entry that Walk has yet to report.
type visit struct {
	path   string
	parent string
	entry  Entry
}

func (c *Client) walk(ctx context.Context, root string, e Entry, fn fs.WalkDirFunc) error {
	pending := []visit{{path: root, entry: e}}
	for len(pending) > 0 {
		v := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		children, err := c.visit(ctx, v, fn)
		if errors.Is(err, fs.SkipDir) && v.path != root { // of a file: the rest of its directory is skipped
			for len(pending) > 0 && pending[len(pending)-1].parent == v.parent {
				pending = pending[:len(pending)-1]
			}
			continue
		}
		if err != nil {
			return err
		}
		for i := len(children) - 1; i >= 0; i-- { // the first child is to be on top
			pending = append(pending, children[i])
		}
	}
	return nil
}

// visit reports one entry and, of a directory, returns what is in it.
func (c *Client) visit(ctx context.Context, v visit, fn fs.WalkDirFunc) ([]visit, error) {
	err := fn(v.path, v.entry, nil)
	if !v.entry.IsDir() || err != nil {
		return nil, skippedDir(v, err)
	}
	entries, err := c.collect(ctx, v.path)
	if err == nil {
		_, err = c.unmaskLinks(ctx, v.path, entries)
	}
	if err != nil {
		if err := fn(v.path, v.entry, err); err != nil {
			return nil, skippedDir(v, err)
		}
	}
	children := make([]visit, len(entries))
	for i, e := range entries {
		children[i] = visit{join(v.path, e.Name()), v.path, e}
	}
	return children, nil
}

// skippedDir: SkipDir from a directory skips just that directory.
func skippedDir(v visit, err error) error {
	if v.entry.IsDir() && errors.Is(err, fs.SkipDir) {
		return nil
	}
	return err
}
