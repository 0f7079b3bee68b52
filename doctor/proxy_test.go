package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
	"github.com/dualport/ftp/ftptest"
)

// examineByProxy examines a server of the given name or address, which nothing but
// a hook leads to.
func examineByProxy(t *testing.T, host string, configure func(*ftptest.Config), active ftp.Active) *doctor.Report {
	t.Helper()
	srv := ftptest.NewUnstartedServer(t)
	srv.Config.Passive.Advertise = netip.MustParseAddr("192.0.2.10")
	configure(&srv.Config)
	srv.Start()
	_, port, err := net.SplitHostPort(srv.Addr)
	require.NoError(t, err)
	opts := &ftp.Options{Active: active, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		to, port, _ := net.SplitHostPort(address)
		if to != host {
			return nil, errors.New("not this server")
		}
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}}
	r, err := doctor.Run(t.Context(), net.JoinHostPort(host, port), opts, doctor.Config{})
	require.NoError(t, err)
	return r
}

func page(t *testing.T, r *doctor.Report) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.WriteHTML(&b))
	return b.String()
}

// TestProxyIsNotTakenForTheServer: what a 227 names is compared with the address
// that was asked for, and with none where that was a name.
func TestProxyIsNotTakenForTheServer(t *testing.T) {
	for host, remote := range map[string]string{"192.0.2.10": "192.0.2.10:", "ftp.example.com": ""} {
		r := examineByProxy(t, host, func(*ftptest.Config) {}, ftp.Active{})
		require.True(t, r.Proxied)
		require.Contains(t, r.Via, "127.0.0.1:")
		require.True(t, strings.HasPrefix(r.Remote, remote) && (r.Remote == "") == (remote == ""), r.Remote)
		require.Len(t, r.Advice, 1, "%+v", r.Advice)
		require.Contains(t, r.Advice[0].Text, "Nothing to change")
		require.Contains(t, text(t, r), fmt.Sprintf(" to the proxy %s, and on to %s", r.Via, r.Host))
		got := page(t, r)
		require.Contains(t, got, "<dt>Server</dt><dd><code>"+r.Host+"</code>")
		require.Contains(t, got, "to proxy 127.0.0.1 to network to server "+strings.TrimSuffix(remote, ":"))
		require.NotContains(t, got, "data at")
		require.NotContains(t, got, "reached at")
	}
}

// TestProxyAndAServerThatNamesAnotherAddress: the settings of the server are those
// of the address that was asked for.
func TestProxyAndAServerThatNamesAnotherAddress(t *testing.T) {
	r := examineByProxy(t, "192.0.2.10", func(c *ftptest.Config) { c.Passive.Advertise = netip.MustParseAddr("10.0.0.5") }, ftp.Active{})
	require.Len(t, r.Advice, 2)
	require.Contains(t, r.Advice[1].Text, "name 10.0.0.5, but it is reached at 192.0.2.10")
	require.Contains(t, r.Advice[1].Commands[0].Text, "pasv_address=192.0.2.10")
}

// TestProxyThatCannotListen has nothing to do with the server.
func TestProxyThatCannotListen(t *testing.T) {
	cannot := ftp.Active{ListenFunc: func(context.Context, string, string) (net.Listener, error) {
		return nil, fmt.Errorf("an HTTP proxy cannot listen (%w)", errors.ErrUnsupported)
	}}
	r := examineByProxy(t, "192.0.2.10", func(*ftptest.Config) {}, cannot)
	for _, row := range r.Rows[4:6] {
		require.Equal(t, doctor.NotApplicable, row.Outcome)
		require.Contains(t, row.Reason, "an HTTP proxy cannot listen")
		require.Empty(t, row.Error)
	}
	broken := ftp.Active{ListenFunc: func(context.Context, string, string) (net.Listener, error) { return nil, errors.New("no") }}
	require.Equal(t, "failed", outcomes(examineByProxy(t, "192.0.2.10", noPassive, broken))["PORT"])
}

// TestActiveAdviceThroughAProxy: nothing has to reach this host.
func TestActiveAdviceThroughAProxy(t *testing.T) {
	listen := ftp.Active{ListenFunc: new(net.ListenConfig).Listen}
	r := examineByProxy(t, "192.0.2.10", func(c *ftptest.Config) {
		noPassive(c)
		c.Active.Never = true
	}, listen)
	last := r.Advice[len(r.Advice)-1]
	require.Contains(t, last.Text, "have the proxy open ports for connections of the server (BIND)")
	require.Equal(t, "--mode active", last.Flags)
	require.Empty(t, last.Commands)
}

// TestHookThatIsNoProxy: one that makes connections itself has no station.
func TestHookThatIsNoProxy(t *testing.T) {
	srv := ftptest.NewServer(t)
	r, err := doctor.Run(t.Context(), srv.Addr, &ftp.Options{DialContext: new(net.Dialer).DialContext}, doctor.Config{})
	require.NoError(t, err)
	require.Equal(t, srv.Addr, r.Remote)
	require.Equal(t, srv.Addr, r.Via)
	require.NotContains(t, page(t, r), "proxy</text>")
	require.NotContains(t, text(t, r), "the proxy")
}
