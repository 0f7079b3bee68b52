package doctor

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dualport/ftp"
)

// WriteText writes the report for a person: the server, a table of what works,
// and the advice. Control characters in what the server said are escaped, so
// that it cannot speak to the terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.writeServer(&b)
	r.writeTLS(&b)
	if len(r.Rows) > 0 {
		r.writeTable(&b)
	}
	r.writeAdvice(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeLine writes what has a name, unless there is nothing to write.
func writeLine(b *strings.Builder, name, value string) {
	if value != "" {
		fmt.Fprintf(b, "%-14s %s\n", name+":", Visible(value))
	}
}

func (r *Report) writeServer(b *strings.Builder) {
	writeLine(b, "server", r.Host)
	if r.Remote != "" {
		writeLine(b, "connection", r.Local+" to "+r.Remote)
	}
	greeting, _, more := strings.Cut(r.Greeting, "\n")
	if more {
		greeting += " …"
	}
	writeLine(b, "greeting", greeting)
	writeLine(b, "system", r.System)
	writeLine(b, "features", strings.Join(r.Features, " "))
	writeLine(b, "passive ports", r.PassivePorts)
}

func (r *Report) writeTLS(b *strings.Builder) {
	t := &r.TLS
	defer b.WriteByte('\n')
	if t.Mode == ftp.TLSNone.String() {
		writeLine(b, "TLS", "not used; explicit TLS: "+t.Explicit.said("not tried"))
	} else {
		writeLine(b, "TLS", t.Mode+": "+cmp.Or(t.sessionText(), "did not come about"))
	}
	writeLine(b, "TLS error", t.Error)
	if c := t.Certificate; c != nil {
		writeLine(b, "certificate", c.Subject+", issued by "+c.Issuer)
		writeLine(b, "  names", strings.Join(c.Names, ", "))
		writeLine(b, "  valid", c.ValidFrom.Format(time.DateOnly)+" to "+c.ValidUntil.Format(time.DateOnly))
		writeLine(b, "  key", c.KeyPin)
		writeLine(b, "  verifies", cmp.Or(c.Problem, "yes"))
	}
	if t.encrypted() {
		writeLine(b, "data", "encrypted (PROT P): "+t.Private.said("not asked")+"; in clear (PROT C): "+t.Clear.said("not asked"))
		reuse := t.SessionReuse.String()
		if t.ReuseNote != "" {
			reuse += ": " + t.ReuseNote
		}
		writeLine(b, "session reuse", reuse)
	}
}

// sessionText tells how the control connection was encrypted.
func (t *TLS) sessionText() string {
	if t.Version == "" {
		return ""
	}
	text := t.Version + ", " + t.CipherSuite
	if t.Cleared {
		text += "; in clear after the login (CCC)"
	}
	return text
}

// said is the outcome of something that was asked for, in the server's view.
func (o Outcome) said(untried string) string {
	switch o {
	case Works:
		return "accepted"
	case Skipped:
		return untried
	}
	return o.String()
}

func (r *Report) writeTable(b *strings.Builder) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "METHOD\tADDRESS\tRESULT\tADVERTISED\tCONNECTION\tTLS\tTIME") // a strings.Builder takes everything
	for _, row := range r.Rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row.Method, dash(row.Policy), row.Outcome,
			dash(row.Advertised), dash(row.connection()), dash(row.encryption()), row.time())
	}
	_ = t.Flush()
	b.WriteByte('\n')
	noted := false
	for _, row := range r.Rows {
		if note := row.note(); note != "" {
			fmt.Fprintf(b, "%s: %s\n", row.name(), Visible(note))
			noted = true
		}
	}
	if noted {
		b.WriteByte('\n')
	}
}

func (r *Report) writeAdvice(b *strings.Builder) {
	if len(r.Advice) == 0 {
		return
	}
	b.WriteString("What to do:\n")
	for i, a := range r.Advice {
		fmt.Fprintf(b, "%d. %s\n", i+1, Visible(a.Text))
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

func (r Row) encryption() string {
	switch {
	case r.TLS == nil:
		return ""
	case r.TLS.Resumed:
		return r.TLS.Version + ", resumed"
	}
	return r.TLS.Version + ", new"
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
