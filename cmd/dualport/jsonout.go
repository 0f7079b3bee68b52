package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
)

// result is what --json prints. Its schema is stable: fields are added, never
// changed.
type result struct {
	Command     string           `json:"command"`
	URL         string           `json:"url,omitempty"`
	Local       string           `json:"local,omitempty"`
	ExitCode    int              `json:"exit_code"`
	Error       string           `json:"error,omitempty"`
	Hint        string           `json:"hint,omitempty"`
	Transfer    *transferJSON    `json:"transfer,omitempty"`
	Entries     []entryJSON      `json:"entries,omitzero"`
	Reply       *ftp.Reply       `json:"reply,omitempty"`
	Doctor      *doctor.Report   `json:"doctor,omitempty"`
	TLS         *sessionTLS      `json:"tls,omitempty"`
	Negotiation *negotiationJSON `json:"negotiation,omitempty"`
}

// transferJSON is a file that was moved, or the part of it that was.
type transferJSON struct {
	Path     string        `json:"path"`
	Bytes    int64         `json:"bytes"`            // carried by this transfer
	Offset   int64         `json:"offset,omitempty"` // where in the file they begin
	Size     *int64        `json:"size,omitempty"`   // of the server's file, where it tells
	Duration time.Duration `json:"duration_ns"`
	Verified bool          `json:"verified"` // the size on the server agrees
	Reply    ftp.Reply     `json:"reply"`
}

// entryJSON is one line of a listing.
type entryJSON struct {
	Name string `json:"name"`
	// NameBytes is the name in base64 where it is not valid UTF-8, which is
	// all that a JSON string can hold.
	NameBytes string     `json:"name_bytes,omitempty"`
	Type      string     `json:"type"`
	Size      *int64     `json:"size,omitempty"`
	Modify    *time.Time `json:"modify,omitempty"`
	Mode      string     `json:"mode,omitempty"` // octal permission bits
	Target    string     `json:"target,omitempty"`
	// Line is a line of the listing that could not be understood; the other
	// fields are then empty.
	Line string `json:"line,omitempty"`
}

// negotiationJSON tells how a data connection was obtained, or why not.
type negotiationJSON struct {
	Method  ftp.Method   `json:"method,omitempty"` // of the last rung
	Relogin bool         `json:"relogin,omitempty"`
	TLS     *ftp.TLSInfo `json:"tls,omitempty"` // of the data connection
	Rungs   []rungJSON   `json:"rungs"`
}

// rungJSON is one attempt; the one without an error carried the transfer.
type rungJSON struct {
	Method     ftp.Method    `json:"method"`
	Advertised string        `json:"advertised,omitempty"`
	Dialled    string        `json:"dialled,omitempty"`
	Listened   string        `json:"listened,omitempty"`
	Local      string        `json:"local,omitempty"`
	Remote     string        `json:"remote,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	Duration   time.Duration `json:"duration_ns"`
	Error      string        `json:"error,omitempty"`
}

// fill completes the result with the outcome of the run.
func (r *result) fill(err error, code int, j *job) {
	r.ExitCode, r.TLS = code, j.encryption.session
	n := j.negotiation
	if err != nil {
		r.Error, r.Hint = j.scrub(message(err)), j.clearHint(err)
		if r.Hint == "" {
			r.Hint = j.flags.hint(err)
		}
		var e *ftp.Error
		if errors.As(err, &e) && e.Negotiation != nil {
			n = e.Negotiation
		}
	}
	if n != nil {
		r.Negotiation = newNegotiationJSON(n, j)
	}
}

func (r *result) print(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func newTransferJSON(t ftp.Result) *transferJSON {
	return &transferJSON{Path: t.Path, Bytes: t.Bytes, Offset: t.Offset, Duration: t.Duration, Reply: t.Reply}
}

func newEntryJSON(e ftp.Entry) entryJSON {
	out := entryJSON{Name: e.Name(), Type: e.EntryType().String(), Target: e.LinkTarget()}
	if !utf8.ValidString(out.Name) {
		out.NameBytes = base64.StdEncoding.EncodeToString([]byte(out.Name))
	}
	if size := e.Size(); size >= 0 {
		out.Size = &size
	}
	if modify := e.ModTime(); !modify.IsZero() {
		out.Modify = &modify
	}
	if e.HasMode() {
		out.Mode = fmt.Sprintf("%04o", e.Mode().Perm())
	}
	return out
}

func newNegotiationJSON(n *ftp.Negotiation, j *job) *negotiationJSON {
	out := &negotiationJSON{Method: n.Method(), Relogin: n.Relogin, TLS: n.TLS, Rungs: make([]rungJSON, len(n.Rungs))}
	for i, r := range n.Rungs {
		out.Rungs[i] = rungJSON{
			Method: r.Method, Advertised: r.Advertised.String(), Dialled: r.Dialled, Listened: r.Listened.String(),
			Local: r.Local.String(), Remote: r.Remote.String(), Reason: r.Reason, Duration: r.Duration,
		}
		if r.Err != nil {
			out.Rungs[i].Error = j.scrub(flagWords(causeText(r.Err)))
		}
	}
	return out
}

// causeText is the text of a rung's error without an empty operation.
func causeText(err error) string {
	var e *ftp.Error
	if !errors.As(err, &e) || e.Reply.Code == 0 || e.Op != "" {
		return err.Error()
	}
	text := fmt.Sprintf("server answered %s with %q", e.Command, e.Reply)
	if e.Err != nil {
		text = e.Err.Error() + ": " + text
	}
	return text
}
