package ftp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// boundConn is a connection with a local address and nothing else.
type boundConn struct {
	net.Conn
	local netip.AddrPort
}

func (c boundConn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// A host with several addresses must come from the same one twice: servers
// compare the data connection's with the control connection's.
func TestDataConnectionLeavesFromWhereTheControlConnectionDid(t *testing.T) {
	peer, own := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("192.0.2.7")
	ctl := &control{raw: boundConn{local: netip.AddrPortFrom(own, 50000)}, peer: controlPeer{addr: peer}}
	tests := map[string]struct {
		purpose Purpose
		bind    string
		address string
		want    string // empty for any
	}{
		"data":                         {PurposeData, "", "198.51.100.1:99", "192.0.2.7"},
		"data, written as mapped":      {PurposeData, "", "[::ffff:198.51.100.1]:99", "192.0.2.7"},
		"data, with Bind":              {PurposeData, "192.0.2.99", "198.51.100.1:99", "192.0.2.7"},
		"data to elsewhere":            {PurposeData, "", "203.0.113.5:99", ""},
		"data to elsewhere, with Bind": {PurposeData, "192.0.2.99", "203.0.113.5:99", "192.0.2.99"},
		"a new control connection":     {PurposeControl, "192.0.2.99", "198.51.100.1:21", "192.0.2.99"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := &Client{opts: Options{Network: "tcp", Bind: test.bind}, ctl: ctl}
			got, err := c.localAddr(test.purpose, test.address)
			require.NoError(t, err)
			want, _ := netip.ParseAddr(test.want)
			require.Equal(t, want, got)
		})
	}
}
