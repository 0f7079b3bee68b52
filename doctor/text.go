package doctor

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dualport/ftp"
)

// WriteText writes the report for a person: the server, a table of what works
// for each family and security, and the advice. Control characters in what the
// server said are escaped, so that it cannot speak to the terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.writeServer(&b)
	r.writeWay(&b)
	r.writeTLS(&b)
	b.WriteByte('\n')
	r.writeTables(&b)
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
	writeLine(b, "connection", r.control())
	greeting, _, more := strings.Cut(r.Greeting, "\n")
	if more {
		greeting += " …"
	}
	writeLine(b, "greeting", greeting)
	writeLine(b, "system", r.System)
	writeLine(b, "features", strings.Join(r.Features, " "))
	writeLine(b, "passive ports", r.PassivePorts)
}

// proxied tells whether the hook leads elsewhere than to the server itself.
func (r *Report) proxied() bool { return r.Proxied && (r.Via == "" || r.Via != r.Remote) }

// control is the control connection in words; empty where none came about.
func (r *Report) control() string {
	switch {
	case r.proxied() && r.Via != "":
		return r.Local + " to the proxy " + r.Via + ", and on to " + cmp.Or(r.Remote, r.Host)
	case r.Remote != "":
		return r.Local + " to " + r.Remote
	}
	return ""
}

// writeWay tells of what is between the two ends.
func (r *Report) writeWay(b *strings.Builder) {
	if len(r.Rows) == 0 {
		return
	}
	if r.SeenAs == "" {
		writeLine(b, "seen as", "not known")
	} else {
		writeLine(b, "seen as", r.SeenAs+", by "+r.SeenBy)
	}
	writeLine(b, "NAT", r.NAT.String())
	if r.Inconclusive() {
		writeLine(b, "result", "not examined: no way to a data connection was tried")
	}
	for _, rewrite := range r.Rewrites {
		writeLine(b, "rewritten", rewrite.String())
	}
}

// String is the finding in a line.
func (r Rewrite) String() string {
	text := r.What
	if r.Said != "" {
		text += " " + r.Said
	}
	if r.Arrived != "" {
		text += " to " + r.Arrived
	}
	return text + ": " + r.Evidence
}

func (r *Report) writeTLS(b *strings.Builder) {
	t := &r.TLS
	if t.Mode == ftp.TLSNone.String() {
		writeLine(b, "TLS", "not used; explicit TLS: "+t.Explicit.said("not tried"))
	} else {
		writeLine(b, "TLS", t.Mode+": "+cmp.Or(t.sessionText(), "did not come about"))
	}
	writeLine(b, "TLS error", t.Error)
	if c := t.Certificate; c != nil {
		writeLine(b, "certificate", c.Subject+", "+c.issuer())
		writeLine(b, "  names", strings.Join(c.Names, ", "))
		writeLine(b, "  valid", c.ValidFrom.Format(time.DateOnly)+" to "+c.ValidUntil.Format(time.DateOnly))
		writeLine(b, "  key", c.KeyPin)
		writeLine(b, "  verifies", cmp.Or(c.Problem, "yes"))
	}
	if t.encrypted() {
		writeLine(b, "data", "encrypted (PROT P): "+t.Private.said("not asked")+"; in clear (PROT C): "+t.Clear.said("not asked"))
	}
	if t.encrypted() || t.SessionReuse != ReuseUnknown {
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

func (r *Report) writeAdvice(b *strings.Builder) {
	if len(r.Advice) == 0 {
		return
	}
	b.WriteString("What to do:\n")
	for i, a := range r.Advice {
		fmt.Fprintf(b, "%d. %s\n", i+1, Visible(a.Text))
		if a.Flags != "" {
			fmt.Fprintf(b, "   flags:   %s\n", Visible(a.Flags))
		}
		if a.Options != "" {
			fmt.Fprintf(b, "   library: %s\n", Visible(a.Options))
		}
		for _, c := range a.Commands {
			fmt.Fprintf(b, "   %s:\n", Visible(c.For))
			for line := range strings.Lines(c.Text) {
				fmt.Fprintf(b, "       %s\n", Visible(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "  ")))
			}
		}
	}
}
