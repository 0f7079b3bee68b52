package ftp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// perform makes the client send a verb with a path, and returns the error.
func perform(t *testing.T, c *ftp.Client, verb string) error {
	t.Helper()
	ctx, path := t.Context(), "x"
	var err error
	switch verb {
	case "RETR":
		_, err = c.Retrieve(ctx, path, io.Discard)
	case "STOR":
		_, err = c.Store(ctx, path, strings.NewReader("x"))
	case "APPE":
		_, err = c.Append(ctx, path, strings.NewReader("x"))
	case "LIST", "MLSD":
		for _, listErr := range c.List(ctx, path) {
			err = listErr
		}
	case "NLST":
		for _, listErr := range c.NameList(ctx, path) {
			err = listErr
		}
	case "MLST":
		_, err = c.Stat(ctx, path)
	case "SIZE":
		_, err = c.Size(ctx, path)
	case "MDTM":
		_, err = c.ModTime(ctx, path)
	case "CWD":
		err = c.ChangeDir(ctx, path)
	case "MKD":
		err = c.MakeDir(ctx, path)
	case "RMD":
		err = c.RemoveDir(ctx, path)
	case "DELE":
		err = c.Delete(ctx, path)
	case "RNFR", "RNTO":
		err = c.Rename(ctx, path, "y")
	case "SITE":
		err = c.Chmod(ctx, path, 0o644)
	case "MFMT":
		err = c.SetModTime(ctx, path, time.Unix(0, 0))
	case "SYST":
		_, err = c.System(ctx)
	default:
		require.Fail(t, "no call for "+verb)
	}
	return err
}

// What servers really say, and what it means. A nil meaning stands for a
// refusal that is none of the sentinels.
func TestMeaningOfRefusals(t *testing.T) {
	for _, tt := range []struct {
		server, verb, reply string
		want                error
	}{
		{"vsftpd", "RETR", "550 Failed to open file.", fs.ErrNotExist},
		{"vsftpd", "CWD", "550 Failed to change directory.", fs.ErrNotExist},
		{"vsftpd", "SIZE", "550 Could not get file size.", fs.ErrNotExist},
		{"vsftpd", "MDTM", "550 Could not get file modification time.", fs.ErrNotExist},
		{"vsftpd", "RNFR", "550 RNFR command failed.", fs.ErrNotExist},
		{"vsftpd", "DELE", "550 Delete operation failed.", fs.ErrNotExist},
		{"vsftpd", "STOR", "553 Could not create file.", fs.ErrPermission},
		{"vsftpd", "STOR", "550 Permission denied.", fs.ErrPermission},
		{"vsftpd", "RETR", "550 Permission denied.", fs.ErrPermission},
		{"vsftpd", "MKD", "550 Create directory operation failed.", nil},
		{"vsftpd", "RMD", "550 Remove directory operation failed.", nil},
		{"vsftpd", "RNTO", "550 Rename failed.", nil},
		{"vsftpd", "SITE", "500 Unknown SITE command.", errors.ErrUnsupported},
		{"vsftpd", "MFMT", "500 Unknown command.", errors.ErrUnsupported},

		{"ProFTPD", "RETR", "550 x: No such file or directory", fs.ErrNotExist},
		{"ProFTPD", "LIST", "450 x: No such file or directory", fs.ErrNotExist},
		{"ProFTPD", "NLST", "450 x: No such file or directory", fs.ErrNotExist},
		{"ProFTPD", "MLST", "550 'x' cannot be listed: No such file or directory", fs.ErrNotExist},
		{"ProFTPD", "MKD", "550 x: File exists", fs.ErrExist},
		{"ProFTPD", "STOR", "550 x: Permission denied", fs.ErrPermission},
		{"ProFTPD", "STOR", "553 x: Permission denied", fs.ErrPermission},
		{"ProFTPD", "DELE", "550 x: Operation not permitted", fs.ErrPermission},
		{"ProFTPD", "DELE", "550 x: Read-only file system", fs.ErrPermission},
		{"ProFTPD", "RETR", "550 x: Not a regular file", nil},
		{"ProFTPD", "CWD", "550 x: Not a directory", nil},
		{"ProFTPD", "RMD", "550 x: Directory not empty", nil},
		{"ProFTPD", "STOR", "552 Transfer aborted. Disc quota exceeded", nil},
		{"ProFTPD", "SYST", "500 SYST not understood", errors.ErrUnsupported},

		{"Pure-FTPd", "RETR", "550 Can't open x: No such file or directory", fs.ErrNotExist},
		{"Pure-FTPd", "CWD", "550 Can't change directory to x: No such file or directory", fs.ErrNotExist},
		{"Pure-FTPd", "DELE", "550 Could not delete x: No such file or directory", fs.ErrNotExist},
		{"Pure-FTPd", "RNFR", "550 Sorry, but that file doesn't exist", fs.ErrNotExist},
		{"Pure-FTPd", "MKD", "550 Can't create directory: File exists", fs.ErrExist},
		{"Pure-FTPd", "STOR", "553 Can't open that file: Permission denied", fs.ErrPermission},
		{"Pure-FTPd", "STOR", "553 Prohibited file name: x", fs.ErrPermission},
		{"Pure-FTPd", "RETR", "550 I can only retrieve regular files", nil},
		{"Pure-FTPd", "RMD", "550 Can't remove directory: Directory not empty", nil},
		{"Pure-FTPd", "DELE", "550 Could not delete x: Is a directory", nil},

		{"pyftpdlib", "RETR", "550 No such file or directory.", fs.ErrNotExist},
		{"pyftpdlib", "MLSD", "501 No such directory.", fs.ErrNotExist},
		{"pyftpdlib", "RETR", "550 Is a directory.", nil},
		{"pyftpdlib", "DELE", "550 Not enough privileges.", fs.ErrPermission},
		{"pyftpdlib", "STOR", "550 Not enough privileges.", fs.ErrPermission},
		{"pyftpdlib", "RETR", "550 Permission denied.", fs.ErrPermission},
		{"pyftpdlib", "MKD", "550 File exists.", fs.ErrExist},
		{"pyftpdlib", "MFMT", `500 Command "MFMT" not understood.`, errors.ErrUnsupported},
		{"pyftpdlib", "SITE", `502 Command "SITE CHMOD" not implemented.`, errors.ErrUnsupported},

		{"IIS", "RETR", "550 The system cannot find the file specified.", fs.ErrNotExist},
		{"IIS", "CWD", "550-The system cannot find the path specified.\n Win32 error: The system cannot find the path specified.\n550 End", fs.ErrNotExist},
		{"IIS", "DELE", "550 Access is denied.", fs.ErrPermission},
		{"IIS", "MKD", "550 Cannot create a file when that file already exists.", fs.ErrExist},
		{"IIS", "RNTO", "550 Cannot create a file when that file already exists.", fs.ErrExist},
		{"IIS", "RMD", "550 The directory is not empty.", nil},
		{"IIS", "RETR", "550 The process cannot access the file because it is being used by another process.", nil},
		{"IIS", "MFMT", "500 'MFMT': command not understood", errors.ErrUnsupported},

		{"FileZilla Server", "RETR", "550 File not found", fs.ErrNotExist},
		{"FileZilla Server", "RETR", "550 Couldn't open the file", fs.ErrNotExist},
		{"FileZilla Server", "CWD", `550 CWD failed. "/x": directory not found.`, fs.ErrNotExist},
		{"FileZilla Server", "STOR", "550 Permission denied", fs.ErrPermission},
		{"FileZilla Server", "MKD", "550 Directory already exists", fs.ErrExist},
		{"FileZilla Server", "RMD", "550 Directory not empty.", nil},
		{"FileZilla Server", "SYST", "502 Command not implemented.", errors.ErrUnsupported},

		{"wu-ftpd", "RETR", "550 x: not a plain file.", nil},
		{"wu-ftpd", "STOR", "553 x: Permission denied. (Overwrite)", fs.ErrPermission},
		{"old BSD", "MKD", `521 "/x" directory exists; taking no action.`, fs.ErrExist},
		{"any", "STOR", "532 Need account for storing files.", ftp.ErrLogin},
		{"any", "RETR", "530 Please login with USER and PASS.", ftp.ErrLogin},
		{"any", "STOR", "452 Insufficient storage space.", nil},
		{"any", "SITE", "504 Command not implemented for that parameter.", errors.ErrUnsupported},
		{"any", "RETR", "450 File busy.", nil},
	} {
		t.Run(fmt.Sprint(tt.server, " ", tt.verb, " ", tt.reply), func(t *testing.T) {
			p := &puppet{replies: map[string]string{tt.verb: tt.reply}}
			if tt.verb[0] == 'M' {
				p.features = []string{"MLST type*;", "MFMT"}
			}
			err := perform(t, p.dial(t, nil), tt.verb)
			require.Error(t, err)
			var e *ftp.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.verb, e.Command)
			require.Equal(t, tt.reply[:3], fmt.Sprint(ftp.ReplyCode(err)))
			for _, sentinel := range sentinels() {
				require.Equal(t, errors.Is(tt.want, sentinel), errors.Is(err, sentinel), "%v", sentinel)
			}
		})
	}
}

// sentinels are all that an error may be matched with.
func sentinels() []error {
	return []error{
		fs.ErrNotExist, fs.ErrPermission, fs.ErrExist, errors.ErrUnsupported,
		ftp.ErrLogin, ftp.ErrTooManyConnections, ftp.ErrDataConnection, ftp.ErrIncomplete, ftp.ErrUnconfirmed,
		ftp.ErrBusy, ftp.ErrClosed, ftp.ErrBroken, ftp.ErrPortRange,
	}
}

func TestErrorText(t *testing.T) {
	reply := ftp.Reply{Code: 550, Lines: []string{"first", "No such file"}}
	for _, tt := range []struct {
		err  *ftp.Error
		want string
	}{
		{&ftp.Error{Op: "retrieve", Path: "a b", Host: "h:21", Command: "RETR", Reply: reply},
			`ftp: retrieve "a b" on h:21: server answered RETR with "550 No such file"`},
		{&ftp.Error{Op: "dial", Host: "h:21", Command: "PASS", Reply: ftp.Reply{Code: 530}, Err: ftp.ErrLogin},
			`ftp: dial on h:21: login refused: server answered PASS with "530"`},
		{&ftp.Error{Op: "no op", Err: ftp.ErrClosed}, "ftp: no op: the client is closed"},
		{&ftp.Error{Op: "delete", Path: "a\r\n\x1b[31m", Err: errCaller}, `ftp: delete "a\r\n\x1b[31m": disk full`},
	} {
		require.Equal(t, tt.want, tt.err.Error())
	}
}

func TestErrorTextQuotesControlBytesOfTheServer(t *testing.T) {
	p := &puppet{replies: map[string]string{"DELE": "550 \x1b[2Jgone\x07"}}
	err := p.dial(t, nil).Delete(t.Context(), "x")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "\x1b", "it would reach a terminal")
	require.NotContains(t, err.Error(), "\x07")
}

func TestErrorPrefixComesOnce(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	require.NoError(t, srv.Tree.AddGenerated("/big", 1<<40, 1))
	_, missing := c.Retrieve(t.Context(), "/missing", io.Discard)
	_, caller := c.Retrieve(t.Context(), "/big", writeFunc(func([]byte) (int, error) { return 0, errCaller }))
	_, refused := ftp.Dial(t.Context(), "127.0.0.1:1", nil)
	_, nothing := ftp.Dial(t.Context(), "", nil)
	_, stat := c.Stat(t.Context(), "/missing")
	for _, err := range []error{missing, caller, refused, nothing, stat, c.RemoveDir(t.Context(), "/missing"), c.RemoveAll(t.Context(), "a\nb")} {
		require.Equal(t, 1, strings.Count(err.Error(), "ftp: "), err)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestErrorQuestions(t *testing.T) {
	for _, tt := range []struct {
		err       error
		code      int
		temporary bool
	}{
		{nil, 0, false},
		{errCaller, 0, false},
		{&ftp.Error{Reply: ftp.Reply{Code: 450}}, 450, true},
		{&ftp.Error{Reply: ftp.Reply{Code: 550}}, 550, false},
		{fmt.Errorf("wrapped: %w", &ftp.Error{Reply: ftp.Reply{Code: 421}}), 421, true},
		{fmt.Errorf("wrapped: %w", &ftp.Error{Command: "PASS", Reply: ftp.Reply{Code: 530, Lines: []string{"too many users"}}}), 530, true},
		{&ftp.Error{Err: ftp.ErrTooManyConnections}, 0, true},
		{&ftp.Error{Err: context.Canceled}, 0, false},
	} {
		require.Equal(t, tt.code, ftp.ReplyCode(tt.err), "%v", tt.err)
		require.Equal(t, tt.temporary, ftp.Temporary(tt.err), "%v", tt.err)
	}
	require.False(t, (&ftp.Error{}).Timeout())
	require.True(t, (&ftp.Error{Err: fmt.Errorf("x: %w", &ftp.TimeoutError{})}).Timeout())
	require.False(t, errors.Is(&ftp.Error{}, nil))
}

func TestTimeoutErrorText(t *testing.T) {
	err := &ftp.TimeoutError{Wait: "reply to EPSV", Limit: 3 * time.Second, Option: "Timeouts.Reply"}
	require.EqualError(t, err, "no reply to EPSV within 3s (Options.Timeouts.Reply)")
	require.True(t, err.Timeout())
}

func TestResultIsJSON(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, nil)
	put(t, srv, "/f", []byte("12345"))
	result, err := c.Retrieve(t.Context(), "/f", io.Discard)
	require.NoError(t, err)
	text, err := json.Marshal(result)
	require.NoError(t, err)
	var back map[string]any
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, "/f", back["path"])
	require.InDelta(t, 5, back["bytes"], 0)
	require.NotContains(t, back, "offset")
	rungs := back["negotiation"].(map[string]any)["rungs"].([]any)
	require.Len(t, rungs, 1)
	require.Equal(t, "EPSV", rungs[0].(map[string]any)["method"])
}
