package doctor

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

// pageFiles are the templates of the page and its style sheet.
//
//go:embed page
var pageFiles embed.FS

// WriteHTML writes the report as one page that a user can send to an
// administrator: a drawing of the path with every connection on it, what to do,
// and everything that was found. The page loads nothing and runs nothing, and the
// same report gives the same bytes. What the server said is escaped, for HTML and
// for the eye.
//
// The error is that of w.
func (r *Report) WriteHTML(w io.Writer) error {
	page, err := r.render()
	if err != nil {
		return fmt.Errorf("writing the page about %s: %w", Visible(r.Host), err)
	}
	_, err = io.WriteString(w, page)
	return err
}

func (r *Report) render() (string, error) {
	style, err := pageFiles.ReadFile("page/page.css")
	if err != nil {
		return "", err
	}
	funcs := template.FuncMap{
		"style":   func() template.CSS { return template.CSS(style) }, // our own, no one else's
		"dash":    dash,
		"said":    func(o Outcome) string { return o.said("not asked") },
		"session": func(t TLS) string { return t.sessionText() },
		"seconds": func(d time.Duration) string { return d.Round(time.Millisecond).String() },
	}
	t, err := template.New("page.html.tmpl").Funcs(funcs).ParseFS(pageFiles, "page/*.tmpl")
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, r.page()); err != nil {
		return "", err
	}
	return visibleLines(b.String()), nil
}

// visibleLines is Visible for a text of several lines. The whole page passes it,
// so that no string can be forgotten; the templates hold nothing that it changes.
func visibleLines(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexAny(s, "\n\t")
		if n < 0 {
			n = len(s)
		}
		b.WriteString(Visible(s[:n]))
		if n < len(s) {
			b.WriteByte(s[n])
			n++
		}
		s = s[n:]
	}
	return b.String()
}

// page is what the templates print. They read the Report itself too.
type page struct {
	*Report
	Verdict verdict
	Groups  []group
}

func (r *Report) page() page {
	return page{Report: r, Verdict: r.verdict(), Groups: r.groups()}
}

// Several tells whether the groups need headings of their own.
func (p page) Several() bool { return len(p.Groups) > 1 }

// finding is a row as the table of the page shows it.
type finding struct {
	Name, Mark, Class, Outcome    string
	Advertised, Dialled, Listened string
	Encryption, Time, Note        string
}

func (r Row) finding() finding {
	return finding{
		Name: cmp.Or(r.name(), "no session"), Mark: r.Outcome.mark(), Class: r.Outcome.class(), Outcome: r.Outcome.String(),
		Advertised: r.Advertised, Dialled: r.Dialled, Listened: r.Listened,
		Encryption: r.encryption(), Time: r.time(), Note: r.note(),
	}
}

// class is the colour of an outcome, and mark says the same without colour.
func (o Outcome) class() string {
	switch o {
	case Works:
		return "good"
	case NotApplicable, Skipped:
		return "none"
	}
	return "bad"
}

func (o Outcome) mark() string {
	switch o.class() {
	case "good":
		return "✓"
	case "none":
		return "–"
	}
	return "✗"
}
