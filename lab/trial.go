//go:build linux

package lab

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// trial is a scenario with one of its daemons, built and running.
type trial struct {
	t        *testing.T // of all its runs: what they start lasts as long
	scenario Scenario
	daemon   string
	network  *network
	server   *server
	cable    *capture
	dir      string
	command  string // the built dualport command
	table    *table
}

const (
	// limit is for one run of the client. A scenario that wants less says so.
	limit = 60 * time.Second
	// defaultTimeout is --timeout of every run, in seconds: short, so that what must
	// fail fails soon.
	defaultTimeout = "4"
	// usualWithin is how long a run may take that has nothing to wait for but
	// timeouts.
	usualWithin = 20 * time.Second
)

// newTrial builds the network of a scenario and starts what runs in it.
func newTrial(t *testing.T, s Scenario, daemon, command string, table *table) (*trial, error) {
	ctx := t.Context()
	n, err := build(ctx, s.plan())
	t.Cleanup(func() {
		if err := n.remove(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		return nil, err
	}
	r := &trial{t: t, scenario: s, daemon: daemon, network: n, dir: t.TempDir(), command: command, table: table}
	if err := r.configure(ctx); err != nil {
		return nil, err
	}
	if r.server, err = n.startServer(t, s.FTP, daemon); err != nil {
		return nil, err
	}
	for _, service := range s.Services {
		if err := n.startService(t, service); err != nil {
			return nil, fmt.Errorf("%s: %w", service.Run, err)
		}
	}
	if r.cable, err = n.nodes["client"].watch(); err != nil {
		return nil, err
	}
	t.Cleanup(r.cable.close)
	return r, nil
}

func (r *trial) configure(ctx context.Context) error {
	n := r.network
	for host, node := range n.nodes {
		names := make(map[string][]string)
		for name, addrs := range r.scenario.Names[host] {
			names[name] = n.expandAll(addrs)
		}
		if err := node.writeHosts(names); err != nil {
			return err
		}
	}
	return errors.Join(
		n.configure(ctx, "client_router", r.scenario.ClientRouter),
		n.configure(ctx, "server_router", r.scenario.ServerRouter),
	)
}

// do does one run of the scenario.
func (r *trial) do(t *testing.T, run Run) {
	for _, step := range run.Before {
		if err := r.network.do(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	verbs := []string{"get", "put"}
	if run.Do != "" {
		verbs = strings.Fields(run.Do)
	}
	for _, verb := range verbs {
		o := r.attempt(t, run, verb)
		for _, follow := range run.Advice {
			r.follow(t, run, o, follow)
		}
	}
}

// attempt does one verb of a run, compares the files and checks what is wanted.
func (r *trial) attempt(t *testing.T, run Run, verb string) outcome {
	t.Helper()
	ctx := t.Context()
	job, err := r.prepare(run, verb)
	if err != nil {
		t.Fatal(err)
	}
	wait := r.network.perform(ctx, run.During)
	start := time.Now()
	o, err := job.client.run(ctx)
	err = errors.Join(err, wait())
	if err != nil {
		t.Fatalf("%s: %v", verb, err)
	}
	attempts := r.cable.since(start)
	problems := r.judge(ctx, run, job, o, attempts)
	r.table.add(r.row(t, verb, job, o, attempts, problems))
	if o.Exit != 0 {
		t.Logf("%s\ntry: %s", o.Error, o.Hint)
	}
	if o.Doctor != nil {
		text, _ := json.MarshalIndent(o.Doctor, "", "  ")
		t.Logf("doctor: %s", text)
	}
	if len(problems) > 0 {
		t.Errorf("%s:\n%s\nthe client's log:\n%s", verb, strings.Join(problems, "\n"), o.log)
	}
	return o
}

// job is one verb of one run.
type job struct {
	client  client
	control []netip.AddrPort // connections that are no data connections
	content []byte           // of the file
	arrived func() ([]byte, error)
}

// prepare makes the files and the command line.
func (r *trial) prepare(run Run, verb string) (job, error) {
	size := run.Size
	if size == 0 {
		size = 300
	}
	content := make([]byte, size<<10)
	_, _ = rand.Read(content) // never fails
	name := fmt.Sprintf("%s-%d.bin", verb, time.Now().UnixNano())
	local := filepath.Join(r.dir, name)
	j := job{content: content}
	url := r.network.expand("ftp://{host}/")
	if run.URL != "" {
		url = r.network.expand(run.URL)
	}
	j.control = r.controlOf(url, run)
	var args []string
	var err error
	switch verb {
	case "get":
		err = r.server.put(name, content)
		args, j.arrived = []string{"get", url + name, local}, func() ([]byte, error) { return os.ReadFile(local) }
	case "put":
		err = os.WriteFile(local, content, 0o644)
		args, j.arrived = []string{"put", local, url + name}, func() ([]byte, error) { return r.server.get(name) }
	default:
		args = []string{verb, url}
	}
	if err != nil {
		return j, err
	}
	j.client = client{node: r.network.nodes["client"], dir: r.dir, limit: limit, interrupt: run.Interrupt, env: r.network.expandAll(run.Env)}
	if run.Library != "" {
		return j, r.asLibrary(&j.client, run, verb == "put", url, name, local)
	}
	user := r.server.user
	if run.User != "" {
		user = r.network.expand(run.User)
	}
	args = append(args, "--json", "-v", "--timeout", defaultTimeout, "--user", user)
	if tls := strings.Contains(run.Flags, "--tls"); tls && !strings.Contains(run.Flags, "--pin") && r.server.caFile != "" {
		args = append(args, "--ca-file", r.server.caFile)
	}
	j.client.args = append(append([]string{r.command}, args...), splitFlags(r.network.expand(run.Flags))...)
	j.client.env = append(j.client.env, "DUALPORT_PASSWORD="+r.server.password)
	return j, nil
}

// controlOf are where control connections go, and those to proxies and gateways.
func (r *trial) controlOf(url string, run Run) []netip.AddrPort {
	port := uint16(21)
	if r.scenario.FTP.Port != 0 {
		port = r.scenario.FTP.Port
	}
	var all []netip.AddrPort
	for _, host := range []string{"{host}", "{host6}", "{server}", "{" + r.scenario.FTP.host() + "}"} {
		all = append(all, netip.AddrPortFrom(netip.MustParseAddr(r.network.expand(host)), port))
	}
	for _, service := range r.scenario.Services { // such as the HTTP of UPnP
		if at, err := netip.ParseAddrPort(r.network.expand(service.Listen)); err == nil {
			all = append(all, netip.AddrPortFrom(netip.MustParseAddr(r.network.expand("{client_gateway}")), at.Port()))
		}
	}
	for _, text := range []string{url, r.network.expand(run.Flags), strings.Join(r.network.expandAll(run.Env), " ")} {
		for _, word := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" /@=,", c) }) {
			if ap, err := netip.ParseAddrPort(word); err == nil {
				all = append(all, ap)
			}
		}
	}
	return all
}

// asLibrary makes the client a process that runs the library.
func (r *trial) asLibrary(c *client, run Run, upload bool, url, remote, local string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "ftp://"), "/")
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "21")
	}
	work := libraryJob{
		Address: host, User: r.server.user, Password: r.server.password, Upload: upload,
		Remote: remote, Local: local, CAFile: r.server.caFile, Timeout: 4 * time.Second,
	}
	if err := json.Unmarshal([]byte(r.network.expand(run.Library)), &work.Options); err != nil {
		return fmt.Errorf("library: %w", err)
	}
	text, err := json.Marshal(work)
	c.args, c.env = []string{self}, append(c.env, jobVariable+"="+string(text))
	return err
}

// row is the trial's line in the table.
func (r *trial) row(t *testing.T, verb string, j job, o outcome, attempts []attempt, problems []string) row {
	var seen []string
	for _, a := range attempts {
		switch {
		case a.outgoing && !slices.Contains(j.control, a.to):
			seen = appendOnce(seen, a.to.String())
		case !a.outgoing:
			seen = appendOnce(seen, "from "+a.from.Addr().String()+" to "+a.to.String())
		}
	}
	outcome := "ok " + o.Negotiation.Method
	if o.Exit != 0 {
		outcome = fmt.Sprintf("exit %d, as it must", o.Exit)
	}
	if len(problems) > 0 {
		outcome = "WRONG: " + problems[0]
	}
	name := strings.TrimPrefix(t.Name(), "TestScenarios/")
	return row{name + "/" + verb, strings.TrimSpace(outcome), seen, o.took, len(problems) > 0}
}

// follow applies a piece of doctor's advice and tries whether it works.
func (r *trial) follow(t *testing.T, run Run, o outcome, f Follow) {
	t.Helper()
	if o.Doctor == nil {
		t.Fatal("no report came out")
	}
	for _, advice := range o.Doctor.Advice {
		if !strings.Contains(advice.Text, r.network.expand(f.Contains)) {
			continue
		}
		if err := r.apply(t, advice, f); err != nil {
			t.Fatal(err)
		}
		if f.Want.Dialled != nil || f.Want.Method != "" {
			r.do(t, Run{Name: run.Name, URL: run.URL, Flags: advice.Flags, Want: f.Want})
		}
		return
	}
	texts, _ := json.MarshalIndent(o.Doctor.Advice, "", "  ")
	t.Fatalf("no advice says %q:\n%s", f.Contains, texts)
}

// apply feeds the commands of a piece of advice to a firewall, or to the daemon.
func (r *trial) apply(t *testing.T, a advice, f Follow) error {
	for _, command := range a.Commands {
		switch {
		case f.Commands != "" && strings.Contains(command.For, f.Commands):
			if _, err := r.network.nodes[f.On].run(t.Context(), command.Text+"\n", "nft", "-f", "-"); err != nil {
				return err
			}
		case f.Reconfigure && strings.HasPrefix(strings.ToLower(command.For), r.daemon):
			if err := r.reconfigure(command.Text); err != nil {
				return err
			}
		}
	}
	return nil
}

// same tells how two contents differ; empty where they do not.
func same(want, got []byte) string {
	if bytes.Equal(want, got) {
		return ""
	}
	return fmt.Sprintf("%d bytes arrived of %d, or they are others", len(got), len(want))
}
