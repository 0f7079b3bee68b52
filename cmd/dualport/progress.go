package main

import (
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
)

// progress returns the hook that draws the bar on a terminal; nil where nobody
// looks or nobody wants to.
func (j *job) progress() func(ftp.Progress) {
	if j.flags.quiet || j.flags.json || j.flags.verbose || !j.env.terminal(j.env.stderr) ||
		j.stdoutTaken && j.env.terminal(j.env.stdout) {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(p ftp.Progress) {
		if bar == nil {
			bar = j.newBar(p)
		}
		_ = bar.Set64(p.Offset + p.Bytes) // a bar that cannot be drawn harms nobody
		if p.Done {
			_ = bar.Finish()
		}
	}
}

// transferSize is what the bar counts up to: what the server announced, or what
// the command found out before; -1 for neither.
func (j *job) transferSize(p ftp.Progress) int64 {
	switch {
	case j.expected > 0:
		return j.expected
	case p.Size > 0:
		return p.Offset + p.Size
	}
	return -1
}

func (j *job) newBar(p ftp.Progress) *progressbar.ProgressBar {
	bar := progressbar.NewOptions64(j.transferSize(p),
		progressbar.OptionSetWriter(j.env.stderr),
		progressbar.OptionSetDescription(doctor.Visible(p.Path)),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionSetWidth(20),
	)
	j.closers = append(j.closers, func() {
		_ = bar.Exit()
		_, _ = j.env.stderr.Write([]byte("\n")) // the next line does not belong to the bar
	})
	return bar
}
