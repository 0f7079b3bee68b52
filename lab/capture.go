//go:build linux

package lab

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// attempt is a connection attempt on the wire: a TCP SYN without ACK.
type attempt struct {
	from, to netip.AddrPort
	outgoing bool
	at       time.Time
}

// capture sees every connection attempt on one interface of a namespace.
type capture struct {
	socket  int
	stop    atomic.Bool
	stopped chan struct{}
	idle    atomic.Int64 // counts the times when nothing was left to read

	mu       sync.Mutex
	attempts []attempt
}

// tick is how long a read waits, and so how soon it notices that there is nothing.
const tick = 20 * time.Millisecond

// anyProtocol is ETH_P_ALL in the byte order of the network.
const anyProtocol = uint16(unix.ETH_P_ALL&0xff)<<8 | uint16(unix.ETH_P_ALL)>>8

// watch begins to see what passes the interface eth0 of the namespace.
func (n namespace) watch() (*capture, error) {
	c := &capture{stopped: make(chan struct{})}
	err := n.within(func() (err error) {
		c.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(anyProtocol))
		return err
	})
	if err != nil {
		return nil, err
	}
	wait := unix.NsecToTimeval(int64(tick))
	if err := unix.SetsockoptTimeval(c.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		_ = unix.Close(c.socket)
		return nil, err
	}
	go c.read()
	return c, nil
}

func (c *capture) read() {
	defer close(c.stopped)
	packet := make([]byte, 128) // headers are enough
	for !c.stop.Load() {
		n, from, err := unix.Recvfrom(c.socket, packet, 0)
		link, ok := from.(*unix.SockaddrLinklayer)
		if err != nil || !ok {
			c.idle.Add(1)
			continue
		}
		if a, ok := parseAttempt(packet[:n]); ok {
			a.outgoing, a.at = link.Pkttype == unix.PACKET_OUTGOING, time.Now()
			c.mu.Lock()
			c.attempts = append(c.attempts, a)
			c.mu.Unlock()
		}
	}
}

func (c *capture) close() {
	if c.stop.Swap(true) {
		return
	}
	<-c.stopped
	_ = unix.Close(c.socket)
}

// since returns the attempts after a moment, when all that is on the wire has been
// read. Each pair of addresses stands there once: a SYN that is not answered is sent
// again.
func (c *capture) since(start time.Time) []attempt {
	for before, until := c.idle.Load(), time.Now().Add(2*time.Second); c.idle.Load() < before+2 && time.Now().Before(until); {
		time.Sleep(tick)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []attempt
	for _, a := range c.attempts {
		again := func(b attempt) bool { return a.from == b.from && a.to == b.to }
		if !a.at.Before(start) && !slices.ContainsFunc(found, again) {
			found = append(found, a)
		}
	}
	return found
}

// parseAttempt reads an IP packet and tells whether it asks for a connection.
func parseAttempt(packet []byte) (attempt, bool) {
	var a attempt
	if len(packet) < 1 {
		return a, false
	}
	var tcp []byte
	var from, to netip.Addr
	switch packet[0] >> 4 {
	case 4:
		length := int(packet[0]&15) * 4
		if len(packet) < max(length, 20) || packet[9] != unix.IPPROTO_TCP {
			return a, false
		}
		from, to, tcp = netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20])), packet[length:]
	case 6:
		if len(packet) < 40 || packet[6] != unix.IPPROTO_TCP {
			return a, false
		}
		from, to, tcp = netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40])), packet[40:]
	}
	const synAck, syn = 0x12, 0x02
	if len(tcp) < 20 || tcp[13]&synAck != syn {
		return a, false
	}
	a.from = netip.AddrPortFrom(from, binary.BigEndian.Uint16(tcp))
	a.to = netip.AddrPortFrom(to, binary.BigEndian.Uint16(tcp[2:]))
	return a, true
}
