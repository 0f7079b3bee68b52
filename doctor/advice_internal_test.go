package doctor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
)

// TestRefusedActiveMode: a server that refuses PORT may mean the command, or the
// private address in it, which a forwarded range and an external address mend.
func TestRefusedActiveMode(t *testing.T) {
	tests := []struct {
		name, named, server string
		port, eprt          Outcome
		forwarding          bool
		says                string
	}{
		{"a public address", "203.0.113.9:50000", "203.0.113.5:21", Refused, Refused, false, "refuses active mode too"},
		{"a private address from afar", "192.168.1.5:50000", "203.0.113.5:21", Refused, Refused, true, ""},
		{"a private address on the same network", "192.168.1.5:50000", "192.168.1.1:21", Refused, Refused, false, "refuses active mode too"},
		{"over IPv6", "[2001:db8::2]:50000", "[2001:db8::1]:21", NotApplicable, Refused, false, "refuses active mode too"},
		{"only one refused", "203.0.113.9:50000", "203.0.113.5:21", Refused, TimedOut, true, ""},
		{"through a proxy", "", "203.0.113.5:21", NotApplicable, NotApplicable, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := sortOut(&Report{
				Local: "192.168.1.5:40000", Remote: tt.server,
				Rows: []Row{
					{Method: ftp.EPSV, Outcome: Refused},
					{Method: ftp.PASV, Policy: "auto", Outcome: Refused},
					{Method: ftp.PORT, Outcome: tt.port, Advertised: tt.named},
					{Method: ftp.EPRT, Outcome: tt.eprt, Advertised: tt.named},
				},
			})
			all := f.nothingWorks()
			require.Contains(t, all[0].Text, "The server refuses passive mode")
			require.Equal(t, tt.forwarding, len(all) == 3)
			if tt.says == "" {
				require.NotContains(t, all[0].Text, "refuses active mode")
			} else {
				require.Contains(t, all[0].Text, tt.says)
			}
			if tt.forwarding {
				require.Equal(t, "--mode active --port-range 50000-50010 --external-ip ADDRESS", all[1].Flags)
			}
		})
	}
}

// TestTooLittleTimeForAll: what was not tried may work.
func TestTooLittleTimeForAll(t *testing.T) {
	r := blockedReport()
	r.Rows[2].Outcome, r.Rows[2].late = Skipped, true
	f := sortOut(r)
	f.limit = 40 * time.Second
	first := f.advise()[0]
	require.Contains(t, first.Text, "The time for the examination (40s) was over before every way to a data connection was tried")
	require.Equal(t, "--limit 80", first.Flags)
	require.False(t, r.Inconclusive())
	r.Rows[0].Outcome = Works
	require.NotContains(t, sortOut(r).advise()[0].Text, "limit", "one that works is enough")
}
