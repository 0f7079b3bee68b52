package ftp

import (
	"net/netip"
	"sync"
)

// Memory is what transfers learned about the way to one server: which method
// led to a data connection, and which address. It is safe for concurrent use;
// the zero Memory knows nothing. Share one between clients only where server
// and network are the same.
type Memory struct {
	mu        sync.Mutex
	preferred Method
	believe   bool // the advertised address answered where the control peer's did not
	seen      PortRange
}

// Preferred returns the method that worked last, or "" where none did yet.
func (m *Memory) Preferred() Method {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.preferred
}

// PassivePorts returns the smallest range that holds every port a server has
// named for passive connections: the range that a firewall must let out. It is
// zero where none was named yet.
func (m *Memory) PassivePorts() PortRange {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen
}

func (m *Memory) worked(method Method) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.preferred = method
}

// failed forgets a preference that no longer holds.
func (m *Memory) failed(method Method) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.preferred == method {
		m.preferred = ""
	}
}

func (m *Memory) believeAdvertised(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.believe = yes
}

func (m *Memory) believesAdvertised() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.believe
}

func (m *Memory) sawPort(port uint16) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen.any() {
		m.seen = PortRange{port, port}
		return
	}
	m.seen = PortRange{min(m.seen.Lo, port), max(m.seen.Hi, port)}
}

// same compares addresses the way the network does: an IPv4 address stays one
// when it is written as an IPv6 one.
func same(a, b netip.Addr) bool { return a.Unmap().WithZone("") == b.Unmap().WithZone("") }
