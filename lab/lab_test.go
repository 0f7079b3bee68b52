//go:build lab && linux

package lab

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	RunJob()
	flag.Parse()
	os.Exit(m.Run())
}

// TestScenarios runs every file of testdata/scenarios, with each of its daemons, and
// prints a table of what came out.
func TestScenarios(t *testing.T) {
	require.Zero(t, os.Geteuid(), "the lab builds network namespaces and must run as root")
	require.NoError(t, sweep(t.Context()))
	command := buildCommand(t)
	files, err := filepath.Glob("testdata/scenarios/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	table := new(table)
	t.Cleanup(func() { require.NoError(t, table.save()) })
	for _, file := range files {
		scenario, err := load(file)
		require.NoError(t, err)
		for _, daemon := range scenario.FTP.Daemons {
			name := strings.TrimSuffix(filepath.Base(file), ".yaml") + "/" + daemon
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				runTrial(t, scenario, daemon, command, table)
			})
		}
	}
}

func runTrial(t *testing.T, s Scenario, daemon, command string, table *table) {
	r, err := newTrial(t, s, daemon, command, table)
	require.NoError(t, err)
	for _, run := range s.Runs {
		if len(run.Only) > 0 && !slices.Contains(run.Only, daemon) {
			continue
		}
		t.Run(run.Name, func(t *testing.T) { r.do(t, run) })
	}
	if t.Failed() {
		t.Logf("the server's log:\n%s", r.server.log())
	}
}

// buildCommand builds the dualport command, as users have it; DUALPORT_COMMAND names
// one that is built already.
func buildCommand(t *testing.T) string {
	if built := os.Getenv("DUALPORT_COMMAND"); built != "" {
		return built
	}
	file := filepath.Join(t.TempDir(), "dualport")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", file, ".")
	cmd.Dir = "../cmd/dualport"
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return file
}
