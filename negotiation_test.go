package ftp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// The addresses of a small Internet: a server, its data mover and a client.
const (
	frontAddr = "198.51.100.1"
	moverAddr = "203.0.113.5"
	homeAddr  = "192.0.2.7"
)

// overInternet is session with the server at frontAddr and the client at
// homeAddr, neither of which is on a local network.
func overInternet(t *testing.T, network *memnet.Network, config ftptest.Config, opts ftp.Options) (*ftp.Client, *ftptest.Server) {
	t.Helper()
	config.Network = network
	if config.Addr == "" {
		config.Addr = frontAddr + ":21"
	}
	opts.DialContext = network.Host(netip.MustParseAddr(homeAddr)).DialContext
	c, srv := session(t, config, &opts)
	put(t, srv, "a.txt", []byte(hello))
	return c, srv
}

// onLoopback is session over real sockets with a file to fetch.
func onLoopback(t *testing.T, config ftptest.Config, opts ftp.Options) (*ftp.Client, *ftptest.Server) {
	t.Helper()
	c, srv := session(t, config, &opts)
	put(t, srv, "a.txt", []byte(hello))
	return c, srv
}

// hello is what a.txt holds.
const hello = "hello, client\n"

// fetch downloads a.txt, which must succeed, and returns how its data
// connection was obtained.
func fetch(t testing.TB, c *ftp.Client) *ftp.Negotiation {
	t.Helper()
	var got strings.Builder
	result, err := c.Retrieve(t.Context(), "a.txt", &got)
	require.NoError(t, err)
	require.Equal(t, hello, got.String())
	require.NotNil(t, result.Negotiation)
	require.NoError(t, result.Negotiation.Final().Err, "the rung that carried the transfer")
	require.Empty(t, result.Negotiation.Advice())
	return result.Negotiation
}

// fetchFails is fetch for a transfer that must fail.
func fetchFails(t testing.TB, c *ftp.Client) *ftp.Error {
	t.Helper()
	_, err := c.Retrieve(t.Context(), "a.txt", io.Discard)
	require.Error(t, err)
	var e *ftp.Error
	require.ErrorAs(t, err, &e)
	return e
}

// causedBy runs f and returns the commands that the server heard meanwhile.
func causedBy(srv commander, f func()) []string {
	before := len(srv.Commands())
	f()
	return srv.Commands()[before:]
}

// tries tells the rungs of a negotiation, "!" marking those that failed.
func tries(n *ftp.Negotiation) string {
	var words []string
	for _, r := range n.Rungs {
		word := string(r.Method)
		if r.Err != nil {
			word += "!"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestWireEconomy(t *testing.T) {
	var c *ftp.Client
	ok := func(t *testing.T, err error) { t.Helper(); require.NoError(t, err) }
	tests := []struct {
		name string
		call func(t *testing.T)
		want []string
	}{
		{"retrieve", func(t *testing.T) { fetch(t, c) }, []string{"EPSV", "RETR a.txt"}},
		{"retrieve from an offset", func(t *testing.T) {
			_, err := c.RetrieveFrom(t.Context(), "a.txt", 7, io.Discard)
			ok(t, err)
		}, []string{"EPSV", "REST 7", "RETR a.txt"}},
		{"stream", func(t *testing.T) {
			r, err := c.Open(t.Context(), "a.txt")
			ok(t, err)
			_, err = io.ReadAll(r)
			ok(t, err)
			ok(t, r.Close())
		}, []string{"EPSV", "RETR a.txt"}},
		{"list", func(t *testing.T) { listed(t, c, "pub") }, []string{"EPSV", "MLSD pub"}},
		{"list the working directory", func(t *testing.T) { listed(t, c, "") }, []string{"EPSV", "MLSD"}},
		{"name list", func(t *testing.T) {
			for _, err := range c.NameList(t.Context(), "pub") {
				ok(t, err)
			}
		}, []string{"EPSV", "NLST pub"}},
		{"store", func(t *testing.T) { store(t, c, "b.txt", []byte("x")) }, []string{"EPSV", "STOR b.txt"}},
		{"append", func(t *testing.T) {
			_, err := c.Append(t.Context(), "b.txt", strings.NewReader("y"))
			ok(t, err)
		}, []string{"EPSV", "APPE b.txt"}},
		{"stat", func(t *testing.T) {
			_, err := c.Stat(t.Context(), "a.txt")
			ok(t, err)
		}, []string{"MLST a.txt"}},
	}
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{})
	put(t, srv, "pub/b.txt", []byte("x"))
	fetch(t, c) // whatever is asked for once has been asked for now
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, causedBy(srv, func() { test.call(t) }))
		})
	}
}

func TestTypeIsSentWhereItChangesOnly(t *testing.T) {
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{})
	require.Equal(t, []string{"TYPE I"}, sent(srv, "TYPE"))
	require.Equal(t, []string{"TYPE A", "EPSV", "RETR a.txt", "EPSV", "RETR a.txt", "TYPE I", "EPSV", "RETR a.txt"}, causedBy(srv, func() {
		require.NoError(t, c.SetType(t.Context(), ftp.TypeASCII))
		fetch(t, c)
		fetch(t, c)
		require.NoError(t, c.SetType(t.Context(), ftp.TypeImage))
		fetch(t, c)
	}))
}

func TestNegotiationTellsWhatHappened(t *testing.T) {
	var rec recorder
	c, srv := onLoopback(t, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: "502 no EPSV here"}}}, ftp.Options{Trace: rec.trace()})
	n := fetch(t, c)
	require.Equal(t, "EPSV! PASV", tries(n))
	require.False(t, n.Relogin)

	refused := n.Rungs[0]
	require.Equal(t, 502, ftp.ReplyCode(refused.Err))
	require.True(t, refused.Advertised.IsZero())
	require.Empty(t, refused.Dialled)

	used, record := n.Rungs[1], srv.DataConns()[0]
	require.Equal(t, record.Advertised, used.Advertised.AddrPort)
	require.Equal(t, record.Local.String(), used.Dialled)
	require.Equal(t, record.Remote, used.Local.AddrPort)
	require.Equal(t, record.Local, used.Remote.AddrPort)
	require.Equal(t, "server advertised its host address 127.0.0.1", used.Reason)
	require.True(t, used.Listened.IsZero())
	require.Positive(t, used.Duration)
	require.Equal(t, n.Rungs, rec.rungs, "the trace is told the same")
}

func TestNegotiationOfEPSVAdvertisesOnlyAPort(t *testing.T) {
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{})
	used := fetch(t, c).Final()
	require.Equal(t, ftp.EPSV, used.Method)
	require.False(t, used.Advertised.Addr().IsValid())
	require.Equal(t, srv.DataConns()[0].Advertised.Port(), used.Advertised.Port())
	require.Equal(t, srv.DataConns()[0].Local.String(), used.Dialled)
	require.Equal(t, "server advertised a port alone, using host address 127.0.0.1", used.Reason)
}

func TestNegotiationOfActiveTellsWhereItListened(t *testing.T) {
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{Mode: ftp.ModeActive})
	used, record := fetch(t, c).Final(), srv.DataConns()
	require.Len(t, record, 1)
	require.Equal(t, ftp.PORT, used.Method)
	require.Empty(t, used.Dialled)
	require.Equal(t, record[0].Advertised, used.Advertised.AddrPort)
	require.Equal(t, record[0].Advertised, used.Listened.AddrPort)
	require.Equal(t, record[0].Remote, used.Local.AddrPort)
	require.Equal(t, record[0].Local, used.Remote.AddrPort)
	require.Equal(t, "the local address", used.Reason)
}

func TestNegotiationAsJSON(t *testing.T) {
	n := ftp.Negotiation{Relogin: true, Rungs: []ftp.Rung{
		{Method: ftp.EPSV, Advertised: endpoint(":50000"), Dialled: "192.0.2.1:50000", Reason: "because", Duration: 1500, Err: errors.New("no")},
		{Method: ftp.PORT, Advertised: endpoint("203.0.113.9:20"), Listened: endpoint("10.0.0.2:20"), Local: endpoint("10.0.0.2:20"), Remote: endpoint("[2001:db8::1]:20")},
	}}
	text, err := json.Marshal(&n)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"relogin": true,
		"rungs": [
			{"method": "EPSV", "advertised": ":50000", "dialled": "192.0.2.1:50000", "reason": "because", "duration_ns": 1500, "error": "no"},
			{"method": "PORT", "advertised": "203.0.113.9:20", "listened": "10.0.0.2:20", "local": "10.0.0.2:20", "remote": "[2001:db8::1]:20", "duration_ns": 0}
		]}`, string(text))
}

// endpoint reads "192.0.2.1:50000", or ":50000" for a port alone.
func endpoint(text string) ftp.Endpoint {
	if port, alone := strings.CutPrefix(text, ":"); alone {
		at := netip.MustParseAddrPort("0.0.0.0:" + port)
		return ftp.Endpoint{AddrPort: netip.AddrPortFrom(netip.Addr{}, at.Port())}
	}
	return ftp.Endpoint{AddrPort: netip.MustParseAddrPort(text)}
}

func TestRungOnOneLine(t *testing.T) {
	tests := map[string]struct {
		rung ftp.Rung
		want string
	}{
		"refused":   {ftp.Rung{Method: ftp.EPSV, Err: errors.New("what?")}, "EPSV: what?"},
		"extended":  {ftp.Rung{Method: ftp.EPSV, Advertised: endpoint(":50000"), Dialled: "192.0.2.1:50000"}, "EPSV advertised :50000, dialled 192.0.2.1:50000"},
		"redirect":  {ftp.Rung{Method: ftp.PASV, Advertised: endpoint("10.0.0.5:99"), Dialled: "192.0.2.1:99", Err: errors.New("refused")}, "PASV advertised 10.0.0.5:99, dialled 192.0.2.1:99: refused"},
		"active":    {ftp.Rung{Method: ftp.PORT, Advertised: endpoint("203.0.113.9:20"), Listened: endpoint("10.0.0.2:20")}, "PORT advertised 203.0.113.9:20, listened on 10.0.0.2:20"},
		"IPv6":      {ftp.Rung{Method: ftp.EPRT, Advertised: endpoint("[2001:db8::1]:20")}, "EPRT advertised [2001:db8::1]:20"},
		"a reply":   {ftp.Rung{Method: ftp.EPSV, Err: &ftp.Error{Command: "EPSV", Reply: ftp.Reply{Code: 500, Lines: []string{"what?"}}}}, `EPSV: server answered EPSV with "500 what?"`},
		"unrelated": {ftp.Rung{}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, test.rung.String()) })
	}
	require.Empty(t, ftp.Endpoint{}.String())
}

func TestAdvice(t *testing.T) {
	failed := errors.New("no")
	refused := ftp.Rung{Method: ftp.EPSV, Err: failed}
	unreachable := ftp.Rung{Method: ftp.PASV, Dialled: "192.0.2.1:99", Err: failed}
	active := ftp.Rung{Method: ftp.PORT, Listened: endpoint("192.0.2.7:99"), Advertised: endpoint("192.0.2.7:99"), Err: failed}
	notTaken := ftp.Rung{Method: ftp.PORT, Listened: active.Listened, Advertised: active.Advertised, Err: &ftp.Error{Command: "PORT", Reply: ftp.Reply{Code: 500}}}
	exhausted := ftp.Rung{Method: ftp.PORT, Err: fmt.Errorf("%w 1-2", ftp.ErrPortRange)}
	worked := ftp.Rung{Method: ftp.EPRT}
	tests := map[string]struct {
		rungs []ftp.Rung
		want  string // a part; empty for no advice at all
	}{
		"nothing tried":        {nil, ""},
		"success":              {[]ftp.Rung{refused, unreachable, worked}, ""},
		"passive refused":      {[]ftp.Rung{refused, refused}, "refuses passive mode: use ModeActive or ModeAuto"},
		"passive unreachable":  {[]ftp.Rung{refused, unreachable}, "or use ModeAuto to try active mode too"},
		"active":               {[]ftp.Rung{active}, "set Active.Ports and Active.External, or use ModeAuto"},
		"both":                 {[]ftp.Rung{unreachable, active}, "neither side can open a connection to the other"},
		"active refused":       {[]ftp.Rung{notTaken}, "the server refuses active mode: use ModePassive or ModeAuto"},
		"all refused":          {[]ftp.Rung{refused, notTaken}, "the server refuses both passive and active mode"},
		"unreachable, refused": {[]ftp.Rung{unreachable, notTaken}, "and it refuses active mode"},
		"no port free":         {[]ftp.Rung{exhausted}, "every port of Active.Ports is in use on this host"},
		"refused and active":   {[]ftp.Rung{refused, active}, "could not connect to the address listened on"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			advice := (&ftp.Negotiation{Rungs: test.rungs}).Advice()
			if test.want == "" {
				require.Empty(t, advice)
				return
			}
			require.Contains(t, advice, test.want)
		})
	}
	var none *ftp.Negotiation
	require.Empty(t, none.Advice())
	require.Equal(t, ftp.Rung{}, none.Final())
}

// A NAT in front of this host explains more than the refusal of a PORT does, and
// encryption explains why it does not help where it usually would.
func TestAdviceBehindANAT(t *testing.T) {
	refusedFor := func(advertised, text string) ftp.Rung {
		return ftp.Rung{
			Method: ftp.PORT, Listened: endpoint("192.168.1.10:99"), Advertised: endpoint(advertised),
			Err: &ftp.Error{Command: "PORT", Reply: ftp.Reply{Code: 500, Lines: []string{text}}},
		}
	}
	private := refusedFor("192.168.1.10:99", "Illegal PORT command.")
	unreachable := ftp.Rung{Method: ftp.EPSV, Dialled: "192.0.2.1:99", Err: errors.New("no")}
	public := netip.MustParseAddr("192.0.2.1")
	tests := map[string]struct {
		n         ftp.Negotiation
		want, not []string
	}{
		"private address named": {
			ftp.Negotiation{ControlPeer: public, Rungs: []ftp.Rung{private}},
			[]string{"was told the private address 192.168.1.10", "set Active.Ports and Active.External"}, []string{"refuses active mode", "ClearControlUnsafe"},
		},
		"encrypted": {
			ftp.Negotiation{ControlPeer: public, ControlEncrypted: true, Rungs: []ftp.Rung{private}},
			[]string{"set Active.Ports and Active.External", "encrypted control connection, set ClearControlUnsafe"}, nil,
		},
		"server on the same network": {
			ftp.Negotiation{ControlPeer: netip.MustParseAddr("192.168.1.20"), ControlEncrypted: true, Rungs: []ftp.Rung{private}},
			[]string{"the server refuses active mode"}, []string{"NAT"},
		},
		"server tells the address": {
			ftp.Negotiation{ControlPeer: public, Rungs: []ftp.Rung{refusedFor("192.168.1.10:99", "I won't open a connection to 192.168.1.10 (only to 203.0.113.2)")}},
			[]string{"which is 203.0.113.2 as the server sees it"}, nil,
		},
		"wrong external address": {
			ftp.Negotiation{ControlPeer: public, Rungs: []ftp.Rung{refusedFor("203.0.113.9:99", "I won't open a connection to 203.0.113.9 (only to 203.0.113.2)")}},
			[]string{"connects only to 203.0.113.2"}, []string{"refuses active mode"},
		},
		"another address than this host's": {
			ftp.Negotiation{ControlPeer: public, Rungs: []ftp.Rung{refusedFor("198.51.100.9:99", "Illegal PORT command.")}},
			[]string{"or the address or port that it was told", "check Active.External"}, nil,
		},
		"passive, encrypted": {
			ftp.Negotiation{ControlPeer: public, ControlEncrypted: true, Rungs: []ftp.Rung{unreachable}},
			[]string{"passive ports cannot be reached", "ClearControlUnsafe"}, nil,
		},
		"passive, in clear": {
			ftp.Negotiation{ControlPeer: public, Rungs: []ftp.Rung{unreachable}},
			[]string{"passive ports cannot be reached"}, []string{"ClearControlUnsafe"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, text := range test.want {
				require.Contains(t, test.n.Advice(), text)
			}
			for _, text := range test.not {
				require.NotContains(t, test.n.Advice(), text)
			}
		})
	}
}

func TestAdviceOfALocalFailureDoesNotBlameTheServer(t *testing.T) {
	c, srv := onLoopback(t, ftptest.Config{}, activeOnly(ftp.Active{Listen: "nosuch0"}))
	advice := fetchFails(t, c).Negotiation.Advice()
	require.Empty(t, sent(srv, "PORT", "EPRT"))
	require.NotContains(t, advice, "could not connect", "the server was not even asked to")
}

// The advice of one failure must not be that of another: whoever has ModeAuto
// already cannot be told to use it.
func TestAdviceOfEveryFailedMethodDoesNotNameAModeInUse(t *testing.T) {
	refuse := ftptest.PassiveMethod{Reply: "500 no"}
	config := ftptest.Config{
		Passive: ftptest.Passive{EPSV: refuse, PASV: refuse},
		Active:  ftptest.Active{PORT: ftptest.ActiveMethod{Reply: "500 no"}, EPRT: ftptest.ActiveMethod{Reply: "500 no"}},
	}
	c, _ := onLoopback(t, config, ftp.Options{Mode: ftp.ModeAuto})
	err := fetchFails(t, c)
	require.ErrorIs(t, err, ftp.ErrDataConnection)
	require.Equal(t, "EPSV! PASV! PORT! EPRT!", tries(err.Negotiation))
	require.NotContains(t, err.Negotiation.Advice(), "ModeAuto")
	require.NotEmpty(t, err.Negotiation.Advice())
}
