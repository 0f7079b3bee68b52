package ftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/dualport/ftp/internal/wire"
)

// Size returns the size of a file in bytes, as the server would send it with
// the present type (SIZE, RFC 3659 section 4). A server without SIZE gives an
// error that matches [errors.ErrUnsupported].
func (c *Client) Size(ctx context.Context, path string) (int64, error) {
	var size int64
	err := c.call("size", path, func() (err error) {
		if path == "" {
			return errNoPath
		}
		size, err = c.size(ctx, path)
		return err
	})
	return size, err
}

func (c *Client) size(ctx context.Context, path string) (int64, error) {
	r, err := c.positive(ctx, "SIZE", path)
	if err != nil {
		return 0, err
	}
	size, err := wire.ParseSize213(r.Text())
	if err != nil {
		return 0, &Error{Command: "SIZE", Reply: r, Err: err}
	}
	return size, nil
}

// ModTime returns the time of a file's last modification, in UTC (MDTM, RFC
// 3659 section 3).
func (c *Client) ModTime(ctx context.Context, path string) (time.Time, error) {
	var t time.Time
	err := c.call("mod time", path, func() error {
		if path == "" {
			return errNoPath
		}
		r, err := c.positive(ctx, "MDTM", path)
		if err != nil {
			return err
		}
		if t, err = wire.ParseTime(strings.TrimSpace(r.Text())); err != nil {
			return &Error{Command: "MDTM", Reply: r, Err: err}
		}
		return nil
	})
	return t, err
}

// SetModTime sets the time of a file's last modification, to the second: by
// MFMT where FEAT lists it, and otherwise by the form of MDTM with a time,
// which is in no RFC but which several servers know.
func (c *Client) SetModTime(ctx context.Context, path string, t time.Time) error {
	return c.call("set mod time", path, func() error {
		if path == "" {
			return errNoPath
		}
		stamp, err := wire.FormatTime(t.UTC().Truncate(time.Second))
		if err != nil {
			return err
		}
		verb := "MDTM"
		if c.features.Has("MFMT") {
			verb = "MFMT"
		}
		return c.want2xx(ctx, verb, stamp, path)
	})
}

// Chmod sets the permission bits of a file (SITE CHMOD, which is in no RFC). A
// server without it gives an error that matches [errors.ErrUnsupported].
func (c *Client) Chmod(ctx context.Context, path string, mode fs.FileMode) error {
	return c.call("chmod", path, func() error {
		if path == "" {
			return errNoPath
		}
		return c.want2xx(ctx, "SITE", "CHMOD", fmt.Sprintf("%03o", mode.Perm()), path)
	})
}

// System returns what the server says of its kind (SYST), such as "UNIX Type:
// L8".
func (c *Client) System(ctx context.Context) (string, error) {
	var system string
	err := c.call("system", "", func() error {
		r, err := c.positive(ctx, "SYST")
		if err != nil {
			return err
		}
		system = r.Text()
		return nil
	})
	return system, err
}

// NoOp asks the server for a sign of life (NOOP).
func (c *Client) NoOp(ctx context.Context) error {
	return c.call("no op", "", func() error { return c.want2xx(ctx, "NOOP") })
}

// Raw sends one command and returns its reply, whatever its code; err tells
// only that no reply came. Commands that move data, or that change how later
// replies must be read, are refused: the client has methods for them.
func (c *Client) Raw(ctx context.Context, verb string, args ...string) (Reply, error) {
	var r Reply
	err := c.call("raw", "", func() (err error) {
		upper := strings.ToUpper(verb)
		if err := rawRefused(upper); err != nil {
			return err
		}
		r, err = c.ctl.roundTrip(ctx, verb, args...)
		c.forget(upper, r, args)
		return err
	})
	return r, err
}

func rawRefused(verb string) error {
	switch verb {
	case "RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD":
		return fmt.Errorf("%s needs a data connection; use Retrieve, Store, StoreUnique, Append, List or NameList", verb)
	case "PASV", "EPSV", "LPSV", "SPSV", "PORT", "EPRT", "LPRT", "PRET", "REST", "ABOR":
		return fmt.Errorf("%s belongs to a transfer, which negotiates it by itself", verb)
	case "USER", "PASS", "ACCT", "REIN", "QUIT":
		return fmt.Errorf("%s belongs to the session; use Dial, Login or Close", verb)
	case "AUTH", "PBSZ", "PROT", "CCC", "MODE", "STRU":
		return fmt.Errorf("%s changes how the connections must be read", verb)
	}
	return nil
}

// forget drops what the client believes about the session where a raw command
// may have changed it.
func (c *Client) forget(verb string, r Reply, args []string) {
	switch {
	case verb == "TYPE":
		c.typ = 0
	case (verb == "CWD" || verb == "XCWD") && r.positive() && len(args) > 0:
		c.entered(strings.Join(args, " "))
	case (verb == "CDUP" || verb == "XCUP") && r.positive():
		c.entered("..")
	}
}

// errNoPath is the error of a call that needs a path and got none: sent like
// that, the command would mean the working directory, or something else.
var errNoPath = errors.New("the path is empty")
