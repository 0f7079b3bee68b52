package ftp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// ExternalFunc finds the address at which a server can reach this host, to be
// named in PORT and EPRT: that of the NAT in front of it. x is the exchange that
// the address is for, and local is what the client listens on. [SeenByServer] is
// one; [FirstExternal] and [CacheExternal] make one of others.
type ExternalFunc func(ctx context.Context, x *Exchange, local netip.AddrPort) (netip.Addr, error)

// errNotTold is the outcome of asking a server that says nothing of the address.
var errNotTold = errors.New("the server does not tell at which address it sees this host")

var errNoSource = errors.New("no source of the external address is set")

// SeenByServer is the [ExternalFunc] that asks the server by STAT (RFC 959
// section 4.1.3) from which address the control connection came. Many servers
// tell it, in words of their own; where none is understood, that is an error.
func SeenByServer(ctx context.Context, x *Exchange, _ netip.AddrPort) (netip.Addr, error) {
	return x.client.seenByServer(ctx)
}

// SeenAs asks the server by STAT from which address it sees this client come
// (RFC 959 section 4.1.3): the address of the last NAT on the way, where there is
// one. It returns an error that matches [errors.ErrUnsupported] where the server
// does not tell.
func (c *Client) SeenAs(ctx context.Context) (addr netip.Addr, err error) {
	err = c.call("seen as", "", func() (err error) {
		addr, err = c.seenByServer(ctx)
		return err
	})
	return addr, err
}

// seenByServer asks by STAT. The caller holds the client.
func (c *Client) seenByServer(ctx context.Context) (netip.Addr, error) {
	const verb = "STAT"
	r, err := c.ctl.roundTrip(ctx, verb)
	if err != nil {
		return netip.Addr{}, err
	}
	if r.negative() {
		return netip.Addr{}, refusal(verb, r)
	}
	if addr := r.clientAddr(c.ctl.local().Addr(), c.ctl.peer.known()); addr.IsValid() {
		return addr, nil
	}
	return netip.Addr{}, fmt.Errorf("%w (%w)", errNotTold, errors.ErrUnsupported)
}

// clientAddr looks in the text of a STAT reply for the address of the client,
// such as "Connected to 203.0.113.7" (vsftpd) or "Connected from gw.example.net
// [203.0.113.7]" (ProFTPD). pyftpdlib tells its own address there, which may be a
// private one behind a NAT, as "Connected to: 10.0.0.10:21".
func (r Reply) clientAddr(local, server netip.Addr) netip.Addr {
	for _, line := range r.Lines {
		_, rest, found := strings.Cut(strings.ToLower(line), "connected ")
		if !found || !strings.HasPrefix(rest, "to ") && !strings.HasPrefix(rest, "from") {
			continue
		}
		for _, word := range strings.FieldsFunc(rest, notInAddr) {
			if addr := addrIn(word); maySee(server, addr) || addr.IsValid() && same(addr, local) {
				return addr
			}
		}
	}
	return netip.Addr{}
}

// maySee tells whether a server can see a client come from addr: not from its own
// address, and across the Internet not from a private one.
func maySee(server, addr netip.Addr) bool {
	return addr.IsValid() && !addr.IsUnspecified() && !same(addr, server) &&
		(classify(server).unroutable() || !classify(addr).unroutable())
}

// notInAddr tells which characters of a sentence part an address from the others.
func notInAddr(c rune) bool { return strings.ContainsRune(" ()[],;<>\n", c) }

// addrIn reads "192.0.2.1", "192.0.2.1:40312" or "192.0.2.1.". A zone, which may be
// any text of the server's, means nothing here and is left out.
func addrIn(word string) netip.Addr {
	word = strings.TrimRight(word, ".:")
	if ap, err := netip.ParseAddrPort(word); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(word)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// FirstExternal asks each source in turn until one has an answer of the family
// that is listened on. Its error tells why none has.
func FirstExternal(sources ...ExternalFunc) ExternalFunc {
	return func(ctx context.Context, x *Exchange, local netip.AddrPort) (netip.Addr, error) {
		var failed error
		for _, source := range sources {
			addr, err := source(ctx, x, local)
			switch {
			case err == nil && addr.IsValid() && addr.Unmap().Is4() == local.Addr().Unmap().Is4():
				return addr, nil
			case err == nil:
				err = fmt.Errorf("the address %s is not of the family of %s", addr, local.Addr())
			case ctx.Err() != nil:
				return netip.Addr{}, context.Cause(ctx)
			}
			if failed != nil {
				err = fmt.Errorf("%w; %w", failed, err)
			}
			failed = err
		}
		return netip.Addr{}, cmp.Or(failed, errNoSource)
	}
}

// CacheExternal asks source once and gives its answer again for the time of
// life, for each local address and each server by itself: what one server tells of
// the address must not send another one's connections elsewhere. Errors are not
// kept. It is safe for concurrent use, so that the clients of one host may share
// it. Life must be positive: a NAT's address may change.
func CacheExternal(life time.Duration, source ExternalFunc) ExternalFunc {
	type answer struct {
		addr  netip.Addr
		until time.Time
	}
	type question struct {
		local  netip.Addr
		server string
	}
	var mu sync.Mutex
	answers := make(map[question]answer)
	known := func(q question) (netip.Addr, bool) {
		mu.Lock()
		defer mu.Unlock()
		a, ok := answers[q]
		return a.addr, ok && time.Now().Before(a.until)
	}
	return func(ctx context.Context, x *Exchange, local netip.AddrPort) (netip.Addr, error) {
		q := question{local.Addr(), x.server()}
		if addr, ok := known(q); ok {
			return addr, nil
		}
		addr, err := source(ctx, x, local)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			answers[q] = answer{addr, time.Now().Add(life)}
		}
		return addr, err
	}
}

// server is whom the exchange is with; empty where it is nobody's.
func (x *Exchange) server() string {
	if x == nil || x.client == nil {
		return ""
	}
	return x.client.address
}
