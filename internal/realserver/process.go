package realserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

const (
	readyTimeout = 30 * time.Second // from start to greeting; a busy machine is slow
	termTimeout  = 3 * time.Second  // from SIGTERM to SIGKILL
	killTimeout  = 10 * time.Second // from SIGKILL to giving up
	pollEvery    = 10 * time.Millisecond
)

// process is a daemon that runs as a child of this process, in a session of its own.
type process struct {
	pid  int
	done chan struct{} // closed when the child has been waited for
	err  error         // how it ended, never nil; read only after done
}

// startProcess runs l in dir and appends what it prints to logFile.
func startProcess(l launch, dir, logFile string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	argv, env := l.command()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}, env...)
	cmd.Stdout, cmd.Stderr = log, log
	if l.complainsOnStdin {
		cmd.Stdin = log
	}
	cmd.SysProcAttr = attributes()

	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.done)
		defer func() { _ = log.Close() }()
		// The kernel kills the child when the thread that started it ends; so this
		// thread stays until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err != nil {
			return
		}
		if p.err = cmd.Wait(); p.err == nil {
			p.err = errors.New("exit status 0")
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, err
	}
	return p, nil
}

// waitReady returns when the daemon, and not somebody else on the same port, greets a
// client and has forgotten that client again.
func (p *process) waitReady(place *Place, addr netip.AddrPort, implicitTLS bool) error {
	deadline := time.Now().Add(readyTimeout)
	last := errors.New("never tried")
	err := poll(deadline, func() bool {
		if p.exited() {
			return true
		}
		if last = p.listens(addr); last == nil {
			last = greeted(place, addr, deadline, implicitTLS)
		}
		return last == nil
	})
	if p.exited() {
		return fmt.Errorf("the daemon ended at once: %w", p.err)
	}
	if err != nil {
		return fmt.Errorf("no greeting on %s within %s: %w", addr, readyTimeout, last)
	}
	if err := poll(deadline, func() bool { return len(p.family()) <= 1 }); err != nil {
		return errors.New("the session that saw the greeting does not end")
	}
	return nil
}

func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// greeted connects, reads the 220 and leaves in good manners.
func greeted(place *Place, addr netip.AddrPort, deadline time.Time, implicitTLS bool) error {
	conn, err := place.dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if implicitTLS {
		// Whether the certificate is to be believed is for the test to find out.
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "220") {
		return fmt.Errorf("greeting is %q", line)
	}
	if _, err := io.WriteString(conn, "QUIT\r\n"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// halt ends the daemon and every session it forked: politely, then by force.
func (p *process) halt() error {
	if p.exited() {
		return nil // its number may be somebody else's by now
	}
	family := p.terminate()
	if !p.endsWithin(termTimeout) {
		p.kill()
		if !p.endsWithin(killTimeout) {
			return fmt.Errorf("process %d survives SIGKILL", p.pid)
		}
	}
	// Sessions in a group of their own may outlive the daemon, as long as their client
	// stays connected.
	err := poll(time.Now().Add(killTimeout), func() bool { return !killRemaining(family) })
	if err != nil {
		return fmt.Errorf("a session of process %d survives SIGKILL", p.pid)
	}
	return nil
}

func (p *process) endsWithin(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

// poll calls done until it returns true, or fails at the deadline. What it waits for
// happens in other processes, which cannot tell us.
func poll(deadline time.Time, done func() bool) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for !done() {
		if time.Now().After(deadline) {
			return os.ErrDeadlineExceeded
		}
		<-ticker.C
	}
	return nil
}
