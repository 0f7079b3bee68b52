package portmap

import (
	"context"
	"encoding/binary"
	"net/netip"
	"time"
)

// What is on the wire, RFC 6886 sections 3.2 and 3.3.
const (
	natpmpAddress  = 0
	natpmpMapTCP   = 2
	natpmpResponse = 0x80
)

// natpmpClient is a gateway that is spoken to in NAT-PMP. The client of
// github.com/jackpal/go-nat-pmp is not used: its wait knows a time limit but no
// context, and the first datagram that is no reply ends it.
type natpmpClient struct {
	place
	port uint16
}

func (*natpmpClient) protocol() Protocol { return NATPMP }

// add asks for the address first: a reply to the request for a mapping does not
// tell it.
func (c *natpmpClient) add(ctx context.Context, want mapping) (mapping, error) {
	addr, err := c.external(ctx)
	if err != nil {
		return mapping{}, err
	}
	got, err := c.request(ctx, want)
	if err == nil {
		err = got.empty()
	}
	got.external = netip.AddrPortFrom(addr, got.external.Port())
	return got, err
}

// remove asks for no lifetime and no external port, RFC 6886 section 3.4.
func (c *natpmpClient) remove(ctx context.Context, m mapping) error {
	m.lifetime, m.external = 0, netip.AddrPort{}
	_, err := c.request(ctx, m)
	return err
}

func (c *natpmpClient) external(ctx context.Context) (addr netip.Addr, err error) {
	err = c.exchange(ctx, []byte{0, natpmpAddress}, func(reply []byte) (done bool, err error) {
		addr, done, err = decodeNATPMPAddress(reply)
		return done, err
	})
	return addr, err
}

func (c *natpmpClient) request(ctx context.Context, want mapping) (got mapping, err error) {
	err = c.exchange(ctx, encodeNATPMP(want), func(reply []byte) (done bool, err error) {
		got, done, err = decodeNATPMP(reply, want)
		return done, err
	})
	return got, err
}

func (c *natpmpClient) exchange(ctx context.Context, request []byte, take func([]byte) (bool, error)) error {
	conn, err := dialUDP(ctx, c.local, netip.AddrPortFrom(c.gateway, c.port))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return exchange(ctx, conn, request, firstRetry, take)
}

// encodeNATPMP returns the request for a mapping, RFC 6886 section 3.3.
func encodeNATPMP(want mapping) []byte {
	b := []byte{0, natpmpMapTCP, 0, 0}
	b = binary.BigEndian.AppendUint16(b, want.port)
	b = binary.BigEndian.AppendUint16(b, want.external.Port())
	return binary.BigEndian.AppendUint32(b, seconds(want.lifetime))
}

// decodeNATPMPAddress reads the reply to the request for the external address,
// RFC 6886 section 3.2. done tells whether b is one.
func decodeNATPMPAddress(b []byte) (addr netip.Addr, done bool, err error) {
	if done, err = natpmpReply(b, natpmpAddress, 12); !done || err != nil {
		return netip.Addr{}, done, err
	}
	return netip.AddrFrom4([4]byte(b[8:12])), true, nil
}

// decodeNATPMP reads the reply to the request for want, RFC 6886 section 3.3.
// done tells whether b is one.
func decodeNATPMP(b []byte, want mapping) (got mapping, done bool, err error) {
	if done, err = natpmpReply(b, natpmpMapTCP, 16); !done || err != nil {
		return mapping{}, done, err
	}
	if binary.BigEndian.Uint16(b[8:]) != want.port {
		return mapping{}, false, nil
	}
	got = want
	got.epoch, got.hasEpoch = binary.BigEndian.Uint32(b[4:]), true
	got.external = netip.AddrPortFrom(netip.Addr{}, binary.BigEndian.Uint16(b[10:]))
	got.lifetime = time.Duration(binary.BigEndian.Uint32(b[12:])) * time.Second
	return got, true, nil
}

// natpmpReply tells whether b is the reply to the operation. A refusal may be
// shorter than length (RFC 6886 section 3.5), and that of a gateway which speaks
// PCP only is in the version of that.
func natpmpReply(b []byte, operation byte, length int) (bool, error) {
	if len(b) < 4 || b[1]&natpmpResponse == 0 {
		return false, nil
	}
	if b[0] == pcpVersion && b[3] == 1 {
		return true, &ResultError{NATPMP, 1}
	}
	if b[0] != 0 || b[1] != operation|natpmpResponse {
		return false, nil
	}
	if code := binary.BigEndian.Uint16(b[2:]); code != 0 {
		return true, &ResultError{NATPMP, int(code)}
	}
	return len(b) == length, nil
}
