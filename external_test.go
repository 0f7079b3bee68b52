package ftp_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// stat is a server that answers STAT with these lines.
func stat(reply string) ftptest.Config {
	return ftptest.Config{Faults: []ftptest.Fault{{On: "STAT", Reply: reply}}}
}

func TestSeenAs(t *testing.T) {
	tests := map[string]struct {
		reply, want string // no address where want is empty
	}{
		"vsftpd":                {"211-FTP server status:\n     Connected to ::ffff:203.0.113.7\n     Logged in as tester\n211 End of status", "203.0.113.7"},
		"ProFTPD":               {"211-Status of 'proftpd'\n Connected from gw.example.net [203.0.113.7]\n Logged in as tester\n211 End of status", "203.0.113.7"},
		"pyftpdlib's own":       {"211-FTP server status:\n Connected to: 10.0.0.10:21\n Logged in as: user\n211 End of status.", ""},
		"IPv6":                  {"211-Status\n Connected from 2001:db8::7\n211 End", "2001:db8::7"},
		"this host itself":      {"211-Status\n Connected from 127.0.0.1\n211 End", "127.0.0.1"},
		"a zone of any text":    {"211-Status\n Connected from 2001:db8::7%\x1b`id`\n211 End", "2001:db8::7"},
		"no word of it":         {"211 http://www.pureftpd.org/", ""},
		"an unspecified one":    {"211-Status\n Connected to 0.0.0.0\n211 End", ""},
		"other addresses":       {"211-Status of 198.51.100.1\n Version 1.2.3.4\n Data connections will be plain\n211 End", ""},
		"connected, but a name": {"211-Status\n Connected to client.example.net\n211 End", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := onLoopback(t, stat(test.reply), ftp.Options{})
			addr, err := c.SeenAs(t.Context())
			if test.want == "" {
				require.ErrorIs(t, err, errors.ErrUnsupported)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, addr.String())
		})
	}
}

func TestSeenAsRefused(t *testing.T) {
	c, _ := onLoopback(t, stat("502 What?"), ftp.Options{})
	_, err := c.SeenAs(t.Context())
	require.Equal(t, 502, ftp.ReplyCode(err))
	require.NoError(t, c.NoOp(t.Context()), "the session goes on")
}

func TestSeenByServerIsNamed(t *testing.T) {
	config := stat("211-Status\n Connected from 203.0.113.7\n211 End")
	config.Active = ftptest.Active{AnyHost: true, Rewrite: func(at netip.AddrPort) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port()) // the forward of a NAT
	}}
	c, srv := onLoopback(t, config, activeOnly(ftp.Active{ExternalOnLAN: true, ExternalFunc: ftp.SeenByServer}))
	rung := fetch(t, c).Final()
	require.Equal(t, "203.0.113.7", rung.Advertised.Addr().String())
	require.Equal(t, "from Active.ExternalFunc", rung.Reason)
	require.Equal(t, []string{"STAT"}, sent(srv, "STAT"))
}

func TestFirstExternal(t *testing.T) {
	local := netip.MustParseAddrPort("192.168.1.10:50000")
	want := netip.MustParseAddr("203.0.113.7")
	mistake := errors.New("the first is out of order")
	fails := func(context.Context, *ftp.Exchange, netip.AddrPort) (netip.Addr, error) { return netip.Addr{}, mistake }
	gives := func(addr string) ftp.ExternalFunc {
		return func(context.Context, *ftp.Exchange, netip.AddrPort) (netip.Addr, error) {
			return netip.MustParseAddr(addr), nil
		}
	}

	addr, err := ftp.FirstExternal(fails, gives("2001:db8::7"), gives("203.0.113.7"), gives("203.0.113.8"))(t.Context(), nil, local)
	require.NoError(t, err)
	require.Equal(t, want, addr)

	_, err = ftp.FirstExternal(fails, gives("2001:db8::7"))(t.Context(), nil, local)
	require.ErrorIs(t, err, mistake)
	require.ErrorContains(t, err, "the address 2001:db8::7 is not of the family of 192.168.1.10")

	_, err = ftp.FirstExternal()(t.Context(), nil, local)
	require.ErrorContains(t, err, "no source")

	ended, cancel := context.WithCancelCause(t.Context())
	gaveUp := errors.New("the caller gave up")
	cancel(gaveUp)
	_, err = ftp.FirstExternal(fails, gives("203.0.113.7"))(ended, nil, local)
	require.ErrorIs(t, err, gaveUp, "no further source is asked")
}

// What a hostile server says of this host's address would have the next server
// connect wherever the first one likes.
func TestCacheExternalKeepsServersApart(t *testing.T) {
	cached := ftp.CacheExternal(time.Hour, ftp.SeenByServer)
	for _, told := range []string{"198.51.100.66", "203.0.113.7"} {
		config := stat("211-Status\n Connected from " + told + "\n211 End")
		config.Active = ftptest.Active{AnyHost: true, Rewrite: func(at netip.AddrPort) netip.AddrPort {
			return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
		}}
		c, srv := onLoopback(t, config, activeOnly(ftp.Active{ExternalOnLAN: true, ExternalFunc: cached}))
		for range 2 {
			require.Equal(t, told, fetch(t, c).Final().Advertised.Addr().String())
		}
		require.Equal(t, []string{"STAT"}, sent(srv, "STAT"))
	}
}

func TestCacheExternal(t *testing.T) {
	asked := 0
	source := func(_ context.Context, _ *ftp.Exchange, local netip.AddrPort) (netip.Addr, error) {
		if asked++; asked == 1 {
			return netip.Addr{}, errors.New("not yet")
		}
		return netip.MustParseAddr("203.0.113.7"), nil
	}
	cached := ftp.CacheExternal(time.Hour, source)
	first, second := netip.MustParseAddrPort("192.168.1.10:50000"), netip.MustParseAddrPort("192.168.1.11:50000")
	_, err := cached(t.Context(), nil, first)
	require.Error(t, err)
	for range 3 {
		addr, err := cached(t.Context(), nil, first)
		require.NoError(t, err)
		require.Equal(t, "203.0.113.7", addr.String())
	}
	require.Equal(t, 2, asked, "the error was not kept, the address was")
	_, err = cached(t.Context(), nil, second)
	require.NoError(t, err)
	require.Equal(t, 3, asked, "another address may be behind another NAT")

	ended := ftp.CacheExternal(0, source)
	for range 2 {
		_, err := ended(t.Context(), nil, first)
		require.NoError(t, err)
	}
	require.Equal(t, 5, asked, "a life of nothing keeps nothing")
}
