package doctor

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// adviceText is all that the advice says and has done.
func adviceText(t *testing.T, all []Advice) string {
	t.Helper()
	text, err := json.Marshal(all)
	require.NoError(t, err)
	return string(text)
}

// TestPortsOfServices: a server that names port 22 does not get it opened.
func TestPortsOfServices(t *testing.T) {
	for _, tt := range []struct{ seen, epsv, pasv, opened string }{
		{"22", ":22", "10.0.0.5:22", ""},
		{"22-1023", ":1023", "10.0.0.5:22", ""},
		{"22-40000", ":40000", "10.0.0.5:22", "40000"},
		{"22-40003", ":40000", "10.0.0.5:40003", "40000-40003"},
	} {
		r := blockedReport()
		r.PassivePorts, r.Rows[0].Advertised, r.Rows[1].Advertised = tt.seen, tt.epsv, tt.pasv
		all := sortOut(r).advise()
		text := adviceText(t, all)
		require.NotRegexp(t, `dport (22|1023)|-RemotePort (22|1023)|=22|PassivePorts 22|-p 22`, text)
		require.NotRegexp(t, `ports? (0|22|1023)-`, text)
		require.Contains(t, text, "named port 22 for a data connection")
		if tt.opened == "" {
			require.NotContains(t, text, "For passive mode")
		} else {
			require.Contains(t, commandFor(t, all[0].Commands, forThisRouter), fmt.Sprintf("tcp dport %s accept", tt.opened))
		}
	}
	require.NotContains(t, adviceText(t, sortOut(blockedReport()).advise()), "hostile")
}

// TestServerThatNamesANeighbour: 192.168.1.1 is the gateway of this host, whatever
// the server means by it.
func TestServerThatNamesANeighbour(t *testing.T) {
	r := blockedReport()
	r.Rows[1].Advertised = "192.168.1.1:40001"
	router := commandFor(t, sortOut(r).advise()[1].Commands, forServerRouter)
	require.Regexp(t, "^# replace ADDRESS by the server's own address behind its NAT; it names 192.168.1.1,", router)
	require.Contains(t, router, "dnat ip to ADDRESS\n")
	require.Contains(t, router, "ip daddr ADDRESS tcp dport")
	require.NotContains(t, router, "dnat ip to 192")
}
