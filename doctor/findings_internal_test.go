package doctor

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
)

// TestServersDoNotAimTheDoctor: an address of the client's own network in a 227 is
// not connected to.
func TestServersDoNotAimTheDoctor(t *testing.T) {
	believing := probe{method: ftp.PASV, policy: ftp.AddressServer.String()}
	for named, refused := range map[string]bool{
		"10.0.0.5:40000": true, "127.0.0.1:40000": true, "169.254.1.1:40000": true, "100.64.0.1:40000": true, "0.0.0.0:40000": true, "224.0.0.1:40000": true,
		"198.51.100.21:40000": false, "203.0.113.99:40000": false, "": false,
	} {
		s := &section{remote: "198.51.100.21:21", rows: []Row{{Method: ftp.PASV, Policy: "auto", Outcome: Works, Advertised: named}}}
		require.Equal(t, refused, s.notApplicable(believing) != "", named)
		s.remote = "192.168.1.1:21"
		nobody := slices.Contains([]string{"127.0.0.1:40000", "0.0.0.0:40000", "224.0.0.1:40000"}, named)
		require.Equal(t, nobody, s.notApplicable(believing) != "", "a server on this network may name its neighbours, and nothing else: %s", named)
	}
}

// TestDataMoversElsewhere: EPSV cannot name another address, so that the advice
// leaves it out where it fails.
func TestDataMoversElsewhere(t *testing.T) {
	r := &Report{Local: "192.168.1.10:40000", Remote: "198.51.100.21:21", Rows: []Row{
		{Family: familyIPv4, Security: "none", Method: ftp.EPSV, Outcome: Failed, Advertised: ":40000"},
		{Family: familyIPv4, Security: "none", Method: ftp.PASV, Policy: "auto", Outcome: Works, Advertised: "203.0.113.99:40000", Dialled: "203.0.113.99:40000"},
	}}
	all := sortOut(r).advise()
	require.Len(t, all, 2)
	require.Equal(t, "--data-command pasv --passive-address server", all[1].Flags)
	r.Rows[0].Outcome = Works
	all = sortOut(r).advise()
	require.Equal(t, "--passive-address server", all[1].Flags)
}

func TestServedPorts(t *testing.T) {
	for seen, want := range map[string]string{
		"40000-40009": "40000-40009", "40000": "40000-40009", "40000-40000": "40000-40009", "65535": "65535", "33000-60000": "50000-50099", "": "50000-50099",
	} {
		require.Equal(t, want, sortOut(&Report{PassivePorts: seen}).servedPorts().String(), seen)
	}
}

func TestPresence(t *testing.T) {
	for value, word := range map[Presence]string{Unknown: "not known", Present: "yes", Absent: "no", 9: "Presence(9)"} {
		text, err := value.MarshalText()
		require.NoError(t, err)
		require.Equal(t, word, string(text))
	}
}
