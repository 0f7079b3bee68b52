package doctor

import (
	"context"
	"slices"

	"github.com/dualport/ftp"
)

// asks is how often a server is asked for more ports; each time it names several.
const asks = 4

// notePorts tells which ports the server named. Where it cannot be connected to
// at any of them it is asked for some more, without connecting: a firewall must
// let in all of its range.
func (e *examination) notePorts(ctx context.Context) {
	s := e.main
	for _, r := range s.rows {
		if r.Method.Passive() && r.Advertised != "" && r.Outcome != Refused && !slices.ContainsFunc(s.rows, passiveWorks) {
			s.askPorts(ctx, r.Method)
			break
		}
	}
	if ports := e.memory.PassivePorts(); ports != (ftp.PortRange{}) {
		e.report.PassivePorts = ports.String()
	}
}

func passiveWorks(r Row) bool { return r.Method.Passive() && r.Outcome == Works }

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
