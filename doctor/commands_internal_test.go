package doctor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
)

func commandFor(t *testing.T, all []Command, whose string) string {
	t.Helper()
	for _, c := range all {
		if c.For == whose {
			return c.Text
		}
	}
	t.Fatalf("nothing for %s in %+v", whose, all)
	return ""
}

// blockedReport is of a server behind a NAT, of which nothing but the control
// connection gets through to a client behind another one.
func blockedReport() *Report {
	return &Report{
		Local: "192.168.1.10:40000", Remote: "198.51.100.21:21", SeenAs: "203.0.113.7", NAT: Present, PassivePorts: "40000-40009",
		Rows: []Row{
			{Family: familyIPv4, Security: "none", Method: ftp.EPSV, Outcome: TimedOut, Advertised: ":40000"},
			{Family: familyIPv4, Security: "none", Method: ftp.PASV, Policy: "auto", Outcome: TimedOut, Advertised: "10.0.0.5:40001"},
			{Family: familyIPv4, Security: "none", Method: ftp.PORT, Outcome: Refused, Advertised: "192.168.1.10:40001"},
			{Family: familyIPv4, Security: "none", Method: ftp.EPRT, Outcome: Refused, Advertised: "192.168.1.10:40001"},
		},
	}
}

// TestRulesToAskFor: they hold every address and port that is known.
func TestRulesToAskFor(t *testing.T) {
	all := sortOut(blockedReport()).advise()
	require.Len(t, all, 4)
	this, theirs, forwarded, mapped := all[0].Commands, all[1].Commands, all[2], all[3]

	require.Contains(t, commandFor(t, this, forThisRouter),
		"insert rule inet filter forward ip saddr 192.168.1.10 ip daddr 198.51.100.21 tcp dport 40000-40009 accept")
	require.Contains(t, commandFor(t, this, forThisHost), "-Direction Outbound -Action Allow -Protocol TCP -RemoteAddress 198.51.100.21 -RemotePort 40000-40009\n")
	require.Contains(t, commandFor(t, theirs, forServer), "tcp dport 40000-40009 accept")
	router := commandFor(t, theirs, forServerRouter)
	require.Contains(t, router, "ip daddr 198.51.100.21 tcp dport 40000-40009 dnat ip to 10.0.0.5\n")
	require.Contains(t, router, "insert rule inet filter forward ip daddr 10.0.0.5 tcp dport 40000-40009 accept")
	require.Equal(t, "pasv_enable=YES\npasv_min_port=40000\npasv_max_port=40009\npasv_address=198.51.100.21\n", commandFor(t, theirs, "vsftpd (vsftpd.conf)"))
	require.Equal(t, "PassivePorts 40000 40009\nMasqueradeAddress 198.51.100.21\n", commandFor(t, theirs, "ProFTPD (proftpd.conf)"))
	require.Equal(t, "-p 40000:40009 -P 198.51.100.21\n", commandFor(t, theirs, "Pure-FTPd (command line)"))

	require.Equal(t, "--mode active --port-range 50000-50010 --external-ip 203.0.113.7", forwarded.Flags)
	router = commandFor(t, forwarded.Commands, forThisRouter)
	require.Contains(t, router, "ip saddr 198.51.100.21 ip daddr 203.0.113.7 tcp dport 50000-50010 dnat ip to 192.168.1.10\n")
	require.Contains(t, router, "insert rule inet filter forward ip saddr 198.51.100.21 ip daddr 192.168.1.10 tcp dport 50000-50010 accept")
	require.Contains(t, commandFor(t, forwarded.Commands, forThisHost), "-Direction Inbound -Action Allow -Protocol TCP -RemoteAddress 198.51.100.21 -LocalPort 50000-50010\n")
	require.Equal(t, "--mode active --portmap", mapped.Flags)
}

// TestServerThatTakesAnyPort: this side has to open all of them; the server's
// side gets a range to be configured for.
func TestServerThatTakesAnyPort(t *testing.T) {
	r := blockedReport()
	r.PassivePorts = "33000-60000"
	all := sortOut(r).advise()
	require.Contains(t, all[0].Text, "seems to take any free port (33000-60000 were seen)")
	require.Contains(t, commandFor(t, all[0].Commands, forThisRouter), "tcp dport 1024-65535 accept")
	require.Contains(t, commandFor(t, all[1].Commands, forServer), "tcp dport 50000-50099 accept")
	require.Contains(t, commandFor(t, all[1].Commands, "vsftpd (vsftpd.conf)"), "pasv_min_port=50000\npasv_max_port=50099\n")
}

func TestNothingIsTranslated(t *testing.T) {
	r := blockedReport()
	r.SeenAs, r.NAT = "192.168.1.10", Absent
	f := sortOut(r)
	f.report.Rows[2].Outcome, f.methods.port.Outcome = TimedOut, TimedOut
	all := f.forwarding()
	require.Len(t, all, 1, "no mapper without a NAT")
	require.Equal(t, "--mode active --port-range 50000-50010", all[0].Flags)
	require.NotContains(t, commandFor(t, all[0].Commands, forThisRouter), "dnat")
}

// TestAddressThatNothingTold stands in the advice as a word to be replaced.
func TestAddressThatNothingTold(t *testing.T) {
	r := blockedReport()
	r.SeenAs, r.NAT = "", Unknown
	all := sortOut(r).forwarding()
	require.Equal(t, "--mode active --port-range 50000-50010 --external-ip ADDRESS", all[0].Flags)
	require.Contains(t, commandFor(t, all[0].Commands, forThisRouter), "ip daddr ADDRESS tcp dport")
	require.Contains(t, all[0].Text, "the router in front of this host knows")
	require.Regexp(t, "^# replace ADDRESS by the address at which the server sees this host\n", commandFor(t, all[0].Commands, forThisRouter), "it does not load as it is")
}

// TestNATBehindANAT: the router of this host may not be the only one.
func TestNATBehindANAT(t *testing.T) {
	r := blockedReport()
	require.Contains(t, sortOut(r).forwarding()[0].Text, "forwarded from 203.0.113.7 to 192.168.1.10 and opened for TCP connections from 198.51.100.21, on each NAT between this host and the Internet.")
	r.Remote = "172.16.0.1:21"
	require.Contains(t, sortOut(r).forwarding()[0].Text, "on each NAT between this host and the server.")
}

func TestServerOnALocalNetwork(t *testing.T) {
	r := blockedReport()
	r.Remote = "172.16.0.1:21"
	all := sortOut(r).forwarding()
	require.Contains(t, all[0].Options, "ExternalOnLAN: true", "by default such a server is told the local address")
}
