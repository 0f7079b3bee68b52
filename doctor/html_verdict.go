package doctor

import (
	"cmp"
	"strings"
)

// verdict is the report in one sentence.
type verdict struct {
	Class, Mark, Text string
	Flags             string // the settings that it needs
	More              string // a second sentence: what it does not hold for
}

func (r *Report) verdict() verdict {
	v := verdict{More: r.deaf()}
	switch {
	case len(r.Rows) == 0:
		v.Class, v.Mark, v.Text = "bad", "✗", "No session with the server came about."
		if r.TLS.Error != "" {
			v.Text = "No session with the server came about: TLS failed."
		}
	case r.Inconclusive():
		v.Class, v.Mark, v.Text = "warn", "!", "Not examined: no way to a data connection was tried."
		v.More = ""
	case !r.Works:
		v.Class, v.Mark, v.Text = "bad", "✗", "No data connection is possible: nothing can be listed or transferred."
		v.More = ""
	case r.worksByDefault():
		v.Class, v.Mark, v.Text = "good", "✓", "Data connections work, with nothing to set for them."
	default:
		v.Class, v.Mark, v.Text = "warn", "!", "Data connections work only with these settings:"
		v.Flags = cmp.Or(r.settings(), "active mode (--mode active)")
	}
	return v
}

// worksByDefault tells whether passive mode gets through as clients use it, in the
// security that was asked for.
func (r *Report) worksByDefault() bool {
	for _, g := range r.groups() {
		if g.security == r.groups()[0].security && g.passive() {
			return true
		}
	}
	return false
}

// settings are the flags of the first advice that has some.
func (r *Report) settings() string {
	for _, a := range r.Advice {
		if a.Flags != "" {
			return a.Flags
		}
	}
	return ""
}

// deaf names the families without a data connection in the security that was asked
// for, where another has one.
func (r *Report) deaf() string {
	var titles []string
	for _, g := range r.groups() {
		if g.outcome() == Failed && g.security == r.groups()[0].security {
			titles = append(titles, g.Title())
		}
	}
	if len(titles) == 0 {
		return ""
	}
	return "There are none with " + strings.Join(titles, "; with ") + "."
}
