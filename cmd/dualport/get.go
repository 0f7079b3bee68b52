package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/dualport/ftp"
)

// download is one run of get.
type download struct {
	*job
	target target
	resume bool
	part   byteRange
	client *ftp.Client
	size   int64 // on the server
	known  bool  // whether it is
}

func (j *job) getCommand() *cobra.Command {
	d := &download{job: j}
	var rangeText string
	cmd := j.cobra(command{
		use:   "get URL [LOCAL|-]",
		short: "Download a file",
		long: `Download a file to LOCAL, to a file of the same name in the directory LOCAL, or
to standard output for "-". Without LOCAL the name is that in the URL.

The data goes to LOCAL.part, which becomes LOCAL when all of it has arrived. A
download that fails leaves LOCAL.part behind, and --resume continues it. What is
left of a --range or of text (;type=a) cannot be continued, and has the name
LOCAL.part.range or LOCAL.part.ascii.`,
		min: 1, max: 2,
		demo: func(url string, args []string) []string {
			if len(args) == 0 {
				args = []string{"-"}
			}
			return append([]string{url + "/welcome.txt"}, args...)
		},
		work: func(ctx context.Context, args []string) (err error) {
			if d.part, err = parseRange(rangeText); err != nil {
				return usage(err)
			}
			return d.run(ctx, args)
		},
	})
	cmd.Flags().BoolVar(&d.resume, "resume", false, "continue LOCAL.part, which an earlier download has left")
	cmd.Flags().StringVar(&rangeText, "range", "", "download these bytes only, the first one being 0: `FROM-TO`, or FROM- up to the end")
	return cmd
}

func (d *download) run(ctx context.Context, args []string) error {
	var err error
	if d.target, err = d.parse(args[0]); err != nil {
		return err
	}
	local := ""
	if len(args) == 2 {
		local = args[1]
	}
	if err := d.check(local); err != nil {
		return usage(err)
	}
	if local == "-" {
		d.stdoutTaken = true
		return d.toStream(ctx, d.env.stdout)
	}
	file, err := chooseLocal(local, d.target.name)
	if err != nil {
		return usage(err)
	}
	d.result.Local = file.name
	switch {
	case file.special:
		return d.toSpecial(ctx, file)
	case d.part.set:
		file.suffix = rangeSuffix
	case d.target.typ == ftp.TypeASCII:
		file.suffix = asciiSuffix
	}
	return d.toFile(ctx, file)
}

// check refuses what cannot be meant, before anybody is asked for anything.
func (d *download) check(local string) error {
	ascii := d.target.typ == ftp.TypeASCII
	switch {
	case d.target.path == "":
		return errors.New("the URL names no file")
	case d.resume && d.part.set:
		return errors.New("--resume and --range exclude each other")
	case d.resume && local == "-":
		return errors.New("--resume needs a local file")
	case ascii && (d.resume || d.part.set):
		return errors.New(";type=a has no byte positions for --resume and --range")
	}
	return nil
}

// open logs in and asks for the size, which tells a complete file later.
func (d *download) open(ctx context.Context) error {
	var err error
	if d.client, err = d.connect(ctx, d.target); err != nil {
		return err
	}
	if d.target.typ == ftp.TypeASCII {
		return nil
	}
	d.size, d.known, err = sizeOf(ctx, d.client, d.target.path)
	if d.known {
		d.expected = d.size
	}
	return err
}

func (d *download) toStream(ctx context.Context, w io.Writer) error {
	if err := d.open(ctx); err != nil {
		return err
	}
	return d.transfer(ctx, d.part.from, w)
}

// toSpecial writes to a device or a pipe, which must not be replaced by a file.
func (d *download) toSpecial(ctx context.Context, file localFile) error {
	w, err := file.openSpecial()
	if err != nil {
		return usage(err)
	}
	err = d.toStream(ctx, w)
	if closeErr := w.Close(); err == nil && closeErr != nil {
		err = &ftp.Error{Op: "write", Path: file.name, Err: closeErr}
	}
	return err
}

func (d *download) toFile(ctx context.Context, file localFile) error {
	offset, err := file.partSize()
	if err != nil {
		return usage(err)
	}
	if !d.resume {
		offset = d.part.from
	}
	if err := d.open(ctx); err != nil {
		return err
	}
	if d.resume && d.known && offset > d.size {
		return fmt.Errorf("%w: %s holds %d bytes, but the file on the server only %d; remove it to begin anew",
			errUnverified, file.partName(), offset, d.size)
	}
	if d.resume && offset > 0 && d.known && offset == d.size {
		d.result.Transfer = &transferJSON{Path: d.target.path, Offset: offset, Size: &d.size, Verified: true}
		return file.finish()
	}
	w := &partWriter{file: file, keep: d.resume}
	err = d.transfer(ctx, offset, w)
	if closeErr := w.close(err == nil); err == nil && closeErr != nil {
		err = &ftp.Error{Op: "write", Path: file.name, Err: closeErr}
	}
	if err != nil {
		return err
	}
	return file.finish()
}

// transfer downloads from offset on, and makes sure that all came.
func (d *download) transfer(ctx context.Context, offset int64, w io.Writer) error {
	if d.part.set && d.known && offset > 0 && offset >= d.size {
		return fmt.Errorf("%w: the range begins at %d, but the file has only %d bytes", errUnverified, offset, d.size)
	}
	var res ftp.Result
	var err error
	if d.part.limited() {
		res, err = d.retrievePart(ctx, w)
	} else {
		res, err = d.client.RetrieveFrom(ctx, d.target.path, offset, w)
	}
	d.result.Transfer = newTransferJSON(res)
	if errors.Is(err, ftp.ErrUnconfirmed) && d.confirm(ctx, d.target, d.target.path, offset+res.Bytes) {
		d.say("the server's last reply never came; on a new login the size of the file is that of what was received")
		err = nil
	}
	if err != nil {
		return err
	}
	return d.verify(offset + res.Bytes)
}

// verify compares the end of what came with the size that the server told. A
// file that has grown meanwhile is no shorter than it was.
func (d *download) verify(end int64) error {
	if !d.known {
		return nil
	}
	d.result.Transfer.Size = &d.size
	want := d.size
	if d.part.limited() {
		want = min(want, d.part.to+1)
	}
	if end < want {
		return fmt.Errorf("%w: the data ends at byte %d, but the server told a size of %d", errUnverified, end, d.size)
	}
	d.result.Transfer.Verified = true
	return nil
}

// retrievePart reads as much as the range wants and breaks the transfer off.
func (d *download) retrievePart(ctx context.Context, w io.Writer) (ftp.Result, error) {
	r, err := d.client.OpenFrom(ctx, d.target.path, d.part.from)
	if err != nil {
		return ftp.Result{Path: d.target.path}, err
	}
	n, err := io.Copy(w, io.LimitReader(r, d.part.length()))
	res := r.Result()
	res.Bytes = n
	if err != nil {
		_ = r.Abort() // the first error is the one to tell
		var ftpErr *ftp.Error
		if !errors.As(err, &ftpErr) {
			err = &ftp.Error{Op: "retrieve", Path: d.target.path, Err: err}
		}
		return res, err
	}
	_ = r.Close() // all that was wanted is here, whatever the server says of being stopped
	return res, nil
}
