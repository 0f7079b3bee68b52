package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dualport/ftp"
)

// The exit codes are a contract with scripts.
const (
	codeDone        = 0
	codeUsage       = 1
	codeConnect     = 2
	codeLogin       = 3
	codeData        = 4
	codeRefused     = 5
	codeIncomplete  = 6
	codeTLS         = 7
	codeInterrupted = 130
)

// usageError is a mistake in the command line, found before the server was
// asked for anything.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// errUnverified is matched where the server's file is not what was transferred.
var errUnverified = errors.New("the transfer is not verified")

// exitCode maps the outcome of a command to its exit code.
func exitCode(err error) int {
	var wrong *usageError
	var ftpErr *ftp.Error
	switch {
	case err == nil:
		return codeDone
	case errors.As(err, &wrong):
		return codeUsage
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return codeInterrupted
	case tlsFailed(err):
		return codeTLS // also where it left a transfer incomplete; one that lacks its end mark only is unverified
	case errors.Is(err, errUnverified), errors.Is(err, errNotExamined), errors.Is(err, ftp.ErrIncomplete), errors.Is(err, ftp.ErrUnconfirmed), errors.Is(err, ftp.ErrTruncated):
		return codeIncomplete
	case errors.Is(err, ftp.ErrDataConnection), errors.Is(err, ftp.ErrPortRange), errors.Is(err, errNoDataMethod):
		return codeData
	case !errors.As(err, &ftpErr):
		return codeUsage // cobra's own errors; those of commands are all wrapped
	case loginRefused(err):
		return codeLogin
	case ftpErr.Op == "dial":
		return codeConnect
	case errors.Is(err, ftp.ErrBroken):
		return codeIncomplete
	case ftp.ReplyCode(err) >= 300, errors.Is(err, errors.ErrUnsupported):
		return codeRefused
	}
	return codeIncomplete // a stall, a limit, a local disk that is full
}

// loginRefused tells whether a command of the login was refused. A 530 to
// another command is about that command.
func loginRefused(err error) bool {
	for err != nil {
		if e, ok := err.(*ftp.Error); ok { //nolint:errorlint // every level is looked at
			switch e.Command {
			case "USER", "PASS", "ACCT":
				return !errors.Is(e, ftp.ErrTooManyConnections)
			}
		}
		err = errors.Unwrap(err)
	}
	return false
}
