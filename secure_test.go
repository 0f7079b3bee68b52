package ftp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// tap is a relay in front of a server's control port. It keeps every byte that
// passes, and can change what the server says.
type tap struct {
	Addr string

	mu       sync.Mutex
	up, down bytes.Buffer // from the client, from the server
	conns    []net.Conn
	alter    func(fromServer []byte) [][]byte // segments to pass on instead; nil for no change
}

func newTap(t testing.TB, target string, alter func(fromServer []byte) [][]byte) *tap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	tap := &tap{Addr: listener.Addr().String(), alter: alter}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			tap.keep(client, server)
			work.Go(func() { tap.pass(server, client, &tap.up, nil) })
			work.Go(func() { tap.pass(client, server, &tap.down, tap.alter) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		tap.keep()
		tap.mu.Lock()
		for _, conn := range tap.conns {
			_ = conn.Close()
		}
		tap.mu.Unlock()
		work.Wait()
	})
	return tap
}

func (p *tap) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conns...)
}

func (p *tap) pass(dst, src net.Conn, seen *bytes.Buffer, alter func([]byte) [][]byte) {
	defer dst.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		segments := [][]byte{buf[:n]}
		if alter != nil {
			segments = alter(buf[:n])
		}
		p.mu.Lock()
		seen.Write(buf[:n])
		p.mu.Unlock()
		for _, segment := range segments {
			if _, err := dst.Write(segment); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// sniffed is what the client has sent, as it was on the wire.
func (p *tap) sniffed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up.String()
}

// heard is what the server has sent.
func (p *tap) heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down.String()
}

// password is one that cannot occur by chance.
const password = "correct-horse-battery"

// requireNoCredentials fails if the wire has carried a word of a login in clear.
func requireNoCredentials(t testing.TB, p *tap) {
	t.Helper()
	for _, word := range []string{"USER", "PASS", "ACCT", "somebody", password} {
		require.False(t, strings.Contains(p.sniffed(), word), "%s was sent in clear", word)
	}
}

// somebody has an account on the servers of these tests.
func somebody() ftptest.Login {
	return ftptest.Login{Users: map[string]string{"somebody": password}}
}

func TestTLSEveryModeAndMethod(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
			t.Run(fmt.Sprintf("implicit=%t/%s", implicit, mode), func(t *testing.T) {
				forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
					settings.Implicit, settings.Required = implicit, true
					srv := serve(t, ftptest.Config{TLS: &settings, Login: somebody()})
					put(t, srv, aliveFile, []byte(aliveData))
					wire := newTap(t, srv.Addr, nil)
					c := dial(t, wire.Addr, trusting(srv, &ftp.Options{Mode: mode, User: "somebody", Password: password}))
					content := noise(1, 300_000)
					store(t, c, "/f", content)
					require.True(t, bytes.Equal(content, stored(t, srv, "/f")))
					require.True(t, bytes.Equal(content, retrieve(t, c, "/f")))
					requireAlive(t, c)

					requireNoCredentials(t, wire)
					want := []string{"AUTH TLS", "USER somebody", "PASS " + password, "PBSZ 0", "PROT P"}
					if implicit {
						want = want[1:]
						require.Equal(t, "\x16\x03", wire.sniffed()[:2], "a TLS record is the first thing said")
						require.Equal(t, "\x16\x03", wire.heard()[:2])
					} else {
						require.Equal(t, "AUTH TLS\r\n\x16\x03", wire.sniffed()[:12], "nothing before AUTH, and TLS right behind it")
					}
					require.Equal(t, want, srv.Commands()[:len(want)])
					require.Len(t, srv.DataConns(), 4)
					for _, conn := range srv.DataConns() {
						require.Equal(t, settings.MinVersion, conn.TLSVersion)
						require.True(t, conn.Resumed)
					}
				})
			})
		}
	}
}

func TestTLSOpportunistic(t *testing.T) {
	t.Run("server with TLS", func(t *testing.T) {
		c, srv := secured(t, ftptest.Config{}, &ftp.Options{TLS: ftp.TLSOpportunisticUnsafe})
		requireAlive(t, c)
		require.Equal(t, "AUTH TLS", srv.Commands()[0])
		require.NotZero(t, srv.DataConns()[0].TLSVersion)
	})
	t.Run("server without TLS", func(t *testing.T) {
		var seen recorder
		c, srv := session(t, ftptest.Config{}, &ftp.Options{TLS: ftp.TLSOpportunisticUnsafe, Trace: seen.trace()})
		put(t, srv, aliveFile, []byte(aliveData))
		requireAlive(t, c)
		require.Contains(t, strings.Join(seen.noticeTexts(), "\n"), "going on in clear")
		require.Empty(t, sent(srv, "PBSZ", "PROT"))
		require.Zero(t, srv.DataConns()[0].TLSVersion)
	})
	t.Run("a bad certificate is no reason to go on in clear", func(t *testing.T) {
		srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{Certificate: selfSigned(t)}, Login: somebody()})
		wire := newTap(t, srv.Addr, nil)
		_, err := ftp.Dial(t.Context(), wire.Addr, trusting(srv, &ftp.Options{TLS: ftp.TLSOpportunisticUnsafe, User: "somebody", Password: password}))
		require.ErrorIs(t, err, ftp.ErrTLS)
		requireNoCredentials(t, wire)
	})
}

// replacing234 is what a man in the middle does who wants the password: he
// changes the reply to AUTH, for which {} stands.
func replacing234(segments ...string) func([]byte) [][]byte {
	return func(b []byte) [][]byte {
		if !strings.HasPrefix(string(b), "234") {
			return [][]byte{b}
		}
		var out [][]byte
		for _, s := range segments {
			out = append(out, []byte(strings.ReplaceAll(s, "{}", string(b))))
		}
		return out
	}
}

func TestTLSRequiredSendsNothingInClear(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config ftptest.Config
		alter  func([]byte) [][]byte
		says   string
	}{
		{name: "AUTH 500", config: ftptest.Config{Disable: map[string]string{"AUTH": "500 No such thing."}}, says: "TLSImplicit"},
		{name: "AUTH 502", config: ftptest.Config{Disable: map[string]string{"AUTH": "502 Not here."}}, says: "TLSImplicit"},
		{name: "AUTH 504", config: ftptest.Config{Disable: map[string]string{"AUTH": "504 Not TLS."}}, says: "TLSImplicit"},
		{name: "AUTH 530", config: ftptest.Config{Disable: map[string]string{"AUTH": "530 Log in first."}}, says: "AUTH"},
		{name: "AUTH 431", config: ftptest.Config{Disable: map[string]string{"AUTH": "431 Come back later."}}, says: "AUTH"},
		{name: "AUTH 421", config: ftptest.Config{Disable: map[string]string{"AUTH": "421 Enough."}}},
		{name: "AUTH 220", config: ftptest.Config{Disable: map[string]string{"AUTH": "220 Whatever."}}, says: "AUTH"},
		{name: "AUTH 230, you are in", config: ftptest.Config{Disable: map[string]string{"AUTH": "230 No need to."}}, says: "AUTH"},
		{name: "AUTH 334", config: ftptest.Config{Disable: map[string]string{"AUTH": "334 ADAT please."}}, says: "AUTH"},
		{name: "greeting 230", config: ftptest.Config{Greeting: "230 Come in, no password here.", Disable: map[string]string{"AUTH": "503 You are logged in."}}, says: "AUTH"},
		{name: "234 made a 502 on the way", alter: replacing234("502 Never heard of it.\r\n"), says: "TLSImplicit"},
		{name: "reply injected in front of the 234", alter: replacing234("230 You are in.\r\n{}"), says: "AUTH"},
		{name: "replies injected behind the 234", alter: replacing234("{}230 You are in.\r\n200 Fine.\r\n"), says: "tampering"},
		{name: "injected by the server", config: ftptest.Config{TLS: &ftptest.TLS{Inject: "230 You are in.\r\n"}}, says: "tampering"},
		{name: "half a line injected", alter: replacing234("{}2"), says: "tampering"},
		{name: "replies injected later", alter: replacing234("{}", "230 You are in.\r\n200 Fine.\r\n")},
		{name: "234, and no TLS behind it", config: ftptest.Config{Disable: map[string]string{"AUTH": "234 Do."}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := tt.config
			config.Login = somebody()
			if config.TLS == nil {
				config.TLS = &ftptest.TLS{}
			}
			srv := serve(t, config)
			wire := newTap(t, srv.Addr, tt.alter)
			opts := trusting(srv, &ftp.Options{User: "somebody", Password: password, Account: "account-" + password})
			opts.Timeouts.TLSHandshake = 300 * time.Millisecond
			_, err := ftp.Dial(t.Context(), wire.Addr, opts)
			require.Error(t, err)
			if tt.says != "" {
				require.ErrorIs(t, err, ftp.ErrTLS)
				require.ErrorContains(t, err, tt.says)
			}
			require.NotContains(t, err.Error(), password)
			requireNoCredentials(t, wire)
			require.True(t, strings.HasPrefix(wire.sniffed(), "AUTH TLS\r\n"), "%q", wire.sniffed())
			require.Empty(t, sent(srv, "USER", "PASS", "ACCT"))
		})
	}
}

// A greeting of 230 says that no login is wanted; with TLS the login follows
// all the same, because AUTH undoes it (RFC 4217 section 4).
func TestTLSGreeting230IsNoWayAround(t *testing.T) {
	srv := serve(t, ftptest.Config{Greeting: "230 Come in.", TLS: &ftptest.TLS{}, Login: somebody()})
	put(t, srv, aliveFile, []byte(aliveData))
	wire := newTap(t, srv.Addr, nil)
	c := dial(t, wire.Addr, trusting(srv, &ftp.Options{User: "somebody", Password: password}))
	requireAlive(t, c)
	require.Equal(t, []string{"AUTH TLS", "USER somebody"}, srv.Commands()[:2])
	require.Equal(t, "AUTH TLS\r\n\x16\x03", wire.sniffed()[:12])
	requireNoCredentials(t, wire)
}

func TestTLSRefusedProtectionFailsClosed(t *testing.T) {
	for _, tt := range []struct{ name, pbsz, prot string }{
		{"PROT 536", "", "536 Not that level."},
		{"PROT 500", "", "500 What?"},
		{"PROT 431", "", "431 Not now."},
		{"PROT 534", "", "534 Not by policy."},
		{"PBSZ and PROT", "500 What?", "503 PBSZ first."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faults := []ftptest.Fault{{On: "PROT", Reply: tt.prot}}
			if tt.pbsz != "" {
				faults = append(faults, ftptest.Fault{On: "PBSZ", Reply: tt.pbsz})
			}
			srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{}, Faults: faults})
			err := tryDial(t, srv, nil)
			require.ErrorIs(t, err, ftp.ErrTLS)
			require.ErrorContains(t, err, "no data was sent")
			require.ErrorContains(t, err, tt.prot)
			require.Empty(t, srv.DataConns())
			require.Empty(t, sent(srv, "EPSV", "PASV", "EPRT", "PORT", "RETR", "STOR", "MLSD"))
		})
	}
	t.Run("PBSZ alone is of no consequence", func(t *testing.T) {
		c, srv := secured(t, ftptest.Config{Faults: []ftptest.Fault{{On: "PBSZ", Reply: "500 What?", Execute: true}}}, nil)
		requireAlive(t, c)
		require.NotZero(t, srv.DataConns()[0].TLSVersion)
	})
}

// A later Login settles the protection anew, and a refusal must not leave the
// session with data connections in clear.
func TestTLSProtectionAfterASecondLogin(t *testing.T) {
	c, srv := secured(t, ftptest.Config{Faults: []ftptest.Fault{{On: "PROT", Nth: 2, Reply: "536 No longer."}}}, nil)
	require.ErrorIs(t, c.Login(t.Context(), "user", "secret"), ftp.ErrTLS)
	_ = transferKinds()[0].do(t.Context(), c)
	for _, conn := range srv.DataConns() {
		require.NotZero(t, conn.TLSVersion)
	}
}

func TestTLSSkipLogin(t *testing.T) {
	c, srv := secured(t, ftptest.Config{TLS: &ftptest.TLS{Required: true}}, &ftp.Options{SkipLogin: true})
	require.Equal(t, []string{"AUTH TLS"}, srv.Commands())
	require.NoError(t, c.Login(t.Context(), "user", "secret"))
	requireAlive(t, c)
	require.NotZero(t, srv.DataConns()[0].TLSVersion)
}

func TestTLSProtectionClear(t *testing.T) {
	srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{}, Login: somebody()})
	put(t, srv, aliveFile, []byte(aliveData))
	wire := newTap(t, srv.Addr, nil)
	c := dial(t, wire.Addr, trusting(srv, &ftp.Options{DataProtection: ftp.DataClear, User: "somebody", Password: password}))
	requireAlive(t, c)
	result, err := c.Retrieve(t.Context(), aliveFile, io.Discard)
	require.NoError(t, err)
	require.Nil(t, result.Negotiation.TLS)
	store(t, c, "/f", []byte("in clear"))
	require.Equal(t, []string{"PROT C"}, sent(srv, "PROT"))
	for _, conn := range srv.DataConns() {
		require.Zero(t, conn.TLSVersion)
	}
	requireNoCredentials(t, wire)
	require.NotContains(t, wire.sniffed(), "RETR", "the control connection stays encrypted")
}

func TestTLSClearControl(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		settings.RequireReuse = true
		srv := serve(t, ftptest.Config{TLS: &settings, Login: somebody()})
		put(t, srv, aliveFile, []byte(aliveData))
		wire := newTap(t, srv.Addr, nil)
		c := dial(t, wire.Addr, trusting(srv, &ftp.Options{ClearControlUnsafe: true, User: "somebody", Password: password}))
		for range 5 {
			requireAlive(t, c)
			store(t, c, "/f", noise(1, 100_000))
		}
		requireNoCredentials(t, wire)
		require.Contains(t, wire.sniffed(), "RETR "+aliveFile, "the control connection is in clear")
		require.NotContains(t, wire.sniffed(), "CCC")
		for _, conn := range srv.DataConns() {
			require.Equal(t, settings.MinVersion, conn.TLSVersion, "the data connections are not")
			require.True(t, conn.Resumed)
		}
		require.Equal(t, 1, srv.Sessions())
	})
}

func TestTLSClearControlRefused(t *testing.T) {
	srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{}, Disable: map[string]string{"CCC": "534 Not by policy."}})
	err := tryDial(t, srv, &ftp.Options{ClearControlUnsafe: true})
	require.ErrorContains(t, err, "534 Not by policy.")
	require.Equal(t, 534, ftp.ReplyCode(err))
}

// After CCC there is no TLS that a password could travel in.
func TestTLSLoginAfterClearControl(t *testing.T) {
	srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{}, Login: somebody()})
	put(t, srv, aliveFile, []byte(aliveData))
	wire := newTap(t, srv.Addr, nil)
	c := dial(t, wire.Addr, trusting(srv, &ftp.Options{ClearControlUnsafe: true, User: "somebody", Password: password}))
	require.ErrorIs(t, c.Login(t.Context(), "somebody", password), ftp.ErrTLS)
	requireNoCredentials(t, wire)
	requireAlive(t, c)
}

// A relogin goes through all of it again: TLS, protection and CCC.
func TestTLSNewLoginIsAsSecure(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		t.Run(fmt.Sprintf("implicit=%t", implicit), func(t *testing.T) {
			srv := serve(t, ftptest.Config{
				TLS: &ftptest.TLS{Implicit: implicit, Required: true, RequireReuse: true}, Login: somebody(),
				Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Silent: true}},
			})
			put(t, srv, aliveFile, []byte(aliveData))
			wire := newTap(t, srv.Addr, nil)
			c := dial(t, wire.Addr, trusting(srv, &ftp.Options{User: "somebody", Password: password, Timeouts: ftp.Timeouts{Reply: 150 * time.Millisecond}}))
			requireAlive(t, c)
			require.Equal(t, 2, srv.Sessions())
			require.Len(t, sent(srv, "PROT P"), 2)
			requireNoCredentials(t, wire)
		})
	}
}

func TestTLSServerOfTheOtherKind(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		srv := serve(t, ftptest.Config{Network: network, TLS: &ftptest.TLS{Implicit: true}})
		for _, mode := range []ftp.TLSMode{ftp.TLSExplicit, ftp.TLSNone, ftp.TLSOpportunisticUnsafe} {
			o := trusting(srv, nil)
			o.TLS = mode
			_, err := ftp.Dial(t.Context(), srv.Addr, o)
			require.ErrorContains(t, err, "TLSImplicit", mode)
			require.Empty(t, srv.Commands())
		}
	})
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		srv := serve(t, ftptest.Config{Network: network, TLS: &ftptest.TLS{}})
		start := time.Now()
		err := tryDial(t, srv, &ftp.Options{TLS: ftp.TLSImplicit})
		require.ErrorIs(t, err, ftp.ErrTLS)
		require.ErrorContains(t, err, "TLSExplicit")
		require.Less(t, time.Since(start), time.Second, "it is seen at once")
	})
}

// answering is a listener that says something to who connects, and then
// nothing until the client goes.
func answering(t testing.TB, network *memnet.Network, says ...string) (addr string) {
	t.Helper()
	listener, err := network.Listen(t.Context(), "tcp", "192.0.2.9:2121")
	require.NoError(t, err)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer conn.Close()
				for i, text := range says {
					if i > 0 {
						_, _ = conn.Read(make([]byte, 4096))
					}
					_, _ = io.WriteString(conn, text)
				}
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		work.Wait()
	})
	return "192.0.2.9:2121"
}

func TestTLSAlertWhereAGreetingWasExpected(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		addr := answering(t, network, "\x15\x03\x01\x00\x02\x02\x28")
		for _, mode := range []ftp.TLSMode{ftp.TLSNone, ftp.TLSExplicit, ftp.TLSOpportunisticUnsafe} {
			start := time.Now()
			_, err := ftp.Dial(t.Context(), addr, dialling(network, &ftp.Options{TLS: mode}))
			require.ErrorContains(t, err, "TLS record", mode)
			require.ErrorContains(t, err, "TLSImplicit", mode)
			require.Less(t, time.Since(start), time.Second)
		}
	})
}

func TestTLSHandshakeThatNeverEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		mode ftp.TLSMode
		says []string
	}{
		{"explicit", ftp.TLSExplicit, []string{"220 ready\r\n", "234 go\r\n"}},
		{"implicit", ftp.TLSImplicit, []string{""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				addr := answering(t, network, tt.says...)
				start := time.Now()
				_, err := ftp.Dial(t.Context(), addr, dialling(network, &ftp.Options{TLS: tt.mode, Timeouts: ftp.Timeouts{TLSHandshake: 7 * time.Second}}))
				var timeout *ftp.TimeoutError
				require.ErrorAs(t, err, &timeout)
				require.Equal(t, "Timeouts.TLSHandshake", timeout.Option)
				require.Equal(t, 7*time.Second, time.Since(start))

				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errCancelled)
				defer cancel()
				_, err = ftp.Dial(ctx, addr, dialling(network, &ftp.Options{TLS: tt.mode}))
				require.ErrorIs(t, err, errCancelled)
			})
		})
	}
}

// evil is a third party that awaits data connections which a hook leads to it.
// What it was told in clear, or under a certificate that nobody should believe,
// is in got.
type evil struct {
	addr string
	mu   sync.Mutex
	got  bytes.Buffer
}

func newEvil(t testing.TB, certificate *tls.Certificate) *evil {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e := &evil{addr: listener.Addr().String()}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() { e.meet(conn, certificate) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		work.Wait()
	})
	return e
}

func (e *evil) meet(conn net.Conn, certificate *tls.Certificate) {
	defer conn.Close()
	if certificate != nil {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*certificate}})
	}
	_, _ = io.WriteString(conn, strings.Repeat("evil data", 1000))
	told, _ := io.ReadAll(conn)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got.Write(told)
}

func (e *evil) heard() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.got.String()
}

// A hook decides where a connection goes, and nothing else.
func TestTLSHooksCannotWeakenIt(t *testing.T) {
	foreign := ftptest.NewAuthority().Issue()
	for name, certificate := range map[string]*tls.Certificate{"in clear": nil, "with a foreign certificate": &foreign} {
		for _, hook := range []string{"DialContext", "DataDialer", "DialContext that does TLS itself"} {
			t.Run(hook+"/"+name, func(t *testing.T) {
				third := newEvil(t, certificate)
				opts := &ftp.Options{Timeouts: ftp.Timeouts{TLSHandshake: time.Second}}
				divert := func(ctx context.Context, network, address string) (net.Conn, error) {
					if ftp.ConnPurpose(ctx) == ftp.PurposeData || hook == "DataDialer" {
						address = third.addr
					}
					conn, err := new(net.Dialer).DialContext(ctx, network, address)
					if err == nil && ftp.ConnPurpose(ctx) == ftp.PurposeData && hook == "DialContext that does TLS itself" {
						return tls.Client(conn, &tls.Config{InsecureSkipVerify: true}), nil
					}
					return conn, err
				}
				if hook == "DataDialer" {
					opts.DataDialer = dialerFunc(func(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
						if _, err := x.Command(ctx, "EPSV"); err != nil {
							return nil, err
						}
						return divert(ctx, "tcp", "")
					})
				} else {
					opts.DialContext = divert
				}
				c, _ := secured(t, ftptest.Config{Passive: ftptest.Passive{ReplyFirst: true}, DataTimeout: 5 * time.Second}, opts)
				start := time.Now()
				var got bytes.Buffer
				_, err := c.Retrieve(t.Context(), aliveFile, &got)
				require.ErrorIs(t, err, ftp.ErrTLS)
				require.Empty(t, got.String())
				_, err = c.Store(t.Context(), "/f", strings.NewReader("not for everybody"))
				require.ErrorIs(t, err, ftp.ErrTLS)
				require.NotContains(t, third.heard(), "not for everybody")
				require.Less(t, time.Since(start), 4*time.Second, "what is no TLS is known at once; the server has nothing to tell about it")
				require.NoError(t, c.NoOp(t.Context()))
			})
		}
	}
}

func TestTLSTellsNoSecrets(t *testing.T) {
	var seen recorder
	srv := serve(t, ftptest.Config{TLS: &ftptest.TLS{}, Login: ftptest.Login{Refuse: "530 " + password + " is wrong."}})
	wire := newTap(t, srv.Addr, nil)
	opts := trusting(srv, &ftp.Options{User: "somebody", Password: password, Trace: seen.trace()})
	_, err := ftp.Dial(t.Context(), wire.Addr, opts)
	require.ErrorIs(t, err, ftp.ErrLogin)
	require.False(t, errors.Is(err, ftp.ErrTLS))
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %#v", err, err, seen.commands, seen.replies), password)
	require.Len(t, sent(srv, "PASS "+password), 1, "the server was told")
	requireNoCredentials(t, wire)
}
