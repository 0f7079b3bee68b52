package ftp

import (
	"crypto/tls"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// newTickets are n sessions that can be told apart.
func newTickets(n int) []*tls.ClientSessionState {
	sessions := make([]*tls.ClientSessionState, n)
	for i := range sessions {
		sessions[i] = new(tls.ClientSessionState)
	}
	return sessions
}

func requireOffer(t *testing.T, store *tickets, want *tls.ClientSessionState) {
	t.Helper()
	got, ok := store.Get("whatever the key")
	if want == nil {
		require.False(t, ok)
		require.Nil(t, got)
		return
	}
	require.True(t, ok)
	require.True(t, want == got, "another ticket than the one wanted")
}

// put has the control connection bring tickets.
func put(store *tickets, sessions ...*tls.ClientSessionState) {
	for _, s := range sessions {
		store.Put("whatever the key", s)
	}
}

// putData has a data connection bring them.
func putData(store *tickets, sessions ...*tls.ClientSessionState) {
	for _, s := range sessions {
		dataTickets{store}.Put("whatever the key", s)
	}
}

func TestTicketsNoneAtFirst(t *testing.T) {
	requireOffer(t, new(tickets), nil)
	empty := new(tickets)
	put(empty, nil) // crypto/tls drops a session this way
	requireOffer(t, empty, nil)
}

func TestTicketsNewestUnusedFirst(t *testing.T) {
	store, s := new(tickets), newTickets(4)
	store.established(tls.VersionTLS13)
	put(store, s[0], s[1])
	requireOffer(t, store, s[1])
	put(store, s[2], s[3])
	requireOffer(t, store, s[3])
	requireOffer(t, store, s[2])
	requireOffer(t, store, s[0])
}

func TestTicketsLastIsOfferedAgainUntilRefused(t *testing.T) {
	store, s := new(tickets), newTickets(3)
	store.established(tls.VersionTLS13)
	put(store, s[0])
	for range 3 {
		requireOffer(t, store, s[0])
		store.outcome(true)
	}
	requireOffer(t, store, s[0])
	store.outcome(false)
	requireOffer(t, store, nil)

	put(store, s[1], s[2])
	requireOffer(t, store, s[2])
	store.outcome(true)
	requireOffer(t, store, s[1])
	store.outcome(true)
	requireOffer(t, store, nil)
}

// A ticket may be refused for other reasons than its having been used.
func TestTicketsRefusalOfAnUnusedOneTeachesNothing(t *testing.T) {
	store, s := new(tickets), newTickets(2)
	store.established(tls.VersionTLS13)
	put(store, s[0])
	requireOffer(t, store, s[0])
	store.outcome(false)
	put(store, s[1])
	requireOffer(t, store, s[1])
	store.outcome(true)
	requireOffer(t, store, s[1])
}

func TestTicketsOfDataConnectionsThatTheServerDoesNotTake(t *testing.T) {
	store, s := new(tickets), newTickets(5)
	store.established(tls.VersionTLS13)
	put(store, s[0], s[1])
	putData(store, s[2], s[3])
	requireOffer(t, store, s[3])
	store.outcome(false)
	requireOffer(t, store, s[1])
	store.outcome(true)
	putData(store, s[4])
	requireOffer(t, store, s[0])
	store.outcome(true)
	requireOffer(t, store, s[0])

	next := store.successor()
	next.established(tls.VersionTLS13)
	put(next, s[0])
	putData(next, s[1])
	requireOffer(t, next, s[0])
}

// That a ticket is refused the second time tells nothing of where it came from.
func TestTicketsOfDataConnectionsThatAreSingleUse(t *testing.T) {
	store, s := new(tickets), newTickets(4)
	store.established(tls.VersionTLS13)
	put(store, s[0])
	requireOffer(t, store, s[0])
	store.outcome(true)
	putData(store, s[1])
	requireOffer(t, store, s[1])
	store.outcome(true)
	requireOffer(t, store, s[1])
	store.outcome(false)
	requireOffer(t, store, nil)
	putData(store, s[2], s[3])
	requireOffer(t, store, s[3])
	requireOffer(t, store, s[2])
	requireOffer(t, store, nil)
}

func TestTicketsOfTLS12AreKept(t *testing.T) {
	store, s := new(tickets), newTickets(2)
	put(store, s[0])
	store.established(tls.VersionTLS12)
	for range 100 {
		requireOffer(t, store, s[0])
		store.outcome(true)
	}
	put(store, s[1])
	requireOffer(t, store, s[1])
	requireOffer(t, store, s[1])
	store.outcome(false)
	requireOffer(t, store, s[1])
}

func TestTicketsAreBounded(t *testing.T) {
	store, s := new(tickets), newTickets(10*maxTickets)
	store.established(tls.VersionTLS13)
	put(store, s...)
	require.LessOrEqual(t, len(store.unused), maxTickets)
	for i := range maxTickets {
		requireOffer(t, store, s[len(s)-1-i])
	}
	requireOffer(t, store, s[len(s)-maxTickets])
	store.outcome(false)
	requireOffer(t, store, nil)
}

func TestTicketsSuccessorIsEmptyAndKnowsTheServer(t *testing.T) {
	store, s := new(tickets), newTickets(2)
	store.established(tls.VersionTLS13)
	put(store, s[0])
	requireOffer(t, store.successor(), nil)
	requireOffer(t, store, s[0])
	requireOffer(t, store, s[0])
	store.outcome(false)

	next := store.successor()
	next.established(tls.VersionTLS13)
	put(next, s[1])
	requireOffer(t, next, s[1])
	requireOffer(t, next, nil)
	requireOffer(t, store, nil)
}

// The control connection may bring a ticket while a data connection takes one.
func TestTicketsAreSafeForConcurrentUse(t *testing.T) {
	store := new(tickets)
	store.established(tls.VersionTLS13)
	put(store, newTickets(1)...)
	store.outcome(true)
	store.mu.Lock()
	store.singleUse = true
	store.mu.Unlock()

	var work sync.WaitGroup
	var mu sync.Mutex
	offers := make(map[*tls.ClientSessionState]int)
	for range 4 {
		work.Go(func() {
			for _, s := range newTickets(500) {
				put(store, s)
			}
		})
		work.Go(func() {
			for range 500 {
				if s, ok := store.Get(""); ok {
					mu.Lock()
					offers[s]++
					mu.Unlock()
				}
				store.outcome(true)
				_ = store.successor()
			}
		})
	}
	work.Wait()
	require.NotEmpty(t, offers)
	for _, n := range offers {
		require.Equal(t, 1, n, "a single-use ticket was offered twice")
	}
}
