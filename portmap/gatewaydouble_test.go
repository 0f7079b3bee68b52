package portmap_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gateway is a double of one that speaks PCP and NAT-PMP on a loopback port. The
// fields are set before it is asked.
type gateway struct {
	conn    net.PacketConn
	started time.Time

	address   netip.Addr                  // external; of documentation where it is not set
	noPCP     bool                        // answers as one that speaks NAT-PMP only
	noNATPMP  bool                        // answers as one that speaks PCP only
	result    int                         // refuses with it
	grants    uint32                      // seconds; zero: what is asked for
	elsewhere uint16                      // maps this external port, whatever is asked for
	nothing   bool                        // grants port 0 for no time
	drop      int                         // leaves that many requests without an answer; negative: all
	before    func(reply []byte) [][]byte // what is sent before the reply

	mu       sync.Mutex
	mapped   map[uint16]uint16 // internal to external
	requests []string
	seen     int
	asked    chan struct{} // a request has come
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1}) //nolint:gochecknoglobals // a constant in all but name

func newGateway(t *testing.T) *gateway {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gateway{conn: conn, started: time.Now(), address: netip.MustParseAddr("203.0.113.7"), mapped: map[uint16]uint16{}, asked: make(chan struct{}, 100)}
	return g
}

// start serves until the test ends.
func (g *gateway) start(t *testing.T) *gateway {
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.serve()
	}()
	t.Cleanup(func() {
		require.NoError(t, g.conn.Close())
		<-done
	})
	return g
}

func (g *gateway) port() uint16 { return uint16(g.conn.LocalAddr().(*net.UDPAddr).Port) }

func (g *gateway) serve() {
	buf := make([]byte, 2048)
	for {
		n, from, err := g.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		reply := g.answer(slices.Clone(buf[:n]))
		select {
		case g.asked <- struct{}{}:
		default:
		}
		if reply == nil {
			continue
		}
		if g.before != nil {
			for _, b := range g.before(reply) {
				_, _ = g.conn.WriteTo(b, from)
			}
		}
		_, _ = g.conn.WriteTo(reply, from)
	}
}

func (g *gateway) answer(b []byte) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen++
	if g.drop < 0 || g.seen <= g.drop {
		g.requests = append(g.requests, "dropped")
		return nil
	}
	epoch := uint32(time.Since(g.started) / time.Second)
	switch {
	case len(b) >= 2 && b[0] == 0 && g.noNATPMP:
		g.requests = append(g.requests, "NAT-PMP refused")
		reply := make([]byte, 24)
		reply[0], reply[1], reply[3] = 2, b[1]|0x80, 1
		return reply
	case len(b) == 2 && b[0] == 0:
		g.requests = append(g.requests, "NAT-PMP address")
		reply := []byte{0, 0x80, 0, byte(g.result)}
		reply = binary.BigEndian.AppendUint32(reply, epoch)
		a := g.address.As4()
		return append(reply, a[:]...)
	case len(b) == 12 && b[0] == 0:
		return g.natpmp(b, epoch)
	case len(b) == 60 && b[0] == 2 && g.noPCP:
		g.requests = append(g.requests, "PCP refused")
		return binary.BigEndian.AppendUint32([]byte{0, b[1] | 0x80, 0, 1}, epoch)
	case len(b) == 60 && b[0] == 2:
		return g.pcp(b, epoch)
	}
	return nil
}

func (g *gateway) natpmp(b []byte, epoch uint32) []byte {
	internal, external, lifetime := binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:]), binary.BigEndian.Uint32(b[8:])
	external, lifetime = g.record("NAT-PMP", internal, external, lifetime)
	reply := []byte{0, 0x82, 0, byte(g.result)}
	reply = binary.BigEndian.AppendUint32(reply, epoch)
	reply = binary.BigEndian.AppendUint16(reply, internal)
	reply = binary.BigEndian.AppendUint16(reply, external)
	return binary.BigEndian.AppendUint32(reply, lifetime)
}

func (g *gateway) pcp(b []byte, epoch uint32) []byte {
	internal, external, lifetime := binary.BigEndian.Uint16(b[40:]), binary.BigEndian.Uint16(b[42:]), binary.BigEndian.Uint32(b[4:])
	if client := netip.AddrFrom16([16]byte(b[8:24])).Unmap(); client != loopback {
		panic("the client is not " + client.String())
	}
	external, lifetime = g.record("PCP", internal, external, lifetime)
	reply := slices.Clone(b)
	reply[1] |= 0x80
	reply[3] = byte(g.result)
	binary.BigEndian.PutUint32(reply[4:], lifetime)
	binary.BigEndian.PutUint32(reply[8:], epoch)
	clear(reply[12:24])
	binary.BigEndian.PutUint16(reply[42:], external)
	a := g.address.As16()
	copy(reply[44:], a[:])
	return reply
}

func (g *gateway) record(protocol string, internal, external uint16, lifetime uint32) (uint16, uint32) {
	switch {
	case g.result != 0:
		g.requests = append(g.requests, protocol+" map refused")
		return external, 0
	case lifetime == 0:
		g.requests = append(g.requests, protocol+" delete")
		delete(g.mapped, internal)
		return 0, 0
	}
	g.requests = append(g.requests, protocol+" map")
	if g.nothing {
		return 0, 0
	}
	if g.elsewhere != 0 {
		external = g.elsewhere
	}
	if g.grants != 0 {
		lifetime = g.grants
	}
	g.mapped[internal] = external
	return external, lifetime
}

// log is what it was asked for.
func (g *gateway) log() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.requests)
}

func (g *gateway) mappings() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.mapped)
}

// inside is where a connection to the external port is forwarded to.
func (g *gateway) inside(external uint16) netip.AddrPort {
	g.mu.Lock()
	defer g.mu.Unlock()
	for in, out := range g.mapped {
		if out == external {
			return netip.AddrPortFrom(loopback, in)
		}
	}
	return netip.AddrPort{}
}
