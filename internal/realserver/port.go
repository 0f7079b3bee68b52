package realserver

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
)

// Daemons get a port below Linux's ephemeral ones, so that no outgoing connection of
// somebody else takes it between the moment it was found free and the daemon's bind.
const (
	firstPort = 20000
	lastPort  = 31999
)

// freePort returns a port on which nothing listens. Another process can still be faster;
// waitReady notices.
func freePort(ip netip.Addr) (uint16, error) {
	const count = lastPort - firstPort + 1
	offset := rand.IntN(count)
	for i := range count {
		port := firstPort + (offset+i)%count
		listener, err := net.Listen("tcp", net.JoinHostPort(ip.String(), strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			return 0, err
		}
		return uint16(port), nil
	}
	return 0, errors.New("no free port on " + ip.String())
}
