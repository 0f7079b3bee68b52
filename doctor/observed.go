package doctor

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/dualport/ftp"
)

// firstFree is the lowest port that is not of a well-known service. No server has
// a reason to open one of those for data, and no rule for a firewall may hold one
// because a server said so.
const firstFree = 1024

// observed is the range of passive ports that were seen, without those of services.
func (f findings) observed() ftp.PortRange {
	seen, err := ftp.ParsePortRange(f.report.PassivePorts)
	switch {
	case err != nil:
		return ftp.PortRange{}
	case seen.Lo >= firstFree:
		return seen
	}
	var ports []uint16
	for _, row := range f.report.Rows {
		if port := portOf(row.Advertised); row.Method.Passive() && port >= firstFree {
			ports = append(ports, port)
		}
	}
	if len(ports) == 0 {
		return ftp.PortRange{}
	}
	return ftp.PortRange{Lo: slices.Min(ports), Hi: slices.Max(ports)}
}

// ofServices is about a server that names ports of services for data.
func (f findings) ofServices() []Advice {
	seen, err := ftp.ParsePortRange(f.report.PassivePorts)
	if err != nil || seen.Lo >= firstFree {
		return nil
	}
	return []Advice{{Text: fmt.Sprintf("The server named port %d for a data connection. No server should use ports below %d for data: it, or something on the way "+
		"which changes its replies, is misconfigured or hostile. Open none of them in any firewall, and ask its administrator.", seen.Lo, firstFree)}}
}

// portOf is the port in an "address:port", of which the address may be missing; 0
// where there is none.
func portOf(endpoint string) uint16 {
	if len(endpoint) > 0 && endpoint[0] == ':' {
		endpoint = "0.0.0.0" + endpoint
	}
	at, err := netip.ParseAddrPort(endpoint)
	if err != nil {
		return 0
	}
	return at.Port()
}
