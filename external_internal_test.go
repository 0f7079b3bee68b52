package ftp

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzClientAddr: whatever a server says of where it sees this host, the address that
// is believed is neither its own nor, across the Internet, a private one.
func FuzzClientAddr(f *testing.F) {
	for _, seed := range []string{
		"Connected to 203.0.113.7", "Connected from gw.example.net [203.0.113.7]", "Connected to: 10.0.0.10:21",
		"Connected to ::ffff:10.0.0.1", "connected from fe80::1%eth0", "Connected to 192.0.2.1:21.", "connected to", "I won't open a connection to 192.168.1.10 (only to 203.0.113.2)",
	} {
		f.Add(seed)
	}
	local, server := netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("192.0.2.1")
	f.Fuzz(func(t *testing.T, text string) {
		r := Reply{Code: 211, Lines: strings.Split(text, "\n")}
		if addr := r.clientAddr(local, server); addr.IsValid() && addr != local && (same(addr, server) || classify(addr).unroutable()) {
			t.Errorf("%q: %s was believed", text, addr)
		}
		refused := &Error{Command: "PORT", Reply: Reply{Code: 500, Lines: r.Lines}}
		if addr := seenInRefusal(refused, local, server); addr.IsValid() && (same(addr, server) || same(addr, local) || classify(addr).unroutable()) {
			t.Errorf("%q: %s was believed", text, addr)
		}
	})
}
