//go:build !linux

package realserver

import (
	"errors"
	"net/netip"
	"os"
	"syscall"
)

// The daemons are Debian's, so elsewhere nothing can be started; these let the package
// and what imports it compile.

type member struct{}

func attributes() *syscall.SysProcAttr { return nil }

func (p *process) terminate() []member {
	p.kill()
	return nil
}

func (p *process) kill() {
	if child, err := os.FindProcess(p.pid); err == nil {
		_ = child.Kill()
	}
}

func (p *process) family() []member { return nil }

func killRemaining([]member) bool { return false }

func (p *process) listens(netip.AddrPort) error {
	return errors.New("real servers run on Linux only")
}
