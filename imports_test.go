package ftp_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/dualport/ftp"

// Who uses the library compiles nothing but the standard library and it.
func TestImports(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(out))
	require.Contains(t, packages, module)
	for _, p := range packages {
		require.True(t, p == module || strings.HasPrefix(p, module+"/internal/"), "%s must not be imported", p)
	}
}

// What lies below does not know what lies above.
func TestInternalPackagesDoNotImportTheRoot(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./internal/...", "./ftptest").Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		require.NotContains(t, fields[1:], module, fields[0])
	}
}
