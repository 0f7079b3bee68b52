package ftp_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

func TestOptionsRefused(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	for _, tt := range []struct {
		opts ftp.Options
		want string
	}{
		{ftp.Options{Network: "udp"}, "Options.Network"},
		{ftp.Options{Mode: 3}, "Options.Mode"},
		{ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{ftp.PORT}}}, "Options.Passive.Methods"},
		{ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{"LPSV"}}}, "Options.Passive.Methods"},
		{ftp.Options{Passive: ftp.Passive{Address: 77}}, "Options.Passive.Address"},
		{ftp.Options{Passive: ftp.Passive{Ports: ftp.PortRange{Lo: 2, Hi: 1}}}, "Options.Passive.Ports"},
		{ftp.Options{Active: ftp.Active{Methods: []ftp.Method{ftp.EPSV}}}, "Options.Active.Methods"},
		{ftp.Options{Active: ftp.Active{AcceptFrom: 77}}, "Options.Active.AcceptFrom"},
		{ftp.Options{Active: ftp.Active{Ports: ftp.PortRange{Hi: 1}}}, "Options.Active.Ports"},
		{ftp.Options{User: "a\nb"}, "line feed"},
		{ftp.Options{User: "user", Password: "a\rb"}, "carriage return"},
		{ftp.Options{VirtualHost: "a\x00b"}, "NUL"},
		{ftp.Options{Bind: "no-such-interface0"}, "no-such-interface0"},
	} {
		_, err := ftp.Dial(t.Context(), srv.Addr, &tt.opts)
		require.ErrorContains(t, err, tt.want)
	}
}

func TestOptionsAreCopied(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	methods := []ftp.Method{ftp.PASV}
	opts := &ftp.Options{Passive: ftp.Passive{Methods: methods}}
	c := dial(t, srv.Addr, opts)
	methods[0] = ftp.EPSV
	opts.Passive.ForcedIP = netip.MustParseAddr("192.0.2.1")
	opts.User, opts.Mode = "other", ftp.ModeActive
	listed(t, c, "/")
	require.Equal(t, []string{"PASV"}, sent(srv, "PASV", "EPSV", "PORT", "EPRT"))
	require.Empty(t, opts.Network, "nothing is written into the caller's value")
	require.Empty(t, opts.Password)
	require.Zero(t, opts.Timeouts)
	require.Nil(t, opts.Memory)
}

func TestWordsOfModesAndPurposes(t *testing.T) {
	require.Equal(t, "passive active auto Mode(9)", fmt.Sprint(ftp.ModePassive, " ", ftp.ModeActive, " ", ftp.ModeAuto, " ", ftp.Mode(9)))
	require.Equal(t, "control data Purpose(0)", fmt.Sprint(ftp.PurposeControl, " ", ftp.PurposeData, " ", ftp.Purpose(0)))
	require.Equal(t, ftp.Purpose(0), ftp.ConnPurpose(t.Context()))
}

func TestDialContextMakesEveryConnection(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	put(t, srv, aliveFile, []byte(aliveData))
	var calls []string
	c := dial(t, srv.Addr, &ftp.Options{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		calls = append(calls, fmt.Sprint(ftp.ConnPurpose(ctx), " ", network))
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}})
	requireAlive(t, c)
	require.Equal(t, []string{"control tcp", "data tcp", "data tcp"}, calls)
}

func TestDialContextGetsTheNameThatDialWasGiven(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	_, port, err := net.SplitHostPort(srv.Addr)
	require.NoError(t, err)
	var addresses []string
	c := dial(t, "ftp.example.net:"+port, &ftp.Options{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		addresses = append(addresses, address)
		_, port, _ := net.SplitHostPort(address)
		var d net.Dialer
		return d.DialContext(ctx, network, "127.0.0.1:"+port)
	}})
	listed(t, c, "/")
	require.Len(t, addresses, 2)
	for _, address := range addresses {
		require.True(t, strings.HasPrefix(address, "ftp.example.net:"), "a proxy must be able to resolve the name: %s", address)
	}
}

func TestNetworkOption(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	c := dial(t, srv.Addr, &ftp.Options{Network: "tcp4"})
	listed(t, c, "/")
	_, err := ftp.Dial(t.Context(), srv.Addr, &ftp.Options{Network: "tcp6"})
	require.Error(t, err)
}

func TestBindHoldsForDataConnections(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, &ftp.Options{Bind: "127.0.0.9"})
	put(t, srv, aliveFile, []byte(aliveData))
	requireAlive(t, c)
	for _, d := range srv.DataConns() {
		require.Equal(t, "127.0.0.9", d.Remote.Addr().String())
	}
}

func TestDefaultTimeouts(t *testing.T) {
	for _, tt := range []struct {
		option string
		limit  time.Duration
		fault  ftptest.Fault
	}{
		{"Timeouts.Reply", 30 * time.Second, ftptest.Fault{On: "RETR", Silent: true}},
		{"Timeouts.Stall", 60 * time.Second, ftptest.Fault{On: "data", Data: ftptest.DataFault{Action: ftptest.DataStalls}}},
		{"Timeouts.FinalReply", 60 * time.Second, ftptest.Fault{On: "226", Silent: true}},
	} {
		t.Run(tt.option, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{tt.fault}}, nil)
				put(t, srv, "/f", []byte("content"))
				_, err := c.Retrieve(t.Context(), "/f", io.Discard)
				var timeout *ftp.TimeoutError
				require.ErrorAs(t, err, &timeout)
				require.Equal(t, tt.option, timeout.Option)
				require.Equal(t, tt.limit, timeout.Limit)
			})
		})
	}
}

// allocated returns how many bytes f allocates, what is freed again included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// flood is a server that answers USER with something that has no end.
func flood(t *testing.T, begin, more string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	over := make(chan struct{})
	t.Cleanup(func() { _ = ln.Close(); <-over })
	chunk := []byte(strings.Repeat(more, 64<<10/len(more)))
	go func() {
		defer close(over)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "220 ready\r\n")
		if _, err := conn.Read(make([]byte, 100)); err != nil {
			return
		}
		_, _ = io.WriteString(conn, begin)
		for err == nil {
			_, err = conn.Write(chunk)
		}
	}()
	return ln.Addr().String()
}

func TestEndlessReplies(t *testing.T) {
	for _, tt := range []struct {
		name, begin, more string
		limits            ftp.Limits
		want              string
		most              uint64
	}{
		{"line", "230 ", "x", ftp.Limits{}, "reply line length (8192)", 1 << 20},
		{"line, small limit", "230 ", "x", ftp.Limits{ReplyLine: 100}, "reply line length (100)", 1 << 20},
		{"lines", "230-hello\r\n", "more\r\n", ftp.Limits{}, "lines in a reply (4096)", 4 << 20},
		{"lines, small limit", "230-hello\r\n", "more\r\n", ftp.Limits{ReplyLines: 10}, "lines in a reply (10)", 1 << 20},
		{"long lines", "230-hello\r\n", strings.Repeat("x", 8000) + "\r\n", ftp.Limits{}, "reply size (1048576)", 8 << 20},
		{"long lines, small limit", "230-hello\r\n", strings.Repeat("x", 100) + "\r\n", ftp.Limits{ReplyBytes: 1000}, "reply size (1000)", 1 << 20},
		{"blank lines before a reply", "", "\r\n", ftp.Limits{}, "lines in a reply (4096)", 4 << 20},
		{"Telnet commands without a reply", "", "\xff\xf1", ftp.Limits{}, "reply size (1048576)", 4 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := flood(t, tt.begin, tt.more)
			var err error
			grown := allocated(func() {
				bounded(t, time.Minute, func() { _, err = ftp.Dial(t.Context(), addr, &ftp.Options{Limits: tt.limits}) })
			})
			require.ErrorContains(t, err, tt.want)
			require.ErrorIs(t, err, ftp.ErrBroken)
			require.Less(t, grown, tt.most)
		})
	}
}

// A server that says 120 for ever lets no single wait run into its limit.
func TestEndlessPreliminaryReplies(t *testing.T) {
	addr := flood(t, "", "120 soon\r\n")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errCancelled)
	defer cancel()
	_, err := ftp.Dial(ctx, addr, nil)
	require.Error(t, err)
	require.NotErrorIs(t, err, errCancelled, "it must end by itself")
}

func TestEndlessGreeting(t *testing.T) {
	srv := serve(t, ftptest.Config{EndlessGreeting: true})
	var err error
	grown := allocated(func() { _, err = ftp.Dial(t.Context(), srv.Addr, nil) })
	require.ErrorContains(t, err, "lines in a reply (4096)")
	require.Less(t, grown, uint64(4<<20))
}

func TestEndlessListingLine(t *testing.T) {
	for _, features := range [][]string{{"MLST type*;"}, nil} {
		p := &puppet{features: features, data: func(string, string) io.Reader { return endless("x") }}
		c := p.dial(t, nil)
		var last error
		grown := allocated(func() {
			for _, err := range c.List(t.Context(), "/") {
				last = err
			}
		})
		require.ErrorContains(t, last, "line length (16384 bytes)")
		require.Less(t, grown, uint64(4<<20))
		require.NoError(t, c.NoOp(t.Context()))
	}
}

// endless repeats a text.
type endless string

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e[i%len(e)]
	}
	return len(p), nil
}

func TestLongListingNeedsNoMemory(t *testing.T) {
	for name, tt := range map[string]struct {
		dialect ftptest.Dialect
		count   int
	}{"MLSD": {ftptest.Dialect{}, 300_000}, "LIST": {ftptest.Dialect{NoMLSD: true}, 30_000}} {
		t.Run(name, func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Dialect: tt.dialect}, nil)
			require.NoError(t, srv.Tree.AddGeneratedDir("/many", int64(tt.count), func(i int64) ftptest.Entry {
				return ftptest.Entry{Name: strconv.FormatInt(i, 10)}
			}))
			_, err := c.Raw(t.Context(), "OPTS", "MLST", "type;") // spares the server, not the client
			require.NoError(t, err)
			inUse := func() uint64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before, most, seen := inUse(), uint64(0), 0
			for e, err := range c.List(t.Context(), "/many") {
				if err != nil || e.Name() != strconv.Itoa(seen) {
					require.Fail(t, "wrong entry", "%q %v", e.Name(), err)
				}
				if seen++; seen%(tt.count/5) == 0 {
					most = max(most, inUse())
				}
			}
			require.Equal(t, tt.count, seen)
			require.Less(t, most, before+4<<20)
		})
	}
}
