package ftp

import (
	"fmt"
	"strings"

	"github.com/dualport/ftp/internal/wire"
)

// Reply is a server's answer to one command (RFC 959 section 4.2).
type Reply struct {
	// Code is the three-digit code, such as 226; zero where there is no reply.
	Code int `json:"code"`
	// Lines is the text, without the code, one string a line.
	Lines []string `json:"lines,omitempty"`
}

// Text returns the lines joined with newlines.
func (r Reply) Text() string { return strings.Join(r.Lines, "\n") }

// String returns the code and the last line, the way a person quotes a reply.
func (r Reply) String() string {
	if len(r.Lines) == 0 {
		return fmt.Sprint(r.Code)
	}
	return fmt.Sprintf("%03d %s", r.Code, r.Lines[len(r.Lines)-1])
}

func newReply(r wire.Reply) Reply { return Reply{Code: r.Code, Lines: r.Lines} }

// class is the first digit, which alone says how the command went.
func (r Reply) class() int { return r.Code / 100 }

func (r Reply) preliminary() bool  { return r.class() == 1 }
func (r Reply) positive() bool     { return r.class() == 2 }
func (r Reply) intermediate() bool { return r.class() == 3 }
func (r Reply) negative() bool     { return r.class() >= 4 }

// notImplemented tells whether the server does not know the command at all,
// so that asking again in this session is in vain.
func (r Reply) notImplemented() bool {
	switch r.Code {
	case 500, 501, 502, 504, 522:
		return true
	}
	return false
}

// noDataConnection tells whether the server gave up for lack of a data
// connection: the transfer itself was not refused.
func (r Reply) noDataConnection() bool { return r.Code == 425 || r.Code == 426 }
