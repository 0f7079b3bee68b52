package ftp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxCollected bounds what Walk and RemoveAll hold in memory of one
	// directory: the lines of its listing, in bytes.
	maxCollected = 32 << 20
	// maxTreePath bounds the length of a path on the way down, in bytes: a
	// server could make a tree as deep as it likes.
	maxTreePath = 32 << 10
)

// collection is the listing of one directory, held in memory within limits.
type collection struct {
	dir     string
	entries []Entry
	size    int
}

// add takes one entry and vouches for its name: it is one element of a path, so
// that joining it stays inside the directory.
func (l *collection) add(e Entry) error {
	name := e.Name()
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return fmt.Errorf("the server lists the name %.200q, which would lead out of the directory", name)
	}
	if e.IsDir() && len(l.dir)+len(name) > maxTreePath {
		return fmt.Errorf("the tree is too deep: paths of more than %d bytes", maxTreePath)
	}
	if l.size += len(e.Raw()); l.size > maxCollected {
		return fmt.Errorf("the listing of the directory has more than %d bytes; use List, which holds one entry at a time", maxCollected)
	}
	l.entries = append(l.entries, e)
	return nil
}

// collect lists a directory whole. A line that is not understood does not end
// it, and is told in the error.
func (c *Client) collect(ctx context.Context, dir string) ([]Entry, error) {
	all := collection{dir: dir}
	var odd error
	for e, err := range c.List(ctx, dir) {
		var line *ListLineError
		switch {
		case errors.As(err, &line) && odd == nil:
			odd = c.wrap("list", dir, err)
		case errors.As(err, &line):
		case err != nil:
			return all.entries, c.wrap("list", dir, err)
		default:
			if err := all.add(e); err != nil {
				return nil, c.wrap("list", dir, err)
			}
		}
	}
	return all.entries, odd
}

// collectHidden is collect with the names that begin with a dot.
func (c *Client) collectHidden(ctx context.Context, dir string) ([]Entry, error) {
	all := collection{dir: dir}
	err := c.call("list", dir, func() error {
		return c.listHidden(ctx, dir, func(e Entry, err error) error {
			if err != nil || e.special() {
				return err
			}
			return all.add(e)
		})
	})
	return all.entries, err
}

// unmaskLinks replaces entries that MLSD calls directories and LIST calls links:
// there are servers (pyftpdlib) that follow links when they write MLSD. It
// returns the directories of which LIST says nothing.
func (c *Client) unmaskLinks(ctx context.Context, dir string, entries []Entry) (doubtful []string, err error) {
	if !c.offersMLSD() || !slices.ContainsFunc(entries, Entry.IsDir) {
		return nil, nil
	}
	dirs := make(map[string]bool)
	for _, e := range entries {
		dirs[e.Name()] = e.IsDir()
	}
	seen := make(map[string]Entry)
	note := func(e Entry, err error) error { //nolint:unparam // it is the callback of a listing
		if err == nil && dirs[e.Name()] && (e.IsDir() || e.EntryType() == EntryLink) {
			seen[e.Name()] = e
		}
		return nil
	}
	unseen := func(e Entry) bool {
		_, ok := seen[e.Name()]
		return e.IsDir() && !ok
	}
	err = c.call("list", dir, func() error { return c.listLIST(ctx, dir, note) })
	if refusedOrNil(err) && slices.ContainsFunc(entries, unseen) {
		err = c.call("list", dir, func() error { return c.listHidden(ctx, dir, note) })
	}
	if !refusedOrNil(err) {
		return nil, err
	}
	for i, e := range entries {
		if listed, ok := seen[e.Name()]; ok && e.IsDir() {
			entries[i] = linkIf(listed, e)
		} else if e.IsDir() {
			doubtful = append(doubtful, e.Name())
		}
	}
	return doubtful, nil
}

// linkIf returns listed where it is a link, and e otherwise, which tells more.
func linkIf(listed, e Entry) Entry {
	if listed.EntryType() == EntryLink {
		return listed
	}
	return e
}

// refusedOrNil tells whether a listing failed for nothing worse than a refusal.
func refusedOrNil(err error) bool { return err == nil || ReplyCode(err) != 0 }

// join puts a name into a directory. The name is appended as it is: cleaning
// the result would change names that a server distinguishes.
func join(dir, name string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}
