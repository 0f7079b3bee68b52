//go:build linux

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dualport/ftp"
)

// outcome is what the client said in the end: the part of the command's JSON that the
// lab looks at.
type outcome struct {
	Exit        int    `json:"exit_code"`
	Error       string `json:"error"`
	Hint        string `json:"hint"`
	Negotiation struct {
		Method  string `json:"method"`
		Relogin bool   `json:"relogin"`
		Rungs   []rung `json:"rungs"`
	} `json:"negotiation"`
	Doctor *examined `json:"doctor"`

	log     string // of -v
	took    time.Duration
	started time.Time
}

type rung struct {
	Method     string `json:"method"`
	Advertised string `json:"advertised"`
	Dialled    string `json:"dialled"`
	Error      string `json:"error"`
}

// examined is the part of doctor's report that the lab looks at.
type examined struct {
	SeenAs   string `json:"seen_as"`
	NAT      string `json:"nat"`
	Rewrites []struct {
		What string `json:"what"`
	} `json:"rewrites"`
	Rows   []examinedRow `json:"rows"`
	Advice []advice      `json:"advice"`
}

type examinedRow struct {
	Family   string `json:"family"`
	Security string `json:"security"`
	Method   string `json:"method"`
	Policy   string `json:"address_policy"`
	Outcome  string `json:"outcome"`
}

type advice struct {
	Text     string `json:"text"`
	Flags    string `json:"flags"`
	Commands []struct {
		For  string `json:"for"`
		Text string `json:"text"`
	} `json:"commands"`
}

// client is a program that runs in the client's namespace.
type client struct {
	node      namespace
	args      []string
	env       []string
	dir       string
	interrupt time.Duration
	limit     time.Duration
}

// run runs the program to its end.
func (c client) run(ctx context.Context) (outcome, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("the client did not end within %v", c.limit))
	defer cancel()
	args := append(c.node.command(), c.args...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	o := outcome{started: time.Now()}
	if err := cmd.Start(); err != nil {
		return o, err
	}
	if c.interrupt > 0 {
		defer time.AfterFunc(c.interrupt, func() { _ = cmd.Process.Signal(syscall.SIGINT) }).Stop()
	}
	err := cmd.Wait()
	o.took, o.log = time.Since(o.started), stderr.String()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return o, fmt.Errorf("%w\n%s", context.Cause(ctx), o.log)
	case err != nil && !errors.As(err, &exit):
		return o, err
	}
	if err := json.Unmarshal(stdout.Bytes(), &o); err != nil {
		return o, fmt.Errorf("no JSON came out: %w\n%s%s", err, stdout.String(), o.log)
	}
	if code := cmd.ProcessState.ExitCode(); code != o.Exit {
		return o, fmt.Errorf("the exit code is %d, and in the JSON %d\n%s", code, o.Exit, o.log)
	}
	return o, nil
}

// perform does the steps at their times, and returns a function that waits until
// they are done and tells what went wrong.
func (n *network) perform(ctx context.Context, steps []Step) (wait func() error) {
	errs := make([]error, len(steps))
	var all sync.WaitGroup
	for i, step := range steps {
		all.Go(func() {
			timer := time.NewTimer(step.After)
			defer timer.Stop()
			select {
			case <-timer.C:
				errs[i] = n.do(ctx, step)
			case <-ctx.Done():
			}
		})
	}
	return func() error {
		all.Wait()
		return errors.Join(errs...)
	}
}

// do does a step.
func (n *network) do(ctx context.Context, step Step) error {
	node := n.nodes[step.On]
	if step.Occupy != "" {
		return n.occupy(ctx, node, mustPorts(step.Occupy))
	}
	if step.Nft != "" {
		_, err := node.run(ctx, n.expand(step.Nft)+"\n", "nft", "-f", "-")
		return err
	}
	_, err := node.run(ctx, "", "sh", "-c", n.expand(step.Exec))
	return err
}

// occupy listens on the ports until the network is removed.
func (n *network) occupy(ctx context.Context, node namespace, ports ftp.PortRange) error {
	for port := int(ports.Lo); port <= int(ports.Hi); port++ {
		ln, err := spot{node}.Listen(ctx, "tcp", fmt.Sprintf("0.0.0.0:%d", port))
		if err != nil {
			return err
		}
		n.occupied = append(n.occupied, ln)
	}
	return nil
}

// splitFlags reads a line of flags; no flag of the lab holds a blank.
func splitFlags(line string) []string { return strings.Fields(line) }
