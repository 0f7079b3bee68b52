package doctor_test

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
	"github.com/dualport/ftp/ftptest"
)

// examineThrough examines a server with TLS behind a helper.
func examineThrough(t *testing.T, h *helper, mode ftp.TLSMode, configure func(*ftptest.Config)) *doctor.Report {
	t.Helper()
	authority := ftptest.NewAuthority()
	srv := ftptest.NewUnstartedServer(t)
	srv.Config.TLS = &ftptest.TLS{Authority: authority, Certificate: authority.Issue(serverAddr)}
	configure(&srv.Config)
	srv.Start()
	h.server = srv.Addr
	opts := &ftp.Options{TLS: mode, TLSConfig: &tls.Config{RootCAs: authority.RootCAs()}}
	r, err := doctor.Run(t.Context(), startHelper(t, h), opts, doctor.Config{Limit: 10 * time.Second})
	require.NoError(t, err)
	return r
}

func rewrites(r *doctor.Report) map[string]doctor.Rewrite {
	m := make(map[string]doctor.Rewrite)
	for _, rewrite := range r.Rewrites {
		m[rewrite.What] = rewrite
	}
	return m
}

// flagsOf are those of all advice, in order.
func flagsOf(r *doctor.Report) []string {
	var all []string
	for _, a := range r.Advice {
		all = append(all, a.Flags)
	}
	return all
}

func noPassive(c *ftptest.Config) {
	c.Passive.EPSV.Port, c.Passive.PASV.Port = ftptest.PortRefused, ftptest.PortRefused
}

func noActive(c *ftptest.Config) { c.Disable = map[string]string{"PORT": "", "EPRT": ""} }

// TestSmartNATOfTheClient: what rewrites PORT in clear is blind to it with TLS.
func TestSmartNATOfTheClient(t *testing.T) {
	r := examineThrough(t, &helper{active: true}, ftp.TLSNone, noPassive)
	require.Equal(t, clientAddr, r.SeenAs)
	require.Equal(t, "STAT", r.SeenBy)
	require.Equal(t, doctor.Present, r.NAT)
	require.Equal(t, map[string]string{"EPSV": "failed", "PASV auto": "failed", "PORT": "refused", "EPRT": "refused"}, outcomesOf(section(r, "IPv4", "explicit")))
	for _, what := range []string{"PORT", "EPRT"} {
		rewrite := rewrites(r)[what]
		require.Contains(t, rewrite.Said, insideAddr+":")
		require.Contains(t, rewrite.Evidence, "sees this host at 127.0.0.9, was told 127.0.0.1, and connected all the same")
		require.Contains(t, rewrite.Evidence, "works in clear, and not over TLS")
	}
	require.Equal(t, []string{
		"--mode active", "", "",
		"--tls explicit --mode active --port-range 50000-50010 --external-ip 127.0.0.9 --external-on-lan",
		"--tls explicit --mode active --portmap",
		"--tls explicit --ccc",
	}, flagsOf(r))
	require.Contains(t, r.Advice[3].Text, "hides the control connection")
	require.Contains(t, r.Advice[3].Commands[0].Text, "ip saddr 127.0.0.2 ip daddr 127.0.0.9 tcp dport 50000-50010 dnat ip to 127.0.0.1\n")
	require.Equal(t, `ftp.Options{TLS: ftp.TLSExplicit, Mode: ftp.ModeActive, Active: ftp.Active{Mapper: new(portmap.Mapper)}}`, r.Advice[4].Options)
	out := text(t, r)
	require.Contains(t, out, "seen as:       127.0.0.9, by STAT\nNAT:           yes\nrewritten:     PORT 127.0.0.1:")
	require.Contains(t, out, "   nftables on the router of this host:\n       add table inet dualport\n")
}

// TestSmartNATAndTLS: the session with TLS gets the same advice, without the
// flags that it has already.
func TestSmartNATAndTLS(t *testing.T) {
	r := examineThrough(t, &helper{active: true}, ftp.TLSExplicit, noPassive)
	require.False(t, r.Works, "what works in clear is of no use to who asks for TLS")
	require.Equal(t, doctor.Works, section(r, "IPv4", "none")[2].Outcome)
	require.Contains(t, rewrites(r), "PORT")
	require.Equal(t, []string{
		"", "",
		"--mode active --port-range 50000-50010 --external-ip 127.0.0.9 --external-on-lan",
		"--mode active --portmap",
		"--ccc",
	}, flagsOf(r))
	require.Equal(t, "ftp.Options{TLS: ftp.TLSExplicit, ClearControlUnsafe: true}", r.Advice[4].Options)
	require.Contains(t, r.Advice[4].Text, "Data connections come about without TLS, and this is why")
}

// TestSmartNATOfTheServer: passive ports are open in clear only, and a 227 names
// another address.
func TestSmartNATOfTheServer(t *testing.T) {
	r := examineThrough(t, &helper{passive: true}, ftp.TLSNone, noActive)
	rewrite := rewrites(r)["227"]
	require.Equal(t, insideAddr, rewrite.Said)
	require.Equal(t, serverAddr, rewrite.Arrived)
	require.Equal(t, "works", outcomes(r)["PASV auto"])
	require.Equal(t, "failed", outcomesOf(section(r, "IPv4", "explicit"))["PASV auto"])
	require.Contains(t, r.Advice[0].Text, "Nothing to change")
	require.Contains(t, r.Advice[1].Text, "hides the control connection")
	require.Contains(t, r.Advice[1].Commands[0].For, "router of this host")
	require.Contains(t, r.Advice[2].Text, "ask those of the server")
	for _, a := range r.Advice[1:] {
		require.True(t, strings.HasPrefix(a.Flags, "--tls explicit"), a.Flags)
		require.True(t, strings.HasPrefix(a.Options, "ftp.Options{TLS: ftp.TLSExplicit"), a.Options)
	}
	require.Equal(t, "--tls explicit --ccc", flagsOf(r)[len(r.Advice)-1])
}

// TestSmartNATsThatPassiveModeDoesNotNeed: with TLS passive mode is the way out.
func TestSmartNATsThatPassiveModeDoesNotNeed(t *testing.T) {
	blind := func(c *ftptest.Config) {
		c.Passive.DataAddr = netip.MustParseAddr(serverAddr) // open to all
		c.Passive.AnyPeer = true
	}
	r := examineThrough(t, &helper{active: true}, ftp.TLSNone, blind)
	require.Equal(t, doctor.Works, section(r, "IPv4", "explicit")[0].Outcome)
	require.Equal(t, "--tls explicit --mode passive", r.Advice[2].Flags, "%+v", flagsOf(r))
	require.NotContains(t, strings.Join(flagsOf(r), "\n"), "--ccc")
}

// TestRewrittenPORT: a server that repeats what arrived gives the NAT away.
func TestRewrittenPORT(t *testing.T) {
	srv := ftptest.NewUnstartedServer(t)
	srv.Config.Disable = map[string]string{"STAT": ""}
	srv.Config.Active.PORT.Reply = "200 Will connect to 203.0.113.7:4000."
	srv.Config.Active.AnyHost = true
	srv.Start()
	r, err := doctor.Run(t.Context(), srv.Addr, nil, doctor.Config{})
	require.NoError(t, err)
	require.Equal(t, "203.0.113.7", r.SeenAs)
	require.Equal(t, "the address that arrived in PORT", r.SeenBy)
	require.Equal(t, doctor.Present, r.NAT)
	require.Equal(t, "203.0.113.7:4000", rewrites(r)["PORT"].Arrived)
}

// TestSeenInRefusal: where STAT tells nothing and another address was examined
// than the local one, that is named for the answer's sake.
func TestSeenInRefusal(t *testing.T) {
	h := &helper{}
	r := examineThrough(t, h, ftp.TLSNone, func(c *ftptest.Config) { c.Disable = map[string]string{"STAT": ""} })
	require.Equal(t, clientAddr, r.SeenAs)
	require.Equal(t, "the answer to PORT", r.SeenBy)

	srv := ftptest.NewUnstartedServer(t)
	srv.Config.Disable = map[string]string{"STAT": ""}
	srv.Config.Active.Rewrite = func(at netip.AddrPort) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.5"), at.Port())
	}
	srv.Start()
	opts := &ftp.Options{Active: ftp.Active{External: "127.0.0.3", ExternalOnLAN: true}}
	r, err := doctor.Run(t.Context(), srv.Addr, opts, doctor.Config{})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", r.SeenAs)
	ports := 0
	for _, c := range srv.Commands() {
		if strings.HasPrefix(c, "PORT 127,0,0,1,") {
			ports++
		}
	}
	require.Zero(t, ports, "the refusal of the other address told it")
}

// TestServerThatSaysNothing: a data connection over TLS to the local address
// shows that no NAT is between.
func TestServerThatSaysNothing(t *testing.T) {
	silent := func(c *ftptest.Config) { c.Disable = map[string]string{"STAT": ""} }
	r, _, err := examineTLS(t, ftptest.TLS{}, silent, nil)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", r.SeenAs)
	require.Equal(t, doctor.Absent, r.NAT)
	require.Contains(t, r.SeenBy, "over TLS")

	r, _ = examine(t, silent, 0)
	require.Empty(t, r.SeenAs)
	require.Equal(t, doctor.Unknown, r.NAT)
	require.Contains(t, text(t, r), "seen as:       not known\nNAT:           not known\n")
}

// TestPortsOfABlockedServer: it is asked for more of them than connections were
// tried to, so that the rule to ask for holds most of its range.
func TestPortsOfABlockedServer(t *testing.T) {
	r, srv := examine(t, func(c *ftptest.Config) {
		noPassive(c)
		c.Passive.PortMin, c.Passive.PortMax = 21200, 21220
	}, 3*time.Second)
	require.Equal(t, "21200-21220", r.PassivePorts)
	require.Contains(t, r.Advice[1].Commands[0].Text, "tcp dport 21200-21220 accept")
	require.Contains(t, r.Advice[1].Commands[1].Text, "-RemotePort 21200-21220")
	require.Equal(t, "pasv_enable=YES\npasv_min_port=21200\npasv_max_port=21220\n", r.Advice[2].Commands[2].Text)
	require.Equal(t, "PassivePorts 21200 21220\n", r.Advice[2].Commands[3].Text)
	require.Equal(t, "-p 21200:21220\n", r.Advice[2].Commands[4].Text)
	require.Equal(t, 1, srv.Sessions()-1, "one session, and one that looks for TLS")
}

// TestTimeIsKept: where nothing answers, every section gets its turn within the
// limit, or says that there was no time.
func TestTimeIsKept(t *testing.T) {
	srv := ftptest.NewUnstartedServer(t)
	srv.Config.TLS = &ftptest.TLS{}
	srv.Config.Passive.EPSV.Silent, srv.Config.Passive.PASV.Silent = true, true
	srv.Config.Active.Delay = time.Minute
	srv.Config.Disable = map[string]string{"STAT": ""}
	srv.Start()
	r, err := doctor.Run(t.Context(), srv.Addr, &ftp.Options{TLSConfig: srv.ClientTLS()}, doctor.Config{Limit: 2 * time.Second})
	require.NoError(t, err)
	require.Less(t, r.Duration, 2500*time.Millisecond)
	require.False(t, r.Works)
	require.Len(t, section(r, "IPv4", "none"), 6)
	require.NotEmpty(t, section(r, "IPv4", "explicit"))
}
