package ftptest_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

func TestLogin(t *testing.T) {
	t.Run("wrong password", func(t *testing.T) {
		c := dial(t, ftptest.NewServer(t))
		c.expect("220")
		c.cmd("USER user", "331")
		c.cmd("PASS wrong", "530")
	})
	t.Run("no anonymous", func(t *testing.T) {
		c := dial(t, start(t, ftptest.Config{Login: ftptest.Login{NoAnonymous: true}}))
		c.expect("220")
		c.cmd("USER anonymous", "331")
		c.cmd("PASS x", "530")
	})
	t.Run("no password", func(t *testing.T) {
		c := dial(t, start(t, ftptest.Config{Login: ftptest.Login{NoPassword: true}}))
		c.expect("220")
		c.cmd("USER anyone", "230")
	})
	t.Run("account", func(t *testing.T) {
		c := dial(t, start(t, ftptest.Config{Login: ftptest.Login{Account: "books", Users: map[string]string{"ada": "x y"}}}))
		c.expect("220")
		c.cmd("USER ada", "331")
		c.cmd("PASS x y", "332")
		c.cmd("PWD", "530")
		c.cmd("ACCT other", "530")
		c.cmd("ACCT books", "230")
		c.cmd("PWD", "257")
	})
	t.Run("refused", func(t *testing.T) {
		c := dial(t, start(t, ftptest.Config{Login: ftptest.Login{Refuse: "530-Not\n530 today."}}))
		c.expect("220")
		c.cmd("USER user", "331")
		require.Equal(t, "530-Not\n530 today.", c.cmd("PASS secret", "530"))
	})
}

func TestGreetings(t *testing.T) {
	t.Run("120 then 220", func(t *testing.T) {
		c := dial(t, start(t, ftptest.Config{Greeting: "120 soon\n220-now\n220 really"}))
		c.expect("120")
		require.Equal(t, "220-now\n220 really", c.expect("220"))
		c.cmd("NOOP", "200")
	})
	t.Run("230", func(t *testing.T) {
		c := dial(t, start(t, ftptest.Config{Greeting: "230 come in"}))
		c.expect("230")
		c.cmd("PWD", "257")
	})
	t.Run("421", func(t *testing.T) {
		c := dial(t, start(t, ftptest.Config{Greeting: "421 not now"}))
		c.expect("421")
		c.closed()
	})
	t.Run("endless", func(t *testing.T) {
		c := dial(t, start(t, ftptest.Config{EndlessGreeting: true}))
		n, err := io.CopyN(io.Discard, c.in, 4<<20)
		require.NoError(t, err)
		require.EqualValues(t, 4<<20, n)
	})
}

func TestLimits(t *testing.T) {
	t.Run("421 at the greeting", func(t *testing.T) {
		srv := start(t, ftptest.Config{Limits: ftptest.Limits{Sessions: 1}})
		login(t, srv)
		c := dial(t, srv)
		c.expect("421")
		c.closed()
		require.Equal(t, 2, srv.Sessions())
	})
	t.Run("530 at the login", func(t *testing.T) {
		srv := start(t, ftptest.Config{Limits: ftptest.Limits{Sessions: 1, SessionsReply: "530 full"}})
		login(t, srv)
		c := dial(t, srv)
		c.expect("220")
		c.cmd("USER user", "331")
		c.cmd("PASS secret", "530")
	})
	t.Run("long line", func(t *testing.T) {
		c := login(t, start(t, ftptest.Config{Limits: ftptest.Limits{Line: 100}}))
		c.cmd("CWD "+strings.Repeat("x", 10_000), "500")
		c.cmd("NOOP", "200")
	})
	t.Run("idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			network := memnet.New()
			srv, err := ftptest.Listen(ftptest.Config{Network: network, Limits: ftptest.Limits{Idle: time.Minute}})
			require.NoError(t, err)
			defer srv.Close()
			conn, err := network.DialContext(t.Context(), "tcp", srv.Addr)
			require.NoError(t, err)
			defer conn.Close()
			begin := time.Now()
			all, err := io.ReadAll(conn)
			require.NoError(t, err)
			require.Equal(t, "220 ftptest ready.\r\n421 Idle for too long, closing.\r\n", string(all))
			require.Equal(t, time.Minute, time.Since(begin))
		})
	})
}
