package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dualport/ftp"
)

// upload is one run of put.
type upload struct {
	*job
	target target
	resume bool
	client *ftp.Client
	src    io.Reader
	file   *os.File // nil for what is no regular file
	size   int64    // of the file
}

func (j *job) putCommand() *cobra.Command {
	u := &upload{job: j}
	cmd := j.cobra(command{
		use:   "put LOCAL|- URL",
		short: "Upload a file",
		long: `Upload the file LOCAL, or standard input for "-". A URL that ends in "/" is a
directory, in which the file gets the name it has here.

Afterwards the size of the server's file is compared with what was sent, where
the server tells it.`,
		min: 2, max: 2,
		demo: func(url string, args []string) []string {
			if len(args) == 0 {
				j.env.stdin = strings.NewReader(demoUpload)
				return []string{"-", url + "/upload.txt"}
			}
			return append(args, url+"/")
		},
		work: u.run,
	})
	cmd.Flags().BoolVar(&u.resume, "resume", false, "send only what the server's file lacks at its end")
	return cmd
}

func (u *upload) run(ctx context.Context, args []string) error {
	var err error
	if u.target, err = u.parse(args[1]); err != nil {
		return err
	}
	if err := u.openSource(ctx, args[0]); err != nil {
		return usage(err)
	}
	if u.client, err = u.connect(ctx, u.target); err != nil {
		return err
	}
	offset, err := u.resumeAt(ctx)
	if err != nil {
		return err
	}
	if u.resume && offset == u.size && offset > 0 {
		u.result.Transfer = &transferJSON{Path: u.target.path, Offset: offset, Size: &offset, Verified: true}
		return nil
	}
	res, err := u.send(ctx, offset)
	u.result.Transfer = newTransferJSON(res)
	if errors.Is(err, ftp.ErrUnconfirmed) && u.confirm(ctx, u.target, u.target.path, offset+res.Bytes) {
		u.say("the server's last reply never came; on a new login its file has the size of what was sent")
		u.result.Transfer.Verified = true
		return nil
	}
	if err != nil {
		return err
	}
	return u.verify(ctx, offset+res.Bytes)
}

// openSource opens what is sent, and completes the remote name.
func (u *upload) openSource(ctx context.Context, local string) error {
	dir := u.target.path == "" || strings.HasSuffix(u.target.path, "/")
	if u.resume && u.target.typ == ftp.TypeASCII {
		return errors.New(";type=a has no byte positions for --resume")
	}
	if local == "-" {
		switch {
		case dir:
			return errors.New("the URL names a directory; standard input needs a file name")
		case u.resume:
			return errors.New("--resume needs a local file")
		case u.flags.passwordFile == "-":
			return errors.New("standard input cannot hold both the password and the data")
		}
		u.src = &cancelReader{ctx: ctx, src: u.env.stdin}
		return nil
	}
	u.result.Local = local
	if dir {
		base := filepath.Base(local)
		if err := errors.Join(checkName(base), checkText("file name", base)); err != nil {
			return err
		}
		u.target.path += base
		u.result.URL = u.target.String()
	}
	return u.openFile(ctx, local)
}

func (u *upload) openFile(ctx context.Context, local string) error {
	f, err := os.Open(local)
	if err != nil {
		return err
	}
	u.closers = append(u.closers, func() { _ = f.Close() }) // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a directory", local)
	}
	if u.resume && !info.Mode().IsRegular() {
		return fmt.Errorf("--resume needs a regular file, which %s is not", local)
	}
	if !info.Mode().IsRegular() {
		u.src = &cancelReader{ctx: ctx, src: f} // a pipe may keep us waiting
		return nil
	}
	u.file, u.src, u.size, u.expected = f, f, info.Size(), info.Size()
	return nil
}

// resumeAt finds out how much the server has already.
func (u *upload) resumeAt(ctx context.Context) (int64, error) {
	if !u.resume {
		return 0, nil
	}
	size, err := u.client.Size(ctx, u.target.path)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return 0, fmt.Errorf("--resume must know the size of the server's file: %w", err)
	case ftp.ReplyCode(err) == 550:
		return 0, nil // there is none yet
	case err != nil:
		return 0, err
	case size > u.size:
		return 0, fmt.Errorf("%w: the server's file has %d bytes, more than the %d here", errUnverified, size, u.size)
	}
	return size, nil
}

// send uploads from offset on: by REST and STOR, or by APPE where the server
// has no REST for uploads.
func (u *upload) send(ctx context.Context, offset int64) (ftp.Result, error) {
	if offset > 0 {
		if _, err := u.file.Seek(offset, io.SeekStart); err != nil {
			return ftp.Result{Path: u.target.path}, &ftp.Error{Op: "read", Path: u.file.Name(), Err: err}
		}
	}
	res, err := u.client.StoreFrom(ctx, u.target.path, offset, u.src)
	var ftpErr *ftp.Error
	if offset > 0 && errors.As(err, &ftpErr) && ftpErr.Command == "REST" {
		res, err = u.client.Append(ctx, u.target.path, u.src)
		res.Offset = offset
	}
	return res, err
}

// verify compares the size of the server's file with what was sent.
func (u *upload) verify(ctx context.Context, want int64) error {
	if u.target.typ == ftp.TypeASCII {
		return nil
	}
	size, known, err := sizeOf(ctx, u.client, u.target.path)
	if err != nil {
		return fmt.Errorf("%w: asking for the size of the server's file: %w", errUnverified, err)
	}
	if !known {
		return nil
	}
	u.result.Transfer.Size = &size
	if size != want {
		return fmt.Errorf("%w: %d bytes were sent, but the server's file has %d", errUnverified, want, size)
	}
	u.result.Transfer.Verified = true
	return nil
}
