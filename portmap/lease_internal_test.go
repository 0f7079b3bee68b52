package portmap

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// fake is a gateway within this process, for the time of a bubble.
type fake struct {
	place
	kind  Protocol
	start time.Time

	mu       sync.Mutex
	grants   time.Duration // zero: what is asked for
	address  string
	fail     bool
	restarts time.Time // the clock starts anew
	forever  bool      // grants no lifetime
	back     bool      // the clock goes back with every reply
	asked    []time.Duration
	removed  []mapping
}

var errAway = errors.New("the gateway is away")

func (f *fake) protocol() Protocol { return f.kind }

func (f *fake) add(_ context.Context, want mapping) (mapping, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.asked = append(f.asked, now.Sub(f.start))
	if f.fail {
		return mapping{}, errAway
	}
	if f.grants != 0 {
		want.lifetime = f.grants
	}
	if f.forever {
		want.lifetime = 0
	}
	born := f.start
	if !f.restarts.IsZero() && now.After(f.restarts) {
		born = f.restarts
	}
	want.external = netip.AddrPortFrom(netip.MustParseAddr(f.address), want.external.Port())
	want.epoch, want.hasEpoch = uint32(now.Sub(born)/time.Second), f.kind != UPnP
	if f.back {
		want.epoch = 1<<31 - 1000*uint32(len(f.asked))
	}
	return want, nil
}

func (f *fake) remove(_ context.Context, m mapping) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.removed = append(f.removed, m)
	return nil
}

func (f *fake) external(context.Context) (netip.Addr, error) { return netip.ParseAddr(f.address) }

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// bubble runs a test with a Mapper that has found the fake before.
func bubble(t *testing.T, kind Protocol, test func(t *testing.T, m *Mapper, f *fake, notices *[]string)) {
	synctest.Test(t, func(t *testing.T) {
		at := place{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.1")}
		f := &fake{place: at, kind: kind, start: time.Now(), address: "203.0.113.7"}
		var mu sync.Mutex
		var notices []string
		m := &Mapper{Gateway: at.gateway, Local: at.local, Notice: func(s string) {
			mu.Lock()
			defer mu.Unlock()
			notices = append(notices, s)
		}}
		m.remember(at, f)
		test(t, m, f, &notices)
		require.NoError(t, m.Close())
	})
}

// pass lets that time go by, and all that happens in it.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func minutes(list ...float64) (durations []time.Duration) {
	for _, n := range list {
		durations = append(durations, time.Duration(n*float64(time.Minute)))
	}
	return durations
}

func TestRenewal(t *testing.T) {
	bubble(t, PCP, func(t *testing.T, m *Mapper, f *fake, notices *[]string) {
		_, release, err := m.Map(t.Context(), 5001)
		require.NoError(t, err)
		pass(16 * time.Minute)
		require.Equal(t, minutes(0, 5, 10, 15), f.asked, "at half its time")
		release()
		require.Len(t, f.removed, 1)
		require.Equal(t, "203.0.113.7:5001", f.removed[0].external.String())
		pass(time.Hour)
		require.Len(t, f.asked, 4, "not after the release")
		require.Len(t, *notices, 1)
	})
}

func TestRenewalOfWhatWasGranted(t *testing.T) {
	bubble(t, NATPMP, func(t *testing.T, m *Mapper, f *fake, _ *[]string) {
		f.grants = 2 * time.Minute
		_, _, err := m.Map(t.Context(), 5001)
		require.NoError(t, err)
		pass(3*time.Minute + time.Second)
		require.Equal(t, minutes(0, 1, 2, 3), f.asked)
	})
}

func TestRenewalThatFails(t *testing.T) {
	bubble(t, PCP, func(t *testing.T, m *Mapper, f *fake, notices *[]string) {
		_, _, err := m.Map(t.Context(), 5001)
		require.NoError(t, err)
		f.set(func() { f.fail = true })
		pass(11 * time.Minute)
		require.Equal(t, minutes(0, 5, 7.5, 8.75), f.asked[:4], "at half of what is left")
		require.Contains(t, (*notices)[1], "the mapping of port 5001 could not be renewed yet: PCP: the gateway is away")
		require.Contains(t, (*notices)[len(*notices)-1], "has run out and could not be renewed")
		f.set(func() { f.fail = false; f.address = "203.0.113.8" })
		pass(time.Minute)
		require.Contains(t, (*notices)[len(*notices)-1], "moved the mapping of port 5001 from 203.0.113.7:5001 to 203.0.113.8:5001")
	})
}

func TestRestartOfTheGatewayRenewsAll(t *testing.T) {
	bubble(t, PCP, func(t *testing.T, m *Mapper, f *fake, notices *[]string) {
		_, _, err := m.Map(t.Context(), 5001)
		require.NoError(t, err)
		pass(2 * time.Minute)
		_, _, err = m.Map(t.Context(), 5002)
		require.NoError(t, err)
		f.set(func() { f.restarts = time.Now() })
		pass(3*time.Minute + time.Second)
		require.Equal(t, minutes(0, 2, 5, 5), f.asked, "the renewal of the first shows it")
		require.Contains(t, (*notices)[2], "lost its mappings")
		require.Len(t, *notices, 3)
	})
}

// Each renewal would have the others renewed at once, and they the first.
func TestClockThatAlwaysGoesBackCausesNoStorm(t *testing.T) {
	bubble(t, PCP, func(t *testing.T, m *Mapper, f *fake, _ *[]string) {
		f.back = true
		for port := range uint16(2) {
			_, _, err := m.Map(t.Context(), 5001+port)
			require.NoError(t, err)
		}
		pass(10 * time.Minute)
		require.Less(t, len(f.asked), 20)
	})
}

func TestPermanentMappingIsNotRenewed(t *testing.T) {
	bubble(t, UPnP, func(t *testing.T, m *Mapper, f *fake, _ *[]string) {
		got := mapping{port: 5001, external: netip.MustParseAddrPort("203.0.113.7:5001")}
		l, err := m.hold(t.Context(), f, got, got)
		require.NoError(t, err)
		pass(time.Hour)
		l.release()
		require.Empty(t, f.asked)
		require.Len(t, f.removed, 1)
	})
}

func TestMappingThatBecomesPermanentIsNotRenewed(t *testing.T) {
	bubble(t, UPnP, func(t *testing.T, m *Mapper, f *fake, notices *[]string) {
		_, release, err := m.Map(t.Context(), 5001)
		require.NoError(t, err)
		f.set(func() { f.forever = true })
		pass(time.Hour)
		require.Equal(t, minutes(0, 5), f.asked)
		release()
		require.Len(t, f.removed, 1)
		require.Len(t, *notices, 1)
	})
}

func TestMappingThatIsGrantedAfterCloseIsGivenBack(t *testing.T) {
	bubble(t, PCP, func(t *testing.T, m *Mapper, f *fake, _ *[]string) {
		require.NoError(t, m.Close())
		got := mapping{port: 5001, lifetime: time.Minute}
		_, err := m.hold(t.Context(), f, got, got)
		require.ErrorIs(t, err, ErrClosed)
		require.Len(t, f.removed, 1)
	})
}

func TestDespairEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mapper
		at := place{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.1.2")}
		require.Error(t, m.giveUp(at, &silence{"192.168.1.1", time.Second}))
		_, err := m.recall(at)
		require.ErrorIs(t, err, ErrNoAnswer)
		_, err = m.recall(place{at.gateway, at.local.Next()})
		require.NoError(t, err, "another network")
		pass(despairFor)
		_, err = m.recall(at)
		require.NoError(t, err)
	})
}

func TestEpoch(t *testing.T) {
	start := time.Unix(1e9, 0)
	at := func(server uint32, after time.Duration) epoch { return epoch{server, start.Add(after)} }
	for name, test := range map[string]struct {
		before, now epoch
		lost        bool
	}{
		"first reading":                  {epoch{}, at(5, 0), false},
		"same pace":                      {at(100, 0), at(400, 300*time.Second), false},
		"a second back, of two replies":  {at(100, 0), at(99, 0), false},
		"back":                           {at(100, 0), at(98, 0), true},
		"restarted long ago":             {at(100, 0), at(200, 300*time.Second), true},
		"a little slow":                  {at(100, 0), at(385, 300*time.Second), false},
		"ahead":                          {at(100, 0), at(4000, 300*time.Second), true},
		"the largest there is, and then": {at(1<<32-1, 0), at(0, time.Second), true},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.lost, test.before.lost(test.now)) })
	}
}
