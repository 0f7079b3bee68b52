package wire

import (
	"fmt"
	"strings"
)

// MaxCommand is the longest command line in bytes, with its CRLF.
const MaxCommand = 64 << 10

// An ArgumentError says why a command was not built. It never repeats the
// argument, which may be a password.
type ArgumentError struct {
	Verb   string // the verb, up to its first byte that is not allowed
	Reason string // such as "line feed in an argument"
	Offset int    // of the offending byte in its verb or argument, or -1
}

func (e *ArgumentError) Error() string {
	verb := e.Verb
	if verb == "" {
		verb = "a command"
	}
	if e.Offset < 0 {
		return fmt.Sprintf("refused to send %s: %s", verb, e.Reason)
	}
	return fmt.Sprintf("refused to send %s: %s at byte %d", verb, e.Reason, e.Offset)
}

// AppendCommand appends one command line to dst: the verb, each argument behind
// a blank, and CRLF. It is the only place where a command line is built.
//
// A verb that is empty or holds a blank, a control or a non-ASCII byte, an
// argument with CR, LF or NUL, and a line over [MaxCommand] are refused with an
// *ArgumentError, and dst is returned as it was. A byte 0xFF in an argument is
// doubled, because it is the escape of the Telnet protocol (RFC 959 section
// 4.1.3, RFC 854). An empty argument leaves its blank: "PASS " is a valid line.
func AppendCommand(dst []byte, verb string, args ...string) ([]byte, error) {
	if err := checkCommand(verb, args); err != nil {
		return dst, err
	}
	dst = append(dst, verb...)
	for _, arg := range args {
		dst = append(dst, ' ')
		for {
			i := strings.IndexByte(arg, telnetIAC)
			if i < 0 {
				break
			}
			dst = append(dst, arg[:i]...)
			dst = append(dst, telnetIAC, telnetIAC)
			arg = arg[i+1:]
		}
		dst = append(dst, arg...)
	}
	return append(dst, '\r', '\n'), nil
}

// CheckArgument returns the *ArgumentError with which every command would refuse
// arg, or nil.
func CheckArgument(arg string) error {
	if err := checkCommand("X", []string{arg}); err != nil {
		refused := *err.(*ArgumentError) //nolint:errorlint // it is no other
		refused.Verb = ""
		return &refused
	}
	return nil
}

func checkCommand(verb string, args []string) error {
	if verb == "" {
		return &ArgumentError{Reason: "empty verb", Offset: -1}
	}
	if len(verb) > MaxCommand {
		return &ArgumentError{Reason: "verb too long", Offset: -1}
	}
	for i := range len(verb) {
		if c := verb[i]; c <= ' ' || c >= 0x7f {
			return &ArgumentError{Verb: verb[:i], Reason: "blank, control or non-ASCII byte in the verb", Offset: i}
		}
	}
	size := len(verb) + len("\r\n")
	for _, arg := range args {
		// The length comes first: what is too long is not even looked through.
		if size += 1 + len(arg); size > MaxCommand {
			return tooLong(verb)
		}
		if i := strings.IndexAny(arg, "\r\n\x00"); i >= 0 {
			return &ArgumentError{Verb: verb, Reason: nameOfControl(arg[i]) + " in an argument", Offset: i}
		}
		if size += strings.Count(arg, "\xff"); size > MaxCommand {
			return tooLong(verb)
		}
	}
	if size > MaxCommand {
		return tooLong(verb)
	}
	return nil
}

func tooLong(verb string) error {
	return &ArgumentError{
		Verb:   verb[:min(len(verb), maxQuote)],
		Reason: fmt.Sprintf("line longer than %d bytes", MaxCommand),
		Offset: -1,
	}
}

func nameOfControl(c byte) string {
	switch c {
	case '\r':
		return "carriage return"
	case '\n':
		return "line feed"
	}
	return "NUL byte"
}
