package ftptest_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

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
