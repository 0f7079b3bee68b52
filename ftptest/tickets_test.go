package ftptest_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// cache is a session cache for one server; when it is frozen it keeps the session it has.
type cache struct {
	mu      sync.Mutex
	session *tls.ClientSessionState
	frozen  bool
	puts    int
}

func (c *cache) Get(string) (*tls.ClientSessionState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session, c.session != nil
}

func (c *cache) Put(_ string, session *tls.ClientSessionState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.puts++
	if !c.frozen {
		c.session = session
	}
}

func (c *cache) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = true
}

// remembering is a client's configuration with a session cache.
func remembering(srv *ftptest.Server, version uint16) (*tls.Config, *cache) {
	config, sessions := srv.ClientTLS(), new(cache)
	config.ClientSessionCache, config.MaxVersion = sessions, version
	return config, sessions
}

func codes(replies ...string) []string {
	var list []string
	for _, reply := range replies {
		list = append(list, reply[:3])
	}
	return list
}

func TestRequireReuse(t *testing.T) {
	for name, version := range versions() {
		t.Run(name, func(t *testing.T) {
			srv := startTLS(t, ftptest.TLS{RequireReuse: true, MaxVersion: version})
			first, _ := remembering(srv, version)
			second, sessions := remembering(srv, version)
			a, b := loginTLS(t, srv, first), loginTLS(t, srv, second)
			got := codes(a.fetch(first), a.fetch(first), b.fetch(second), a.fetch(first))
			require.Equal(t, []string{"226", "226", "226", "226"}, got)
			a.store(first, "hello")

			require.Equal(t, ftptest.ReuseRefusalVsftpd, a.fetch(srv.ClientTLS()), "a full handshake")
			stolen := second.Clone()
			stolen.ClientSessionCache = &cache{session: sessions.session, frozen: true}
			require.Equal(t, ftptest.ReuseRefusalVsftpd, a.fetch(stolen), "the session of another control connection")
			require.Equal(t, []string{"226", "226"}, codes(a.fetch(first), b.fetch(second)))

			conns := srv.DataConns()
			for i, resumed := range []bool{true, true, true, true, true, false, true, true, true} {
				require.Equal(t, resumed, conns[i].Resumed, i)
				require.Equal(t, version, conns[i].TLSVersion, i)
			}
		})
	}
	t.Run("as ProFTPD refuses", func(t *testing.T) {
		srv := startTLS(t, ftptest.TLS{RequireReuse: true, ReuseRefusal: ftptest.ReuseRefusalProFTPD})
		require.Equal(t, ftptest.ReuseRefusalProFTPD, loginTLS(t, srv, srv.ClientTLS()).fetch(srv.ClientTLS()))
	})
	t.Run("control connection resumes", func(t *testing.T) {
		for name, version := range versions() {
			t.Run(name, func(t *testing.T) {
				srv := startTLS(t, ftptest.TLS{RequireReuse: true})
				config, sessions := remembering(srv, version)
				loginTLS(t, srv, config)
				old := &cache{session: sessions.session, frozen: true}
				c := loginTLS(t, srv, config)
				require.Equal(t, "226", c.fetch(config)[:3])
				stale := config.Clone()
				stale.ClientSessionCache = old
				want := map[string]string{"1.2": "226", "1.3": "522"}[name]
				require.Equal(t, want, c.fetch(stale)[:3], "with TLS 1.2 it is one session, with 1.3 another")
			})
		}
	})
}

func TestTickets(t *testing.T) {
	v12, v13 := uint16(tls.VersionTLS12), uint16(tls.VersionTLS13)
	tests := map[string]struct {
		tickets ftptest.Tickets
		version uint16
		keep    bool // the client keeps the ticket of the control connection
		want    []string
	}{
		"any number of times":        {ftptest.Tickets{}, v13, true, []string{"226", "226", "226"}},
		"none":                       {ftptest.Tickets{None: true}, v13, false, []string{"522", "522", "522"}},
		"none, 1.2":                  {ftptest.Tickets{None: true}, v12, false, []string{"522", "522", "522"}},
		"expired":                    {ftptest.Tickets{Expired: true}, v13, false, []string{"522", "522", "522"}},
		"expired, 1.2":               {ftptest.Tickets{Expired: true}, v12, false, []string{"522", "522", "522"}},
		"single use, harvested":      {ftptest.Tickets{SingleUse: true}, v13, false, []string{"226", "226", "226"}},
		"single use, kept":           {ftptest.Tickets{SingleUse: true}, v13, true, []string{"226", "522", "522"}},
		"single use, 1.2":            {ftptest.Tickets{SingleUse: true}, v12, true, []string{"226", "226", "226"}},
		"control only, harvested":    {ftptest.Tickets{ControlOnly: true}, v13, false, []string{"226", "522", "522"}},
		"control only, kept":         {ftptest.Tickets{ControlOnly: true}, v13, true, []string{"226", "226", "226"}},
		"control only, single":       {ftptest.Tickets{ControlOnly: true, SingleUse: true}, v13, true, []string{"226", "522", "522"}},
		"late":                       {ftptest.Tickets{Late: true}, v13, false, []string{"226", "226", "226"}},
		"late, 1.2":                  {ftptest.Tickets{Late: true}, v12, false, []string{"226", "226", "226"}},
		"late, single use":           {ftptest.Tickets{Late: true, SingleUse: true}, v13, false, []string{"226", "226", "226"}},
		"late, single use, and kept": {ftptest.Tickets{Late: true, SingleUse: true}, v13, true, []string{"226", "522", "522"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := startTLS(t, ftptest.TLS{RequireReuse: true, Tickets: test.tickets})
			config, sessions := remembering(srv, test.version)
			c := loginTLS(t, srv, config)
			if test.keep {
				sessions.freeze()
			}
			require.Equal(t, test.want, codes(c.fetch(config), c.fetch(config), c.fetch(config)))
		})
	}
}

// A client that has read nothing since the handshake has the ticket by then, unless it is late.
func TestLateTickets(t *testing.T) {
	for name, late := range map[string]bool{"at once": false, "late": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				srv, err := ftptest.Listen(ftptest.Config{
					Network: network, Addr: "203.0.113.1:21", TLS: &ftptest.TLS{Tickets: ftptest.Tickets{Late: late}},
				})
				require.NoError(t, err)
				defer srv.Close()
				require.NoError(t, srv.Tree.WriteFile("/f", []byte("data")))
				host := network.Host(netip.MustParseAddr("198.51.100.2"))
				raw, err := host.DialContext(t.Context(), "tcp", srv.Addr)
				require.NoError(t, err)
				defer raw.Close()
				c := &client{t: t, conn: raw, in: bufio.NewReader(raw)}
				c.expect("220")
				c.cmd("AUTH TLS", "234")
				config, sessions := remembering(srv, 0)
				c.over(config)
				require.Equal(t, !late, c.ticketComes(sessions, 1))
				c.cmd("PBSZ 0", "200")
				require.Equal(t, 1, sessions.puts)
				c.cmd("PROT P", "200")
				c.cmd("USER user", "331")
				c.cmd("PASS secret", "230")

				data, err := host.DialContext(t.Context(), "tcp", c.epsvAddr())
				require.NoError(t, err)
				defer data.Close()
				c.cmd("STOR up", "150")
				up := &client{t: t, conn: data}
				secured := up.over(config)
				require.Equal(t, !late, up.ticketComes(sessions, 2))
				require.NoError(t, secured.CloseWrite())
				_, err = io.Copy(io.Discard, secured)
				require.NoError(t, err)
				require.Equal(t, 2, sessions.puts, "at the latest with the close_notify")
				c.expect("226")
				require.True(t, srv.DataConns()[0].Resumed)
			})
		})
	}
}

// ticketComes waits for what the server sends by itself, and reports whether the nth ticket was among it.
func (c *client) ticketComes(sessions *cache, n int) bool {
	c.t.Helper()
	require.NoError(c.t, c.conn.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err := c.conn.Read(make([]byte, 1))
	var timeout net.Error
	require.True(c.t, errors.As(err, &timeout) && timeout.Timeout(), "got %v", err)
	require.NoError(c.t, c.conn.SetReadDeadline(time.Time{}))
	return sessions.puts == n
}

func TestSessionsEndWithTheServer(t *testing.T) {
	ca := ftptest.NewAuthority()
	one, two := startTLS(t, ftptest.TLS{Authority: ca}), startTLS(t, ftptest.TLS{Authority: ca})
	config, _ := remembering(one, 0)
	loginTLS(t, one, config)
	c := loginTLS(t, two, config)
	require.False(t, c.conn.(*tls.Conn).ConnectionState().DidResume)
	require.True(t, strings.HasPrefix(c.fetch(config), "226"))
	require.True(t, two.DataConns()[0].Resumed)
}
