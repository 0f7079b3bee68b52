package portmap

import (
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"
)

func wanted() mapping {
	return mapping{port: 5001, external: netip.MustParseAddrPort("0.0.0.0:5001"), lifetime: time.Minute, nonce: [12]byte{1, 2, 3}}
}

// pcpReply is one that is right, in the form of its request.
func pcpReply() []byte {
	b := encodePCP(netip.MustParseAddr("192.0.2.1"), wanted())
	b[1] |= pcpResponse
	return b
}

func TestPCPRoundTrip(t *testing.T) {
	b := pcpReply()
	require.Len(t, b, pcpMAPLength)
	copy(b[8:12], []byte{0, 0, 1, 0})
	got, done, err := decodePCP(b, wanted())
	require.NoError(t, err)
	require.True(t, done)
	want := wanted()
	want.epoch, want.hasEpoch = 256, true
	require.Equal(t, want, got)
}

func FuzzPCP(f *testing.F) {
	f.Add(pcpReply())
	f.Add([]byte{0, 0x81, 0, 1, 0, 0, 0, 9})
	f.Add([]byte{3, 0x81, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, done, err := decodePCP(b, wanted())
		if err != nil || !done {
			require.Zero(t, got)
			return
		}
		require.Equal(t, wanted().nonce, got.nonce)
		require.Equal(t, wanted().port, got.port)
		require.True(t, got.external.Addr().IsValid())
		require.GreaterOrEqual(t, got.lifetime, time.Duration(0))
	})
}

func FuzzNATPMP(f *testing.F) {
	f.Add([]byte{0, 0x82, 0, 0, 0, 0, 0, 9, 0x13, 0x89, 0x13, 0x89, 0, 0, 0, 60})
	f.Add([]byte{0, 0x80, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7})
	f.Add([]byte{0, 0x82, 0, 2})
	f.Add([]byte{2, 0x80, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, done, err := decodeNATPMP(b, wanted())
		if err == nil && done {
			require.Equal(t, wanted().port, got.port)
			require.Len(t, b, 16)
		}
		addr, done, err := decodeNATPMPAddress(b)
		require.Equal(t, err == nil && done, addr.IsValid())
	})
}

func FuzzSearch(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nLOCATION: http://192.0.2.1:5000/root.xml\r\nST: x\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nLOCATION: http://192.0.2.2/\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLOCATION: http://[::ffff:192.0.2.1]/\r\n\r\n9"))
	gateway := netip.MustParseAddr("192.0.2.1")
	f.Fuzz(func(t *testing.T, b []byte) {
		location, err := decodeSearch(b, gateway)
		if err == nil && location != nil {
			require.NoError(t, onGateway(location, gateway))
		}
	})
}

func FuzzDescription(f *testing.F) {
	f.Add([]byte(`<root xmlns="urn:schemas-upnp-org:device-1-0"><URLBase>http://192.0.2.1:1/</URLBase><device><serviceList><service>` +
		`<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl</controlURL></service></serviceList></device></root>`))
	f.Add([]byte(`<root><device><serviceList><service><serviceType>urn:schemas-upnp-org:service:WANPPPConnection:1</serviceType>` +
		`<controlURL>http://192.0.2.2/ctl</controlURL></service></serviceList></device></root>`))
	gateway := netip.MustParseAddr("192.0.2.1")
	location := &url.URL{Scheme: "http", Host: "192.0.2.1:5000", Path: "/root.xml"}
	f.Fuzz(func(t *testing.T, b []byte) {
		services, err := parseDescription(b, location, gateway)
		for _, s := range services {
			require.NoError(t, err)
			require.NoError(t, onGateway(&s.control, gateway))
		}
	})
}

func FuzzSTUN(f *testing.F) {
	id := [stun.TransactionIDSize]byte{1, 2, 3}
	set := stun.NewTransactionIDSetter(id)
	f.Add(stun.MustBuild(set, stun.BindingSuccess, &stun.XORMappedAddress{IP: []byte{203, 0, 113, 7}, Port: 9}).Raw)
	f.Add(stun.MustBuild(set, stun.BindingSuccess, &stun.MappedAddress{IP: []byte{203, 0, 113, 7}, Port: 9}).Raw)
	f.Add(stun.MustBuild(set, stun.BindingError, stun.CodeServerError).Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, done, err := decodeSTUN(b, id)
		require.Equal(t, done && err == nil, addr.IsValid())
	})
}

func FuzzSTUNServer(f *testing.F) {
	for _, s := range []string{"stun.example", "stun.example:3478", "::1", "[::1]:3478", ":1", "a:b:c", "a:0", "a:65536"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, port, err := splitSTUN(s)
		require.Equal(t, err == nil, port != 0)
	})
}
