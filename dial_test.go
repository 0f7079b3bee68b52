package ftp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// nameHook is a DialContext that knows one name, which stands for loopback, as
// a proxy does that resolves names at its end.
type nameHook struct {
	mu    sync.Mutex
	calls []string
	port  string // of the control connection, in place of 21
}

const hookedName = "ftp.example.net"

func (h *nameHook) dial(ctx context.Context, network, address string) (net.Conn, error) {
	h.mu.Lock()
	h.calls = append(h.calls, ftp.ConnPurpose(ctx).String()+" "+network+" "+address)
	h.mu.Unlock()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host != hookedName {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if port == "21" {
		port = h.port
	}
	return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
}

func TestHookGetsTheLogicalAddressOfBothConnections(t *testing.T) {
	private := netip.MustParseAddr("10.0.0.5")
	tests := map[string]struct {
		server ftptest.Passive
		client ftp.Passive
		reason string
	}{
		"EPSV":                    {ftptest.Passive{}, ftp.Passive{}, "server advertised a port alone, using host name " + hookedName},
		"PASV":                    {ftptest.Passive{Advertise: private}, pasvOnly(), "server sent passive reply with unroutable address 10.0.0.5, using host name " + hookedName + " instead"},
		"PASV and AddressControl": {ftptest.Passive{Advertise: private}, ftp.Passive{Methods: []ftp.Method{ftp.PASV}, Address: ftp.AddressControl}, "address policy is control, using host name " + hookedName + " instead of 10.0.0.5"},
		"PASV that knows better":  {ftptest.Passive{Advertise: netip.MustParseAddr(moverAddr)}, pasvOnly(), "server sent passive reply with address " + moverAddr + ", using host name " + hookedName + " first"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, ftptest.Config{Passive: test.server})
			put(t, srv, "a.txt", []byte(hello))
			hook := &nameHook{port: srv.Addr[strings.LastIndexByte(srv.Addr, ':')+1:]}
			c := dial(t, hookedName, &ftp.Options{DialContext: hook.dial, Passive: test.client})
			used := fetch(t, c).Final()
			_, port, err := net.SplitHostPort(srv.DataConns()[0].Local.String())
			require.NoError(t, err)
			require.Equal(t, []string{"control tcp " + hookedName + ":21", "data tcp " + hookedName + ":" + port}, hook.calls)
			require.Equal(t, hookedName+":"+port, used.Dialled)
			require.Equal(t, test.reason, used.Reason)
		})
	}
}

func TestHookGetsTheNetwork(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	put(t, srv, "a.txt", []byte(hello))
	hook := &nameHook{port: srv.Addr[strings.LastIndexByte(srv.Addr, ':')+1:]}
	c := dial(t, hookedName, &ftp.Options{DialContext: hook.dial, Network: "tcp4"})
	fetch(t, c)
	require.True(t, strings.HasPrefix(hook.calls[0], "control tcp4 "))
	require.True(t, strings.HasPrefix(hook.calls[1], "data tcp4 "))
}

func TestHookThatReturnsNothingForData(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	hook := func(ctx context.Context, network, address string) (net.Conn, error) {
		if ftp.ConnPurpose(ctx) == ftp.PurposeData {
			return nil, nil
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	c := dial(t, srv.Addr, &ftp.Options{DialContext: hook})
	require.NotPanics(t, func() {
		err := fetchFails(t, c)
		require.ErrorIs(t, err, ftp.ErrDataConnection)
		require.ErrorContains(t, err, "Options.DialContext returned neither a connection nor an error")
	})
	require.NoError(t, c.NoOp(t.Context()))
}

func TestHookWithAnActiveTransferAcceptsOnlyThroughAListenFunc(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	put(t, srv, "a.txt", []byte(hello))
	hook := &nameHook{port: srv.Addr[strings.LastIndexByte(srv.Addr, ':')+1:]}
	opts := ftp.Options{DialContext: hook.dial, Mode: ftp.ModeActive, Timeouts: ftp.Timeouts{Accept: 50 * time.Millisecond}}
	c := dial(t, hookedName, &opts)
	require.ErrorIs(t, fetchFails(t, c), ftp.ErrDataConnection, "who connects cannot be told from a stranger")

	opts.Active.ListenFunc, opts.Timeouts = new(net.ListenConfig).Listen, ftp.Timeouts{}
	c = dial(t, hookedName, &opts)
	require.Equal(t, "PORT", tries(fetch(t, c)))
}

func TestConnPurpose(t *testing.T) {
	require.Zero(t, ftp.ConnPurpose(t.Context()))
	require.Equal(t, "Purpose(0)", ftp.ConnPurpose(t.Context()).String())
	require.Equal(t, "control", ftp.PurposeControl.String())
	require.Equal(t, "data", ftp.PurposeData.String())
}

func TestBind(t *testing.T) {
	for name, passive := range map[string]ftp.Passive{"EPSV": {}, "PASV": pasvOnly()} {
		t.Run(name, func(t *testing.T) {
			c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{Bind: "127.0.0.2", Passive: passive})
			used := fetch(t, c).Final()
			require.Equal(t, "127.0.0.2", used.Local.Addr().String())
			require.Equal(t, "127.0.0.2", srv.DataConns()[0].Remote.Addr().String())
		})
	}
	t.Run("active mode listens there", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{Bind: "127.0.0.2", Mode: ftp.ModeActive})
		require.Equal(t, "127.0.0.2", fetch(t, c).Final().Listened.Addr().String())
		require.Equal(t, "127.0.0.2", srv.DataConns()[0].Advertised.Addr().String(), "the server saw the control connection come from there")
	})
	t.Run("the same for a data mover elsewhere", func(t *testing.T) {
		mover := netip.MustParseAddr("127.0.0.3")
		config := ftptest.Config{Passive: ftptest.Passive{Advertise: mover, DataAddr: mover}}
		opts := ftp.Options{Bind: "127.0.0.2", Passive: ftp.Passive{Methods: []ftp.Method{ftp.PASV}, Address: ftp.AddressServer}}
		c, srv := onLoopback(t, config, opts)
		fetch(t, c)
		require.Equal(t, "127.0.0.2", srv.DataConns()[0].Remote.Addr().String())
	})
	t.Run("with a host name", func(t *testing.T) {
		srv := serve(t, ftptest.Config{})
		put(t, srv, "a.txt", []byte(hello))
		_, port, err := net.SplitHostPort(srv.Addr)
		require.NoError(t, err)
		fetch(t, dial(t, "localhost:"+port, &ftp.Options{Bind: "127.0.0.2"}))
		require.Equal(t, "127.0.0.2", srv.DataConns()[0].Remote.Addr().String())
	})
	t.Run("an interface", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{Bind: loopbackName(t)})
		fetch(t, c)
		require.True(t, srv.DataConns()[0].Remote.Addr().IsLoopback())
	})
	t.Run("IPv6", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{Addr: "[::1]:0"}, ftp.Options{Bind: "::1"})
		fetch(t, c)
		require.Equal(t, "::1", srv.DataConns()[0].Remote.Addr().String())
	})
}

func TestBindThatCannotBe(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	for bind, want := range map[string]string{
		"nosuch0":   `"nosuch0" is neither an IP address nor a network interface of this host`,
		"192.0.2.1": "cannot assign requested address",
		"::1":       "::1",
	} {
		t.Run(bind, func(t *testing.T) {
			_, err := ftp.Dial(t.Context(), srv.Addr, &ftp.Options{Bind: bind})
			require.ErrorContains(t, err, want)
			require.Zero(t, srv.Sessions())
		})
	}
}

func TestNetworkThatDoesNotFitTheAddress(t *testing.T) {
	for network, address := range map[string]string{"tcp6": "127.0.0.1:21", "tcp4": "[::1]:21"} {
		t.Run(network, func(t *testing.T) {
			_, err := ftp.Dial(t.Context(), address, &ftp.Options{Network: network})
			host, _, _ := net.SplitHostPort(address)
			require.ErrorContains(t, err, "dial "+network+": address "+host+": no suitable address found")
		})
	}
	_, err := ftp.Dial(t.Context(), "127.0.0.1", &ftp.Options{Network: "udp"})
	require.ErrorContains(t, err, `Options.Network is "udp"; use tcp, tcp4 or tcp6`)
}

func TestIPv6Session(t *testing.T) {
	srv := serve(t, ftptest.Config{Addr: "[::1]:0"})
	put(t, srv, "a.txt", []byte(hello))
	for _, network := range []string{"tcp", "tcp6"} {
		t.Run(network, func(t *testing.T) {
			c := dial(t, srv.Addr, &ftp.Options{Network: network})
			used := fetch(t, c).Final()
			require.Equal(t, ftp.EPSV, used.Method)
			require.True(t, strings.HasPrefix(used.Dialled, "[::1]:"))
		})
	}
}

func TestDialIPv6AddressForms(t *testing.T) {
	for address, want := range map[string]string{
		"::1":                    "[::1]:21",
		"[::1]":                  "[::1]:21",
		"[::1]:2121":             "[::1]:2121",
		"2001:db8::21":           "[2001:db8::21]:21",
		"fe80::1%eth0":           "[fe80::1%eth0]:21",
		"[fe80::1%eth0]:2121":    "[fe80::1%eth0]:2121",
		"::ffff:192.0.2.1":       "[::ffff:192.0.2.1]:21",
		"2001:DB8:0:0:0:0:0:21":  "[2001:db8::21]:21",
		"[2001:db8::21]:0":       "",
		"2001:db8::21:65536":     "",
		"[::1":                   "",
		"::1]:21":                "",
		"2001:db8::21::1":        "",
		"[2001:db8::21]21":       "",
		"2001:db8:0:0:0:0:0:0:1": "",
	} {
		t.Run(address, func(t *testing.T) {
			dialled := ""
			_, err := ftp.Dial(t.Context(), address, &ftp.Options{DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
				dialled = address
				return nil, errCancelled
			}})
			require.Equal(t, want, dialled)
			if want != "" {
				require.ErrorIs(t, err, errCancelled)
			} else {
				require.NotErrorIs(t, err, errCancelled)
				require.Error(t, err)
			}
		})
	}
}

// A proxy that keeps silent is not the server: the error of a limit says what the hook
// was at.
func TestDialLimitTellsWhatTheHookWasAt(t *testing.T) {
	stuck := errors.New("the proxy keeps silent")
	tests := map[string]struct {
		hook func(ctx context.Context) error
		want string
	}{
		"an error that wraps the cause": {func(ctx context.Context) error { return fmt.Errorf("through the proxy: %w", context.Cause(ctx)) }, "through the proxy: no connection to ftp.test:21 within"},
		"an error of its own":           {func(context.Context) error { return stuck }, "no connection to ftp.test:21 within 10ms (Options.Timeouts.Dial): the proxy keeps silent"},
		"the context's error":           {context.Context.Err, "no connection to ftp.test:21 within 10ms (Options.Timeouts.Dial)"},
		"a look-up":                     {func(context.Context) error { return &net.DNSError{Name: "ftp.test", IsTimeout: true} }, "the name ftp.test was still being looked up"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ftp.Dial(t.Context(), "ftp.test", &ftp.Options{
				Timeouts: ftp.Timeouts{Dial: 10 * time.Millisecond},
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					<-ctx.Done()
					return nil, test.hook(ctx)
				},
			})
			require.ErrorContains(t, err, test.want)
			var timeout *ftp.TimeoutError
			require.ErrorAs(t, err, &timeout)
		})
	}
}
