//go:build linux

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// prefix begins the name of every namespace of the lab; the number of the process
// that made it follows.
const prefix = "dualport-"

// namespace is a network of its own: interfaces, addresses, routes and firewall.
type namespace struct {
	name string
}

// handle is the file that stands for the namespace.
func (n namespace) handle() string { return filepath.Join("/run/netns", n.name) }

// etc holds files that programs in the namespace see in place of those in /etc.
func (n namespace) etc() string { return filepath.Join("/etc/netns", n.name) }

// command is the command line in front of another to run it in the namespace. The
// other takes its place, so that it keeps the number of the process.
func (n namespace) command() []string { return []string{"ip", "netns", "exec", n.name} }

// writeHosts sets what /etc/hosts holds for programs in the namespace.
func (n namespace) writeHosts(names map[string][]string) error {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost\n")
	for name, addrs := range names {
		for _, addr := range addrs {
			fmt.Fprintf(&b, "%s %s\n", addr, name)
		}
	}
	if err := os.MkdirAll(n.etc(), 0o755); err != nil {
		return err
	}
	// An empty resolv.conf keeps programs from asking a name server of this host.
	if err := os.WriteFile(filepath.Join(n.etc(), "resolv.conf"), nil, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(n.etc(), "hosts"), []byte(b.String()), 0o644)
}

// within runs f on a thread that is in the namespace, and ends that thread.
func (n namespace) within(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			// The main thread never ends, and its namespace is taken for that of the
			// process. While this goroutine has it, another has another.
			defer runtime.UnlockOSThread()
			result <- n.within(f)
			return
		}
		err := n.enter()
		if err == nil {
			err = f()
		}
		result <- err
	}()
	return <-result
}

func (n namespace) enter() error {
	file, err := os.Open(n.handle())
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the namespace %s: %w", n.name, err)
	}
	return nil
}

// dial connects from inside the namespace; the address is a literal one.
func (n namespace) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = n.within(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// run runs a program in the namespace and returns what it printed.
func (n namespace) run(ctx context.Context, stdin string, args ...string) (string, error) {
	return output(ctx, stdin, append(n.command(), args...)...)
}

// output runs a program; what it printed is in the error where it fails.
func output(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, stdin, out.String())
	}
	return out.String(), nil
}

// sweep removes what processes that are gone have left: a lab that is killed cannot
// clean up.
func sweep(ctx context.Context) error {
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		return nil //nolint:nilerr // no such folder before the first namespace
	}
	for _, e := range entries {
		owner, _, _ := strings.Cut(strings.TrimPrefix(e.Name(), prefix), "-")
		pid, err := strconv.Atoi(owner)
		if err != nil || !strings.HasPrefix(e.Name(), prefix) || unix.Kill(pid, 0) == nil {
			continue
		}
		stale := namespace{e.Name()}
		if err := errors.Join(stale.end(ctx), stale.remove(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// end kills what a killed lab has left running in the namespace.
func (n namespace) end(ctx context.Context) error {
	pids, err := output(ctx, "", "ip", "netns", "pids", n.name)
	if err != nil {
		return err
	}
	for pid := range strings.FieldsSeq(pids) {
		if number, err := strconv.Atoi(pid); err == nil {
			_ = unix.Kill(number, unix.SIGKILL) // it may have ended meanwhile
		}
	}
	return nil
}

func (n namespace) remove(ctx context.Context) error {
	if err := os.RemoveAll(n.etc()); err != nil {
		return err
	}
	_, err := output(ctx, "", "ip", "netns", "del", n.name)
	return err
}
