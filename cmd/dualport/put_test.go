package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

func TestPut(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	write(t, "local.txt", hello)
	o := s.run("put", "local.txt", srv.URL+"/in/", "--json").wants(0)
	require.Equal(t, hello, remote(t, srv, "/in/local.txt"))
	v := o.json()
	require.Equal(t, srv.URL+"/in/local.txt", v["url"])
	require.Equal(t, "local.txt", v["local"])
	tr := v["transfer"].(map[string]any)
	require.Equal(t, true, tr["verified"])
	require.Equal(t, 13.0, tr["size"])

	s.run("put", "local.txt", srv.URL+"//in/other%20name").wants(0)
	require.Equal(t, hello, remote(t, srv, "/in/other name"))
	s.run("put", "local.txt", srv.URL).wants(0)
	require.Equal(t, hello, remote(t, srv, "/local.txt"))

	s.stdin = strings.NewReader("from a pipe")
	s.run("put", "-", srv.URL+"/in/piped").wants(0)
	require.Equal(t, "from a pipe", remote(t, srv, "/in/piped"))
	require.NotEmpty(t, withPrefix(srv, "SIZE in/piped"))
}

func TestPutVerifies(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) { c.Faults = []ftptest.Fault{{On: "SIZE", Reply: "213 5"}} })
	s := newShell(t)
	write(t, "x", hello)
	o := s.run("put", "x", srv.URL+"/in/").wants(6)
	require.Contains(t, o.stderr, "13 bytes were sent, but the server's file has 5")

	srv = serve(t, func(c *ftptest.Config) { c.Disable = map[string]string{"SIZE": ""} })
	o = s.run("put", "x", srv.URL+"/in/", "--json").wants(0)
	require.Equal(t, false, o.json()["transfer"].(map[string]any)["verified"])
}

func TestPutRefused(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) { c.Disable = map[string]string{"STOR": "553 Read-only."} })
	s := newShell(t)
	write(t, "x", hello)
	o := s.run("put", "x", srv.URL+"/in/").wants(5)
	require.Contains(t, o.stderr, "553 Read-only.")
}

func TestPutResume(t *testing.T) {
	tests := []struct {
		name, there string
		disable     string
		code        int
		verb        string // that carried the data; empty for none
	}{
		{"nothing there", "-", "", 0, "STOR"},
		{"an empty file", "", "", 0, "STOR"},
		{"a part", hello[:5], "", 0, "STOR"},
		{"all of it", hello, "", 0, ""},
		{"more than is here", hello + "x", "", 6, ""},
		{"no REST", hello[:5], "REST", 0, "APPE"},
		{"no SIZE", hello[:5], "SIZE", 5, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, func(c *ftptest.Config) { c.Disable = map[string]string{tt.disable: ""} })
			if tt.there != "-" {
				require.NoError(t, srv.Tree.WriteFile("/in/x", []byte(tt.there)))
			}
			s := newShell(t)
			write(t, "x", hello)
			s.run("put", "--resume", "x", srv.URL+"/in/").wants(tt.code)
			used := ""
			for _, verb := range []string{"STOR", "APPE"} {
				if len(withPrefix(srv, verb)) > 0 {
					used = verb
				}
			}
			require.Equal(t, tt.verb, used)
			if tt.code == 0 {
				require.Equal(t, hello, remote(t, srv, "/in/x"))
			}
		})
	}
}

// failingReader breaks in mid-file.
type failingReader struct{ io.Reader }

func (r failingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestPutOfBrokenInput(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	s.stdin = failingReader{strings.NewReader("part")}
	s.run("put", "-", srv.URL+"/in/x").wants(6)
}
