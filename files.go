package ftp

import (
	"context"
	"errors"
	"io"

	"github.com/dualport/ftp/internal/wire"
)

// Type is the representation in which data connections carry files (RFC 959
// section 3.1.1).
type Type byte

const (
	// TypeImage carries the bytes as they are: TYPE I.
	TypeImage Type = 'I'
	// TypeASCII carries text: the lines end with CR LF on the wire, and with LF
	// in what Retrieve writes and Store reads: TYPE A.
	TypeASCII Type = 'A'
)

// SetType chooses the representation of the following transfers; a new client
// uses TypeImage.
func (c *Client) SetType(ctx context.Context, t Type) error {
	return c.call("set type", "", func() error {
		if t != TypeImage && t != TypeASCII {
			return errors.New("unknown type; use TypeImage or TypeASCII")
		}
		if err := c.ensureType(ctx, t); err != nil {
			return err
		}
		c.wanted = t
		return nil
	})
}

// ensureType sends TYPE where the server was last told another one.
func (c *Client) ensureType(ctx context.Context, t Type) error {
	if c.typ == t {
		return nil
	}
	before := c.typ
	c.typ = 0 // not known until the reply has come, which a cancelled caller does not see
	err := c.want2xx(ctx, "TYPE", string(t))
	switch {
	case ReplyCode(err) != 0: // refused
		c.typ = before
		return err
	case err != nil:
		return err
	}
	c.typ = t
	return nil
}

// Open starts the download of a file (RETR). The caller must Close the Reader.
// ctx governs the whole download.
func (c *Client) Open(ctx context.Context, path string) (*Reader, error) {
	return c.OpenFrom(ctx, path, 0)
}

// OpenFrom is Open from an offset in bytes (REST, RFC 3659 section 5).
func (c *Client) OpenFrom(ctx context.Context, path string, offset int64) (*Reader, error) {
	t, err := c.startFile(ctx, transferCommand{op: "retrieve", verb: "RETR", path: path, offset: offset})
	if err != nil {
		return nil, err
	}
	return &Reader{transfer: t, src: t.textReader()}, nil
}

// Retrieve downloads a file to w (RETR). On an error, part of the file may
// have been written; Result.Bytes and the error tell. An error of w breaks off
// the download and is returned.
func (c *Client) Retrieve(ctx context.Context, path string, w io.Writer) (Result, error) {
	return c.RetrieveFrom(ctx, path, 0, w)
}

// RetrieveFrom is Retrieve from an offset in bytes (REST, RFC 3659 section 5).
func (c *Client) RetrieveFrom(ctx context.Context, path string, offset int64, w io.Writer) (Result, error) {
	r, err := c.OpenFrom(ctx, path, offset)
	if err != nil {
		return failedResult(path, err), err
	}
	_, err = r.WriteTo(w)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	return r.Result(), err
}

// Create starts the upload of a file (STOR), which replaces one of the same
// name. The file is stored only if the Writer's Close returns nil. ctx governs
// the whole upload.
func (c *Client) Create(ctx context.Context, path string) (*Writer, error) {
	return c.CreateFrom(ctx, path, 0)
}

// CreateFrom is Create from an offset in bytes (REST): what the server's file
// holds before it stays.
func (c *Client) CreateFrom(ctx context.Context, path string, offset int64) (*Writer, error) {
	return c.create(ctx, transferCommand{op: "store", verb: "STOR", path: path, offset: offset, upload: true})
}

// CreateAppend starts an upload that is appended to a file (APPE); a file that
// does not exist is created.
func (c *Client) CreateAppend(ctx context.Context, path string) (*Writer, error) {
	return c.create(ctx, transferCommand{op: "append", verb: "APPE", path: path, upload: true})
}

func (c *Client) create(ctx context.Context, cmd transferCommand) (*Writer, error) {
	t, err := c.startFile(ctx, cmd)
	if err != nil {
		return nil, err
	}
	return &Writer{transfer: t, dst: t.textWriter()}, nil
}

// Store uploads everything that r holds to a file (STOR), which replaces one of
// the same name. An error of r breaks off the upload and is returned; a partial
// file may then stay on the server. A Read of r that blocks is not interrupted by
// ctx: close what r reads from. Where the server turns out to have no data
// connection after it has taken the command, the upload begins anew by another
// method if r is an io.Seeker.
func (c *Client) Store(ctx context.Context, path string, r io.Reader) (Result, error) {
	return c.StoreFrom(ctx, path, 0, r)
}

// StoreFrom is Store from an offset in bytes (REST): r holds the rest of the
// file from there on.
func (c *Client) StoreFrom(ctx context.Context, path string, offset int64, r io.Reader) (Result, error) {
	w, err := c.CreateFrom(ctx, path, offset)
	return c.sendAgain(w, err, path, r)
}

// Append appends everything that r holds to a file (APPE).
func (c *Client) Append(ctx context.Context, path string, r io.Reader) (Result, error) {
	w, err := c.CreateAppend(ctx, path)
	return send(w, err, path, r)
}

// StoreUnique uploads to a file whose name the server chooses (STOU), in the
// working directory; Result.Path is that name, or empty where the server does
// not tell it (RFC 1123 section 4.1.2.9). suggestion may be empty; many servers
// ignore it.
func (c *Client) StoreUnique(ctx context.Context, suggestion string, r io.Reader) (Result, error) {
	w, err := c.create(ctx, transferCommand{op: "store unique", verb: "STOU", path: suggestion, upload: true})
	result, err := send(w, err, suggestion, r)
	if err != nil {
		return result, err
	}
	result.Path = ""
	for _, reply := range []Reply{w.transfer.exchange.command.mark, w.transfer.reply} {
		if name, parseErr := wire.ParseUniqueName(reply.Text()); parseErr == nil && result.Path == "" {
			result.Path = name
		}
	}
	return result, nil
}

func send(w *Writer, err error, path string, r io.Reader) (Result, error) {
	if err != nil {
		return failedResult(path, err), err
	}
	err = w.sendAll(r)
	return w.Result(), err
}

// sendAgain is send for an upload that may be repeated: where the server finds after
// its 150 that it has no data connection, r is rewound, if it can be, and the next
// method gets its turn.
func (c *Client) sendAgain(w *Writer, err error, path string, r io.Reader) (Result, error) {
	if err != nil {
		return send(w, err, path, r)
	}
	release := w.transfer.release
	w.transfer.release = func() {} // the client is kept between two attempts
	defer release()
	rewind := rewinder(r)
	result, err := send(w, nil, path, r)
	for mayRepeat(err) && rewind() {
		t, failed := c.startAgain(w.transfer, err)
		if failed != nil {
			return result, failed
		}
		w = &Writer{transfer: t, dst: t.textWriter()}
		result, err = send(w, nil, path, r)
	}
	return result, err
}

// mayRepeat tells whether another method may help an upload that ended with err. It
// does not where the server uses the 425 for what it thinks of the TLS session.
func mayRepeat(err error) bool {
	return ReplyCode(err) == 425 && !errors.Is(err, ErrDataConnection) && !errors.Is(err, ErrSessionReuse)
}

// rewinder returns a function that takes r back to where it is now, and tells whether
// it could.
func rewinder(r io.Reader) func() bool {
	seeker, ok := r.(io.Seeker)
	if !ok {
		return func() bool { return false }
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	return func() bool {
		if err == nil {
			_, err = seeker.Seek(start, io.SeekStart)
		}
		return err == nil
	}
}

// failedResult is the Result of a transfer that never began.
func failedResult(path string, err error) Result {
	result := Result{Path: path}
	var e *Error
	if errors.As(err, &e) {
		result.Negotiation, result.Reply = e.Negotiation, e.Reply
	}
	return result
}

// startFile takes the client for the transfer of a file.
func (c *Client) startFile(ctx context.Context, cmd transferCommand) (*transfer, error) {
	if cmd.offset < 0 {
		return nil, c.wrap(cmd.op, cmd.path, errors.New("the offset is negative"))
	}
	if cmd.path == "" && cmd.verb != "STOU" {
		return nil, c.wrap(cmd.op, cmd.path, errNoPath)
	}
	if err := c.acquire(cmd.path); err != nil {
		return nil, c.wrap(cmd.op, cmd.path, err)
	}
	err := c.ensureType(ctx, c.wanted)
	var t *transfer
	if err == nil {
		t, err = c.start(ctx, cmd, c.release)
	}
	if err != nil {
		c.release()
		return nil, c.wrap(cmd.op, cmd.path, err)
	}
	return t, nil
}
