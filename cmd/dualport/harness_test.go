package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// shell is where the tests run command lines: an empty directory, an empty
// environment, and no terminal.
type shell struct {
	t          *testing.T
	ctx        context.Context //nolint:containedctx // of one test
	stdin      io.Reader
	stdout     io.Writer // nil for one that the outcome tells
	env        map[string]string
	home       string
	terminals  bool
	maxEntries int
}

func newShell(t *testing.T) *shell {
	t.Helper()
	t.Chdir(t.TempDir())
	return &shell{t: t, ctx: t.Context(), stdin: strings.NewReader(""), env: map[string]string{}, home: t.TempDir(), maxEntries: 1000}
}

// outcome is what one command line came to.
type outcome struct {
	t              *testing.T
	code           int
	stdout, stderr string
}

func (s *shell) run(args ...string) outcome {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	env := environment{
		stdin: s.stdin, stdout: &stdout, stderr: &stderr,
		getenv:     func(name string) string { return s.env[name] },
		home:       func() (string, error) { return s.home, nil },
		terminal:   func(any) bool { return s.terminals },
		maxEntries: s.maxEntries,
	}
	if s.stdout != nil {
		env.stdout = s.stdout
	}
	code := run(s.ctx, env, args)
	return outcome{s.t, code, stdout.String(), stderr.String()}
}

// wants checks the exit code.
func (o outcome) wants(code int) outcome {
	o.t.Helper()
	require.Equal(o.t, code, o.code, "stdout: %s\nstderr: %s", o.stdout, o.stderr)
	return o
}

// json decodes the result.
func (o outcome) json() map[string]any {
	o.t.Helper()
	var v map[string]any
	require.NoError(o.t, json.Unmarshal([]byte(o.stdout), &v), o.stdout)
	return v
}

// serve starts a server with a few files.
func serve(t *testing.T, configure func(*ftptest.Config)) *ftptest.Server {
	t.Helper()
	srv := ftptest.NewUnstartedServer(t)
	require.NoError(t, srv.Tree.WriteFile("/pub/a.txt", []byte("hello, world\n")))
	require.NoError(t, srv.Tree.MkdirAll("/in"))
	srv.Config.Tree = srv.Tree // so that configure can fill it
	if configure != nil {
		configure(&srv.Config)
	}
	srv.Start()
	return srv
}

func local(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(data)
}

func remote(t *testing.T, srv *ftptest.Server, name string) string {
	t.Helper()
	data, err := srv.Tree.ReadFile(name)
	require.NoError(t, err)
	return string(data)
}

// files are the names in the current directory.
func files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	abs, err := filepath.Abs(name)
	require.NoError(t, err)
	return abs
}

// withPrefix are the commands that the server received and that begin so.
func withPrefix(srv *ftptest.Server, prefix string) []string {
	found := []string{}
	for _, c := range srv.Commands() {
		if strings.HasPrefix(c, prefix) {
			found = append(found, c)
		}
	}
	return found
}
