package ftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/dualport/ftp/internal/wire"
)

// ChangeDir changes the working directory (CWD).
func (c *Client) ChangeDir(ctx context.Context, dir string) error {
	return c.call("change dir", dir, func() error {
		if dir == "" {
			return errNoPath
		}
		if err := c.want2xx(ctx, "CWD", dir); err != nil {
			return err
		}
		return c.remember(ctx, dir)
	})
}

// maxDirs is how many changes of directory are repeated after a new login
// before PWD is asked once for what they come to.
const maxDirs = 16

// remember notes a change of directory, so that a new login can repeat it.
func (c *Client) remember(ctx context.Context, dir string) error {
	if path.IsAbs(dir) {
		c.dirs = nil
	}
	c.dirs = append(c.dirs, dir)
	if len(c.dirs) <= maxDirs {
		return nil
	}
	wd, err := c.workingDir(ctx)
	if err != nil {
		return err
	}
	c.dirs = []string{wd}
	return nil
}

// CurrentDir returns the working directory (PWD).
func (c *Client) CurrentDir(ctx context.Context) (string, error) {
	var dir string
	err := c.call("current dir", "", func() (err error) {
		dir, err = c.workingDir(ctx)
		return err
	})
	return dir, err
}

func (c *Client) workingDir(ctx context.Context) (string, error) {
	r, err := c.positive(ctx, "PWD")
	if err != nil {
		return "", err
	}
	dir, err := wire.ParsePath257(r.Text())
	if err != nil {
		return "", &Error{Command: "PWD", Reply: r, Err: err}
	}
	return dir, nil
}

// MakeDir creates a directory (MKD). One that exists already is an error, which
// matches [fs.ErrExist] where the server says so.
func (c *Client) MakeDir(ctx context.Context, dir string) error {
	return c.simple(ctx, "make dir", "MKD", dir)
}

// MakeDirAll creates a directory and those above it that are missing. A
// directory that exists already is no error; whether it does is found by
// looking, because servers answer MKD of one with many codes.
func (c *Client) MakeDirAll(ctx context.Context, dir string) error {
	return c.call("make dir all", dir, func() error {
		if dir == "" {
			return errNoPath
		}
		if c.want2xx(ctx, "MKD", dir) == nil {
			return nil
		}
		for _, prefix := range prefixes(dir) {
			refused := c.want2xx(ctx, "MKD", prefix)
			if refused == nil {
				continue
			}
			if err := c.mustBeDir(ctx, prefix, refused); err != nil {
				return err
			}
		}
		return nil
	})
}

// prefixes returns the directories on the way to dir, dir included, the
// uppermost first.
func prefixes(dir string) []string {
	var all []string
	for i := 1; i < len(dir); i++ {
		if dir[i] == '/' && dir[i-1] != '/' {
			all = append(all, dir[:i])
		}
	}
	if !strings.HasSuffix(dir, "/") {
		all = append(all, dir)
	}
	return all
}

// mustBeDir returns nil where dir is a directory, and otherwise why it could
// not be made.
func (c *Client) mustBeDir(ctx context.Context, dir string, refused error) error {
	err := c.inside(ctx, dir, func() error { return nil })
	if err == nil {
		return nil
	}
	if c.ctl.broken != nil || ctx.Err() != nil {
		return err
	}
	return refused
}

// RemoveDir removes an empty directory (RMD).
func (c *Client) RemoveDir(ctx context.Context, dir string) error {
	return c.simple(ctx, "remove dir", "RMD", dir)
}

// Delete removes a file (DELE).
func (c *Client) Delete(ctx context.Context, path string) error {
	return c.simple(ctx, "delete", "DELE", path)
}

// simple runs a command whose only argument is a path.
func (c *Client) simple(ctx context.Context, op, verb, path string) error {
	return c.call(op, path, func() error {
		if path == "" {
			return errNoPath
		}
		return c.want2xx(ctx, verb, path)
	})
}

// Rename renames or moves a file or directory (RNFR, RNTO). Whether it replaces
// one that has the new name is the server's choice.
func (c *Client) Rename(ctx context.Context, from, to string) error {
	return c.call("rename", from, func() error {
		if from == "" || to == "" {
			return errNoPath
		}
		if _, err := wire.AppendCommand(nil, "RNTO", to); err != nil {
			return err // before RNFR has an effect
		}
		r, err := c.ctl.roundTrip(ctx, "RNFR", from)
		if err != nil {
			return err
		}
		if !r.intermediate() {
			return refusal("RNFR", r)
		}
		return c.want2xx(ctx, "RNTO", to)
	})
}

// RemoveAll removes a file, or a directory with everything in it. A link is
// removed and never followed. A path that does not exist is no error.
func (c *Client) RemoveAll(ctx context.Context, root string) error {
	e, err := c.Stat(ctx, root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !e.IsDir() {
		return c.Delete(ctx, root)
	}
	return c.removeTree(ctx, root)
}

// removeTree empties a directory and removes it. Directories wait on a stack,
// not in recursive calls: how deep a server's tree is must not be for the
// server to say.
func (c *Client) removeTree(ctx context.Context, root string) error {
	stack := []string{root}
	emptied := make(map[string]bool)
	for len(stack) > 0 {
		dir := stack[len(stack)-1]
		if emptied[dir] {
			if err := c.RemoveDir(ctx, dir); err != nil {
				return err
			}
			stack = stack[:len(stack)-1]
			continue
		}
		emptied[dir] = true
		subdirs, err := c.removeFiles(ctx, dir)
		if err != nil {
			return err
		}
		stack = append(stack, subdirs...)
	}
	return nil
}

// removeFiles deletes all of a directory but its directories, which it returns.
func (c *Client) removeFiles(ctx context.Context, dir string) (subdirs []string, err error) {
	entries, err := c.collect(ctx, dir)
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

// collect lists a directory whole and vouches for its names: each is one
// element of a path, so that joining it stays inside the directory.
func (c *Client) collect(ctx context.Context, dir string) ([]Entry, error) {
	var entries []Entry
	for e, err := range c.List(ctx, dir) {
		if err != nil {
			return entries, c.wrap("list", dir, err)
		}
		if name := e.Name(); name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
			return entries, c.wrap("list", dir, fmt.Errorf("the server lists the name %q, which would lead out of the directory", name))
		}
		entries = append(entries, e)
	}
	return entries, nil
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
	path  string
	entry Entry
}

func (c *Client) walk(ctx context.Context, root string, e Entry, fn fs.WalkDirFunc) error {
	pending := []visit{{root, e}}
	for len(pending) > 0 {
		v := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		children, err := c.visit(ctx, v, fn)
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
		children[i] = visit{join(v.path, e.Name()), e}
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
