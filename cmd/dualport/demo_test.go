package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDemo(t *testing.T) {
	s := newShell(t)
	o := s.run("get", "--demo", "-v").wants(0)
	require.Equal(t, demoFile, o.stdout)
	require.Contains(t, o.stderr, "\n> EPSV\n< 500 ")
	require.Contains(t, o.stderr, "* server sent passive reply with unroutable address 10.0.0.5, using host address 127.0.0.1 instead\n")
	require.Regexp(t, `\ndemo: [^\n]+\n$`, o.stderr)

	s.run("get", "--demo", "here.txt").wants(0)
	require.Equal(t, demoFile, local(t, "here.txt"))
	o = s.run("ls", "--demo", "-1").wants(0)
	require.Equal(t, "old.txt\npub\nwelcome.txt\n", o.stdout)
	v := s.run("put", "--demo", "--json").wants(0).json()
	require.Equal(t, "PASV", v["negotiation"].(map[string]any)["method"])
	s.run("put", "--demo", "here.txt").wants(0)
	s.run("doctor", "--demo", "--tls", "explicit").wants(0)
	o = s.run("doctor", "--demo").wants(0)
	require.Contains(t, o.stdout, "pasv_address")
	for _, args := range [][]string{{"rm"}, {"mkdir"}, {"mv"}, {"raw", "HELP"}} {
		o = s.run(append(args, "--demo")...).wants(0)
		require.Contains(t, o.stderr, "demo: ")
	}
	s.run("raw", "--demo").wants(1)
	s.run("ls", "--demo", "ftp://127.0.0.1/").wants(1)
	s.run("get", "--demo", "--mode", "passive", "--passive-address", "server").wants(4)
	o = s.run("get", "--demo", "--mode", "active").wants(0)
	require.Contains(t, o.stderr, "worked by PORT")
}

func TestHelpAndVersion(t *testing.T) {
	s := newShell(t)
	o := s.run().wants(0)
	require.Contains(t, o.stdout, "Exit codes:")
	o = s.run("version").wants(0)
	require.Contains(t, o.stdout, "dualport ")
	o = s.run("help", "get").wants(0)
	require.Contains(t, o.stdout, "--passive-address")
	o = s.run("--json", "--nonsense").wants(1)
	require.Equal(t, "unknown flag: --nonsense", o.json()["error"])
	s.run("nonsense").wants(1)
}

func TestProgressBarOnTerminalOnly(t *testing.T) {
	s := newShell(t)
	s.terminals = true
	o := s.run("get", "--demo", "x").wants(0)
	require.Contains(t, o.stderr, "welcome.txt")
	for _, args := range [][]string{{"-q"}, {"--json"}} {
		o = s.run(append([]string{"get", "--demo", "x"}, args...)...).wants(0)
		require.NotContains(t, o.stderr, "\r")
	}
	s.terminals = false
	o = s.run("get", "--demo", "x").wants(0)
	require.NotContains(t, o.stderr, "\r")
}
