package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

func TestExitCode(t *testing.T) {
	reply := func(op, command string, code int) error {
		return &ftp.Error{Op: op, Command: command, Reply: ftp.Reply{Code: code, Lines: []string{"no"}}}
	}
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"nil", nil, 0},
		{"usage", usagef("no"), 1},
		{"wrapped usage", fmt.Errorf("x: %w", usagef("no")), 1},
		{"a mistake that cobra found", errors.New("unknown flag"), 1},
		{"connection refused", &ftp.Error{Op: "dial", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}, 2},
		{"dial timeout", &ftp.Error{Op: "dial", Err: &ftp.TimeoutError{Option: "Timeouts.Dial"}}, 2},
		{"greeting of 421", reply("dial", "the connection", 421), 2},
		{"too many users at login", &ftp.Error{Op: "dial", Command: "PASS", Reply: ftp.Reply{Code: 530, Lines: []string{"too many users"}}}, 2},
		{"broken during the login", &ftp.Error{Op: "dial", Err: ftp.ErrBroken}, 2},
		{"password refused", &ftp.Error{Op: "dial", Command: "PASS", Reply: ftp.Reply{Code: 530}, Err: ftp.ErrLogin}, 3},
		{"user refused", &ftp.Error{Op: "dial", Command: "USER", Reply: ftp.Reply{Code: 550}, Err: ftp.ErrLogin}, 3},
		{"account wanted", reply("dial", "PASS", 332), 3},
		{"login refused on the way", &ftp.Error{Op: "retrieve", Err: &ftp.Error{Command: "PASS", Reply: ftp.Reply{Code: 530}, Err: ftp.ErrLogin}}, 3},
		{"no data connection", &ftp.Error{Op: "retrieve", Err: ftp.ErrDataConnection}, 4},
		{"port range in use", &ftp.Error{Op: "retrieve", Err: fmt.Errorf("%w 1-2", ftp.ErrPortRange)}, 4},
		{"doctor found nothing", errNoDataMethod, 4},
		{"no such file", reply("retrieve", "RETR", 550), 5},
		{"busy", reply("retrieve", "RETR", 450), 5},
		{"not permitted without a login", reply("store", "STOR", 530), 5},
		{"rename not begun", reply("rename", "RNFR", 250), 6},
		{"unsupported", &ftp.Error{Op: "size", Err: errors.ErrUnsupported}, 5},
		{"incomplete", &ftp.Error{Op: "retrieve", Command: "RETR", Reply: ftp.Reply{Code: 426}, Err: ftp.ErrIncomplete}, 6},
		{"unconfirmed", &ftp.Error{Op: "store", Err: ftp.ErrUnconfirmed}, 6},
		{"broken", &ftp.Error{Op: "retrieve", Err: ftp.ErrBroken}, 6},
		{"stall", &ftp.Error{Op: "retrieve", Err: &ftp.TimeoutError{Option: "Timeouts.Stall"}}, 6},
		{"size differs", fmt.Errorf("%w: 1 and 2", errUnverified), 6},
		{"TLS at login", &ftp.Error{Op: "dial", Command: "AUTH", Reply: ftp.Reply{Code: 502}, Err: ftp.ErrTLS}, 7},
		{"TLS of a broken session", &ftp.Error{Op: "dial", Err: fmt.Errorf("%w: %w", ftp.ErrBroken, ftp.ErrTLS)}, 7},
		{"TLS of a transfer", &ftp.Error{Op: "retrieve", Err: fmt.Errorf("%w: %w", ftp.ErrIncomplete, ftp.ErrTLS)}, 7},
		{"session reuse", &ftp.Error{Op: "store", Command: "STOR", Reply: ftp.Reply{Code: 522}, Err: ftp.ErrSessionReuse}, 7},
		{"handshake timeout", &ftp.Error{Op: "dial", Err: &ftp.TimeoutError{Option: "Timeouts.TLSHandshake"}}, 7},
		{"alert from the server", &ftp.Error{Op: "dial", Err: &net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}}, 7},
		{"no close_notify", &ftp.Error{Op: "retrieve", Command: "RETR", Reply: ftp.Reply{Code: 226}, Err: ftp.ErrTruncated}, 6},
		{"interrupted handshake", &ftp.Error{Op: "dial", Err: fmt.Errorf("%w: %w", ftp.ErrTLS, errInterrupted)}, 130},
		{"interrupted", &ftp.Error{Op: "retrieve", Err: errInterrupted}, 130},
		{"interrupted with a broken session", &ftp.Error{Op: "retrieve", Err: fmt.Errorf("%w (%w)", errInterrupted, ftp.ErrBroken)}, 130},
		{"cancelled", &ftp.Error{Op: "dial", Err: context.Canceled}, 130},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, exitCode(tt.err)) })
	}
}

// TestExitCodesOfRuns has a run of the command for every code and says what the
// person is told.
func TestExitCodesOfRuns(t *testing.T) {
	tests := []struct {
		name      string
		configure func(*ftptest.Config)
		args      []string // URL stands for the server's
		code      int
		says      []string
	}{
		{"done", nil, []string{"get", "URL/pub/a.txt", "-"}, 0, nil},
		{"no argument", nil, []string{"get"}, 1, []string{"usage: dualport get URL [LOCAL|-]"}},
		{"unknown flag", nil, []string{"get", "URL/x", "--no-such"}, 1, []string{"unknown flag: --no-such"}},
		{"wrong mode", nil, []string{"get", "--mode", "both", "URL/x"}, 1, []string{"none of auto, passive and active"}},
		{"the greeting refuses", func(c *ftptest.Config) { c.Greeting = "421 Full." }, []string{"ls", "URL"}, 2, []string{"421 Full."}},
		{"no greeting", func(c *ftptest.Config) { c.Faults = []ftptest.Fault{{On: "greeting", Silent: true}} },
			[]string{"ls", "URL", "--dial-timeout", "0.1"}, 2, []string{"(--dial-timeout)", "try: a longer --dial-timeout"}},
		{"endless greeting", func(c *ftptest.Config) { c.EndlessGreeting = true }, []string{"ls", "URL"}, 2, []string{"lines"}},
		{"login refused", nil, []string{"ls", "URL", "--user", "user"}, 3, []string{"try: --user NAME with --password-file"}},
		{"account wanted", func(c *ftptest.Config) { c.Login.Account = "acct" }, []string{"ls", "URL"}, 3, []string{"try: --account ACCT"}},
		{"passive blocked", func(c *ftptest.Config) {
			c.Passive.EPSV.Port, c.Passive.PASV.Port = ftptest.PortRefused, ftptest.PortRefused
		},
			[]string{"get", "--mode=passive", "URL/pub/a.txt"}, 4, []string{"no data connection: EPSV", "connection refused", "try: open the server's passive ports in the firewall, or use --passive-address IP where the address is wrong, or use --mode auto"}},
		{"passive refused", func(c *ftptest.Config) { c.Disable = map[string]string{"EPSV": "", "PASV": ""} },
			[]string{"ls", "--mode=passive", "URL"}, 4, []string{"server answered PASV", "try: --mode active or --mode auto (the server refuses passive mode)"}},
		{"the only method refused", func(c *ftptest.Config) { c.Disable = map[string]string{"EPSV": ""} },
			[]string{"ls", "--data-command=epsv", "URL"}, 4, []string{"try: the same without --data-command"}},
		{"active refused", func(c *ftptest.Config) { c.Disable = map[string]string{"PORT": "", "EPRT": ""} },
			[]string{"ls", "--mode=active", "URL"}, 4, []string{"try: --mode passive or --mode auto (the server refuses active mode)"}},
		{"nothing works", func(c *ftptest.Config) {
			c.Passive.EPSV.Port, c.Passive.PASV.Port = ftptest.PortRefused, ftptest.PortRefused
			c.Disable = map[string]string{"PORT": "", "EPRT": ""}
		}, []string{"ls", "URL"}, 4, []string{"or use --passive-address IP", "dualport doctor"}},
		{"every method refused", func(c *ftptest.Config) { c.Disable = map[string]string{"EPSV": "", "PASV": "", "PORT": "", "EPRT": ""} },
			[]string{"ls", "URL"}, 4, []string{"try: asking the server's administrator (the server refuses both passive and active mode); or dualport doctor"}},
		{"nobody reaches anybody", func(c *ftptest.Config) {
			c.Passive.EPSV.Port, c.Passive.PASV.Port, c.Active.Never = ftptest.PortRefused, ftptest.PortRefused, true
		}, []string{"ls", "URL", "--accept-timeout", "0.3"}, 4, []string{"use --port-range LO-HI and --external-ip IP (neither side can"}},
		{"the server cannot connect", func(c *ftptest.Config) { c.Active.Never = true },
			[]string{"ls", "URL", "--mode", "active", "--accept-timeout", "0.3"}, 4, []string{"use --port-range LO-HI and --external-ip IP, or use --mode auto"}},
		{"passive never answered, active refused", func(c *ftptest.Config) {
			c.Passive.EPSV.Silent, c.Passive.PASV.Silent = true, true
			c.Disable = map[string]string{"PORT": "", "EPRT": ""}
		}, []string{"ls", "URL", "--reply-timeout", "0.2"}, 4, []string{"try: asking the server's administrator (the server, or something on the way, does not answer"}},
		{"no such file", nil, []string{"get", "URL/nothing"}, 5, []string{`retrieve "nothing"`, "550"}},
		{"no such directory", nil, []string{"ls", "URL/nothing"}, 5, []string{"nothing"}},
		{"command refused", nil, []string{"raw", "URL", "NONSENSE"}, 5, []string{"500"}},
		{"cut off", func(c *ftptest.Config) {
			c.Faults = []ftptest.Fault{{On: "data", Data: ftptest.DataFault{Action: ftptest.DataResets, After: 3}}}
		}, []string{"get", "URL/pub/a.txt"}, 6, []string{"incomplete"}},
		{"stalled", func(c *ftptest.Config) {
			c.Faults = []ftptest.Fault{{On: "data", Data: ftptest.DataFault{Action: ftptest.DataStalls, After: 3}}}
		}, []string{"get", "URL/pub/a.txt", "--stall-timeout", "0.1"}, 6, []string{"try: a longer --stall-timeout"}},
		{"endless reply", func(c *ftptest.Config) {
			c.Faults = []ftptest.Fault{{On: "SYST", Reply: endlessReply()}}
		}, []string{"raw", "URL", "SYST"}, 6, []string{"lines"}},
		{"hung up", func(c *ftptest.Config) { c.Faults = []ftptest.Fault{{On: "MKD", Close: true}} },
			[]string{"mkdir", "URL/x"}, 6, []string{"closed the control connection"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, tt.configure)
			args := make([]string, len(tt.args))
			for i, a := range tt.args {
				args[i] = a
				if len(a) >= 3 && a[:3] == "URL" {
					args[i] = srv.URL + a[3:]
				}
			}
			o := newShell(t).run(args...).wants(tt.code)
			for _, says := range tt.says {
				require.Contains(t, o.stderr, says)
			}
			require.NotRegexp(t, libraryWords, o.stderr)
			if tt.code == 4 && !strings.Contains(tt.says[0], "--external-ip") && !strings.Contains(tt.says[0], "--port-range") {
				require.NotContains(t, o.stderr, "--external-ip", "it cannot help")
			}
			if tt.code != 0 {
				require.Regexp(t, `(?m)^dualport: .+$`, o.stderr)
				require.Empty(t, o.stdout == "" && o.stderr == "")
			}
		})
	}
}

// libraryWords are those that only a program can do something with.
const libraryWords = `Options\.|Timeouts\.|Active\.|Passive\.|Mode(Auto|Active|Passive)|TLSConfig|dial again`

// endlessReply has more lines than any reply may have.
func endlessReply() string {
	text := "215-begin"
	for range 5000 {
		text += "\n more"
	}
	return text + "\n215 end"
}

func TestCannotConnect(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := ln.Addr().String()
	require.NoError(t, ln.Close())
	o := newShell(t).run("get", "ftp://joe:pw-not-shown@"+address+"/x").wants(2)
	require.Contains(t, o.stderr, address)
	require.NotContains(t, o.stderr, "pw-not-shown")
}

// interruptingWriter is a standard output that sees to an interrupt as soon as
// something comes.
type interruptingWriter struct{ cancel context.CancelCauseFunc }

func (w interruptingWriter) Write(p []byte) (int, error) {
	w.cancel(errInterrupted)
	return len(p), nil
}

func TestInterruptedDownload(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) {
		c.Faults = []ftptest.Fault{{On: "data", Data: ftptest.DataFault{Action: ftptest.DataStalls, After: 5}}}
	})
	s := newShell(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	s.ctx, s.stdout = ctx, interruptingWriter{cancel}
	o := s.run("get", srv.URL+"/pub/a.txt", "-").wants(130)
	require.Contains(t, o.stderr, "interrupted")
	require.Contains(t, srv.Commands(), "ABOR")
}

func TestInterruptedWhileReadingInput(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	input, feed := io.Pipe()
	defer feed.Close()
	s.ctx, s.stdin = ctx, input
	go func() {
		_, _ = feed.Write([]byte("x")) // returns when the upload has begun
		cancel(errInterrupted)
	}()
	s.run("put", "-", srv.URL+"/in/x").wants(130)
}
