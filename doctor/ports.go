package doctor

import (
	"context"
	"slices"

	"github.com/dualport/ftp"
)

// asks is how often a server is asked for more ports; each time it names several.
const asks = 4

// morePorts asks a server that cannot be connected to at any of its passive ports
// for some more of them, without connecting: a firewall must let in all of the
// range.
func (s *section) morePorts(ctx context.Context) {
	if slices.ContainsFunc(s.rows, func(r Row) bool { return r.Method.Passive() && r.ok() }) {
		return
	}
	for _, r := range s.rows {
		if r.Method.Passive() && r.Advertised != "" && r.broken() {
			s.askPorts(ctx, r.Method)
			return
		}
	}
}

// askPorts has the server name ports. A dialer that permits none of them asks
// again and again, and connects to nothing.
func (s *section) askPorts(ctx context.Context, m ftp.Method) {
	ctx, _, cancel := part(ctx, 20)
	defer cancel()
	for range asks {
		if ctx.Err() != nil || s.session(ctx) != nil {
			return
		}
		s.dialer.current = ftp.Passive{Methods: []ftp.Method{m}, Ports: ftp.PortRange{Lo: 1, Hi: 1}}
		_ = list(ctx, s.client) // never comes about
	}
}
