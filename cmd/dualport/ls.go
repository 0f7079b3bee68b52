package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
)

// lister is one run of ls.
type lister struct {
	*job
	names bool
	raw   bool // names go out as they are: to a program
}

func (j *job) lsCommand() *cobra.Command {
	l := &lister{job: j}
	cmd := j.cobra(command{
		use:   "ls URL",
		short: "List a directory",
		long: `List a directory in the server's order, one entry a line: permissions, size in
bytes, time (UTC) and name. Control characters in names are shown as escapes;
only --names into a file or a pipe writes the very bytes.`,
		min: 1, max: 1,
		demo: func(url string, args []string) []string { return append([]string{url + "/"}, args...) },
		work: l.run,
	})
	cmd.Flags().BoolVarP(&l.names, "names", "1", false, "print names only")
	return cmd
}

func (l *lister) run(ctx context.Context, args []string) error {
	t, err := l.parse(args[0])
	if err != nil {
		return err
	}
	c, err := l.connect(ctx, t)
	if err != nil {
		return err
	}
	l.raw = l.names && !l.env.terminal(l.env.stdout)
	l.result.Entries = []entryJSON{}
	path := t.path
	if trimmed := strings.TrimRight(path, "/"); trimmed != "" {
		path = trimmed
	}
	shown, err := l.list(ctx, c, path)
	if err != nil && shown == 0 && path != "" {
		return l.single(ctx, c, path, err)
	}
	return err
}

// list shows the entries of a directory and tells how many there were.
func (l *lister) list(ctx context.Context, c *ftp.Client, path string) (shown int, err error) {
	for e, err := range c.List(ctx, path) {
		if err != nil {
			err = l.problem(err)
		} else {
			err = l.show(e)
		}
		if err != nil {
			return shown, err
		}
		shown++
	}
	return shown, nil
}

// problem shows a line that could not be understood: a person may. Any other
// error ends the listing.
func (l *lister) problem(err error) error {
	var line *ftp.ListLineError
	if !errors.As(err, &line) {
		return err
	}
	if l.flags.json {
		return l.write(entryJSON{Line: line.Line})
	}
	if l.names {
		l.say("dualport: %v", line)
		return nil
	}
	return l.print(doctor.Visible(line.Line))
}

// single answers for a path that is no directory, as ls does; the server's
// refusal stands where it is not a file either.
func (l *lister) single(ctx context.Context, c *ftp.Client, path string, refused error) error {
	if ftp.ReplyCode(refused) < 500 || errors.Is(refused, ftp.ErrDataConnection) || errors.Is(refused, ftp.ErrIncomplete) || errors.Is(refused, ftp.ErrBroken) {
		return refused
	}
	e, err := c.Stat(ctx, path)
	if err != nil || e.IsDir() {
		return refused
	}
	return l.show(e)
}

func (l *lister) show(e ftp.Entry) error {
	switch {
	case l.flags.json:
		return l.write(newEntryJSON(e))
	case l.raw:
		return l.print(e.Name())
	case l.names:
		return l.print(doctor.Visible(e.Name()))
	}
	return l.print(longLine(e))
}

// write puts an entry into the JSON result.
func (l *lister) write(e entryJSON) error {
	if err := l.resultTo(l.env.stdout).entry(&l.result, e); err != nil {
		return &ftp.Error{Op: "list", Err: err}
	}
	return nil
}

func (l *lister) print(line string) error {
	if err := l.toStdout("%s\n", line); err != nil {
		return &ftp.Error{Op: "list", Err: err}
	}
	return nil
}

// longLine is an entry as "ls -l" would show it.
func longLine(e ftp.Entry) string {
	size := "-"
	if e.Size() >= 0 && !e.IsDir() {
		size = fmt.Sprint(e.Size())
	}
	line := fmt.Sprintf("%s %12s %-16s %s", modeText(e), size, timeText(e), doctor.Visible(e.Name()))
	if target := e.LinkTarget(); target != "" {
		line += " -> " + doctor.Visible(target)
	}
	return line
}

// modeText is "-rw-r--r--", with question marks for what the server did not
// tell.
func modeText(e ftp.Entry) string {
	kind := map[ftp.EntryType]string{ftp.EntryFile: "-", ftp.EntryDir: "d", ftp.EntryLink: "l"}[e.EntryType()]
	if kind == "" {
		kind = "?"
	}
	if !e.HasMode() {
		return kind + "?????????"
	}
	return kind + e.Mode().Perm().String()[1:]
}

func timeText(e ftp.Entry) string {
	switch {
	case e.TimePrecision() == ftp.PrecisionNone || e.ModTime().IsZero():
		return "-"
	case e.TimePrecision() == ftp.PrecisionDay:
		return e.ModTime().Format(time.DateOnly)
	}
	return e.ModTime().Format("2006-01-02 15:04")
}
