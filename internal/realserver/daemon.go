package realserver

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Command is a program for Run, which must stay in the foreground.
type Command struct {
	// Path is the program's file.
	Path string
	// Args are its arguments, without its name.
	Args []string
	// Env are variables of its environment as name=value, besides a PATH and a LANG;
	// nothing is inherited.
	Env []string
	// Exec is the command that runs it somewhere else, as in Place. Nil: nothing does.
	Exec []string
	// Dir is the directory it starts in. Empty: a temporary one of the test.
	Dir string
}

// Program finds a program in a folder of .servers, such as "usr/sbin/danted" in "dante",
// and sets what it needs of the environment. The error says which script fetches it.
func Program(name, path string) (Command, error) {
	servers, _, err := locate(name)
	if err != nil {
		return Command{}, fmt.Errorf("%s: %w", name, err)
	}
	file := filepath.Join(servers, name, path)
	if _, err := os.Stat(file); err != nil {
		return Command{}, fmt.Errorf("%w: remove .servers and fetch again", err)
	}
	libraries, err := libraryPath(filepath.Join(servers, "lib"))
	if err != nil {
		return Command{}, err
	}
	return Command{Path: file, Env: []string{"LD_LIBRARY_PATH=" + libraries}}, nil
}

// Daemon is a program that runs as a child of the test.
type Daemon struct {
	tb      TB
	name    string
	logFile string
	process *process
	stop    sync.Once
}

// Run starts a program, and stops it with all that it started when the test ends. It
// fails the test when it cannot; whether the program is content is seen by WaitListening.
func Run(t TB, c Command) *Daemon {
	t.Helper()
	d := &Daemon{tb: t, name: filepath.Base(c.Path)}
	temp := t.TempDir()
	d.logFile = filepath.Join(temp, "log")
	if c.Dir == "" {
		c.Dir = temp
	}
	l := launch{exec: c.Exec, path: c.Path, args: c.Args, env: c.Env}
	var err error
	if d.process, err = startProcess(l, c.Dir, d.logFile); err != nil {
		t.Fatalf("realserver: %s: %v", d.name, err)
	}
	t.Cleanup(d.Stop)
	return d
}

// WaitListening returns when the program itself listens on a TCP port of the place it
// runs in, and fails the test with the log if it ends, or does not within 30 seconds. The
// address is the one it binds: an unspecified one where it binds that.
func (d *Daemon) WaitListening(addr netip.AddrPort) {
	d.tb.Helper()
	var last error
	err := poll(time.Now().Add(readyTimeout), func() bool {
		last = d.process.listens(addr)
		return last == nil || d.process.exited()
	})
	switch {
	case d.process.exited():
		d.tb.Fatalf("realserver: %s ended: %v\nits log:\n%s", d.name, d.process.err, d.Log())
	case err != nil:
		d.tb.Fatalf("realserver: %s: %v after %s\nits log:\n%s", d.name, last, readyTimeout, d.Log())
	}
}

// Stop ends the daemon and its sessions and waits until they are gone. It runs at the end
// of the test by itself; a test calls it to see what a client makes of a dead server.
func (d *Daemon) Stop() {
	d.stop.Do(d.halt)
}

func (d *Daemon) halt() {
	if err := d.process.halt(); err != nil {
		d.tb.Errorf("realserver: %s: %v", d.name, err)
	}
}

// Done is closed when the daemon has ended, stopped or by itself.
func (d *Daemon) Done() <-chan struct{} {
	return d.process.done
}

// Log returns what the daemon has said so far on standard output, standard error and, if
// it was begun by Start, in its log file.
func (d *Daemon) Log() string {
	text, err := os.ReadFile(d.logFile)
	if err != nil {
		return err.Error()
	}
	return string(bytes.ToValidUTF8(text, []byte("?")))
}
