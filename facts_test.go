package ftp_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

func TestSize(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/d/f", []byte("12345"))
	require.NoError(t, srv.Tree.AddGenerated("/huge", 1<<40, 1))
	for path, want := range map[string]int64{"/d/f": 5, "/huge": 1 << 40} {
		size, err := c.Size(t.Context(), path)
		require.NoError(t, err)
		require.Equal(t, want, size)
	}
	_, err := c.Size(t.Context(), "/missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = c.Size(t.Context(), "/d")
	require.Error(t, err)
}

func TestSizeReplies(t *testing.T) {
	for _, tt := range []struct {
		reply string
		want  int64
		err   error
	}{
		{"213 0", 0, nil},
		{"213 9223372036854775807", 1<<63 - 1, nil},
		{"213 9223372036854775808", 0, errAny},
		{"213 -1", 0, errAny},
		{"213 1 2", 0, errAny},
		{"213 1,234", 0, errAny},
		{"213", 0, errAny},
		{"200 ok", 0, errAny},
		{"502 SIZE not implemented", 0, errors.ErrUnsupported},
		{"500 what?", 0, errors.ErrUnsupported},
		{"550 Could not get file size.", 0, fs.ErrNotExist},
	} {
		p := &puppet{replies: map[string]string{"SIZE": tt.reply}}
		size, err := p.dial(t, nil).Size(t.Context(), "f")
		require.Equal(t, tt.want, size, tt.reply)
		switch {
		case tt.err == nil:
			require.NoError(t, err, tt.reply)
		case errors.Is(tt.err, errAny):
			require.Error(t, err, tt.reply)
		default:
			require.ErrorIs(t, err, tt.err, tt.reply)
		}
	}
}

var errAny = errors.New("any error")

func TestModTime(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/f", nil)
	for _, when := range []time.Time{
		time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2024, 2, 29, 1, 2, 3, 456_000_000, time.UTC),
	} {
		require.NoError(t, srv.Tree.SetModTime("/f", when))
		got, err := c.ModTime(t.Context(), "/f")
		require.NoError(t, err)
		require.Equal(t, when, got)
		require.Equal(t, time.UTC, got.Location())
	}
	_, err := c.ModTime(t.Context(), "/missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestModTimeReplies(t *testing.T) {
	for _, tt := range []struct{ reply, want string }{
		{"213 20240229010203", "2024-02-29T01:02:03Z"},
		{"213 20240229010203.5", "2024-02-29T01:02:03.5Z"},
		{"213  20240229010203 ", "2024-02-29T01:02:03Z"},
		{"213 191240229010203", "2024-02-29T01:02:03Z"},
		{"213 20230229010203", ""},
		{"213 2024022901020", ""},
		{"213 yesterday", ""},
		{"213", ""},
		{"502 no", ""},
	} {
		p := &puppet{replies: map[string]string{"MDTM": tt.reply}}
		got, err := p.dial(t, nil).ModTime(t.Context(), "f")
		if tt.want == "" {
			require.Error(t, err, tt.reply)
			require.True(t, got.IsZero())
			continue
		}
		require.NoError(t, err, tt.reply)
		require.Equal(t, tt.want, got.Format(time.RFC3339Nano))
	}
}

func TestSetModTime(t *testing.T) {
	zone := time.FixedZone("", 3*3600)
	when := time.Date(2020, 1, 2, 3, 4, 5, 600_000_000, zone)
	for _, tt := range []struct {
		name, line string
		disable    map[string]string
	}{
		{"MFMT", "MFMT 20200102000405 /a file", nil},
		{"MDTM", "MDTM 20200102000405 /a file", map[string]string{"MFMT": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, srv := session(t, ftptest.Config{Disable: tt.disable}, nil)
			put(t, srv, "/a file", nil)
			require.NoError(t, c.SetModTime(t.Context(), "/a file", when))
			commands := srv.Commands()
			require.Equal(t, tt.line, commands[len(commands)-1])
			got, err := c.ModTime(t.Context(), "/a file")
			require.NoError(t, err)
			require.Equal(t, when.Truncate(time.Second).UTC(), got)
			require.ErrorIs(t, c.SetModTime(t.Context(), "/missing", when), fs.ErrNotExist)
		})
	}
	c, srv := session(t, ftptest.Config{}, nil)
	require.Error(t, c.SetModTime(t.Context(), "/f", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)))
	require.Error(t, c.SetModTime(t.Context(), "/f", time.Time{}.AddDate(-1, 0, 0)))
	require.Error(t, c.SetModTime(t.Context(), "", when))
	require.Empty(t, sent(srv, "MFMT", "MDTM"))
}

func TestChmod(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/f", nil)
	for mode, line := range map[fs.FileMode]string{
		0o640: "SITE CHMOD 640 /f", 0o4: "SITE CHMOD 004 /f", fs.ModeDir | 0o777: "SITE CHMOD 777 /f",
	} {
		require.NoError(t, c.Chmod(t.Context(), "/f", mode))
		commands := srv.Commands()
		require.Equal(t, line, commands[len(commands)-1])
		e, err := srv.Tree.Stat("/f")
		require.NoError(t, err)
		require.Equal(t, mode.Perm(), e.Mode)
	}
	require.ErrorIs(t, c.Chmod(t.Context(), "/missing", 0o644), fs.ErrNotExist)

	c, _ = session(t, ftptest.Config{Disable: map[string]string{"SITE": ""}}, nil)
	require.ErrorIs(t, c.Chmod(t.Context(), "/f", 0o644), errors.ErrUnsupported)
}

func TestSystemAndNoOp(t *testing.T) {
	c, _ := session(t, ftptest.Config{System: "Windows_NT"}, nil)
	system, err := c.System(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Windows_NT", system)
	require.NoError(t, c.NoOp(t.Context()))

	c, _ = session(t, ftptest.Config{Disable: map[string]string{"SYST": "", "NOOP": "500 what?"}}, nil)
	system, err = c.System(t.Context())
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.Empty(t, system, "the text of a refusal is no system")
	require.ErrorIs(t, c.NoOp(t.Context()), errors.ErrUnsupported)
}

func TestRaw(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	ctx := t.Context()
	reply, err := c.Raw(ctx, "SITE", "CHMOD", "600", "/missing")
	require.NoError(t, err, "a refusal is a reply")
	require.Equal(t, 550, reply.Code)
	reply, err = c.Raw(ctx, "HELP")
	require.NoError(t, err)
	require.Equal(t, 214, reply.Code)
	require.Greater(t, len(reply.Lines), 2)
	require.Contains(t, reply.Text(), "MLSD")
	require.Equal(t, []string{"SITE CHMOD 600 /missing"}, sent(srv, "SITE"))
}

func TestRawRefuses(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	before := srv.Commands()
	for _, verb := range []string{
		"RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD", "list",
		"PASV", "EPSV", "LPSV", "SPSV", "PORT", "EPRT", "LPRT", "PRET", "REST", "ABOR", "abor",
		"USER", "PASS", "ACCT", "REIN", "QUIT", "Quit", "AUTH", "PBSZ", "PROT", "CCC", "MODE", "STRU",
		"", "NOOP\r\nDELE", "NO OP", "NOOP\x00",
	} {
		_, err := c.Raw(t.Context(), verb)
		require.Error(t, err, "%q", verb)
		var e *ftp.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "raw", e.Op)
	}
	require.Equal(t, before, srv.Commands())
	require.NoError(t, c.NoOp(t.Context()))
}

func TestRawChangesOfDirectoryAreRepeatedAfterANewLogin(t *testing.T) {
	srv := serve(t, ftptest.Config{Faults: []ftptest.Fault{{On: "EPSV", Session: 1, Silent: true}}})
	put(t, srv, "/a/f", []byte("content"))
	require.NoError(t, srv.Tree.MkdirAll("/a/b"))
	c := dial(t, srv.Addr, &ftp.Options{Timeouts: ftp.Timeouts{Reply: 200 * time.Millisecond}})
	for _, line := range [][]string{{"CWD", "/a"}, {"CWD", "missing"}, {"XCWD", "b"}, {"CDUP"}} {
		_, err := c.Raw(t.Context(), line[0], line[1:]...)
		require.NoError(t, err)
	}
	require.Equal(t, "content", string(retrieve(t, c, "f")))
	require.Equal(t, 2, srv.Sessions())
}
