//go:build linux

package lab

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// judge compares what came out of a run with what is wanted, and returns the
// differences.
func (r *trial) judge(ctx context.Context, run Run, j job, o outcome, attempts []attempt) []string {
	w := run.Want
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if o.Exit != w.Exit {
		wrong("exit code %d, want %d: %s", o.Exit, w.Exit, o.Error)
	}
	if o.Exit == 0 && j.arrived != nil {
		if got, err := j.arrived(); err != nil {
			wrong("%v", err)
		} else if difference := same(j.content, got); difference != "" {
			wrong("%s", difference)
		}
	}
	if w.Method != "" && o.Negotiation.Method != w.Method {
		wrong("method %s, want %s", o.Negotiation.Method, w.Method)
	}
	if o.took > cmp.Or(w.Within, usualWithin) {
		wrong("it took %v", o.took)
	}
	return slices.Concat(problems, r.judgeAdvertised(w, o), r.judgeCable(w, j, attempts), r.judgeTexts(w, o), r.judgeReport(run.Report, o.Doctor), r.judgeRules(ctx, w))
}

func (r *trial) judgeAdvertised(w Want, o outcome) []string {
	want := r.network.expand(w.Advertised)
	if rungs := o.Negotiation.Rungs; want != "" && (len(rungs) == 0 || !matches(rungs[len(rungs)-1].Advertised, want)) {
		return []string{fmt.Sprintf("advertised is not %s: %+v", want, rungs)}
	}
	return nil
}

// judgeCable is about what was seen on the client's cable.
func (r *trial) judgeCable(w Want, j job, attempts []attempt) []string {
	var dialled, accepted, problems []string
	for _, a := range attempts {
		switch {
		case a.outgoing && !slices.Contains(j.control, a.to):
			dialled = appendOnce(dialled, named(a.to, w.Dialled))
		case !a.outgoing:
			accepted = appendOnce(accepted, a.from.Addr().String())
		}
	}
	wanted := r.network.expandAll(w.Dialled)
	if slices.Equal(wanted, []string{"none"}) {
		wanted = []string{}
	}
	if len(w.Dialled) > 0 && !slices.Equal(dialled, wanted) {
		problems = append(problems, fmt.Sprintf("data connections were attempted to %v, want %v", dialled, wanted))
	}
	for _, host := range r.network.expandAll(w.Never) {
		if slices.ContainsFunc(attempts, func(a attempt) bool { return a.outgoing && a.to.Addr().String() == host }) {
			problems = append(problems, "a connection to "+host+" was attempted")
		}
	}
	if from := r.network.expandAll(w.Accepted); len(from) > 0 && !slices.Equal(accepted, from) {
		problems = append(problems, fmt.Sprintf("connections came in from %v, want %v", accepted, from))
	}
	return problems
}

// named is the address in the form in which it is wanted: with its port or without.
func named(to netip.AddrPort, wanted []string) string {
	for _, text := range wanted {
		if strings.HasSuffix(text, fmt.Sprintf(":%d", to.Port())) {
			return to.String()
		}
	}
	return to.Addr().String()
}

func appendOnce(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// matches compares host:port with host:port or a host alone.
func matches(address, want string) bool {
	if address == want {
		return true
	}
	ap, err := netip.ParseAddrPort(address)
	return err == nil && ap.Addr().String() == want
}

func (r *trial) judgeTexts(w Want, o outcome) []string {
	var problems []string
	said := o.Error + "\n" + o.Hint
	for _, text := range r.network.expandAll(w.Error) {
		if !strings.Contains(said, text) {
			problems = append(problems, fmt.Sprintf("the error does not say %q: %s", text, said))
		}
	}
	for _, text := range r.network.expandAll(w.Log) {
		if !strings.Contains(o.log, text) {
			problems = append(problems, fmt.Sprintf("the log does not say %q", text))
		}
	}
	for _, text := range r.network.expandAll(w.Unlogged) {
		if strings.Contains(o.log, text) {
			problems = append(problems, fmt.Sprintf("the log says %q", text))
		}
	}
	return problems
}

// judgeRules looks for what must be gone from a firewall.
func (r *trial) judgeRules(ctx context.Context, w Want) []string {
	var problems []string
	for _, gone := range w.Gone {
		rules, err := r.network.nodes[gone.On].run(ctx, "", "nft", "list", "ruleset")
		if err != nil || strings.Contains(rules, r.network.expand(gone.Text)) {
			problems = append(problems, fmt.Sprintf("%s still has %q: %v\n%s", gone.On, gone.Text, err, rules))
		}
	}
	return problems
}

func (r *trial) judgeReport(want Report, got *examined) []string {
	if got == nil {
		got = new(examined)
	}
	var problems []string
	if want.NAT != "" && got.NAT != want.NAT {
		problems = append(problems, fmt.Sprintf("doctor says of a NAT %q, want %q", got.NAT, want.NAT))
	}
	if seen := r.network.expand(want.SeenAs); seen != "" && got.SeenAs != seen {
		problems = append(problems, fmt.Sprintf("doctor says that the server sees %q, want %q", got.SeenAs, seen))
	}
	return slices.Concat(problems, got.judgeRewrites(want.Rewrites), got.judgeRows(want.Works, "works", true), got.judgeRows(want.Fails, "works", false))
}

func (e *examined) judgeRewrites(want []string) []string {
	if len(want) == 0 {
		return nil
	}
	var found []string
	for _, rewrite := range e.Rewrites {
		found = appendOnce(found, rewrite.What)
	}
	slices.Sort(found)
	if !slices.Equal(found, want) && (len(found) > 0 || want[0] != "none") {
		return []string{fmt.Sprintf("doctor says that %v are rewritten, want %v", e.Rewrites, want)}
	}
	return nil
}

// judgeRows looks for rows with, or without, an outcome.
func (e *examined) judgeRows(names []string, outcome string, wanted bool) []string {
	rows := make(map[string]string)
	for _, row := range e.Rows {
		name := strings.TrimSpace(row.Method + " " + row.Policy)
		if row.Security != "none" {
			name = row.Security + " " + name
		}
		rows[name] = row.Outcome
	}
	var problems []string
	for _, name := range names {
		if got, found := rows[name]; !found || (got == outcome) != wanted {
			problems = append(problems, fmt.Sprintf("doctor's row %q is %q: %v", name, got, rows))
		}
	}
	return problems
}
