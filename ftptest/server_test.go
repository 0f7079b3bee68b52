package ftptest_test

import (
	"context"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

func TestSessionOfEveryCommand(t *testing.T) {
	srv := ftptest.NewServer(t)
	require.NoError(t, srv.Tree.WriteFile("/pub/a.txt", []byte("hello\n")))
	require.NoError(t, srv.Tree.SetModTime("/pub/a.txt", time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)))
	c := dial(t, srv)
	c.expect("220")
	c.cmd("PWD", "530")
	c.cmd("PASS x", "503")
	c.cmd("HOST ftp.example.test", "220")
	c.cmd("USER anonymous", "331")
	c.cmd("PASS me@", "230")
	c.cmd("PASS me@", "202")
	c.cmd("ACCT any", "202")
	require.Equal(t, "215 UNIX Type: L8", c.cmd("SYST", "215"))
	require.Contains(t, c.cmd("FEAT", "211"), "\n MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;\n")
	c.cmd("OPTS UTF8 ON", "200")
	c.cmd("OPTS NOSUCH", "501")
	c.cmd("SIZE pub/a.txt", "550") // still TYPE A
	for _, arg := range []string{"A", "A N", "I", "L 8"} {
		c.cmd("TYPE "+arg, "200")
	}
	c.cmd("TYPE E", "504")
	c.cmd("STRU F", "200")
	c.cmd("STRU R", "504")
	c.cmd("MODE S", "200")
	c.cmd("MODE Z", "504")
	c.cmd("NOOP", "200")
	c.cmd("ALLO 5", "202")
	require.Contains(t, c.cmd("HELP", "214"), "EPSV")
	require.Contains(t, c.cmd("STAT", "211"), "Logged in as anonymous")
	require.Contains(t, c.cmd("STAT pub", "213"), "a.txt")
	c.cmd("CWD pub", "250")
	require.True(t, strings.HasPrefix(c.cmd("PWD", "257"), `257 "/pub" `))
	require.Equal(t, "213 6", c.cmd("SIZE a.txt", "213"))
	require.Equal(t, "213 20240506070809", c.cmd("MDTM a.txt", "213"))
	c.cmd("MDTM 20230101000000 a.txt", "213")
	require.Equal(t, "213 20230101000000", c.cmd("MDTM a.txt", "213"))
	c.cmd("MFMT 20220101000000.250 a.txt", "213")
	require.Equal(t, "213 20220101000000.250", c.cmd("MDTM a.txt", "213"))
	c.cmd("MFMT 2022 a.txt", "501")
	require.Contains(t, c.cmd("MLST a.txt", "250"), "\n type=file;size=6;modify=20220101000000.250;perm=adfwr;unique=1U")
	c.cmd("SITE CHMOD 600 a.txt", "200")
	c.cmd("SITE CHMOD 9 a.txt", "501")
	c.cmd("SITE NOSUCH", "504")
	c.cmd("CDUP", "250")
	c.cmd("MKD new", "257")
	c.cmd("MKD new", "550")
	c.cmd("RMD pub", "550")
	c.cmd("RNTO x", "503")
	c.cmd("RNFR nosuch", "550")
	c.cmd("RNFR pub/a.txt", "350")
	c.cmd("RNTO new/b.txt", "250")
	c.cmd("RMD pub", "250")
	c.cmd("DELE new", "550")
	c.cmd("DELE new/b.txt", "250")
	c.cmd("ABOR", "225")
	c.cmd("REST x", "501")
	c.cmd("REST 3", "350")
	c.cmd("RETR nosuch", "550")
	c.cmd("LIST", "425")
	c.cmd("FROB", "500")
	c.cmd("REIN", "220")
	c.cmd("PWD", "530")
	c.cmd("QUIT", "221")
	c.closed()
	require.Equal(t, 1, srv.Sessions())
	commands := srv.Commands()
	require.Equal(t, []string{"PWD", "PASS x", "HOST ftp.example.test", "USER anonymous"}, commands[:4])
	require.Equal(t, "QUIT", commands[len(commands)-1])
}

func TestTransfers(t *testing.T) {
	srv := ftptest.NewServer(t)
	require.NoError(t, srv.Tree.WriteFile("/a.bin", []byte("0123456789")))
	c := login(t, srv)
	require.Equal(t, "0123456789", c.get("RETR a.bin"))
	c.cmd("REST 7", "350")
	require.Equal(t, "789", c.get("RETR a.bin"))
	require.Equal(t, "0123456789", c.get("RETR a.bin"), "a restart lasts for one transfer")
	c.put("STOR b.bin", "abc")
	c.put("APPE b.bin", "def")
	c.cmd("REST 2", "350")
	c.put("STOR b.bin", "XY")
	got, err := srv.Tree.ReadFile("/b.bin")
	require.NoError(t, err)
	require.Equal(t, "abXYef", string(got))
	c.put("STOR b.bin", "")
	got, err = srv.Tree.ReadFile("/b.bin")
	require.NoError(t, err)
	require.Empty(t, got)
	name := strings.TrimPrefix(c.put("STOU", "unique"), "226 Stored as ")
	got, err = srv.Tree.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "unique", string(got))
}

func TestTextTransfers(t *testing.T) {
	srv := ftptest.NewServer(t)
	c := login(t, srv)
	c.cmd("TYPE A", "200")
	c.put("STOR t.txt", "one\r\ntwo\rthree\r\n")
	got, err := srv.Tree.ReadFile("/t.txt")
	require.NoError(t, err)
	require.Equal(t, "one\ntwo\rthree\n", string(got))
	require.Equal(t, "one\r\ntwo\rthree\r\n", c.get("RETR t.txt"))
	c.cmd("REST 3", "501")
}

func TestGeneratedContent(t *testing.T) {
	const size = 5<<20 + 3
	srv := ftptest.NewServer(t)
	require.NoError(t, srv.Tree.AddGenerated("/big", size, 7))
	require.NoError(t, srv.Tree.AddSink("/drop"))
	require.NoError(t, srv.Tree.AddGeneratedDir("/many", 100_000, nil))
	want, err := io.ReadAll(ftptest.Generated(7, size))
	require.NoError(t, err)
	c := login(t, srv)
	require.Equal(t, "213 5242883", c.cmd("SIZE big", "213"))
	got := c.get("RETR big")
	require.True(t, got == string(want))
	c.cmd("REST 5242879", "350")
	require.Equal(t, string(want[5242879:]), c.get("RETR big"))
	c.put("STOR drop", got)
	a, err := srv.Tree.Digest("/big")
	require.NoError(t, err)
	b, err := srv.Tree.Digest("/drop")
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.Equal(t, "213 5242883", c.cmd("SIZE drop", "213"))
	require.Equal(t, 100_000, strings.Count(c.get("NLST many"), "\r\n"))
}

func TestEndlessListing(t *testing.T) {
	srv := ftptest.NewServer(t)
	require.NoError(t, srv.Tree.AddGeneratedDir("/endless", -1, nil))
	c := login(t, srv)
	conn := c.epsv()
	c.cmd("MLSD endless", "150")
	_, err := io.CopyN(io.Discard, conn, 1<<20)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	c.expect("426")
	c.cmd("NOOP", "200")
}

func TestListings(t *testing.T) {
	now := func() time.Time { return time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC) }
	fill := func(t *testing.T, srv *ftptest.Server) {
		t.Helper()
		require.NoError(t, srv.Tree.WriteFile("/d/file", []byte("123")))
		require.NoError(t, srv.Tree.WriteFile("/d/.hidden", nil))
		require.NoError(t, srv.Tree.WriteFile("/d/old \xff", nil))
		require.NoError(t, srv.Tree.SetModTime("/d/old \xff", now().AddDate(-2, 0, 0)))
		require.NoError(t, srv.Tree.MkdirAll("/d/sub"))
		require.NoError(t, srv.Tree.Symlink("/d/file", "/d/link"))
	}
	const (
		unix = "-rw-r--r--    1 ftp      ftp                 3 Jun  1 00:00 file\r\n" +
			"lrwxrwxrwx    1 ftp      ftp                 0 Jun  1 00:00 link -> /d/file\r\n" +
			"-rw-r--r--    1 ftp      ftp                 0 Jun  1  2022 old \xff\r\n" +
			"drwxr-xr-x    2 ftp      ftp                 0 Jun  1 00:00 sub\r\n"
		hidden = "-rw-r--r--    1 ftp      ftp                 0 Jun  1 00:00 .hidden\r\n"
	)
	tests := map[string]struct {
		dialect ftptest.Dialect
		command string
		want    string
	}{
		"unix":    {command: "LIST d", want: unix},
		"all":     {command: "LIST -al d", want: hidden + unix},
		"file":    {command: "LIST d/.hidden", want: strings.Replace(hidden, ".hidden", "d/.hidden", 1)},
		"names":   {command: "NLST d", want: "file\r\nlink\r\nold \xff\r\nsub\r\n"},
		"bare lf": {dialect: ftptest.Dialect{ListBareLF: true}, command: "NLST d", want: "file\nlink\nold \xff\nsub\n"},
		"limit":   {dialect: ftptest.Dialect{MaxListLines: 1}, command: "NLST d", want: "file\r\n"},
		"glob":    {dialect: ftptest.Dialect{Glob: true}, command: "NLST d/*l*", want: "file\r\nlink\r\nold \xff\r\n"},
		"dos": {dialect: ftptest.Dialect{DOS: true}, command: "LIST d", want: "06-01-24  12:00AM                    3 file\r\n" +
			"06-01-24  12:00AM                    0 link\r\n06-01-22  12:00AM                    0 old \xff\r\n" +
			"06-01-24  12:00AM       <DIR>          sub\r\n"},
		"zone": {dialect: ftptest.Dialect{ListZone: time.FixedZone("", -3600)}, command: "LIST d/sub/../file",
			want: "-rw-r--r--    1 ftp      ftp                 3 May 31 23:00 d/sub/../file\r\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := ftptest.NewUnstartedServer(t)
			srv.Config = ftptest.Config{Dialect: test.dialect, Clock: now}
			srv.Start()
			fill(t, srv)
			require.Equal(t, test.want, login(t, srv).get(test.command))
		})
	}
	t.Run("mlsd", func(t *testing.T) {
		srv := start(t, ftptest.Config{Clock: now})
		fill(t, srv)
		c := login(t, srv)
		require.Equal(t, "200 MLST OPTS type;size;modify;", c.cmd("OPTS MLST type;size;modify;nosuch;", "200"))
		require.Equal(t, "type=cdir;modify=20240601000000; .\r\ntype=pdir;modify=20240601000000; ..\r\n"+
			"type=file;size=0;modify=20240601000000; .hidden\r\ntype=file;size=3;modify=20240601000000; file\r\n"+
			"type=OS.unix=slink:/d/file;modify=20240601000000; link\r\ntype=file;size=0;modify=20220601000000; old \xff\r\n"+
			"type=dir;modify=20240601000000; sub\r\n", c.get("MLSD d"))
		c.cmd("EPSV", "229")
		c.cmd("MLSD d/file", "501")
		c.cmd("MLSD nosuch", "550")
	})
	t.Run("no mlsd", func(t *testing.T) {
		c := login(t, start(t, ftptest.Config{Dialect: ftptest.Dialect{NoMLSD: true}}))
		require.NotContains(t, c.cmd("FEAT", "211"), "MLST")
		c.cmd("MLSD", "500")
	})
	t.Run("flags", func(t *testing.T) {
		c := login(t, start(t, ftptest.Config{Dialect: ftptest.Dialect{ListFlags: ftptest.FlagsRefused}}))
		c.cmd("LIST -a", "501")
		c = login(t, start(t, ftptest.Config{Dialect: ftptest.Dialect{ListFlags: ftptest.FlagsAsName}}))
		c.cmd("LIST -a", "550")
	})
}

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

func TestTelnetCodesAreUndone(t *testing.T) {
	srv := ftptest.NewServer(t)
	c := login(t, srv)
	c.cmd("MKD a\xff\xffb\r\x00c", "257")
	c.cmd("\xff\xf4\xff\xf2NO\xff\xfb\x01OP", "200")
	_, err := srv.Tree.Stat("/a\xffb\rc")
	require.NoError(t, err)
	require.Contains(t, c.cmd("CWD a\xff\xffb\r\x00c", "250"), "250 ")
	require.True(t, strings.HasPrefix(c.cmd("PWD", "257"), "257 \"/a\xff\xffb\r\x00c\" "))
}

func TestDisabledAndDialect(t *testing.T) {
	srv := start(t, ftptest.Config{
		Disable:  map[string]string{"EPSV": "", "SIZE": "500 never heard of it"},
		Features: []string{"ONLY"}, System: "Windows_NT",
		Dialect: ftptest.Dialect{ReplyBareLF: true, StartAsBinary: true},
	})
	c := login(t, srv)
	c.cmd("EPSV", "502")
	require.Equal(t, "500 never heard of it\n", c.cmd("SIZE x", "500"))
	require.Equal(t, "211-Features:\n\n ONLY\n\n211 End\n", c.cmd("FEAT", "211"))
	require.Equal(t, "215 Windows_NT\n", c.cmd("SYST", "215"))
}

func TestPRET(t *testing.T) {
	c := login(t, start(t, ftptest.Config{PRET: true}))
	require.Contains(t, c.cmd("FEAT", "211"), "\n PRET\n")
	c.cmd("PASV", "503")
	c.cmd("PRET LIST", "200")
	c.cmd("PASV", "227")
	c.cmd("EPSV", "503")
}

func TestCloseIsCompleteAndIdempotent(t *testing.T) {
	srv, err := ftptest.Listen(ftptest.Config{})
	require.NoError(t, err)
	require.NoError(t, srv.Tree.AddGenerated("/endless", 1<<60, 1))
	c := login(t, srv)
	conn := c.epsv()
	c.cmd("RETR endless", "150")
	_, err = io.CopyN(io.Discard, conn, 1000)
	require.NoError(t, err)
	c.cmd("STAT", "211")
	require.NoError(t, srv.Close())
	require.NoError(t, srv.Close())
	_, err = net.Dial("tcp", srv.Addr)
	require.Error(t, err)
	c.closed()
}

func TestListenFails(t *testing.T) {
	srv := ftptest.NewServer(t)
	_, err := ftptest.Listen(ftptest.Config{Addr: srv.Addr})
	require.ErrorContains(t, err, "listen for control connections")
}

func TestServerInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		srv, err := ftptest.Listen(ftptest.Config{
			Network: network, Addr: "203.0.113.1:21", ReplyDelay: time.Second,
			Faults: []ftptest.Fault{{On: "data", Data: ftptest.DataFault{Pace: 1000}}},
		})
		require.NoError(t, err)
		defer srv.Close()
		require.NoError(t, srv.Tree.AddGenerated("/f", 10_000, 1))
		host := network.Host(netip.MustParseAddr("198.51.100.2"))
		dialHost := func(addr string) net.Conn {
			conn, err := host.DialContext(context.Background(), "tcp", addr)
			require.NoError(t, err)
			return conn
		}
		conn := dialHost(srv.Addr)
		defer conn.Close()
		c := &client{t: t, conn: conn, in: newReader(conn)}
		begin := time.Now()
		c.expect("220")
		require.Equal(t, time.Second, time.Since(begin))
		c.cmd("USER ftp", "331")
		c.cmd("PASS x", "230")
		data := dialHost(c.epsvAddr())
		defer data.Close()
		c.cmd("RETR f", "150")
		begin = time.Now()
		n, err := io.Copy(io.Discard, data)
		require.NoError(t, err)
		require.InDelta(t, 10_000, n, 100) // TYPE A: some bytes became two
		require.InDelta(t, 10, time.Since(begin).Seconds(), 1)
		c.expect("226")
	})
}

func TestUnixErrors(t *testing.T) {
	srv := ftptest.NewServer(t)
	require.NoError(t, srv.Tree.WriteFile("/secret", []byte("x")))
	require.NoError(t, srv.Tree.Chmod("/secret", 0))
	require.NoError(t, srv.Tree.MkdirAll("/ro"))
	require.NoError(t, srv.Tree.Chmod("/ro", 0o555))
	require.NoError(t, srv.Tree.Symlink("loop", "/loop"))
	c := login(t, srv)
	c.cmd("EPSV", "229")
	for _, line := range []string{
		"RETR secret", "RETR ro", "STOR ro/new", "STOR nosuch/new", "STOR secret", "MKD ro/d", "CWD secret", "CWD loop",
		"RMD secret", "RMD /", "DELE /", "DELE ro", "MLST nosuch", "MFMT 20200101000000 nosuch", "SIZE ro",
	} {
		c.cmd(line, "550")
	}
	_, err := srv.Tree.ReadFile("/nosuch")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
