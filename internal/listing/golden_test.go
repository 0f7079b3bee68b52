package listing

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestGolden reads whole listings from testdata, as taken on 1 July 2024 at noon in UTC+1, and compares what
// comes out with the .golden file beside each.
func TestGolden(t *testing.T) {
	for _, name := range listings(t) {
		t.Run(name, func(t *testing.T) {
			f, err := os.Open(name)
			require.NoError(t, err)
			defer f.Close()
			loc := time.FixedZone("UTC+1", 3600)
			p := &Parser{Now: time.Date(2024, 7, 1, 12, 0, 0, 0, loc), Location: loc}
			var out strings.Builder
			s := NewScanner(f, Limits{})
			for s.Scan() {
				fmt.Fprintln(&out, describe(p, s.Text()))
			}
			require.NoError(t, s.Err())
			want, err := os.ReadFile(strings.TrimSuffix(name, ".list") + ".golden")
			require.NoError(t, err)
			require.Equal(t, string(want), out.String())
		})
	}
}

// describe reads a line and writes down what came out.
func describe(p *Parser, line string) string {
	e, ok, err := p.Parse(line)
	switch {
	case err != nil:
		return "error: " + err.Error()
	case !ok:
		return "no entry"
	}
	when := "-"
	if e.Precision != 0 {
		when = e.Time.Format(time.RFC3339Nano)
	}
	perm := "-"
	if e.HasPerm {
		perm = e.Perm.String()
	}
	return fmt.Sprintf("%s %q target=%q size=%d time=%s precision=%s perm=%s links=%d owner=%q group=%q",
		e.Kind, e.Name, e.Target, e.Size, when, e.Precision, perm, e.Links, e.Owner, e.Group)
}
