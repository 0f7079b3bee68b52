package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
)

// result is what --json prints. Its schema is stable: fields are added, never
// changed.
type result struct {
	subject
	Entries []entryJSON `json:"entries,omitzero"` // as far as they were not written before
	ending
}

// subject is what is known from the beginning.
type subject struct {
	Command string `json:"command"`
	URL     string `json:"url,omitempty"`
}

// ending is what is known at the end.
type ending struct {
	Local       string           `json:"local,omitempty"`
	ExitCode    int              `json:"exit_code"`
	Error       string           `json:"error,omitempty"`
	Hint        string           `json:"hint,omitempty"`
	Transfer    *transferJSON    `json:"transfer,omitempty"`
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
	// ControlPeer is the server's address, and ControlEncrypted whether the
	// methods were negotiated over TLS.
	ControlPeer      netip.Addr `json:"control_peer,omitzero"`
	ControlEncrypted bool       `json:"control_encrypted,omitempty"`
	// Rungs are the attempts; the one without an error carried the transfer.
	Rungs []ftp.Rung `json:"rungs"`
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
	out := &negotiationJSON{
		Method: n.Method(), Relogin: n.Relogin, TLS: n.TLS,
		ControlPeer: n.ControlPeer, ControlEncrypted: n.ControlEncrypted, Rungs: make([]ftp.Rung, len(n.Rungs)),
	}
	for i, r := range n.Rungs {
		r.Reason = flagWords(r.Reason)
		if r.Err != nil {
			r.Err = errors.New(j.scrub(flagWords(r.Err.Error())))
		}
		out.Rungs[i] = r
	}
	return out
}
