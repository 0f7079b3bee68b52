package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// maxQuote is how many bytes of a server's text an error repeats.
const maxQuote = 64

// A ProtocolError says that the server sent something that is no FTP reply.
type ProtocolError struct {
	Reason string // what is wrong, such as "no three-digit code"
	Quote  string // the start of the line, escaped and in quotes
	Looks  string // what it may be instead, such as "a TLS record"; or empty
	Err    error  // io.ErrUnexpectedEOF where the connection ended in the line
}

func (e *ProtocolError) Error() string {
	s := fmt.Sprintf("malformed reply %s: %s", e.Quote, e.Reason)
	if e.Looks != "" {
		s += "; it looks like " + e.Looks
	}
	return s
}

// Unwrap returns e.Err.
func (e *ProtocolError) Unwrap() error { return e.Err }

// quote returns the start of s as a printable ASCII string in quotes.
func quote[T ~string | ~[]byte](s T) string {
	if len(s) > maxQuote {
		return strconv.QuoteToASCII(string(s[:maxQuote])) + "..."
	}
	return strconv.QuoteToASCII(string(s))
}

// isTLSRecord reports whether b starts as a TLS record does: alert or handshake,
// version 3.x. Two bytes are enough, because no reply starts with a control byte.
func isTLSRecord(b []byte) bool {
	return len(b) >= 2 && (b[0] == 0x15 || b[0] == 0x16) && b[1] == 0x03
}

// looksLike names the protocol that a line which is no reply seems to come from.
func looksLike(line []byte) string {
	if isTLSRecord(line) {
		return "a TLS record"
	}
	s := strings.ToUpper(string(line[:min(len(line), maxQuote)]))
	switch {
	case strings.HasPrefix(s, "SSH-"):
		return "an SSH server"
	case strings.HasPrefix(s, "HTTP/"), strings.HasPrefix(s, "<!DOCTYPE"), strings.HasPrefix(s, "<HTML"):
		return "an HTTP server"
	case strings.HasPrefix(s, "+OK"), strings.HasPrefix(s, "-ERR"):
		return "a POP3 server"
	case strings.HasPrefix(s, "* OK"), strings.HasPrefix(s, "* BYE"), strings.HasPrefix(s, "* PREAUTH"):
		return "an IMAP server"
	case strings.HasPrefix(s, "RFB 00"):
		return "a VNC server"
	case strings.HasPrefix(s, "@RSYNCD:"):
		return "an rsync server"
	}
	return ""
}

// LooksLike names the protocol a greeting seems to come from when it is not FTP.
// Mail servers greet with a well-formed 220, so that only its text tells; for
// anything that may be an FTP server it returns "".
func (r Reply) LooksLike() string {
	if r.Code != 220 && r.Code != 554 {
		return ""
	}
	for _, word := range strings.FieldsFunc(strings.ToUpper(r.Text()), notAlphanumeric) {
		switch word {
		case "FTP", "FTPS", "FTPD":
			return ""
		case "SMTP", "ESMTP":
			return "an SMTP server"
		}
	}
	return ""
}

func notAlphanumeric(c rune) bool {
	return !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9')
}
