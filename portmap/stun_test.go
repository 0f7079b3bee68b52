package portmap_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/portmap"
)

// stunServer answers each request with what answer returns, on addr.
func stunServer(t *testing.T, addr string, answer func(request *stun.Message) [][]byte) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", addr)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			request := new(stun.Message)
			if err := stun.Decode(slices.Clone(buf[:n]), request); err != nil || request.Type != stun.BindingRequest {
				panic("no binding request")
			}
			for _, b := range answer(request) {
				_, _ = conn.WriteTo(b, from)
			}
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		<-done
	})
	return conn.LocalAddr().String()
}

// reply builds a message for a transaction.
func reply(id [stun.TransactionIDSize]byte, setters ...stun.Setter) []byte {
	return stun.MustBuild(append([]stun.Setter{stun.NewTransactionIDSetter(id)}, setters...)...).Raw
}

func TestSTUN(t *testing.T) {
	outside, outside6 := net.IPv4(203, 0, 113, 7), net.ParseIP("2001:db8::7")
	xor := &stun.XORMappedAddress{IP: outside, Port: 9}
	for name, test := range map[string]struct {
		addr   string
		answer func(request *stun.Message) [][]byte
		want   string
		says   string
	}{
		"XOR-MAPPED-ADDRESS": {"127.0.0.1:0", func(r *stun.Message) [][]byte {
			return [][]byte{reply(r.TransactionID, stun.BindingSuccess, xor)}
		}, "203.0.113.7", ""},
		"MAPPED-ADDRESS": {"127.0.0.1:0", func(r *stun.Message) [][]byte {
			return [][]byte{reply(r.TransactionID, stun.BindingSuccess, &stun.MappedAddress{IP: outside, Port: 9})}
		}, "203.0.113.7", ""},
		"both, of which a NAT has changed one": {"127.0.0.1:0", func(r *stun.Message) [][]byte {
			return [][]byte{reply(r.TransactionID, stun.BindingSuccess, &stun.MappedAddress{IP: net.IPv4(10, 0, 0, 1), Port: 9}, xor)}
		}, "203.0.113.7", ""},
		"IPv6": {"[::1]:0", func(r *stun.Message) [][]byte {
			return [][]byte{reply(r.TransactionID, stun.BindingSuccess, &stun.XORMappedAddress{IP: outside6, Port: 9})}
		}, "2001:db8::7", ""},
		"garbage and other transactions first": {"127.0.0.1:0", func(r *stun.Message) [][]byte {
			id := r.TransactionID
			id[3] ^= 1
			wrong := &stun.XORMappedAddress{IP: net.IPv4(192, 0, 2, 66), Port: 9}
			return [][]byte{
				{}, []byte("garbage"), reply(id, stun.BindingSuccess, wrong), reply(id, stun.BindingError, stun.CodeServerError),
				reply(r.TransactionID, stun.BindingRequest, wrong), reply(r.TransactionID, stun.BindingSuccess, xor)[:25],
				reply(r.TransactionID, stun.BindingSuccess, xor),
			}
		}, "203.0.113.7", ""},
		"error": {"127.0.0.1:0", func(r *stun.Message) [][]byte {
			return [][]byte{reply(r.TransactionID, stun.BindingError, stun.ErrorCodeAttribute{Code: 420, Reason: []byte("unknown attribute")})}
		}, "", `the server refused: 420 "unknown attribute"`},
		"error without a code": {"127.0.0.1:0", func(r *stun.Message) [][]byte {
			return [][]byte{reply(r.TransactionID, stun.BindingError)}
		}, "", "does not say why"},
		"no address": {"127.0.0.1:0", func(r *stun.Message) [][]byte {
			return [][]byte{reply(r.TransactionID, stun.BindingSuccess)}
		}, "", "tells no address"},
		"unspecified address": {"127.0.0.1:0", func(r *stun.Message) [][]byte {
			return [][]byte{reply(r.TransactionID, stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IPv4zero})}
		}, "", "tells no address"},
	} {
		t.Run(name, func(t *testing.T) {
			server := stunServer(t, test.addr, test.answer)
			local := netip.MustParseAddrPort(server).Addr()
			addr, err := portmap.STUN(server)(t.Context(), nil, netip.AddrPortFrom(local, 5001))
			if test.says != "" {
				require.ErrorContains(t, err, test.says)
				require.ErrorContains(t, err, server)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, addr.String())
		})
	}
}

func TestSTUNNextServer(t *testing.T) {
	broken := stunServer(t, "127.0.0.1:0", func(r *stun.Message) [][]byte { return [][]byte{reply(r.TransactionID, stun.BindingError)} })
	good := stunServer(t, "127.0.0.1:0", func(r *stun.Message) [][]byte {
		return [][]byte{reply(r.TransactionID, stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IPv4(203, 0, 113, 7), Port: 9})}
	})
	local := netip.AddrPortFrom(loopback, 5001)
	addr, err := portmap.STUN("127.0.0.1:bad", "::1", broken, good)(t.Context(), nil, local)
	require.NoError(t, err)
	require.Equal(t, "203.0.113.7", addr.String())
	_, err = portmap.STUN()(t.Context(), nil, local)
	require.ErrorContains(t, err, "no STUN server is named")
}

func TestSTUNRepeatsTheRequest(t *testing.T) {
	requests := 0
	server := stunServer(t, "127.0.0.1:0", func(r *stun.Message) [][]byte {
		if requests++; requests == 1 {
			return nil
		}
		return [][]byte{reply(r.TransactionID, stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IPv4(203, 0, 113, 7), Port: 9})}
	})
	addr, err := portmap.STUN(server)(t.Context(), nil, netip.AddrPortFrom(loopback, 5001))
	require.NoError(t, err)
	require.Equal(t, "203.0.113.7", addr.String())
}

func TestSTUNSilence(t *testing.T) {
	asked := make(chan struct{}, 10)
	server := stunServer(t, "127.0.0.1:0", func(*stun.Message) [][]byte {
		asked <- struct{}{}
		return nil
	})
	_, err := portmap.AskSTUN(t.Context(), server, loopback, brief)
	require.ErrorIs(t, err, portmap.ErrNoAnswer)
	require.ErrorContains(t, err, "no answer from "+server+" within 120ms")
	<-asked

	gone := errors.New("the user has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-asked
		cancel(gone)
	}()
	start := time.Now()
	_, err = portmap.STUN(server)(ctx, nil, netip.AddrPortFrom(loopback, 5001))
	require.ErrorIs(t, err, gone)
	require.Less(t, time.Since(start), 2*time.Second)
}
