package portmap_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/portmap"
)

var _ ftp.PortMapper = (*portmap.Mapper)(nil)

// brief is the limit of waits that are in vain.
const brief = 120 * time.Millisecond

// notices are what a Mapper tells.
type notices struct {
	mu   sync.Mutex
	told []string
}

func (n *notices) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, s)
}

// mapper returns one for a double; it is closed with the test.
func mapper(t *testing.T, gatewayPort, searchPort uint16, limit time.Duration, protocols ...portmap.Protocol) *portmap.Mapper {
	t.Helper()
	m := &portmap.Mapper{Gateway: loopback, Protocols: protocols}
	m.Tune(gatewayPort, searchPort, limit)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func TestMapAndRelease(t *testing.T) {
	tests := map[string]struct {
		gateway   func(g *gateway)
		protocols []portmap.Protocol
		external  string
		first     []string
		second    []string // a mapper that knows what works
	}{
		"PCP": {
			func(*gateway) {}, nil, "203.0.113.7:5001",
			[]string{"PCP map", "PCP delete"}, []string{"PCP map", "PCP delete"},
		},
		"NAT-PMP gateway refuses PCP at once": {
			func(g *gateway) { g.noPCP = true }, nil, "203.0.113.7:5001",
			[]string{"PCP refused", "NAT-PMP address", "NAT-PMP map", "NAT-PMP delete"},
			[]string{"NAT-PMP address", "NAT-PMP map", "NAT-PMP delete"},
		},
		"NAT-PMP alone": {
			func(*gateway) {}, []portmap.Protocol{portmap.NATPMP}, "203.0.113.7:5001",
			[]string{"NAT-PMP address", "NAT-PMP map", "NAT-PMP delete"},
			[]string{"NAT-PMP address", "NAT-PMP map", "NAT-PMP delete"},
		},
		"PCP gateway refuses NAT-PMP at once": {
			func(g *gateway) { g.noNATPMP = true }, []portmap.Protocol{portmap.NATPMP, portmap.PCP}, "203.0.113.7:5001",
			[]string{"NAT-PMP refused", "PCP map", "PCP delete"}, []string{"PCP map", "PCP delete"},
		},
		"another port, PCP": {
			func(g *gateway) { g.elsewhere = 6001 }, nil, "203.0.113.7:6001",
			[]string{"PCP map", "PCP delete"}, []string{"PCP map", "PCP delete"},
		},
		"another port, NAT-PMP": {
			func(g *gateway) { g.elsewhere = 6001 }, []portmap.Protocol{portmap.NATPMP}, "203.0.113.7:6001",
			[]string{"NAT-PMP address", "NAT-PMP map", "NAT-PMP delete"},
			[]string{"NAT-PMP address", "NAT-PMP map", "NAT-PMP delete"},
		},
		"first request is lost": {
			func(g *gateway) { g.drop = 1 }, nil, "203.0.113.7:5001",
			[]string{"dropped", "PCP map", "PCP delete"}, []string{"PCP map", "PCP delete"},
		},
		"garbage and strangers' replies, PCP": {
			func(g *gateway) { g.before = disturb }, nil, "203.0.113.7:5001",
			[]string{"PCP map", "PCP delete"}, []string{"PCP map", "PCP delete"},
		},
		"garbage and strangers' replies, NAT-PMP": {
			func(g *gateway) { g.before = disturb }, []portmap.Protocol{portmap.NATPMP}, "203.0.113.7:5001",
			[]string{"NAT-PMP address", "NAT-PMP map", "NAT-PMP delete"},
			[]string{"NAT-PMP address", "NAT-PMP map", "NAT-PMP delete"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			test.gateway(g)
			g.start(t)
			m := mapper(t, g.port(), 9, 0, test.protocols...)
			for i, want := range [][]string{test.first, test.second} {
				before := len(g.log())
				external, release, err := m.Map(t.Context(), 5001)
				require.NoError(t, err)
				require.Equal(t, test.external, external.String())
				require.Equal(t, 1, g.mappings())
				require.Equal(t, uint16(5001), g.inside(external.Port()).Port())
				release()
				release()
				require.Zero(t, g.mappings())
				require.Equal(t, want, g.log()[before:], "call %d", i)
			}
		})
	}
}

func TestProtocolThatStopsWorkingIsLeft(t *testing.T) {
	g := newGateway(t).start(t)
	m := mapper(t, g.port(), 9, 0)
	for range 3 {
		_, release, err := m.Map(t.Context(), 5001)
		require.NoError(t, err)
		release()
		g.mu.Lock()
		g.noPCP = true
		g.mu.Unlock()
	}
	require.Equal(t, []string{
		"PCP map", "PCP delete",
		"PCP refused", "NAT-PMP address", "NAT-PMP map", "NAT-PMP delete",
		"NAT-PMP address", "NAT-PMP map", "NAT-PMP delete",
	}, g.log())
}

// disturb returns datagrams that are not the reply, but much like it.
func disturb(reply []byte) [][]byte {
	var list [][]byte
	for _, i := range []int{0, 1, 9, 24, 36, 41} { // version, operation, internal port of NAT-PMP, nonce, protocol, internal port of PCP
		if i < len(reply) && (i != 9 || len(reply) == 16) {
			b := append([]byte(nil), reply...)
			b[i] ^= 0x40
			list = append(list, b)
		}
	}
	return append(list, []byte{}, []byte{0}, []byte("garbage"), reply[:len(reply)-1], append(append([]byte(nil), reply...), 0))
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		protocol portmap.Protocol
		code     int
		says     string
	}{
		"PCP, not authorized":     {portmap.PCP, 2, "switch it on there"},
		"PCP, network":            {portmap.PCP, 7, "whether it is connected"},
		"PCP, another NAT":        {portmap.PCP, 12, "Mapper.Gateway"},
		"PCP, unknown":            {portmap.PCP, 99, "does not know"},
		"NAT-PMP, not authorized": {portmap.NATPMP, 2, "switch it on there"},
		"NAT-PMP, network":        {portmap.NATPMP, 3, "whether it is connected"},
		"NAT-PMP, resources":      {portmap.NATPMP, 4, "no room"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			g.result = test.code
			g.start(t)
			_, _, err := mapper(t, g.port(), 9, 0, test.protocol).Map(t.Context(), 5001)
			var refused *portmap.ResultError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, portmap.ResultError{Protocol: test.protocol, Code: test.code}, *refused)
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "the gateway 127.0.0.1 maps no port")
		})
	}
}

func TestSilentGatewayIsNotAskedAgainSoon(t *testing.T) {
	g := newGateway(t)
	g.drop = -1
	g.start(t)
	d := newIGD(t)
	d.silent = true
	d.start(t)
	told := &notices{}
	m := mapper(t, g.port(), d.port(), brief)
	m.Notice = told.add
	_, _, err := m.Map(t.Context(), 5001)
	require.ErrorIs(t, err, portmap.ErrNoAnswer)
	for _, p := range []string{"PCP", "NAT-PMP", "UPnP"} {
		require.ErrorContains(t, err, p+": no answer from 127.0.0.1 within 120ms")
	}
	require.Len(t, told.told, 3)
	asked := len(g.log())
	_, err = m.External(t.Context(), nil, netip.AddrPortFrom(loopback, 5001))
	require.ErrorIs(t, err, portmap.ErrNoAnswer)
	require.ErrorContains(t, err, "asked less than 1m0s ago")
	require.Len(t, g.log(), asked)
}

func TestClosedPortIsNotWaitedFor(t *testing.T) {
	g := newGateway(t)
	port := g.port()
	require.NoError(t, g.conn.Close())
	_, _, err := mapper(t, port, 9, time.Hour, portmap.PCP, portmap.NATPMP).Map(t.Context(), 5001)
	require.ErrorIs(t, err, portmap.ErrNoAnswer)
	require.ErrorContains(t, err, "nothing listens at 127.0.0.1:")
}

func TestCancelledMapReturnsAndDeletesWhatItMayHaveMade(t *testing.T) {
	g := newGateway(t)
	g.drop = 1
	g.start(t)
	gone := errors.New("the user has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-g.asked
		cancel(gone)
	}()
	_, _, err := mapper(t, g.port(), 9, 0).Map(ctx, 5001)
	require.ErrorIs(t, err, gone)
	require.Equal(t, []string{"dropped", "PCP delete"}, g.log())
}

func TestGatewayBehindNAT(t *testing.T) {
	for _, addr := range []string{"10.0.0.2", "192.168.1.2", "172.16.9.9", "100.64.0.9", "192.0.0.2", "127.0.0.1", "169.254.1.1", "240.0.0.1", "255.255.255.255"} {
		g := newGateway(t)
		g.address = netip.MustParseAddr(addr)
		g.start(t)
		for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP} {
			m := mapper(t, g.port(), 9, 0, p)
			_, _, err := m.Map(t.Context(), 5001)
			require.ErrorIs(t, err, portmap.ErrBehindNAT)
			require.ErrorContains(t, err, addr)
			require.Zero(t, g.mappings())
			_, err = m.External(t.Context(), nil, netip.AddrPortFrom(loopback, 5001))
			require.ErrorIs(t, err, portmap.ErrBehindNAT)
			require.Zero(t, g.mappings())

			permitted := mapper(t, g.port(), 9, 0, p)
			permitted.AllowPrivate = true
			external, release, err := permitted.Map(t.Context(), 5001)
			require.NoError(t, err)
			require.Equal(t, addr, external.Addr().String())
			release()
		}
	}
}

func TestGatewayThatIsNotConnected(t *testing.T) {
	g := newGateway(t)
	g.address = netip.IPv4Unspecified()
	g.start(t)
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP} {
		_, _, err := mapper(t, g.port(), 9, 0, p).Map(t.Context(), 5001)
		require.ErrorContains(t, err, "no external address for now")
		require.Zero(t, g.mappings())
	}
}

func TestMappingOfNothing(t *testing.T) {
	g := newGateway(t)
	g.nothing = true
	g.start(t)
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP} {
		_, _, err := mapper(t, g.port(), 9, 0, p).Map(t.Context(), 5001)
		require.ErrorContains(t, err, p.String()+": the gateway granted a mapping of its port 0 for 0s")
	}
}

func TestExternal(t *testing.T) {
	g := newGateway(t).start(t)
	d := newIGD(t).start(t)
	local := netip.AddrPortFrom(loopback, 5001)
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		m := mapper(t, g.port(), d.port(), 0, p)
		addr, err := m.External(t.Context(), nil, local)
		require.NoError(t, err)
		require.Equal(t, "203.0.113.7", addr.String())
		require.Zero(t, g.mappings())

		external, release, err := m.Map(t.Context(), 5001)
		require.NoError(t, err)
		asked := len(g.log()) + len(d.log())
		addr, err = m.External(t.Context(), nil, local)
		require.NoError(t, err)
		require.Equal(t, external.Addr(), addr)
		require.Equal(t, asked, len(g.log())+len(d.log()), "of a mapping that is held, it is known")
		release()
	}
}

func TestCloseReleasesWhatIsHeld(t *testing.T) {
	g := newGateway(t).start(t)
	m := mapper(t, g.port(), 9, 0)
	var releases []func()
	for port := range uint16(5) {
		_, release, err := m.Map(t.Context(), 5001+port)
		require.NoError(t, err)
		releases = append(releases, release)
	}
	releases[0]()
	require.Equal(t, 4, g.mappings())
	require.NoError(t, m.Close())
	require.Zero(t, g.mappings())
	require.NoError(t, m.Close())
	for _, release := range releases {
		release()
	}
	require.Len(t, g.log(), 10, "each is deleted once")
	_, _, err := m.Map(t.Context(), 5001)
	require.ErrorIs(t, err, portmap.ErrClosed)
	_, err = m.External(t.Context(), nil, netip.AddrPort{})
	require.ErrorIs(t, err, portmap.ErrClosed)
}

func TestReleaseWithoutTheCallersContextAndWithoutAGateway(t *testing.T) {
	g := newGateway(t).start(t)
	told := &notices{}
	m := mapper(t, g.port(), 9, brief)
	m.Notice = told.add
	ctx, cancel := context.WithCancel(t.Context())
	_, release, err := m.Map(ctx, 5001)
	require.NoError(t, err)
	cancel()
	g.mu.Lock()
	g.drop = -1
	g.mu.Unlock()
	release()
	require.Contains(t, told.told[len(told.told)-1], "could not be deleted and stays for up to 10m0s")
}

func TestRestartedGatewayIsNoticedByTheNextMapping(t *testing.T) {
	g := newGateway(t)
	g.started = time.Now().Add(-time.Hour)
	g.start(t)
	told := &notices{}
	m := mapper(t, g.port(), 9, 0)
	m.Notice = told.add
	_, _, err := m.Map(t.Context(), 5001)
	require.NoError(t, err)
	g.mu.Lock()
	g.started = time.Now()
	clear(g.mapped)
	g.mu.Unlock()
	_, _, err = m.Map(t.Context(), 5002)
	require.NoError(t, err)
	for range 3 {
		<-g.asked
	}
	require.Equal(t, 2, g.mappings(), "the first one is asked for again at once")
	require.Contains(t, told.told[1], "the gateway has lost its mappings")
}

func TestConcurrentUse(t *testing.T) {
	g := newGateway(t).start(t)
	m := mapper(t, g.port(), 9, 0)
	var calls sync.WaitGroup
	for port := range uint16(20) {
		calls.Go(func() {
			external, release, err := m.Map(t.Context(), 5001+port)
			if err == nil && external.Port() == 5001+port {
				release()
			}
		})
	}
	calls.Wait()
	require.Zero(t, g.mappings())
	require.Len(t, g.log(), 40)
}

func TestMapperSaysWhatIsWrongWithItsFields(t *testing.T) {
	for name, test := range map[string]struct {
		mapper *portmap.Mapper
		port   uint16
		says   string
	}{
		"port":     {&portmap.Mapper{Gateway: loopback}, 0, "port 0"},
		"lease":    {&portmap.Mapper{Gateway: loopback, Lease: time.Second}, 1, "use at least 8s"},
		"negative": {&portmap.Mapper{Gateway: loopback, Lease: -1}, 1, "use at least 8s"},
		"IPv6":     {&portmap.Mapper{Gateway: netip.IPv6Loopback()}, 1, "IPv4 only"},
		"protocol": {&portmap.Mapper{Gateway: loopback, Protocols: []portmap.Protocol{9}}, 1, "Protocol(9)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := test.mapper.Map(t.Context(), test.port)
			require.ErrorContains(t, err, test.says)
		})
	}
}
