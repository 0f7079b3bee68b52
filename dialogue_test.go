package ftp_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// TestDialogues plays testdata/dialogues. The section "client" of each says what
// the client does, in lines of which "! text" at the end wants an error that
// holds the text:
//
//	mode auto              Options.Mode; passive if there is no such line
//	login USER PASS ACCT   Options.User, Password and Account
//	host NAME              Options.VirtualHost
//	dial                   Dial; the first call of another kind does it too
//	get NAME, put NAME     a transfer of the section NAME
//	tries EPSV! PASV       the rungs of the last transfer, "!" for failed ones
//	list DIR => a b        the names in a listing
//	cd DIR, noop           as they say
//	pwd => /               the working directory
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogues/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				p := &part{srv: ftptest.ScriptOn(t, network, string(text)), network: network}
				lines, ok := p.srv.Section("client")
				require.True(t, ok, "the dialogue has no section for the client")
				for line := range strings.Lines(lines) {
					call, want, fails := strings.Cut(strings.TrimSpace(line), " ! ")
					err := p.act(t, call)
					if fails {
						require.ErrorContains(t, err, want, line)
					} else {
						require.NoError(t, err, line)
					}
				}
				require.True(t, p.dialled, "the client did nothing")
			})
		})
	}
}

// part is the client's part in a dialogue.
type part struct {
	srv     *ftptest.ScriptServer
	network *memnet.Network
	opts    ftp.Options
	client  *ftp.Client
	dialled bool
	last    *ftp.Negotiation
}

// act does what a line of the section "client" says.
func (p *part) act(t *testing.T, line string) error {
	t.Helper()
	call, want, _ := strings.Cut(line, " => ")
	words := strings.Fields(call)
	verb, args := words[0], append(words[1:], "")
	switch verb {
	case "mode":
		p.opts.Mode = map[string]ftp.Mode{"active": ftp.ModeActive, "auto": ftp.ModeAuto}[args[0]]
		return nil
	case "login":
		args = append(args, "", "")
		p.opts.User, p.opts.Password, p.opts.Account = args[0], args[1], args[2]
		return nil
	case "host":
		p.opts.VirtualHost = args[0]
		return nil
	case "tries":
		require.Equal(t, strings.Join(words[1:], " "), tries(p.last))
		return nil
	}
	if err := p.dial(t); err != nil || verb == "dial" {
		return err
	}
	return p.call(t, verb, args[0], want)
}

func (p *part) dial(t *testing.T) error {
	t.Helper()
	if p.dialled {
		return nil
	}
	p.dialled = true
	c, err := ftp.Dial(t.Context(), p.srv.Addr, dialling(p.network, &p.opts))
	if err != nil {
		return err
	}
	p.client = c
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return nil
}

func (p *part) call(t *testing.T, verb, arg, want string) error {
	t.Helper()
	switch verb {
	case "get", "put":
		content, ok := p.srv.Section(arg)
		require.True(t, ok, "the dialogue has no section %q", arg)
		return p.transfer(t, verb, arg, content)
	case "list":
		var names []string
		for e, err := range p.client.List(t.Context(), arg) {
			if err != nil {
				return err
			}
			names = append(names, e.Name())
		}
		require.Equal(t, want, strings.Join(names, " "))
		return nil
	case "cd":
		return p.client.ChangeDir(t.Context(), arg)
	case "pwd":
		dir, err := p.client.CurrentDir(t.Context())
		if err == nil {
			require.Equal(t, want, dir)
		}
		return err
	case "noop":
		return p.client.NoOp(t.Context())
	}
	t.Fatalf("the client's part has %q, which is none of the calls that it may have", verb)
	return nil
}

func (p *part) transfer(t *testing.T, verb, name, content string) error {
	t.Helper()
	var result ftp.Result
	var err error
	if verb == "put" {
		result, err = p.client.Store(t.Context(), name, strings.NewReader(content))
	} else {
		var got bytes.Buffer
		result, err = p.client.Retrieve(t.Context(), name, &got)
		if err == nil {
			require.Equal(t, content, got.String())
		} else {
			require.True(t, strings.HasPrefix(content, got.String()))
		}
	}
	p.last = result.Negotiation
	return err
}
