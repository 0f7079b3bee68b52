package doctor

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// WriteText writes the report for a person: the server, a table of what works,
// and the advice. Control characters in what the server said are escaped, so
// that it cannot speak to the terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.writeServer(&b)
	r.writeTable(&b)
	r.writeAdvice(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) writeServer(b *strings.Builder) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "%-14s %s\n", name+":", visible(value))
		}
	}
	line("server", r.Host)
	line("connection", r.Local+" to "+r.Remote)
	greeting, _, more := strings.Cut(r.Greeting, "\n")
	if more {
		greeting += " …"
	}
	line("greeting", greeting)
	line("system", r.System)
	line("features", strings.Join(r.Features, " "))
	line("passive ports", r.PassivePorts)
	b.WriteByte('\n')
}

func (r *Report) writeTable(b *strings.Builder) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "METHOD\tADDRESS\tRESULT\tADVERTISED\tCONNECTION\tTIME") // a strings.Builder takes everything
	for _, row := range r.Rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", row.Method, dash(row.Policy), row.Outcome,
			dash(row.Advertised), dash(row.connection()), row.time())
	}
	_ = t.Flush()
	b.WriteByte('\n')
	for _, row := range r.Rows {
		if note := row.note(); note != "" {
			fmt.Fprintf(b, "%s: %s\n", row.name(), visible(note))
		}
	}
}

func (r *Report) writeAdvice(b *strings.Builder) {
	b.WriteString("\nWhat to do:\n")
	for i, a := range r.Advice {
		fmt.Fprintf(b, "%d. %s\n", i+1, visible(a.Text))
		if a.Flags != "" {
			fmt.Fprintf(b, "   flags:   %s\n", a.Flags)
		}
		if a.Options != "" {
			fmt.Fprintf(b, "   library: %s\n", a.Options)
		}
	}
}

func (r Row) name() string {
	if r.Policy == "" {
		return string(r.Method)
	}
	return string(r.Method) + " " + r.Policy
}

func (r Row) connection() string {
	switch {
	case r.Dialled != "":
		return "to " + r.Dialled
	case r.Listened != "":
		return "at " + r.Listened
	}
	return ""
}

func (r Row) time() string {
	if r.Duration == 0 {
		return "-"
	}
	return r.Duration.Round(time.Millisecond / 10).String()
}

// note is what the table has no room for: the error, or the reason of a choice
// that a person may wonder at.
func (r Row) note() string {
	switch {
	case r.Error != "":
		return r.Error
	case r.Outcome == NotApplicable, r.Policy != "" && hostOf(r.Advertised) != hostOf(r.Dialled):
		return r.Reason
	}
	return ""
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// visible replaces what could steer a terminal by its escape sequence.
func visible(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		c, n := utf8.DecodeRuneInString(s)
		if c == utf8.RuneError && n == 1 || !unicode.IsPrint(c) {
			for _, raw := range []byte(s[:n]) {
				fmt.Fprintf(&b, `\x%02x`, raw)
			}
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}
