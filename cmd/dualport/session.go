package main

import (
	"context"
	"errors"

	"github.com/dualport/ftp"
)

// parse reads a URL argument and keeps its password out of everything that is
// printed from now on.
func (j *job) parse(arg string) (target, error) {
	t, err := j.readURL(arg)
	if err != nil {
		return t, usage(err)
	}
	if j.flags.user != "" {
		t.userSet = true
		if t.user != j.flags.user {
			t.passSet, t.password = false, ""
		}
		t.user = j.flags.user
	}
	j.result.URL = t.String()
	return t, nil
}

// readURL reads a URL and settles how the session with its server is encrypted.
func (j *job) readURL(arg string) (target, error) {
	t, err := parseURL(arg)
	if err == nil {
		t.tls, err = j.flags.tls.modeFor(t.tls)
	}
	return t, err
}

// options is everything the library needs to know to log in to t.
func (j *job) options(ctx context.Context, t target) (ftp.Options, error) {
	if err := j.flags.checkEmpty(); err != nil {
		return ftp.Options{}, usage(err)
	}
	o, err := j.flags.options(t.tls)
	if err != nil {
		return o, err
	}
	if !j.flags.demo {
		if err := j.setProxy(&o, t.address()); err != nil {
			return o, err
		}
	}
	if err := j.setNAT(&o); err != nil {
		return o, err
	}
	l, err := j.findLogin(ctx, t)
	if err != nil {
		return o, err
	}
	o.User, o.Password, o.Account = l.user, l.password, l.account
	if !isAnonymous(l.user) {
		j.hide(l.password)
	}
	j.hide(l.account)
	o.Limits.ListLines = j.env.maxEntries
	j.encryption.mode, j.encryption.ccc = t.tls, o.ClearControlUnsafe
	if o.Trace, err = j.trace(); err != nil {
		return o, err
	}
	j.noteProxy()
	o.Progress = j.progress()
	if j.flags.demo {
		j.keepLocal(&o)
	}
	return o, nil
}

// connect logs in. The session is closed at the end of the run.
func (j *job) connect(ctx context.Context, t target) (*ftp.Client, error) {
	o, err := j.options(ctx, t)
	if err != nil {
		return nil, err
	}
	j.dialled = o
	c, err := ftp.Dial(ctx, t.address(), &o)
	if err != nil {
		return nil, err
	}
	j.closers = append(j.closers, func() { _ = c.Close() }) // the result is known by now
	j.warnOfClear(t)
	if t.typ != ftp.TypeImage {
		err = c.SetType(ctx, t.typ)
	}
	return c, err
}

// sizeOf asks for the size of a file; known is false where the server does not
// tell, which is no error.
func sizeOf(ctx context.Context, c *ftp.Client, path string) (size int64, known bool, err error) {
	size, err = c.Size(ctx, path)
	switch {
	case err == nil:
		return size, true, nil
	case errors.Is(err, ftp.ErrBroken), ctx.Err() != nil, ftp.ReplyCode(err) == 0 && !errors.Is(err, errors.ErrUnsupported):
		return 0, false, err
	}
	return 0, false, nil
}

// confirm looks on a new login whether the server's file has the wanted size,
// after a transfer whose final reply never came.
func (j *job) confirm(ctx context.Context, t target, path string, want int64) bool {
	if t.typ != ftp.TypeImage {
		return false
	}
	c, err := ftp.Dial(ctx, t.address(), &j.dialled)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }() // only asked
	size, known, err := sizeOf(ctx, c, path)
	return err == nil && known && size == want
}
