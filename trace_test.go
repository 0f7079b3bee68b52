package ftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

func TestTraceEventsComeInOrder(t *testing.T) {
	var r recorder
	c, srv := session(t, ftptest.Config{}, &ftp.Options{Trace: r.trace()})
	put(t, srv, "/f", []byte("content"))
	retrieve(t, c, "/f")
	require.NoError(t, c.Close())
	require.Equal(t, []string{
		"dial control", "reply 220",
		"command USER", "reply 331", "command PASS", "reply 230",
		"command FEAT", "reply 211", "command OPTS", "reply 200", "command TYPE", "reply 200",
		"command EPSV", "reply 229", "dial data", "rung EPSV",
		"command RETR", "reply 150", "reply 226", "transfer",
		"command QUIT", "reply 221",
	}, r.events())
	for i, e := range r.replies[1:] { // the greeting answers nothing
		require.NotEmpty(t, e.Command, i)
		require.GreaterOrEqual(t, e.Duration, time.Duration(0))
	}
	require.Equal(t, srv.Addr, r.dials[0].Address)
	require.Equal(t, srv.Addr, r.dials[0].Remote.String())
	require.Equal(t, int64(7), r.transfers[0].Result.Bytes)
	require.NoError(t, r.transfers[0].Err)
}

func TestTraceOfFailures(t *testing.T) {
	var r recorder
	c, _ := session(t, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: ftptest.PortRefused}}},
		&ftp.Options{Trace: r.trace()})
	listed(t, c, "/")
	require.Len(t, r.rungs, 2)
	require.Error(t, r.rungs[0].Err)
	require.NoError(t, r.rungs[1].Err)
	require.Error(t, r.dials[1].Err)
	require.Contains(t, strings.Join(r.noticeTexts(), "\n"), "EPSV led to no data connection")

	_, err := ftp.Dial(t.Context(), "127.0.0.1:1", &ftp.Options{Trace: r.trace()})
	require.Error(t, err)
	require.Error(t, r.dials[len(r.dials)-1].Err)
}

func TestTraceOfAListing(t *testing.T) {
	var r recorder
	c, srv := session(t, ftptest.Config{}, &ftp.Options{Trace: r.trace()})
	put(t, srv, aliveFile, nil)
	listed(t, c, "/alive")
	require.Len(t, r.transfers, 1)
	require.Equal(t, "/alive", r.transfers[0].Result.Path)
	for _, err := range c.List(t.Context(), "/alive") {
		require.NoError(t, err)
		break
	}
	require.Len(t, r.transfers, 2)
}

func TestTraceWithSomeHooksOnly(t *testing.T) {
	c, srv := session(t, ftptest.Config{}, &ftp.Options{Trace: new(ftp.Trace)})
	put(t, srv, aliveFile, []byte(aliveData))
	requireAlive(t, c)
}

const (
	secretPassword = "hunter2-é"
	secretAccount  = "acct-secret"
)

// requireNoSecret fails where a text holds a part of a secret.
func requireNoSecret(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		require.NotContains(t, text, "hunter2")
		require.NotContains(t, text, "acct-secret")
	}
}

// gossip repeats what it was told in every reply.
func gossip(refuse string) *puppet {
	return &puppet{reply: func(verb, arg string) string {
		told := fmt.Sprintf("you said %s %s and before that %s and %s", verb, arg, secretPassword, secretAccount)
		switch {
		case verb == refuse:
			return "530-" + told + "\n530 " + told
		case verb == "USER":
			return "331 " + told
		case verb == "PASS":
			return "332 " + told
		case verb == "ACCT":
			return "230 " + told
		case verb == "FEAT", verb == "DELE", verb == "SITE":
			return "500 " + told
		}
		return ""
	}}
}

func TestSecretsAreNotTraced(t *testing.T) {
	for _, refuse := range []string{"", "USER", "PASS", "ACCT"} {
		t.Run("refused "+refuse, func(t *testing.T) {
			var log bytes.Buffer
			var r recorder
			logged := ftp.SlogTrace(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			opts := &ftp.Options{User: "me", Password: secretPassword, Account: secretAccount, Trace: both(r.trace(), logged)}
			c, err := gossip(refuse).tryDial(t, opts)
			if refuse != "" {
				require.ErrorIs(t, err, ftp.ErrLogin)
				requireNoSecret(t, err.Error(), fmt.Sprintf("%+v", errors.Unwrap(err)))
				var e *ftp.Error
				require.ErrorAs(t, err, &e)
				requireNoSecret(t, e.Reply.Text())
			} else {
				require.NoError(t, err)
				err = c.Delete(t.Context(), "x")
				require.Error(t, err)
				requireNoSecret(t, err.Error())
				_, rawErr := c.Raw(t.Context(), "SITE", "PSWD", "old", secretPassword)
				require.NoError(t, rawErr)
				_, rawErr = c.Raw(t.Context(), "SITE", "CPWD "+secretPassword)
				require.NoError(t, rawErr)
				require.NoError(t, c.Close())
			}
			text := fmt.Sprintf("%+v %+v %+v %+v %+v", r.commands, r.replies, r.dials, r.notices, r.transfers)
			require.Contains(t, text, "USER me")
			require.Contains(t, text, "****")
			requireNoSecret(t, text, log.String())
			require.Contains(t, log.String(), "USER me")
		})
	}
}

func TestSecretsOfALaterLoginAreNotTraced(t *testing.T) {
	var r recorder
	p := gossip("ACCT")
	repeat := p.reply
	p.reply = func(verb, arg string) string {
		if verb == "USER" { // before the server has heard the password
			return "331 go on"
		}
		return repeat(verb, arg)
	}
	c := p.dial(t, &ftp.Options{SkipLogin: true, Account: secretAccount, Trace: r.trace()})
	err := c.Login(t.Context(), "me", secretPassword)
	require.ErrorIs(t, err, ftp.ErrLogin)
	requireNoSecret(t, err.Error(), fmt.Sprintf("%+v %+v", r.commands, r.replies))
}

func TestSecretsInAMalformedReplyAreNotTold(t *testing.T) {
	var r recorder
	p := &puppet{replies: map[string]string{"USER": "331 go on", "PASS": "bad " + secretPassword + " in a line without a code"}}
	_, err := p.tryDial(t, &ftp.Options{User: "me", Password: secretPassword, Trace: r.trace()})
	require.ErrorIs(t, err, ftp.ErrBroken)
	requireNoSecret(t, err.Error())
}

func TestSecretThatCannotBeSentIsNotTold(t *testing.T) {
	srv := serve(t, ftptest.Config{})
	_, err := ftp.Dial(t.Context(), srv.Addr, &ftp.Options{User: "user", Password: secretPassword + "\n"})
	require.Error(t, err)
	requireNoSecret(t, err.Error())
	require.Empty(t, sent(srv, "PASS"))
}

// The password of an anonymous login is none; hiding it would only hide what
// the server says.
func TestAnonymousPasswordIsNoSecret(t *testing.T) {
	var r recorder
	p := &puppet{replies: map[string]string{"USER": "331 send anonymous@ please"}}
	p.dial(t, &ftp.Options{Trace: r.trace()})
	require.Contains(t, fmt.Sprint(r.replies), "anonymous@")
}

func TestSlogTrace(t *testing.T) {
	var log bytes.Buffer
	levels := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, srv := session(t, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: ftptest.PortRefused}}},
		&ftp.Options{Trace: ftp.SlogTrace(levels)})
	put(t, srv, "/f", []byte("content"))
	_, err := c.Retrieve(t.Context(), "/f", io.Discard)
	require.NoError(t, err)
	for _, want := range []string{
		`level=DEBUG msg="ftp connection" purpose=control`,
		`level=DEBUG msg="ftp command" line="RETR /f"`,
		`level=DEBUG msg="ftp reply" code=226`,
		`level=WARN msg="ftp data connection" method=EPSV`,
		`level=DEBUG msg="ftp data connection" method=PASV`,
		`level=INFO msg="ftp: EPSV led to no data connection`,
		`level=DEBUG msg="ftp transfer" path=/f bytes=7`,
	} {
		require.Contains(t, log.String(), want)
	}
}

// both calls the hooks of two traces.
func both(a, b *ftp.Trace) *ftp.Trace {
	return &ftp.Trace{
		Dial:     func(e ftp.DialEvent) { a.Dial(e); b.Dial(e) },
		Command:  func(e ftp.CommandEvent) { a.Command(e); b.Command(e) },
		Reply:    func(e ftp.ReplyEvent) { a.Reply(e); b.Reply(e) },
		Rung:     func(e ftp.Rung) { a.Rung(e); b.Rung(e) },
		Notice:   func(e ftp.Notice) { a.Notice(e); b.Notice(e) },
		Transfer: func(e ftp.TransferEvent) { a.Transfer(e); b.Transfer(e) },
	}
}
