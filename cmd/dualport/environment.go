package main

import (
	"context"
	"io"
	"os"

	"golang.org/x/term"
)

// environment is what the process has and a test brings along.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	home           func() (string, error)
	// terminal tells whether a stream is one that a person looks at.
	terminal func(stream any) bool
	// maxEntries bounds a listing that is printed: a server can go on for ever.
	maxEntries int
}

const maxEntries = 1_000_000

func systemEnvironment() environment {
	return environment{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		getenv:     os.Getenv,
		home:       os.UserHomeDir,
		terminal:   isTerminal,
		maxEntries: maxEntries,
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// cancelReader ends a blocked read of standard input when ctx ends. The read
// itself goes on until the process ends; nobody waits for it.
type cancelReader struct {
	ctx context.Context //nolint:containedctx // a reader has no other way to learn of it
	src io.Reader
	buf []byte // filled by one read at a time
}

type readOutcome struct {
	n   int
	err error
}

// Read implements io.Reader.
func (r *cancelReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	if len(r.buf) < len(p) {
		r.buf = make([]byte, len(p))
	}
	buf, done := r.buf[:len(p)], make(chan readOutcome, 1)
	go func() {
		n, err := r.src.Read(buf)
		done <- readOutcome{n, err}
	}()
	select {
	case o := <-done:
		return copy(p, buf[:o.n]), o.err
	case <-r.ctx.Done():
		return 0, context.Cause(r.ctx)
	}
}
