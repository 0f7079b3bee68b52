package portmap

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// The port that a gateway listens on for PCP and for NAT-PMP, RFC 6887 section 19.
const gatewayPort = 5351

// What is on the wire, RFC 6887 sections 7 and 11.1.
const (
	pcpVersion   = 2
	pcpMAP       = 1
	pcpResponse  = 0x80
	protocolTCP  = 6
	pcpMAPLength = 60
	pcpMaxLength = 1100
)

// firstRetry is that of RFC 6886 section 3.1, for PCP too: three seconds to the
// first repetition, as RFC 6887 section 8.1.1 has it, are longer than a transfer
// can wait for a protocol that this gateway perhaps does not speak.
const firstRetry = 250 * time.Millisecond

// pcpClient is a gateway that is spoken to in PCP.
type pcpClient struct {
	place
	port uint16
}

func (*pcpClient) protocol() Protocol { return PCP }

func (c *pcpClient) add(ctx context.Context, want mapping) (mapping, error) {
	got, err := c.request(ctx, want)
	if err == nil {
		err = got.empty()
	}
	return got, err
}

// remove asks for no lifetime, RFC 6887 section 15.
func (c *pcpClient) remove(ctx context.Context, m mapping) error {
	m.lifetime, m.external = 0, netip.AddrPort{}
	_, err := c.request(ctx, m)
	return err
}

// external learns the address from a mapping that it gives back, since PCP has no
// request for the address alone. The port is a high one: where its rules refuse a
// port, and they commonly do below 1024, miniupnpd 2.3.1 goes through all others
// before it answers, and serves nobody for a minute.
func (c *pcpClient) external(ctx context.Context) (netip.Addr, error) {
	port := randomPort()
	want := mapping{port: port, external: netip.AddrPortFrom(netip.Addr{}, port), lifetime: 2 * time.Minute, nonce: newNonce()}
	got, err := c.add(ctx, want)
	if err != nil {
		return netip.Addr{}, err
	}
	return got.external.Addr(), c.remove(ctx, got)
}

func newNonce() (nonce [12]byte) {
	_, _ = rand.Read(nonce[:]) // never fails
	return nonce
}

func (c *pcpClient) request(ctx context.Context, want mapping) (mapping, error) {
	conn, err := dialUDP(ctx, c.local, netip.AddrPortFrom(c.gateway, c.port))
	if err != nil {
		return mapping{}, err
	}
	defer func() { _ = conn.Close() }()
	from, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return mapping{}, err
	}
	var got mapping
	err = exchange(ctx, conn, encodePCP(from.Addr(), want), firstRetry, func(reply []byte) (done bool, err error) {
		got, done, err = decodePCP(reply, want)
		return done, err
	})
	return got, err
}

// encodePCP returns a MAP request, RFC 6887 sections 7.1 and 11.1. client must be
// the address that the request is sent from.
func encodePCP(client netip.Addr, want mapping) []byte {
	suggested := want.external.Addr()
	if !suggested.IsValid() {
		suggested = netip.IPv4Unspecified() // of no preference, but of this family
	}
	b := make([]byte, 0, pcpMAPLength)
	b = append(b, pcpVersion, pcpMAP, 0, 0)
	b = binary.BigEndian.AppendUint32(b, seconds(want.lifetime))
	b = append16(b, client)
	b = append(b, want.nonce[:]...)
	b = append(b, protocolTCP, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, want.port)
	b = binary.BigEndian.AppendUint16(b, want.external.Port())
	return append16(b, suggested)
}

func append16(b []byte, addr netip.Addr) []byte {
	a := addr.As16()
	return append(b, a[:]...)
}

// decodePCP reads what came after the MAP request for want. It is not the reply
// where it answers another request, or nothing at all; done tells. Where the
// gateway speaks NAT-PMP only, the error says so: it answers in version 0 (RFC
// 6887 appendix A).
func decodePCP(b []byte, want mapping) (got mapping, done bool, err error) {
	if len(b) >= 4 && b[0] == 0 && b[1]&pcpResponse != 0 && binary.BigEndian.Uint16(b[2:]) == 1 {
		return mapping{}, true, fmt.Errorf("PCP: %w", errSpoken)
	}
	if len(b) < 24 || len(b) > pcpMaxLength || len(b)%4 != 0 || b[1] != pcpResponse|pcpMAP {
		return mapping{}, false, nil
	}
	code := int(b[3])
	if b[0] > pcpVersion && code == 1 { // a server of a version yet to come
		return mapping{}, true, &ResultError{PCP, code}
	}
	if b[0] != pcpVersion || len(b) < pcpMAPLength || !answersPCP(b, want) {
		return mapping{}, false, nil
	}
	if code != 0 {
		return mapping{}, true, &ResultError{PCP, code}
	}
	external := netip.AddrFrom16([16]byte(b[44:60])).Unmap()
	got = want
	got.lifetime = time.Duration(binary.BigEndian.Uint32(b[4:])) * time.Second
	got.epoch, got.hasEpoch = binary.BigEndian.Uint32(b[8:]), true
	got.external = netip.AddrPortFrom(external, binary.BigEndian.Uint16(b[42:]))
	return got, true, nil
}

// answersPCP compares what a reply repeats of its request, RFC 6887 section 11.4.
func answersPCP(b []byte, want mapping) bool {
	return [12]byte(b[24:36]) == want.nonce && b[36] == protocolTCP && binary.BigEndian.Uint16(b[40:]) == want.port
}
