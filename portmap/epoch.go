package portmap

import "time"

// epoch is a reading of a gateway's clock, by which it tells that it has lost its
// mappings, as in a restart.
type epoch struct {
	seconds uint32
	read    time.Time
}

// clock is which one was read.
type clock struct {
	at       place
	protocol Protocol
}

// lost tells whether the gateway has started anew between the two readings: its
// clock went back, or went slower or faster than ours by more than an eighth
// (RFC 6887 section 8.5, which is stricter than RFC 6886 section 3.6).
func (before epoch) lost(now epoch) bool {
	if before.read.IsZero() {
		return false
	}
	if int64(now.seconds) < int64(before.seconds)-1 {
		return true
	}
	server := int64(now.seconds) - int64(before.seconds)
	client := int64(now.read.Sub(before.read) / time.Second)
	return client+2 < server-server/16 || server+2 < client-client/16
}
