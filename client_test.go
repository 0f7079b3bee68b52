package ftp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

func TestDialWithNilOptionsIsAnonymousAndPassive(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	put(t, srv, "/a.txt", []byte("hello"))
	c, err := ftp.Dial(t.Context(), srv.Addr, nil)
	require.NoError(t, err)
	require.Equal(t, "hello", string(retrieve(t, c, "/a.txt")))
	require.NoError(t, c.Close())
	require.Equal(t, []string{
		"USER anonymous", "PASS anonymous@", "FEAT", "OPTS UTF8 ON", "TYPE I",
		"EPSV", "RETR /a.txt", "QUIT",
	}, srv.Commands())
	require.Equal(t, "EPSV", srv.DataConns()[0].Method)
}

func TestZeroOptionsMeanTheSameAsNil(t *testing.T) {
	dialogue := func(opts *ftp.Options) []string {
		srv := serve(t, ftptest.Config{})
		c, err := ftp.Dial(t.Context(), srv.Addr, opts)
		require.NoError(t, err)
		require.NoError(t, c.Close())
		return srv.Commands()
	}
	require.Equal(t, dialogue(nil), dialogue(new(ftp.Options)))
}

func TestLogin(t *testing.T) {
	for _, tt := range []struct {
		name  string
		login ftptest.Login
		opts  ftp.Options
		want  []string // USER, PASS and ACCT on the wire
	}{
		{"user and password", ftptest.Login{}, ftp.Options{User: "user", Password: "secret"}, []string{"USER user", "PASS secret"}},
		{"no password asked for", ftptest.Login{NoPassword: true}, ftp.Options{User: "user", Password: "secret"}, []string{"USER user"}},
		{"anonymous with an address", ftptest.Login{}, ftp.Options{Password: "me@example.net"}, []string{"USER anonymous", "PASS me@example.net"}},
		{"the other anonymous", ftptest.Login{}, ftp.Options{User: "ftp"}, []string{"USER ftp", "PASS anonymous@"}},
		{"empty password", ftptest.Login{Users: map[string]string{"open": ""}}, ftp.Options{User: "open"}, []string{"USER open", "PASS "}},
		{"blanks and 0xFF", ftptest.Login{Users: map[string]string{"a b": " \xff "}}, ftp.Options{User: "a b", Password: " \xff "}, []string{"USER a b", "PASS  \xff "}},
		{"account", ftptest.Login{Account: "acct"}, ftp.Options{User: "user", Password: "secret", Account: "acct"}, []string{"USER user", "PASS secret", "ACCT acct"}},
		{"account not asked for", ftptest.Login{}, ftp.Options{User: "user", Password: "secret", Account: "acct"}, []string{"USER user", "PASS secret"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Login: tt.login}, &tt.opts)
			require.NoError(t, c.NoOp(t.Context()))
			require.Equal(t, tt.want, sent(srv, "USER", "PASS", "ACCT"))
		})
	}
}

func TestLoginRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		config  ftptest.Config
		opts    ftp.Options
		command string
		code    int
	}{
		{"wrong password", ftptest.Config{}, ftp.Options{User: "user", Password: "wrong"}, "PASS", 530},
		{"no anonymous", ftptest.Config{Login: ftptest.Login{NoAnonymous: true}}, ftp.Options{}, "PASS", 530},
		{"user refused at once", ftptest.Config{Disable: map[string]string{"USER": "530 Anonymous sessions may not be used here."}}, ftp.Options{}, "USER", 530},
		{"no account", ftptest.Config{Login: ftptest.Login{Account: "x"}}, ftp.Options{User: "user", Password: "secret", Account: "y"}, "ACCT", 530},
		{"local refusal with another code", ftptest.Config{Login: ftptest.Login{Refuse: "501 no"}}, ftp.Options{}, "PASS", 501},
		{"expired", ftptest.Config{Login: ftptest.Login{Refuse: "431 No such user group."}}, ftp.Options{}, "PASS", 431},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, tt.config)
			c, err := ftp.Dial(t.Context(), srv.Addr, &tt.opts)
			require.Nil(t, c)
			require.ErrorIs(t, err, ftp.ErrLogin)
			require.NotErrorIs(t, err, ftp.ErrTooManyConnections)
			require.Equal(t, tt.code, ftp.ReplyCode(err))
			var e *ftp.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, []string{"dial", tt.command, srv.Addr}, []string{e.Op, e.Command, e.Host})
			require.Equal(t, 1, srv.Sessions())
			require.Len(t, sent(srv, tt.command), 1, "refused credentials must not be tried twice")
		})
	}
}

func TestLoginWithoutTheAccountAskedFor(t *testing.T) {
	srv := serve(t, ftptest.Config{Login: ftptest.Login{Account: "x"}})
	_, err := ftp.Dial(t.Context(), srv.Addr, nil)
	require.ErrorContains(t, err, "Options.Account")
	require.Equal(t, 332, ftp.ReplyCode(err))
	require.Empty(t, sent(srv, "ACCT"))
}

func TestTooManyConnections(t *testing.T) {
	for _, tt := range []struct{ name, reply string }{
		{"421 greeting", "421 Too many connections (8) from this IP"},
		{"421 of vsftpd", "421 There are too many connected users, please try later."},
		{"530 of ProFTPD", "530 Sorry, the maximum number of clients (1) for this user are already connected."},
		{"530 of FileZilla Server", "530 Too many users logged in for this account"},
		{"530 of IIS", "530 Connection limit reached."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, ftptest.Config{Limits: ftptest.Limits{Sessions: 1, SessionsReply: tt.reply}})
			first := dial(t, srv.Addr, nil)
			_, err := ftp.Dial(t.Context(), srv.Addr, nil)
			require.ErrorIs(t, err, ftp.ErrTooManyConnections)
			require.NotErrorIs(t, err, ftp.ErrLogin)
			require.True(t, ftp.Temporary(err))
			require.NoError(t, first.NoOp(t.Context()))
		})
	}
}

func TestTooManyConnectionsAtUser(t *testing.T) {
	srv := serve(t, ftptest.Config{Disable: map[string]string{"USER": "421 Maximum number of clients reached."}})
	_, err := ftp.Dial(t.Context(), srv.Addr, nil)
	require.ErrorIs(t, err, ftp.ErrTooManyConnections)
	require.NotErrorIs(t, err, ftp.ErrLogin)
}

func TestSkipLogin(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, &ftp.Options{SkipLogin: true})
	require.Empty(t, srv.Commands())
	require.Empty(t, c.Features())
	err := c.ChangeDir(t.Context(), "/")
	require.ErrorIs(t, err, ftp.ErrLogin, "the server says 530 to a command before the login")

	err = c.Login(t.Context(), "user", "wrong")
	require.ErrorIs(t, err, ftp.ErrLogin)
	require.NoError(t, c.Login(t.Context(), "user", "secret"), "a refused login may be followed by another")
	require.NotEmpty(t, c.Features())
	put(t, srv, aliveFile, []byte(aliveData))
	requireAlive(t, c)
}

func TestSecondLogin(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, c.ChangeDir(t.Context(), "/"))
	require.NoError(t, c.Login(t.Context(), "user", "secret"))
	require.Equal(t, []string{"USER anonymous", "USER user"}, sent(srv, "USER"))
	require.Len(t, sent(srv, "TYPE"), 2, "a login resets the type")
}

func TestGreeting(t *testing.T) {
	for _, tt := range []struct {
		name, greeting string
		login          bool // whether the client must log in
	}{
		{"220", "220 ready", true},
		{"no text", "220", true},
		{"several lines", "220-Welcome\n  to this server\n220-more\n220 go ahead", true},
		{"120 first", "120 Service ready in a minute\n220 now", true},
		{"230 needs no login", "230 come in", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Greeting: tt.greeting}, nil)
			require.NoError(t, c.NoOp(t.Context()))
			require.Equal(t, tt.login, len(sent(srv, "USER")) == 1)
			require.Equal(t, []string{"FEAT"}, sent(srv, "FEAT"))
		})
	}
}

func TestGreetingRefused(t *testing.T) {
	for _, tt := range []struct {
		name, greeting, want string
	}{
		{"no service", "500 go away", "go away"},
		{"an SSH server", "SSH-2.0-OpenSSH_9.8", "SSH server"},
		{"an SMTP server", "220 mail.example.net ESMTP ready", "SMTP server"},
		{"an HTTP server", "HTTP/1.1 400 Bad Request", "HTTP server"},
		{"garbage", "\x01\x02\x03 what", "malformed reply"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, ftptest.Config{Greeting: tt.greeting})
			_, err := ftp.Dial(t.Context(), srv.Addr, nil)
			require.ErrorContains(t, err, tt.want)
			require.Empty(t, srv.Commands(), "no credentials may be sent to what is no FTP server")
		})
	}
}

func TestFEAT(t *testing.T) {
	for _, tt := range []struct {
		name  string
		reply string // of FEAT
		want  []string
		mlsd  bool
	}{
		{"refused", "502 Command not implemented.", nil, false},
		{"unknown", "500 'FEAT': command not understood.", nil, false},
		{"empty", "211 No features.", nil, false},
		{"empty of two lines", "211-Features:\n211 End", nil, false},
		{"garbage", "211-\xff\xfe\n\t\n ;;;\n \x01\x02 \n211 End", []string{";;;"}, false},
		{"usual", "211-Features:\n MLST type*;size*;\n UTF8\n211 End", []string{"MLST", "UTF8"}, true},
		{"lower case", "211-Extensions supported\n mlst type*;\n211 End", []string{"MLST"}, true},
		{"MLSD beside MLST", "211-Extensions supported\n MLST type*;\n MLSD\n211 End", []string{"MLST", "MLSD"}, true},
		{"no blank before the names", "211-Features:\nMLST type*;\nSIZE\n211 End", []string{"MLST", "SIZE"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, ftptest.Config{Faults: []ftptest.Fault{{On: "FEAT", Reply: tt.reply}}})
			put(t, srv, aliveFile, []byte(aliveData))
			c := dial(t, srv.Addr, nil)
			require.Equal(t, tt.want, c.Features())
			requireAlive(t, c)
			require.Equal(t, tt.mlsd, len(sent(srv, "MLSD")) == 1)
			require.Equal(t, !tt.mlsd, len(sent(srv, "LIST")) == 1)
		})
	}
}

func TestFeature(t *testing.T) {
	c, _ := session(t, ftptest.Config{Features: []string{"REST STREAM", "AUTH TLS", "AUTH SSL", "SIZE"}}, nil)
	for _, tt := range []struct {
		name, params string
		ok           bool
	}{
		{"REST", "STREAM", true}, {"rest", "STREAM", true}, {"SIZE", "", true}, {"AUTH", "TLS;SSL", true}, {"MLST", "", false},
	} {
		params, ok := c.Feature(tt.name)
		require.Equal(t, tt.ok, ok, tt.name)
		require.Equal(t, tt.params, params, tt.name)
	}
	got := c.Features()
	got[0] = "overwritten"
	require.Equal(t, []string{"REST", "AUTH", "SIZE"}, c.Features(), "the caller's copy is its own")
}

func TestUTF8IsSwitchedOnWhereItIsListed(t *testing.T) {
	for _, tt := range []struct {
		name     string
		features []string
		reply    string // of OPTS; empty for the normal one
		want     []string
	}{
		{"listed", []string{"UTF8"}, "", []string{"OPTS UTF8 ON"}},
		{"202", []string{"UTF8"}, "202 UTF8 mode is always enabled. No need to send this command", []string{"OPTS UTF8 ON"}},
		{"504", []string{"UTF8"}, "504 UTF8 is always on", []string{"OPTS UTF8 ON"}},
		{"500", []string{"UTF8"}, "500 what?", []string{"OPTS UTF8 ON"}},
		{"not listed", []string{"SIZE"}, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := ftptest.Config{Features: tt.features}
			if tt.reply != "" {
				config.Faults = []ftptest.Fault{{On: "OPTS", Reply: tt.reply}}
			}
			c, srv := session(t, config, nil)
			require.NoError(t, c.NoOp(t.Context()))
			require.Equal(t, tt.want, sent(srv, "OPTS"))
		})
	}
}

func TestTypeIsSentOnceASession(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/a", []byte("a"))
	for range 3 {
		require.Equal(t, "a", string(retrieve(t, c, "/a")))
		store(t, c, "/b", []byte("b"))
		require.ElementsMatch(t, []string{"a", "b"}, listed(t, c, "/"))
	}
	require.Equal(t, []string{"TYPE I"}, sent(srv, "TYPE"))
}

func TestTypeRefused(t *testing.T) {
	srv := serve(t, ftptest.Config{Disable: map[string]string{"TYPE": "504 no"}})
	_, err := ftp.Dial(t.Context(), srv.Addr, nil)
	require.ErrorIs(t, err, errors.ErrUnsupported, "without TYPE I every transfer might change the bytes")
}

func TestVirtualHost(t *testing.T) {
	_, srv := session(t, ftptest.Config{}, &ftp.Options{VirtualHost: "ftp.example.net"})
	require.Equal(t, []string{"HOST ftp.example.net", "USER anonymous"}, srv.Commands()[:2])

	srv = serve(t, ftptest.Config{Disable: map[string]string{"HOST": "504 No such host."}})
	_, err := ftp.Dial(t.Context(), srv.Addr, &ftp.Options{VirtualHost: "x"})
	require.Equal(t, 504, ftp.ReplyCode(err))
	require.Empty(t, sent(srv, "USER"), "the login must not go to another host")
}

func TestDialFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := ln.Addr().String()
	require.NoError(t, ln.Close())
	for _, tt := range []struct{ name, address, want string }{
		{"nobody listens", nobody, "refused"},
		{"empty", "", "empty"},
		{"no host", ":21", "empty"},
		{"port 0", "127.0.0.1:0", "no port"},
		{"port too high", "127.0.0.1:65536", "no port"},
		{"port with a sign", "127.0.0.1:+21", "no port"},
		{"service name", "127.0.0.1:ftp", "no port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := ftp.Dial(t.Context(), tt.address, nil)
			require.Nil(t, c)
			require.ErrorContains(t, err, tt.want)
			var e *ftp.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, "dial", e.Op)
		})
	}
}

func TestDialAddress(t *testing.T) {
	for _, tt := range []struct{ address, want string }{
		{"192.0.2.1", "192.0.2.1:21"},
		{"ftp.example.net", "ftp.example.net:21"},
		{"ftp.example.net:2121", "ftp.example.net:2121"},
		{"2001:db8::1", "[2001:db8::1]:21"},
		{"[2001:db8::1]", "[2001:db8::1]:21"},
		{"[2001:db8::1]:2121", "[2001:db8::1]:2121"},
	} {
		t.Run(tt.address, func(t *testing.T) {
			got := ""
			_, err := ftp.Dial(t.Context(), tt.address, &ftp.Options{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				got = network + " " + address
				require.Equal(t, ftp.PurposeControl, ftp.ConnPurpose(ctx))
				return nil, errCancelled
			}})
			require.ErrorIs(t, err, errCancelled)
			require.Equal(t, "tcp "+tt.want, got)
		})
	}
}

func TestDialHookReturnsNothing(t *testing.T) {
	_, err := ftp.Dial(t.Context(), "192.0.2.1", &ftp.Options{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, nil
	}})
	require.ErrorContains(t, err, "Options.DialContext")
}

func TestDialTimesOut(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		hole, err := network.BlackHole(t.Context(), "tcp", "192.0.2.1:21")
		require.NoError(t, err)
		defer hole.Close()
		silent := serve(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "greeting", Silent: true}}})
		for _, address := range []string{"192.0.2.1:21", silent.Addr} {
			start := time.Now()
			_, err = ftp.Dial(t.Context(), address, dialling(network, &ftp.Options{Timeouts: ftp.Timeouts{Dial: 7 * time.Second}}))
			var timeout *ftp.TimeoutError
			require.ErrorAs(t, err, &timeout)
			require.Equal(t, "Timeouts.Dial", timeout.Option)
			require.Equal(t, 7*time.Second, time.Since(start))
		}
	})
}

func TestDialIsCancelled(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		for _, silent := range []string{"greeting", "USER", "PASS", "FEAT", "OPTS", "TYPE"} {
			srv := serve(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: silent, Silent: true}}})
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errCancelled)
			start := time.Now()
			c, err := ftp.Dial(ctx, srv.Addr, dialling(network, nil))
			cancel()
			require.Nil(t, c, silent)
			require.ErrorIs(t, err, errCancelled, silent)
			require.Equal(t, time.Second, time.Since(start), silent)
		}
	})
}

func TestReplyTimesOut(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, _ := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "NOOP", Nth: 1, Silent: true}}},
			&ftp.Options{Timeouts: ftp.Timeouts{Reply: 3 * time.Second}})
		start := time.Now()
		err := c.NoOp(t.Context())
		require.Equal(t, 3*time.Second, time.Since(start))
		var timeout *ftp.TimeoutError
		require.ErrorAs(t, err, &timeout)
		require.Equal(t, ftp.TimeoutError{Wait: "reply to NOOP", Limit: 3 * time.Second, Option: "Timeouts.Reply"}, *timeout)
		var e *ftp.Error
		require.ErrorAs(t, err, &e)
		require.True(t, e.Timeout())
		require.ErrorIs(t, err, ftp.ErrBroken)

		start = time.Now()
		require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken, "the late reply would be taken for the next command's")
		require.Zero(t, time.Since(start), "a broken session fails at once")
	})
}

func TestNegativeTimeoutMeansNoLimit(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, _ := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "NOOP", Delay: 24 * time.Hour}}},
			&ftp.Options{Timeouts: ftp.Timeouts{Reply: -1}})
		start := time.Now()
		require.NoError(t, c.NoOp(t.Context()))
		require.Equal(t, 24*time.Hour, time.Since(start))
	})
}

func TestCancelledCommandLeavesTheSessionInStep(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "PWD", Nth: 1, Delay: 5 * time.Second}}}, nil)
		put(t, srv, aliveFile, []byte(aliveData))
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errCancelled)
		defer cancel()
		_, err := c.CurrentDir(ctx)
		require.ErrorIs(t, err, errCancelled)
		require.NotErrorIs(t, err, ftp.ErrBroken)
		requireAlive(t, c)
		require.Equal(t, 1, srv.Sessions())
	})
}

func TestCancelledBeforehandSendsNothing(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	before := len(srv.Commands())
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCancelled)
	require.ErrorIs(t, c.NoOp(ctx), errCancelled)
	_, err := c.Retrieve(ctx, "/a", io.Discard)
	require.ErrorIs(t, err, errCancelled)
	require.NoError(t, c.NoOp(t.Context()))
	require.Len(t, srv.Commands(), before+1)
}

func TestLateRepliesAreMatchedToTheirCommands(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := session(t, ftptest.Config{Network: network, ReplyDelay: time.Second}, nil)
		put(t, srv, "/a", []byte("12345"))
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_, err := c.Size(ctx, "/a")
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		dir, err := c.CurrentDir(t.Context())
		require.NoError(t, err)
		require.Equal(t, "/", dir)
	})
}

func TestUnaskedReplyIsNoAnswerToTheNextCommand(t *testing.T) {
	c, srv := scripted(t, welcome+`
C: NOOP
S! "200 ok\r\n257 \"/elsewhere\"\r\n"
C? PWD
S: 257 "/home"
`+goodbye)
	require.NoError(t, c.NoOp(t.Context()))
	dir, err := c.CurrentDir(t.Context())
	require.NotEqual(t, "/elsewhere", dir, "the surplus reply came before PWD was sent")
	require.ErrorIs(t, err, ftp.ErrBroken)
	require.Empty(t, sent(srv, "PWD"))
}

func TestServerSays421(t *testing.T) {
	c, _ := session(t, ftptest.Config{Faults: []ftptest.Fault{{On: "NOOP", Reply: "421 Idle for too long, closing.", Close: true}}}, nil)
	err := c.NoOp(t.Context())
	require.Equal(t, 421, ftp.ReplyCode(err))
	err = c.NoOp(t.Context())
	require.ErrorIs(t, err, ftp.ErrBroken)
	require.ErrorContains(t, err, "Idle for too long", "the reason stays known")
}

func TestServerHangsUp(t *testing.T) {
	for _, reset := range []bool{false, true} {
		c, _ := session(t, ftptest.Config{Faults: []ftptest.Fault{{On: "PWD", Close: !reset, Reset: reset}}}, nil)
		_, err := c.CurrentDir(t.Context())
		require.ErrorIs(t, err, ftp.ErrBroken)
		require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
	}
}

func TestIdleServerHangsUpBetweenCommands(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, _ := session(t, ftptest.Config{Network: network, Limits: ftptest.Limits{Idle: time.Minute}}, nil)
		time.Sleep(2 * time.Minute)
		err := c.NoOp(t.Context())
		require.Error(t, err)
		require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
		require.ErrorContains(t, c.NoOp(t.Context()), "Idle for too long")
	})
}

func TestClose(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	require.Equal(t, []string{"QUIT"}, sent(srv, "QUIT"))
	require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrClosed)
	_, err := c.Open(t.Context(), "/a")
	require.ErrorIs(t, err, ftp.ErrClosed)
	for _, err := range c.List(t.Context(), "/") {
		require.ErrorIs(t, err, ftp.ErrClosed)
	}
	require.ErrorIs(t, c.Login(t.Context(), "user", "secret"), ftp.ErrClosed)
}

func TestCloseIsBoundedWhereQuitIsNotAnswered(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, _ := session(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "QUIT", Silent: true}}}, nil)
		start := time.Now()
		require.NoError(t, c.Close())
		require.LessOrEqual(t, time.Since(start), 2*time.Second)
	})
}

func TestCloseCutsAnOpenTransfer(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, srv.Tree.AddGenerated("/big", 1<<40, 1))
	r, err := c.Open(t.Context(), "/big")
	require.NoError(t, err)
	done := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, r)
		done <- err
	}()
	require.NoError(t, c.Close())
	bounded(t, 30*time.Second, func() { require.ErrorIs(t, <-done, ftp.ErrClosed) })
	require.ErrorIs(t, r.Close(), ftp.ErrClosed)
	require.NoError(t, r.Close())
}

func TestCloseInterruptsAWaitingCommand(t *testing.T) {
	heard := make(chan struct{})
	srv := serve(t, ftptest.Config{Faults: []ftptest.Fault{{On: "NOOP", Silent: true}}})
	c := dial(t, srv.Addr, &ftp.Options{Trace: &ftp.Trace{Command: func(e ftp.CommandEvent) {
		if e.Line == "NOOP" {
			close(heard)
		}
	}}})
	done := make(chan error)
	go func() { done <- c.NoOp(t.Context()) }()
	<-heard
	require.NoError(t, c.Close())
	bounded(t, 20*time.Second, func() { require.ErrorIs(t, <-done, ftp.ErrClosed) })
}

func TestBusy(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/a", []byte("content"))
	put(t, srv, aliveFile, []byte(aliveData))
	r, err := c.Open(t.Context(), "/a")
	require.NoError(t, err)

	before := srv.Commands()
	require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBusy)
	_, err = c.Open(t.Context(), "/a")
	require.ErrorIs(t, err, ftp.ErrBusy)
	_, err = c.Create(t.Context(), "/b")
	require.ErrorIs(t, err, ftp.ErrBusy)
	_, err = c.Raw(t.Context(), "HELP")
	require.ErrorIs(t, err, ftp.ErrBusy)
	for _, err := range c.List(t.Context(), "/") {
		require.ErrorIs(t, err, ftp.ErrBusy)
	}
	for _, err := range c.NameList(t.Context(), "/") {
		require.ErrorIs(t, err, ftp.ErrBusy)
	}
	require.Equal(t, before, srv.Commands(), "a refused call sends nothing")

	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "content", string(data), "the transfer is as it was")
	requireAlive(t, c)
	require.NoError(t, r.Close())
}

func TestBusyInsideAListing(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, aliveFile, []byte(aliveData))
	for _, err := range c.List(t.Context(), "/alive") {
		require.NoError(t, err)
		require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBusy)
	}
	requireAlive(t, c)
}

func TestTransferErrorGivesTheClientBack(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, aliveFile, []byte(aliveData))
	_, err := c.Open(t.Context(), "/missing")
	require.Error(t, err)
	_, err = c.Create(t.Context(), "/no/such/dir/file")
	require.Error(t, err)
	requireAlive(t, c)
}

func TestAddressFamilies(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		c, srv := session(t, ftptest.Config{Addr: addr}, nil)
		put(t, srv, aliveFile, []byte(aliveData))
		requireAlive(t, c)
		require.Equal(t, strings.HasPrefix(addr, "["), srv.DataConns()[0].Remote.Addr().Is6())
	}
}

func TestPassivePortsAreCollected(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.Equal(t, ftp.PortRange{}, c.PassivePorts())
	lo, hi := uint16(65535), uint16(0)
	for range 3 {
		listed(t, c, "/")
	}
	for _, d := range srv.DataConns() {
		lo, hi = min(lo, d.Local.Port()), max(hi, d.Local.Port())
	}
	require.Equal(t, ftp.PortRange{Lo: lo, Hi: hi}, c.PassivePorts())
}
