package ftp

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Sentinels, matched with [errors.Is]. A missing file matches
// [fs.ErrNotExist], a refused permission [fs.ErrPermission] and a name that is
// taken [fs.ErrExist]; what a server cannot do matches [errors.ErrUnsupported].
var (
	// ErrBusy is returned by a call made while a transfer of the same client
	// is open. It leaves the transfer as it is.
	ErrBusy = errors.New("a transfer is open on this client; close it first, or use a second client")
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("the client is closed")
	// ErrBroken is matched by every call on a session that is out of step with
	// the server or cut off. Dial a new client.
	ErrBroken = errors.New("the session is broken; dial again")
	// ErrLogin is matched by a refused login (530 and the like). Trying the
	// same credentials again may lock the account.
	ErrLogin = errors.New("login refused")
	// ErrTooManyConnections is matched where the server said that it serves no
	// further session for now (421, or 530 with a text that says so).
	ErrTooManyConnections = errors.New("the server accepts no further connection for now")
	// ErrDataConnection is matched where no method led to a data connection.
	// The error's Negotiation tells what was tried.
	ErrDataConnection = errors.New("no data connection")
	// ErrIncomplete is matched by a transfer of which some bytes are missing.
	ErrIncomplete = errors.New("the transfer is incomplete")
	// ErrUnconfirmed is matched where all data moved, but the server's final
	// reply did not come: the file may or may not be whole on the other side.
	ErrUnconfirmed = errors.New("the transfer was not confirmed by the server")
)

// Error is the error of every method of [Client] and of [Dial].
type Error struct {
	// Op is the operation in lower case, such as "retrieve".
	Op string
	// Path is the remote path, where the operation has one.
	Path string
	// Host is the server as it was dialled, host:port.
	Host string
	// Command is the verb of the command that was refused, such as "RETR".
	Command string
	// Reply is what the server answered; its Code is zero where it did not.
	Reply Reply
	// Negotiation tells how the data connection was sought; nil where none was.
	Negotiation *Negotiation
	// Err is the cause; nil where the reply says it all.
	Err error
}

// Error says what was attempted and what came of it, on one line.
func (e *Error) Error() string {
	causes := strings.Join(e.causes(), ": ")
	if e.Op == "" { // the cause of another
		return causes
	}
	var b strings.Builder
	b.WriteString("ftp: " + e.Op)
	if e.Path != "" {
		fmt.Fprintf(&b, " %s", quoted(e.Path))
	}
	if e.Host != "" {
		b.WriteString(" on " + e.Host)
	}
	if causes != "" {
		b.WriteString(": " + causes)
	}
	return b.String()
}

func (e *Error) causes() []string {
	var parts []string
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if e.Reply.Code != 0 {
		parts = append(parts, fmt.Sprintf("server answered %s with %q", e.Command, e.Reply))
	}
	if e.Negotiation != nil && len(e.Negotiation.Rungs) > 0 && errors.Is(e.Err, ErrDataConnection) {
		parts = append(parts, e.Negotiation.explain())
	}
	return parts
}

// quoted is a path as an error shows it: a long one is cut.
func quoted(path string) string {
	const most = 256
	if len(path) > most {
		return fmt.Sprintf("%q...", path[:most])
	}
	return fmt.Sprintf("%q", path)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is classes the server's reply, so that errors.Is(err, fs.ErrNotExist) and
// its like hold.
func (e *Error) Is(target error) bool {
	return target != nil && target == e.Reply.meaning(e.Command)
}

// Timeout tells whether a wait ended by its limit.
func (e *Error) Timeout() bool {
	var t *TimeoutError
	return errors.As(e.Err, &t)
}

// ReplyCode returns the code of the reply that err carries, or 0.
func ReplyCode(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Reply.Code
	}
	return 0
}

// Temporary tells whether the same call may succeed later with nothing
// changed: the server answered with a 4xx, or has too many connections.
func Temporary(err error) bool {
	return ReplyCode(err)/100 == 4 || errors.Is(err, ErrTooManyConnections)
}

// TimeoutError is the cause of an error where a wait ended by its limit.
type TimeoutError struct {
	// Wait is what was waited for, such as "reply to EPSV".
	Wait string
	// Limit is how long.
	Limit time.Duration
	// Option is the field that sets the limit, such as "Timeouts.Reply".
	Option string
}

// Error names the wait, its limit and the option that sets it.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("no %s within %v (Options.%s)", e.Wait, e.Limit, e.Option)
}

// Timeout is true; a TimeoutError is a timeout in the sense of net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// refusal is the error of a command that the server answered with a reply that
// was not wanted.
func refusal(verb string, r Reply) *Error { return &Error{Command: verb, Reply: r} }

// meaning returns the sentinel that the reply to verb stands for, or nil. A
// 550 has many reasons, and only the text tells them apart.
func (r Reply) meaning(verb string) error {
	switch {
	case r.Code == 421:
		return ErrTooManyConnections
	case r.Code == 530 || r.Code == 532:
		if r.mentions("too many", "maximum", "limit") {
			return ErrTooManyConnections
		}
		return ErrLogin
	case r.Code == 500 || r.Code == 502 || r.Code == 504:
		return errors.ErrUnsupported
	case r.Code == 521:
		return fs.ErrExist
	case r.Code == 550 || r.Code == 553 || r.Code == 450 || r.Code == 501:
		return r.fileMeaning(verb)
	}
	return nil
}

func (r Reply) fileMeaning(verb string) error {
	switch {
	case r.mentions("permission", "denied", "not allowed", "not permitted", "privilege", "forbidden", "prohibited", "read-only"):
		return fs.ErrPermission
	case r.mentions("no such", "not found", "not exist", "cannot find", "can't find", "does not exist", "doesn't exist"):
		return fs.ErrNotExist
	case r.mentions("exists"):
		return fs.ErrExist
	case r.Code == 553:
		return fs.ErrPermission
	case r.Code == 550 && opensFile(verb) && !r.mentions("not empty", "is a directory", "not a directory", "plain file", "regular file", "being used", "in use", "busy"):
		return fs.ErrNotExist
	}
	return nil
}

// opensFile tells whether a plain 550 to verb most likely means that there is
// no such file.
func opensFile(verb string) bool {
	switch verb {
	case "RETR", "SIZE", "MDTM", "MLST", "MLSD", "CWD", "RNFR", "DELE", "PRET":
		return true
	}
	return false
}

func (r Reply) mentions(words ...string) bool {
	text := strings.ToLower(r.Text())
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
