package ftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// RemoveAll removes a file, or a directory with everything in it. A link is
// removed and never followed. A path that does not exist is no error.
func (c *Client) RemoveAll(ctx context.Context, root string) error {
	if root == "" {
		return c.wrap("remove all", root, errNoPath)
	}
	e, err := c.Stat(ctx, root)
	if errors.Is(err, fs.ErrNotExist) && ReplyCode(err) != 0 {
		e, err = c.find(ctx, root) // a reply may mean many things, and only a listing shows that nothing is there
	}
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

// find is Stat by the listing of the directory that holds the path.
func (c *Client) find(ctx context.Context, name string) (Entry, error) {
	var e Entry
	err := c.call("stat", name, func() (err error) {
		e, err = c.statByList(ctx, name)
		return err
	})
	return e, err
}

// unmask is mustTellLinks for one path.
func (c *Client) unmask(ctx context.Context, name string, e Entry) (Entry, error) {
	dir, base := path.Split(strings.TrimRight(name, "/"))
	if base == "" || base == "." || base == ".." {
		return e, nil
	}
	entries := []Entry{e}
	err := c.mustTellLinks(ctx, dir, entries)
	return entries[0], err
}

// mustTellLinks is unmaskLinks for a caller who will empty each directory.
func (c *Client) mustTellLinks(ctx context.Context, dir string, entries []Entry) error {
	doubtful, err := c.unmaskLinks(ctx, dir, entries)
	if err != nil {
		return err
	}
	if len(doubtful) > 0 {
		return c.wrap("remove all", dir, fmt.Errorf("LIST does not show %q, so that it may be a link to a directory elsewhere; nothing in it was removed", doubtful[0]))
	}
	return nil
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
	if err == nil {
		err = c.mustTellLinks(ctx, dir, entries)
	}
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
