package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
	"github.com/dualport/ftp/ftpproxy"
)

// job is one run of one command.
type job struct {
	env         environment
	flags       flags
	result      result
	stream      *resultWriter    // nil until something of the result is written
	negotiation *ftp.Negotiation // of the last transfer that ended
	dialled     ftp.Options      // those of the session
	encryption  encryption
	demoCA      *x509.CertPool // nil where the server of --demo has no TLS
	secrets     []string
	proxy       *ftpproxy.Proxy // nil where the connections go without
	stdoutTaken bool            // a file goes to standard output, so that JSON cannot
	expected    int64           // size of the file that is transferred; 0 where not known
	closers     []func()        // run at the end, the last one first

	lines   sync.Mutex // a line at a time: a port mapper renews in a goroutine of its own
	showing []*lineWriter
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, env environment, args []string) int {
	j := &job{env: env}
	j.hideArguments(args)
	root := j.root()
	root.SetArgs(args)
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	err := root.ExecuteContext(ctx)
	for _, f := range slices.Backward(j.closers) {
		f()
	}
	if j.flags.demo && err == nil && j.result.Command != "" {
		j.sayDemo()
	}
	j.flags.json = j.flags.json || slices.Contains(args, "--json") // a wrong flag may have stood before it
	return j.report(err)
}

// report tells the outcome and returns the exit code.
func (j *job) report(err error) int {
	code := exitCode(err)
	j.result.fill(err, code, j)
	out := j.env.stdout
	if j.stdoutTaken {
		out = j.env.stderr
	}
	if j.flags.json && (j.result.Command != "" || err != nil) {
		if printErr := j.resultTo(out).end(&j.result); printErr != nil && err == nil {
			return codeIncomplete
		}
	}
	if err != nil && !(j.flags.json && j.stdoutTaken) {
		j.say("dualport: %s", j.result.Error)
		if j.result.Hint != "" {
			j.say("try: %s", j.result.Hint)
		}
	}
	return code
}

// resultTo returns the writer of the result, the one that has begun if there is
// one.
func (j *job) resultTo(out io.Writer) *resultWriter {
	if j.stream == nil {
		j.stream = newResultWriter(out)
	}
	return j.stream
}

// say prints a line for the person on standard error.
func (j *job) say(format string, args ...any) {
	j.lines.Lock()
	defer j.lines.Unlock()
	_, _ = fmt.Fprintln(j.env.stderr, doctor.Visible(j.scrub(fmt.Sprintf(format, args...)))) // there is nobody else to tell
}

// scrub replaces the secrets of this run, wherever they may have come from.
func (j *job) scrub(s string) string {
	for _, secret := range j.secrets {
		if len(secret) >= 3 { // a shorter one would garble every line
			s = strings.ReplaceAll(s, secret, "****")
		}
	}
	return s
}

// command describes one subcommand.
type command struct {
	use, short, long string
	min, max         int // arguments
	// demo completes the arguments with URLs on the server of --demo.
	demo func(url string, args []string) []string
	work func(ctx context.Context, args []string) error
}

func (j *job) cobra(c command) *cobra.Command {
	cmd := &cobra.Command{Use: c.use, Short: c.short, Long: c.long}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		j.result.Command = cmd.Name()
		ctx := cmd.Context()
		if j.flags.demo {
			url, err := j.startDemo()
			if err != nil {
				return err
			}
			args = c.demo(url, args)
		}
		if len(args) < c.min || len(args) > c.max {
			return usagef("wrong number of arguments; usage: dualport %s", c.use)
		}
		return c.work(ctx, args)
	}
	return cmd
}

// toStdout prints a line of the result, unless the result is told as JSON.
func (j *job) toStdout(format string, args ...any) error {
	if j.flags.json {
		return nil
	}
	_, err := fmt.Fprintf(j.env.stdout, format, args...)
	return err
}
