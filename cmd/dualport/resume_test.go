package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// TestResumeContinuesOnlyWhatBeganAtTheFirstByte: what a cut --range or a cut
// text transfer leaves is no beginning of the file.
func TestResumeContinuesOnlyWhatBeganAtTheFirstByte(t *testing.T) {
	const text = "first line\nsecond line\nthird line\n"
	tests := []struct {
		name, url string
		flags     []string
		left      string
	}{
		{"a range up to the end", "/lines.txt", []string{"--range", "11-"}, "lines.txt.part.range"},
		{"a range with an end", "/lines.txt", []string{"--range", "11-30"}, "lines.txt.part.range"},
		{"a range from the first byte", "/lines.txt", []string{"--range", "0-30"}, "lines.txt.part.range"},
		{"text", "/lines.txt;type=a", nil, "lines.txt.part.ascii"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, func(c *ftptest.Config) {
				require.NoError(t, c.Tree.WriteFile("/lines.txt", []byte(text)))
				c.Faults = []ftptest.Fault{{On: "data", Nth: 1, Data: ftptest.DataFault{Action: ftptest.DataCloses, After: 15}}}
			})
			s := newShell(t)
			s.run(append([]string{"get", srv.URL + tt.url}, tt.flags...)...).wants(6)
			require.Equal(t, []string{tt.left}, files(t))
			require.False(t, strings.HasSuffix(tt.left, partSuffix), "--resume of another file would take it")

			s.run("get", "--resume", srv.URL+"/lines.txt").wants(0)
			require.Equal(t, text, local(t, "lines.txt"))
		})
	}
}

// TestRangeLeavesPartAlone: a range of a file does not cost the beginning that
// an earlier download has left.
func TestRangeLeavesPartAlone(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	write(t, "a.txt.part", hello[:5])
	s.run("get", "--range", "7-", srv.URL+"/pub/a.txt").wants(0)
	require.Equal(t, hello[7:], local(t, "a.txt"))
	require.Equal(t, []string{"a.txt", "a.txt.part"}, files(t))
	s.run("get", "--resume", srv.URL+"/pub/a.txt").wants(0)
	require.Equal(t, hello, local(t, "a.txt"))
}

func TestTimeoutBoundsTheFinalReply(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"by --timeout", []string{"--timeout", "0.2"}, "within 200ms (--final-timeout)"},
		{"by its own flag", []string{"--timeout", "30", "--final-timeout", "0.1"}, "within 100ms (--final-timeout)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, func(c *ftptest.Config) {
				c.Faults = []ftptest.Fault{{On: "226", Silent: true, Execute: true}}
				c.Disable = map[string]string{"SIZE": ""}
			})
			o := newShell(t).run(append([]string{"get", srv.URL + "/pub/a.txt"}, tt.flags...)...).wants(6)
			require.Contains(t, o.stderr, tt.want)
		})
	}
	require.Contains(t, newShell(t).run("get", "--help").wants(0).stdout, "the reply at the end")
}
