package ftp

import (
	"context"
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
		return c.enterDir(ctx, dir)
	})
}

// enterDir sends CWD, and notes the change even where its reply comes after the
// caller has given up.
func (c *Client) enterDir(ctx context.Context, dir string) error {
	cmd, err := c.ctl.send(ctx, "CWD", dir)
	if err != nil {
		return err
	}
	cmd.then = func(r Reply) {
		if r.positive() {
			c.entered(dir)
		}
	}
	r, err := c.ctl.await(ctx, cmd)
	if err != nil {
		return err
	}
	if !r.positive() {
		return refusal("CWD", r)
	}
	return c.shortenDirs(ctx)
}

// maxDirs is how many changes of directory are repeated after a new login
// before PWD is asked once for what they come to.
const maxDirs = 16

// entered notes a change of directory, so that a new login can repeat it.
func (c *Client) entered(dir string) {
	if path.IsAbs(dir) {
		c.dirs = nil
	}
	c.dirs = append(c.dirs, dir)
}

func (c *Client) shortenDirs(ctx context.Context) error {
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
