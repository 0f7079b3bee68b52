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
	_, err = srv.Tree.ReadFile("/drop")
	require.ErrorIs(t, err, fs.ErrPermission, "a sink keeps nothing")
	require.Equal(t, 100_000, strings.Count(c.get("NLST many"), "\r\n"))
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
