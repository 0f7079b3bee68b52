package doctor_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
	"github.com/dualport/ftp/ftptest"
)

// dualStack starts two servers on one port, as far as another program does not
// have it in one of the families.
func dualStack(t *testing.T, configure4, configure6 func(*ftptest.Config)) (address string) {
	t.Helper()
	for range 20 {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		require.NoError(t, err)
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		other, err := net.Listen("tcp6", "[::1]:"+port)
		require.NoError(t, ln.Close())
		if err != nil {
			continue
		}
		require.NoError(t, other.Close())
		for host, configure := range map[string]func(*ftptest.Config){"127.0.0.1": configure4, "::1": configure6} {
			srv := ftptest.NewUnstartedServer(t)
			srv.Config.Addr = net.JoinHostPort(host, port)
			configure(&srv.Config)
			srv.Start()
		}
		return "localhost:" + port
	}
	t.Fatal("no port is free in both families")
	return ""
}

func families(r *doctor.Report) (main, other string) {
	main = r.Rows[0].Family
	if main == "IPv4" {
		return main, "IPv6"
	}
	return main, "IPv4"
}

func bothFamilies() doctor.Config {
	return doctor.Config{Limit: 10 * time.Second}.WithAddresses(netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback())
}

func TestBothFamilies(t *testing.T) {
	usual := func(*ftptest.Config) {}
	address := dualStack(t, usual, usual)
	r, err := doctor.Run(t.Context(), address, nil, bothFamilies())
	require.NoError(t, err)
	_, other := families(r)
	got := outcomesOf(section(r, other, "none"))
	require.Equal(t, "works", got["EPSV"])
	require.Equal(t, "works", got["EPRT"])
	require.Len(t, got, 4)
	require.Equal(t, doctor.Absent, r.NAT)
	out := text(t, r)
	require.Contains(t, out, "IPv4, in clear:\n")
	require.Contains(t, out, "IPv6, in clear:\n")

	for name, opts := range map[string]*ftp.Options{"network": {Network: "tcp4"}, "local address": {Bind: "127.0.0.1"}} {
		r, err = doctor.Run(t.Context(), address, opts, bothFamilies())
		require.NoError(t, err, name)
		require.Len(t, r.Rows, 6, "the options say which family to use: %s", name)
	}
}

// TestFamilyThatCannotBeReached: one row tells it, and no six timeouts.
func TestFamilyThatCannotBeReached(t *testing.T) {
	srv := ftptest.NewServer(t)
	_, port, _ := net.SplitHostPort(srv.Addr)
	r, err := doctor.Run(t.Context(), "localhost:"+port, nil, bothFamilies())
	require.NoError(t, err)
	rows := section(r, "IPv6", "none")
	require.Len(t, rows, 1)
	require.Equal(t, doctor.Failed, rows[0].Outcome)
	require.Empty(t, rows[0].Method)
	require.Equal(t, "[::1]:"+port, rows[0].Dialled)
	require.Contains(t, rows[0].Error, "refused")
	require.Contains(t, text(t, r), "IPv6, in clear:\nno session, failed: ")
	require.Len(t, r.Advice, 1, "clients go on with the other by themselves")
}

func TestFamilyThatAnswersNothing(t *testing.T) {
	srv := ftptest.NewServer(t)
	_, port, _ := net.SplitHostPort(srv.Addr)
	silent, err := net.Listen("tcp6", "[::1]:"+port) // accepts, and says nothing
	require.NoError(t, err)
	defer silent.Close()
	r, err := doctor.Run(t.Context(), "localhost:"+port, &ftp.Options{Timeouts: ftp.Timeouts{Dial: 200 * time.Millisecond}}, bothFamilies())
	if err != nil {
		t.Skip("localhost is ::1 here, and the session itself does not come about")
	}
	rows := section(r, "IPv6", "none")
	require.Len(t, rows, 1)
	require.Equal(t, doctor.TimedOut, rows[0].Outcome)
	last := r.Advice[len(r.Advice)-1]
	require.Contains(t, last.Text, "IPv6 at which nothing answers")
	require.Equal(t, "-4", last.Flags)
	require.Equal(t, `ftp.Options{Network: "tcp4"}`, last.Options)
}

// TestOnlyTheOtherFamilyWorks: the advice is to use it, before all firewalls.
func TestOnlyTheOtherFamilyWorks(t *testing.T) {
	broken := func(c *ftptest.Config) { c.Disable = map[string]string{"EPSV": "", "PASV": "", "PORT": "", "EPRT": ""} }
	usual := func(*ftptest.Config) {}
	address := dualStack(t, broken, usual)
	r, err := doctor.Run(t.Context(), address, nil, bothFamilies())
	require.NoError(t, err)
	if main, _ := families(r); main == "IPv6" {
		t.Skip("localhost is ::1 here, which works")
	}
	require.True(t, r.Works)
	require.Equal(t, "-6", r.Advice[0].Flags)
	require.Equal(t, `ftp.Options{Network: "tcp6"}`, r.Advice[0].Options)
}

// TestFullServer: a server that refuses a login is not asked for another, and the
// report says so.
func TestFullServer(t *testing.T) {
	usual := func(*ftptest.Config) {}
	full := func(c *ftptest.Config) {
		c.Faults = []ftptest.Fault{{On: "EPSV", Close: true}, {On: "PASS", Nth: 2, Reply: "530 Too many connections."}, {On: "PASS", Nth: 3, Reply: "530 Too many connections."}}
	}
	address := dualStack(t, full, usual)
	r, err := doctor.Run(t.Context(), address, &ftp.Options{Network: "tcp"}, bothFamilies())
	require.NoError(t, err)
	if main, _ := families(r); main == "IPv6" {
		t.Skip("localhost is ::1 here")
	}
	rows := section(r, "IPv6", "none")
	require.Len(t, rows, 1)
	require.Equal(t, doctor.Skipped, rows[0].Outcome)
	require.True(t, strings.HasPrefix(rows[0].Error, "the server refused a login, and was not asked for another"), rows[0].Error)
}
