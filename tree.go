package ftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// RemoveAll removes a file, or a directory with everything in it. A link is
// removed and never followed. A path that does not exist is no error.
func (c *Client) RemoveAll(ctx context.Context, root string) error {
	if root == "" {
		return c.wrap("remove all", root, errNoPath)
	}
	e, err := c.Stat(ctx, root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		e, err = c.unmask(ctx, root, e)
	}
	if err != nil {
		return err
	}
	if !e.IsDir() {
		return c.Delete(ctx, root)
	}
	return c.removeTree(ctx, root)
}

// unmask is unmaskLinks for one path.
func (c *Client) unmask(ctx context.Context, name string, e Entry) (Entry, error) {
	dir, base := path.Split(strings.TrimRight(name, "/"))
	if base == "" || base == "." || base == ".." {
		return e, nil
	}
	entries := []Entry{e}
	err := c.call("list", dir, func() error { return c.unmaskLinks(ctx, dir, entries) })
	return entries[0], err
}

// doomed is a directory on its way out: first what is in it goes, then it.
type doomed struct {
	dir     string
	emptied bool
	shown   bool // hidden files were looked for
}

// removeTree empties a directory and removes it. Directories wait on a stack,
// not in recursive calls: how deep a server's tree is must not be for the
// server to say.
func (c *Client) removeTree(ctx context.Context, root string) error {
	stack := []doomed{{dir: root}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		list := c.collect
		if top.emptied {
			err := c.RemoveDir(ctx, top.dir)
			if err == nil {
				stack = stack[:len(stack)-1]
				continue
			}
			if top.shown || c.offersMLSD() || ReplyCode(err) == 0 {
				return err
			}
			top.shown, list = true, c.collectHidden
		}
		top.emptied = true
		subdirs, err := c.removeFiles(ctx, top.dir, list)
		if err != nil {
			return err
		}
		for _, dir := range subdirs {
			stack = append(stack, doomed{dir: dir})
		}
	}
	return nil
}

// removeFiles deletes all that list finds in a directory but the directories,
// which it returns.
func (c *Client) removeFiles(ctx context.Context, dir string, list func(context.Context, string) ([]Entry, error)) (subdirs []string, err error) {
	entries, err := list(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		full := join(dir, e.Name())
		if e.IsDir() {
			subdirs = append(subdirs, full)
			continue
		}
		if err := c.Delete(ctx, full); err != nil {
			return nil, err
		}
	}
	return subdirs, nil
}

// collectHidden is collect with the names that begin with a dot.
func (c *Client) collectHidden(ctx context.Context, dir string) ([]Entry, error) {
	var entries []Entry
	err := c.call("list", dir, func() error {
		return c.listHidden(ctx, dir, func(e Entry, err error) error {
			if err == nil && !e.special() {
				entries = append(entries, e)
			}
			return errors.Join(err, tooMany(len(entries)))
		})
	})
	if err == nil {
		err = c.checkNames(dir, entries)
	}
	return entries, err
}

const (
	// maxCollected bounds the entries of one directory that Walk and RemoveAll
	// hold in memory at a time.
	maxCollected = 1 << 20
	// maxTreePath bounds the length of a path on the way down, in bytes: a
	// server could make a tree as deep as it likes.
	maxTreePath = 32 << 10
)

func tooMany(entries int) error {
	if entries > maxCollected {
		return fmt.Errorf("the directory has more than %d entries; use List, which keeps none", maxCollected)
	}
	return nil
}

// checkNames vouches that each name is one element of a path, so that joining
// it stays inside the directory.
func (c *Client) checkNames(dir string, entries []Entry) error {
	for _, e := range entries {
		if name := e.Name(); name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
			return c.wrap("list", dir, fmt.Errorf("the server lists the name %q, which would lead out of the directory", name))
		}
		if e.IsDir() && len(dir)+len(e.Name()) > maxTreePath {
			return c.wrap("list", dir[:80]+"...", fmt.Errorf("the tree is too deep: paths of more than %d bytes", maxTreePath))
		}
	}
	return nil
}

// collect lists a directory whole and vouches for what is in it: no name leads
// out of it, and no directory is a link in disguise.
func (c *Client) collect(ctx context.Context, dir string) ([]Entry, error) {
	var entries []Entry
	for e, err := range c.List(ctx, dir) {
		if err != nil {
			return entries, c.wrap("list", dir, err)
		}
		entries = append(entries, e)
		if err := tooMany(len(entries)); err != nil {
			return nil, c.wrap("list", dir, err)
		}
	}
	if err := c.checkNames(dir, entries); err != nil {
		return nil, err
	}
	return entries, c.call("list", dir, func() error { return c.unmaskLinks(ctx, dir, entries) })
}

// unmaskLinks replaces entries that MLSD calls directories and LIST calls links:
// some servers (pyftpdlib) follow links when they write MLSD. A server that has
// shown a link in MLSD is not asked twice, nor is a directory without
// directories.
func (c *Client) unmaskLinks(ctx context.Context, dir string, entries []Entry) error {
	isLink := func(e Entry) bool { return e.EntryType() == EntryLink }
	c.marksLinks = c.marksLinks || slices.ContainsFunc(entries, isLink)
	if !c.offersMLSD() || c.marksLinks || !slices.ContainsFunc(entries, Entry.IsDir) {
		return nil
	}
	links := make(map[string]Entry)
	err := c.listLIST(ctx, dir, func(e Entry, err error) error {
		if err == nil && isLink(e) {
			links[e.Name()] = e
		}
		return nil
	})
	if err != nil && ReplyCode(err) == 0 {
		return err
	}
	for i, e := range entries {
		if link, masked := links[e.Name()]; masked && e.IsDir() {
			entries[i] = link
		}
	}
	return nil
}

// join puts a name into a directory. The name is appended as it is: cleaning
// the result would change names that a server distinguishes.
func join(dir, name string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

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
