package doctor

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dualport/ftp"
)

// writeTables writes one table for each family and security.
func (r *Report) writeTables(b *strings.Builder) {
	for _, section := range r.sections() {
		section.writeTable(b)
	}
}

func (m methods) writeTable(b *strings.Builder) {
	b.WriteString(m.title() + ":\n")
	if m.session.Outcome != 0 {
		fmt.Fprintf(b, "no session, %s: %s\n\n", m.session.Outcome, Visible(m.session.note()))
		return
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "METHOD\tADDRESS\tRESULT\tADVERTISED\tCONNECTION\tTLS\tTIME") // a strings.Builder takes everything
	for _, row := range m.rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row.Method, dash(row.Policy), row.Outcome,
			dash(row.Advertised), dash(row.connection()), dash(row.encryption()), row.time())
	}
	_ = t.Flush()
	b.WriteByte('\n')
	noted := false
	for _, row := range m.rows {
		if note := row.note(); note != "" {
			fmt.Fprintf(b, "%s: %s\n", row.name(), Visible(note))
			noted = true
		}
	}
	if noted {
		b.WriteByte('\n')
	}
}

// title names the section, such as "IPv4, explicit TLS".
func (m methods) title() string {
	title := "in clear"
	if m.security != ftp.TLSNone.String() {
		title = m.security + " TLS"
	}
	if m.family != "" {
		return m.family + ", " + title
	}
	return strings.ToUpper(title[:1]) + title[1:]
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
