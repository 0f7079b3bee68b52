//go:build linux

package lab

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// row is what came of one verb of one run.
type row struct {
	scenario, outcome string
	attempts          []string // to where connections were attempted, and from where they came
	took              time.Duration
	wrong             bool
}

// table collects the rows of trials that run side by side.
type table struct {
	mu   sync.Mutex
	rows []row
}

func (t *table) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

// save writes the table to the file that DUALPORT_LAB_TABLE names, or else to standard
// output, which "go test" shows with -v.
func (t *table) save() error {
	name := os.Getenv("DUALPORT_LAB_TABLE")
	if name == "" {
		return t.write(os.Stdout)
	}
	var b bytes.Buffer
	if err := t.write(&b); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

// write prints the rows in the order of the scenarios, and what they came to.
func (t *table) write(w io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.rows, func(a, b row) int { return strings.Compare(a.scenario, b.scenario) })
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "SCENARIO\tOUTCOME\tSECONDS\tDATA CONNECTIONS ATTEMPTED") // Flush tells
	wrong := 0
	for _, r := range t.rows {
		if r.wrong {
			wrong++
		}
		_, _ = fmt.Fprintf(out, "%s\t%s\t%.2f\t%s\n", r.scenario, short(r.outcome), r.took.Seconds(), short(strings.Join(r.attempts, ", ")))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d runs, %d of them wrong\n", len(t.rows), wrong)
	return err
}

// short keeps a line of the table readable; the test's own output tells the rest.
func short(text string) string {
	const most = 60
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
