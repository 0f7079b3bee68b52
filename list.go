package ftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/dualport/ftp/internal/listing"
)

// List yields the entries of a directory as they arrive, without "." and "..":
// by MLSD (RFC 3659) where the server offers it, by LIST otherwise. An empty
// path means the working directory. Breaking out of the loop breaks off the
// transfer.
//
// A line that cannot be understood is yielded as a [ListLineError], and the
// listing goes on; any other error is the last thing yielded.
func (c *Client) List(ctx context.Context, path string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := c.acquire(path); err != nil {
			yield(Entry{}, c.wrap("list", path, err))
			return
		}
		defer c.release()
		if err := c.list(ctx, path, yield); err != nil {
			yield(Entry{}, c.wrap("list", path, err))
		}
	}
}

// NameList yields the names that NLST tells for a path (RFC 959 section 4.1.3):
// many servers expand wildcards in it, and some put the path before each name.
func (c *Client) NameList(ctx context.Context, path string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		fail := func(err error) { yield("", c.wrap("name list", path, err)) }
		if err := c.acquire(path); err != nil {
			fail(err)
			return
		}
		defer c.release()
		err := c.lines(ctx, transferCommand{op: "name list", verb: "NLST", path: path}, func(line string) error {
			if line != "" && !yield(line, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			fail(err)
		}
	}
}

// ListLineError is a line of a listing that is in none of the known formats.
type ListLineError struct {
	Line   string // as the server sent it
	Reason string
}

// Error quotes the line.
func (e *ListLineError) Error() string {
	return fmt.Sprintf("line of the listing not understood (%s): %.200q", e.Reason, e.Line)
}

// errStopped ends a listing whose caller wants no more.
var errStopped = errors.New("the caller wants no more entries")

// list streams the entries of dir to yield; the caller holds the client. A nil
// error means that yield was told all there is to tell.
func (c *Client) list(ctx context.Context, dir string, yield func(Entry, error) bool) error {
	run := c.listLIST
	if c.offersMLSD() {
		run = c.listMLSD
	}
	err := run(ctx, dir, func(e Entry, err error) error {
		if err == nil && e.special() {
			return nil
		}
		if !yield(e, err) {
			return errStopped
		}
		return nil
	})
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// offersMLSD: a server that lists MLST in FEAT offers MLSD too (RFC 3659
// section 7.8).
func (c *Client) offersMLSD() bool { return c.features.Has("MLST") || c.features.Has("MLSD") }

func (c *Client) listMLSD(ctx context.Context, dir string, each func(Entry, error) error) error {
	return c.lines(ctx, transferCommand{op: "list", verb: "MLSD", path: dir}, func(line string) error {
		if strings.TrimSpace(line) == "" {
			return nil
		}
		e, err := listing.ParseMLSx(line)
		return each(Entry{e}, lineError(err))
	})
}

func (c *Client) listLIST(ctx context.Context, dir string, each func(Entry, error) error) error {
	if safeListArgument(dir) {
		return c.parseLIST(ctx, dir, each)
	}
	return c.inside(ctx, dir, func() error { return c.parseLIST(ctx, "", each) })
}

func (c *Client) parseLIST(ctx context.Context, argument string, each func(Entry, error) error) error {
	parser := listing.Parser{Now: time.Now(), Location: c.opts.Location}
	return c.lines(ctx, transferCommand{op: "list", verb: "LIST", path: argument}, func(line string) error {
		e, ok, err := parser.Parse(line)
		if !ok && err == nil {
			return nil
		}
		return each(Entry{e}, lineError(err))
	})
}

// lineError makes the parser's error part of this package's API.
func lineError(err error) error {
	var l *listing.LineError
	if errors.As(err, &l) {
		return &ListLineError{Line: l.Line, Reason: l.Reason}
	}
	return err
}

// lines runs a listing command and calls each for every line. An error of each
// breaks the transfer off and is returned.
func (c *Client) lines(ctx context.Context, cmd transferCommand, each func(line string) error) error {
	t, err := c.start(ctx, cmd, func() {})
	if err != nil {
		return err
	}
	defer t.endOnPanic()()
	scanner := listing.NewScanner(t, c.opts.Limits.listing())
	for scanner.Scan() {
		if err := each(scanner.Text()); err != nil {
			return t.breakOff(err)
		}
	}
	if !t.over { // the scanner gave up at a limit
		return t.breakOff(scanner.Err())
	}
	return t.err
}

// safeListArgument tells whether a server will take dir for a path when it is
// the argument of LIST: many expand wildcards in it, split it at blanks or take
// a leading hyphen for the options of ls.
func safeListArgument(dir string) bool {
	return !strings.HasPrefix(dir, "-") && !strings.ContainsAny(dir, " \t*?[]{}~\\\"'`$&|;<>()")
}

// inside runs f with dir as the working directory, and then goes back.
func (c *Client) inside(ctx context.Context, dir string, f func() error) error {
	back, err := c.workingDir(ctx)
	if err != nil {
		return err
	}
	err = c.want2xx(ctx, "CWD", dir)
	if ReplyCode(err) != 0 {
		return err
	}
	if err == nil {
		err = f()
	}
	// Also where the reply to CWD was not awaited: it may have had its effect.
	if backErr := c.want2xx(context.WithoutCancel(ctx), "CWD", back); backErr != nil {
		return c.ctl.fail(errors.Join(fmt.Errorf("returning to the directory %q: %w", back, backErr), err))
	}
	return err
}

// Stat returns the entry of one file or directory: by MLST (RFC 3659) where the
// server offers it, and otherwise from the listing of the directory that holds
// it. A path that does not exist matches [fs.ErrNotExist].
func (c *Client) Stat(ctx context.Context, path string) (Entry, error) {
	var e Entry
	err := c.call("stat", path, func() (err error) {
		if c.features.Has("MLST") {
			e, err = c.statMLST(ctx, path)
		} else {
			e, err = c.statByList(ctx, path)
		}
		return err
	})
	return e, err
}

func (c *Client) statMLST(ctx context.Context, name string) (Entry, error) {
	var args []string
	if name != "" {
		args = []string{name}
	}
	r, err := c.positive(ctx, "MLST", args...)
	if err != nil {
		return Entry{}, err
	}
	for _, line := range r.Lines {
		if facts, _, found := strings.Cut(line, " "); !found || !strings.Contains(line, ";") || facts != "" && !strings.HasSuffix(facts, ";") {
			continue
		}
		e, err := listing.ParseMLSx(line)
		if err != nil {
			return Entry{}, lineError(err)
		}
		return named(e, name), nil
	}
	return Entry{}, &Error{Command: "MLST", Reply: r, Err: errors.New("the reply holds no facts")}
}

// named gives an entry the last element of the path that was asked for: servers
// differ in what they put there, some the whole path.
func named(e listing.Entry, name string) Entry {
	e.Name = path.Base(strings.TrimRight(e.Name, "/") + "/.")
	if base := path.Base(name); name != "" && base != "." && base != ".." {
		e.Name = base
	}
	if e.Kind == listing.CurrentDir || e.Kind == listing.ParentDir {
		e.Kind = listing.Dir
	}
	return Entry{e}
}

func (c *Client) statByList(ctx context.Context, name string) (Entry, error) {
	dir, base := path.Split(strings.TrimRight(name, "/"))
	if base == "" || base == "." || base == ".." {
		return c.statDir(ctx, name)
	}
	if dir != "/" {
		dir = strings.TrimRight(dir, "/")
	}
	var found *Entry
	err := c.list(ctx, dir, func(e Entry, err error) bool {
		if err == nil && e.Name() == base {
			found = &e
		}
		return true
	})
	if err != nil {
		return Entry{}, err
	}
	if found == nil && strings.HasPrefix(base, ".") {
		found = c.findHidden(ctx, dir, base)
	}
	if found == nil {
		return Entry{}, fmt.Errorf("%w in the listing of %q", fs.ErrNotExist, dir)
	}
	return *found, nil
}

// findHidden looks for a name that LIST may leave out because it begins with a
// dot; nil where it is not found.
func (c *Client) findHidden(ctx context.Context, dir, name string) *Entry {
	var found *Entry
	_ = c.listHidden(ctx, dir, func(e Entry, err error) error { // a server that does not know -a has told all it can
		if err == nil && e.Name() == name {
			found = &e
		}
		return nil
	})
	return found
}

// listHidden lists a directory with the names that begin with a dot, which LIST
// leaves out on most servers. The option is that of ls; it is in no RFC.
func (c *Client) listHidden(ctx context.Context, dir string, each func(Entry, error) error) error {
	list := func() error { return c.parseLIST(ctx, "-a", each) }
	if dir == "" {
		return list()
	}
	return c.inside(ctx, dir, list)
}

// statDir answers for a path that no listing names, such as the root: all that
// can be found out is whether it can be entered.
func (c *Client) statDir(ctx context.Context, dir string) (Entry, error) {
	if dir != "" {
		if err := c.inside(ctx, dir, func() error { return nil }); err != nil {
			return Entry{}, err
		}
	}
	return Entry{listing.Entry{Name: path.Base(dir), Kind: listing.Dir, Size: -1}}, nil
}
