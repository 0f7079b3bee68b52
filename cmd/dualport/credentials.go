package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/dualport/ftp/doctor"
)

// passwordVariable is the environment variable that may hold the password.
const passwordVariable = "DUALPORT_PASSWORD"

// maxPassword bounds a line of a password file.
const maxPassword = 4096

// login is who to log in as. The zero login is the anonymous one.
type login struct {
	user, password, account string
}

// findLogin decides who logs in. The user is that of --user, of the URL or of
// the netrc file, in this order; the password comes from --password-file, from
// the URL, from the netrc file, from the environment, or from the person at the
// terminal.
func (j *job) findLogin(ctx context.Context, t target) (login, error) {
	l := login{account: j.flags.account, user: j.flags.user}
	if strings.Contains(l.user, ":") {
		return l, usagef("--user holds a colon: a password belongs in --password-file, --netrc or %s, not on the command line", passwordVariable)
	}
	if l.user == "" {
		l.user = t.user
	}
	known := false
	if t.passSet && t.userSet && l.user == t.user {
		l.password, known = t.password, true
	}
	if j.flags.netrc != "" {
		if err := j.useNetrc(&l, &known, t.host); err != nil {
			return l, err
		}
	}
	if l.user == "" && j.flags.passwordFile != "" {
		return l, usagef("--password-file needs a user; name one with --user or in the URL")
	}
	if l.user == "" {
		return l, l.check()
	}
	if j.flags.passwordFile != "" {
		password, err := j.readPasswordFile()
		if err != nil {
			return l, usage(err)
		}
		l.password, known = password, true
	}
	if !known {
		if err := j.askElsewhere(ctx, &l, t); err != nil {
			return l, err
		}
	}
	return l, l.check()
}

func (j *job) useNetrc(l *login, known *bool, host string) error {
	entry, found, err := lookupNetrc(j.flags.netrc, j.env.home, host, l.user)
	if err != nil {
		return usage(err)
	}
	if !found {
		return nil
	}
	if l.user == "" {
		l.user = entry.login
	}
	if !*known && entry.password != "" {
		l.password, *known = entry.password, true
	}
	if l.account == "" {
		l.account = entry.account
	}
	return nil
}

// askElsewhere looks for the password of a user in the environment and asks the
// person at the terminal, if there is one.
func (j *job) askElsewhere(ctx context.Context, l *login, t target) error {
	if isAnonymous(l.user) {
		return nil // a password that is set for another purpose is nobody's business
	}
	if l.password = j.env.getenv(passwordVariable); l.password != "" {
		return nil
	}
	stdin, ok := j.env.stdin.(*os.File)
	if !ok || !j.env.terminal(j.env.stdin) || !j.env.terminal(j.env.stderr) {
		return nil
	}
	var err error
	l.password, err = prompt(ctx, stdin, j.env.stderr, fmt.Sprintf("Password of %s at %s: ", doctor.Visible(l.user), t.host))
	return err
}

func isAnonymous(user string) bool {
	return strings.EqualFold(user, "anonymous") || strings.EqualFold(user, "ftp")
}

// prompt reads a password without showing it. An interrupt gives the terminal
// its echo back.
func prompt(ctx context.Context, stdin *os.File, stderr io.Writer, text string) (string, error) {
	fd := int(stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	_, _ = io.WriteString(stderr, text) // without the text the person still sees that something waits
	defer func() { _, _ = io.WriteString(stderr, "\n") }()
	type answer struct {
		password []byte
		err      error
	}
	done := make(chan answer, 1)
	go func() {
		password, err := term.ReadPassword(fd)
		done <- answer{password, err}
	}()
	select {
	case a := <-done:
		return string(a.password), a.err
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		return "", context.Cause(ctx)
	}
}

func (j *job) readPasswordFile() (string, error) {
	source := j.env.stdin
	if j.flags.passwordFile != "-" {
		f, err := os.Open(j.flags.passwordFile)
		if err != nil {
			return "", fmt.Errorf("--password-file: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		source = f
	}
	line, err := bufio.NewReaderSize(io.LimitReader(source, maxPassword), maxPassword).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	if len(line) == maxPassword {
		return "", fmt.Errorf("--password-file: the first line is longer than %d bytes", maxPassword)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (l login) check() error {
	for _, part := range []struct{ what, text string }{{"user name", l.user}, {"password", l.password}, {"account", l.account}} {
		if err := checkText(part.what, part.text); err != nil {
			return usage(err)
		}
	}
	return nil
}
