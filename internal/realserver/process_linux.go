package realserver

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// attributes puts a daemon into a session of its own, so that it can be signalled with
// what it forks, and has the kernel kill it when the test is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// terminate asks the daemon and what is in its group to end, and returns its family as it
// was then. Stopped meanwhile, it cannot fork a session that the list would miss.
func (p *process) terminate() []member {
	_ = syscall.Kill(-p.pid, syscall.SIGSTOP)
	family := p.family()
	_ = syscall.Kill(-p.pid, syscall.SIGTERM)
	_ = syscall.Kill(-p.pid, syscall.SIGCONT)
	return family
}

func (p *process) kill() {
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
}

// member is one process of a daemon. A number alone could have been given to a stranger
// in the meantime; the number and the time of its start could not.
type member struct {
	pid   int
	start string
}

// status is what /proc/PID/stat says of a process.
type status struct {
	member
	zombie                 bool
	parent, group, session int
}

// family lists the daemon and the sessions it forked, directly or not, also those that
// went into a session of their own, as vsftpd's do.
func (p *process) family() []member {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []status
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			if s, err := readStatus(pid); err == nil && !s.zombie {
				all = append(all, s)
			}
		}
	}
	in := map[int]bool{p.pid: true}
	var family []member
	for grown := true; grown; {
		grown = false
		for i, s := range all {
			if s.pid == 0 || !in[s.pid] && !in[s.parent] && s.group != p.pid && s.session != p.pid {
				continue
			}
			in[s.pid], grown = true, true
			family = append(family, s.member)
			all[i] = status{}
		}
	}
	return family
}

// readStatus parses /proc/PID/stat. The command's name, in parentheses, may hold anything.
func readStatus(pid int) (status, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return status{}, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return status{}, errors.New("short stat line")
	}
	s := status{zombie: fields[0] == "Z", member: member{pid: pid, start: fields[19]}}
	for i, field := range []*int{&s.parent, &s.group, &s.session} {
		if *field, err = strconv.Atoi(fields[1+i]); err != nil {
			return status{}, err
		}
	}
	return s, nil
}

// killRemaining kills those of the family that still run, and tells whether there were any.
func killRemaining(family []member) bool {
	found := false
	for _, m := range family {
		if s, err := readStatus(m.pid); err == nil && s.member == m && !s.zombie {
			_ = syscall.Kill(m.pid, syscall.SIGKILL)
			found = true
		}
	}
	return found
}

// listens tells, by a nil error, that the daemon itself listens on addr.
func (p *process) listens(addr netip.AddrPort) error {
	inode, err := p.listener(addr)
	if err != nil {
		return err
	}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.pid))
	if err != nil {
		return err
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == "socket:["+inode+"]" {
			return nil
		}
	}
	return fmt.Errorf("%s belongs to another process", addr)
}

// listener returns the inode of the socket that listens on addr, from the kernel's tables
// of the network that the daemon is in.
func (p *process) listener(addr netip.AddrPort) (string, error) {
	table := fmt.Sprintf("/proc/%d/net/tcp", p.pid)
	if addr.Addr().Is6() {
		table += "6"
	}
	file, err := os.Open(table)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	const listening = "0A"
	want := kernelAddr(addr)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && fields[1] == want && fields[3] == listening {
			return fields[9], nil
		}
	}
	return "", errors.Join(fmt.Errorf("nothing listens on %s", addr), lines.Err())
}

// kernelAddr writes addr as /proc/net/tcp does: 32-bit words in the machine's byte order.
func kernelAddr(addr netip.AddrPort) string {
	raw := addr.Addr().AsSlice()
	for word := raw; len(word) > 0; word = word[4:] {
		binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(word))
	}
	return fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(raw)), addr.Port())
}
