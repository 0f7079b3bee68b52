package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// resultWriter writes the result as one JSON object. The entries of a listing go
// out as they come, because a server can go on for ever; what is known at the end
// only follows them.
type resultWriter struct {
	w     *bufio.Writer
	begun bool
}

func newResultWriter(w io.Writer) *resultWriter {
	return &resultWriter{w: bufio.NewWriterSize(w, 64<<10)}
}

// entry writes one entry of the listing that r is about.
func (w *resultWriter) entry(r *result, e entryJSON) error {
	separator := ","
	if !w.begun {
		w.begun = true
		head, err := indented(r.subject)
		if err != nil {
			return err
		}
		_, _ = w.w.WriteString(strings.TrimSuffix(head, "\n}")) // an error stays, and the last call tells it
		separator = ",\n  \"entries\": ["
	}
	text, err := compact(e)
	if err != nil {
		return err
	}
	_, err = w.w.WriteString(separator + "\n    " + text)
	return err
}

// end writes what of r is not written yet.
func (w *resultWriter) end(r *result) error {
	var text string
	var err error
	if w.begun {
		text, err = indented(r.ending)
		text = "\n  ]," + strings.TrimPrefix(text, "{")
	} else {
		text, err = indented(r)
	}
	if err != nil {
		return err
	}
	_, _ = w.w.WriteString(text + "\n") // an error stays, and the last call tells it
	return w.w.Flush()
}

func compact(v any) (string, error) { return encoded(v, "") }

func indented(v any) (string, error) { return encoded(v, "  ") }

func encoded(v any, indent string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}
