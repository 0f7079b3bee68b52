package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
)

// errNoDataMethod is what doctor ends with where no data connection is possible.
var errNoDataMethod = errors.New("no way to a data connection was found")

// errNotExamined is what it ends with where no way was tried.
var errNotExamined = errors.New("no way to a data connection was tried; the report tells why, and --limit gives it more time")

// errNoDataTLS is what it ends with where TLS is what fails on them.
var errNoDataTLS = fmt.Errorf("%w on data connections", ftp.ErrTLS)

func (j *job) doctorCommand() *cobra.Command {
	var limit seconds
	var page string
	cmd := j.cobra(command{
		use:   "doctor URL",
		short: "Find out which data connections work, and what to change",
		long: `Log in and try every way to a data connection by listing the login directory:
each method and each policy for the address of passive connections. Then print a
table of what works, and what to set or to ask an administrator for.

Both families of addresses are examined where the host has them, and sessions with
and without TLS: TLS with whatever certificate the server has where the URL asks
for none, and a session in clear only for an anonymous login. The report tells from
which address the server sees this host, what is rewritten on the way, the version
of TLS and the certificate, the levels of protection, and whether data connections
must resume the TLS session. That takes up to five logins, more where a method
breaks the session. No other port is tried.

The exit code is 0 where at least one way works with the encryption that was asked
for, 4 where none does, 6 where there was no time to try one, and 7 where TLS or the
certificate fails.`,
		min: 1, max: 1,
		demo: func(url string, args []string) []string { return append([]string{url + "/"}, args...) },
		work: func(ctx context.Context, args []string) error { return j.examine(ctx, args[0], limit, page) },
	})
	cmd.Flags().Var(&limit, "limit", "`SECONDS` for the whole examination (default 60)")
	cmd.Flags().StringVar(&page, "html", "", "write the report as a page with a drawing to `FILE` too")
	return cmd
}

func (j *job) examine(ctx context.Context, url string, limit seconds, page string) error {
	t, err := j.parse(url)
	if err != nil {
		return err
	}
	if err := checkPage(page); err != nil {
		return usage(err)
	}
	o, err := j.options(ctx, t)
	if err != nil {
		return err
	}
	report, failed := doctor.Run(ctx, t.address(), &o, doctor.Config{Limit: limit.limit})
	if report == nil {
		return failed
	}
	j.inFlags(report)
	fitURL(report, url)
	j.result.Doctor, j.negotiation = report, nil // the report tells of all of them
	j.encryption.session = nil                   // likewise
	unwritten := j.writePage(report, page)
	if !j.flags.json {
		if err := report.WriteText(j.env.stdout); err != nil {
			return &ftp.Error{Op: "doctor", Err: err}
		}
	}
	if failed == nil {
		failed = verdict(report)
	}
	if failed != nil && unwritten != nil {
		return fmt.Errorf("%w; %w", failed, unwritten)
	}
	return cmp.Or(failed, unwritten)
}

// verdict is nil where data connections are possible.
func verdict(r *doctor.Report) error {
	switch {
	case r.Works:
		return nil
	case r.Inconclusive():
		return errNotExamined
	case slices.ContainsFunc(r.Rows, func(r doctor.Row) bool { return r.Outcome == doctor.TLSFailed }):
		return errNoDataTLS
	}
	return errNoDataMethod
}

// checkPage finds out before the examination what can be known of a file that
// cannot be written after it.
func checkPage(name string) error {
	switch name {
	case "":
		return nil
	case "-":
		return errors.New("--html wants the name of a file; standard output has the report already")
	}
	if _, err := placeFile(name); err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	return nil
}

// writePage writes the report as a page; an empty name means that none is wanted.
func (j *job) writePage(r *doctor.Report, name string) error {
	if name == "" {
		return nil
	}
	var page bytes.Buffer
	err := r.WriteHTML(&page)
	if err == nil {
		err = os.WriteFile(name, page.Bytes(), 0o644)
	}
	if err != nil {
		return &ftp.Error{Op: "doctor", Err: fmt.Errorf("--html: %w", err)}
	}
	j.result.Local = name
	return nil
}

// fitURL takes --tls out of advice where the scheme of the URL says how to encrypt,
// which the flag would contradict, and names the URL that does it instead.
func fitURL(r *doctor.Report, arg string) {
	t, err := parseURL(arg)
	if err != nil || t.tls == ftp.TLSNone {
		return
	}
	for i := range r.Advice {
		a := &r.Advice[i]
		for _, mode := range []ftp.TLSMode{ftp.TLSNone, ftp.TLSExplicit, ftp.TLSImplicit} {
			rest, found := strings.CutPrefix(a.Flags, "--tls "+mode.String())
			if !found || rest != "" && rest[0] != ' ' {
				continue
			}
			a.Flags = strings.TrimSpace(rest)
			if mode != t.tls {
				other := t
				other.tls = mode
				a.Text += fmt.Sprintf(" The URL is then %s.", other)
			}
		}
	}
}

// inFlags puts what the report quotes of the library into the words of the
// command line, and hides what a proxy repeats of its login.
func (j *job) inFlags(r *doctor.Report) {
	words := func(s string) string { return j.scrub(flagWords(s)) }
	for i := range r.Rows {
		row := &r.Rows[i]
		row.Error, row.Reason = words(row.Error), words(row.Reason)
	}
	r.TLS.Error, r.TLS.ReuseNote = words(r.TLS.Error), words(r.TLS.ReuseNote)
	for i := range r.Advice {
		r.Advice[i].Text = words(r.Advice[i].Text)
	}
}
