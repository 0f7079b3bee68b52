package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
)

// errNoDataMethod is what doctor ends with where no data connection is possible.
var errNoDataMethod = errors.New("no way to a data connection was found")

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
for, 4 where none does, and 7 where TLS or the certificate fails.`,
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
	o, err := j.options(ctx, t)
	if err != nil {
		return err
	}
	report, failed := doctor.Run(ctx, t.address(), &o, doctor.Config{Limit: limit.limit})
	if report == nil {
		return failed
	}
	inFlags(report)
	j.result.Doctor, j.negotiation = report, nil // the report tells of all of them
	j.encryption.session = nil                   // likewise
	if !j.flags.json {
		if err := report.WriteText(j.env.stdout); err != nil {
			return &ftp.Error{Op: "doctor", Err: err}
		}
	}
	if err := writePage(report, page); err != nil {
		return err
	}
	switch {
	case failed != nil:
		return failed
	case report.Works:
		return nil
	case slices.ContainsFunc(report.Rows, func(r doctor.Row) bool { return r.Outcome == doctor.TLSFailed }):
		return errNoDataTLS
	}
	return errNoDataMethod
}

// writePage writes the report as a page; an empty name means that none is wanted.
func writePage(r *doctor.Report, name string) error {
	if name == "" {
		return nil
	}
	var page bytes.Buffer
	err := r.WriteHTML(&page)
	if err == nil {
		err = os.WriteFile(name, page.Bytes(), 0o644)
	}
	if err != nil {
		return &ftp.Error{Op: "doctor", Err: err}
	}
	return nil
}

// inFlags puts what the report quotes of the library into the words of the
// command line.
func inFlags(r *doctor.Report) {
	for i := range r.Rows {
		row := &r.Rows[i]
		row.Error, row.Reason = flagWords(row.Error), flagWords(row.Reason)
	}
	r.TLS.Error, r.TLS.ReuseNote = flagWords(r.TLS.Error), flagWords(r.TLS.ReuseNote)
	for i := range r.Advice {
		r.Advice[i].Text = flagWords(r.Advice[i].Text)
	}
}
