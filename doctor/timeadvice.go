package doctor

import (
	"fmt"
	"slices"
	"time"
)

// notExamined is all that can be said where no way was tried.
func (f findings) notExamined() []Advice {
	if all := f.longer(); len(all) > 0 {
		return all
	}
	text := "No way to a data connection was tried"
	if i := slices.IndexFunc(f.rows, func(r Row) bool { return r.Outcome == Skipped && r.Error != "" }); i >= 0 {
		text += ": " + f.rows[i].Error
	}
	return []Advice{{Text: text + "."}}
}

// longer is to give an examination more time that had too little for all ways.
func (f findings) longer() []Advice {
	if !slices.ContainsFunc(f.rows, func(r Row) bool { return r.late }) {
		return nil
	}
	what := "every way"
	if f.report.Inconclusive() {
		what = "any way"
	}
	limit := max(defaultLimit, 2*f.limit.Round(time.Second))
	return []Advice{{
		Text: fmt.Sprintf("The time for the examination (%s) was over before %s to a data connection was tried: use a longer limit "+
			"(in a program, doctor.Config.Limit).", f.limit, what),
		Flags: fmt.Sprintf("--limit %.0f", limit.Seconds()),
	}}
}
