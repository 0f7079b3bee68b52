package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
)

// lineWriter writes lines for -v and --trace.
type lineWriter struct {
	to    io.Writer
	times bool // a time before each line
	err   error
}

func (w *lineWriter) line(s string) {
	if w.times {
		s = time.Now().UTC().Format("2006-01-02T15:04:05.000000Z ") + s
	}
	if _, err := io.WriteString(w.to, s+"\n"); err != nil && w.err == nil {
		w.err = err
	}
}

// trace returns the hooks that show the dialogue where flags want it shown, and
// that keep the negotiation for the result.
func (j *job) trace() (*ftp.Trace, error) {
	if j.flags.verbose {
		j.showing = append(j.showing, &lineWriter{to: j.env.stderr})
	}
	if j.flags.traceFile != "" {
		w, err := j.openTrace()
		if err != nil {
			return nil, usage(fmt.Errorf("--trace: %w", err))
		}
		j.showing = append(j.showing, w)
	}
	t := &ftp.Trace{
		Transfer: func(e ftp.TransferEvent) { j.negotiation = e.Result.Negotiation },
		Dial:     j.encryption.dialled,
		TLS:      j.encryption.handshake,
		Reply:    func(ftp.ReplyEvent) { j.encryption.silent = false },
	}
	if len(j.showing) > 0 {
		j.encryption.show = j.show
		j.showDialogue(t, j.show)
	}
	return t, nil
}

// show writes a line where the dialogue is shown. It may be called concurrently.
func (j *job) show(format string, args ...any) {
	line := doctor.Visible(j.scrub(flagWords(fmt.Sprintf(format, args...))))
	j.lines.Lock()
	defer j.lines.Unlock()
	for _, w := range j.showing {
		w.line(line)
	}
}

// openTrace opens the trace file for its owner alone: a dialogue tells names and
// addresses that are nobody else's business.
func (j *job) openTrace() (*lineWriter, error) {
	f, err := os.OpenFile(j.flags.traceFile, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		_ = f.Chmod(0o600) // a file of that name may have been there, readable for all
	}
	w := &lineWriter{to: f, times: true}
	j.closers = append(j.closers, func() {
		if err := f.Close(); err != nil && w.err == nil {
			w.err = err
		}
		if w.err != nil {
			j.say("dualport: the trace is not complete: %v", w.err)
		}
	})
	return w, nil
}

func (j *job) showDialogue(t *ftp.Trace, show func(format string, args ...any)) {
	t.Command = func(e ftp.CommandEvent) { show("> %s", e.Line) }
	t.Reply = func(e ftp.ReplyEvent) {
		j.encryption.silent = false
		for _, line := range replyLines(e.Reply) {
			show("< %s", line)
		}
	}
	t.Notice = func(n ftp.Notice) { show("* %s", n.Text) }
	t.Dial = func(e ftp.DialEvent) {
		j.encryption.dialled(e)
		if e.Err != nil {
			show("* %s connection to %s failed: %v", e.Purpose, e.Address, e.Err)
			return
		}
		show("* %s connection from %s to %s", e.Purpose, e.Local, e.Remote)
	}
	t.Rung = func(r ftp.Rung) {
		if r.Err == nil {
			show("* data connection by %s, after %v", r, r.Duration)
		}
	}
}

// replyLines are the lines of a reply as they were on the wire.
func replyLines(r ftp.Reply) []string {
	if len(r.Lines) == 0 {
		return []string{fmt.Sprintf("%03d", r.Code)}
	}
	lines := make([]string, len(r.Lines))
	for i, text := range r.Lines {
		separator := "-"
		if i == len(r.Lines)-1 {
			separator = " "
		}
		lines[i] = fmt.Sprintf("%03d%s%s", r.Code, separator, text)
	}
	return lines
}
