package dialogue_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/internal/dialogue"
	"github.com/dualport/ftp/internal/memnet"
)

func TestParse(t *testing.T) {
	d, err := dialogue.Parse("like nothing on earth\n-- control --\n# hi\n\nS: 220 x\n" +
		"-- file.txt --\none\ntwo\n-- not a marker\n-- control 2 --\nclose\n")
	require.NoError(t, err)
	require.Equal(t, "like nothing on earth\n", d.Comment)
	text, ok := d.Section("file.txt")
	require.True(t, ok)
	require.Equal(t, "one\ntwo\n-- not a marker\n", text)
	_, ok = d.Section("other")
	require.False(t, ok)
	require.Equal(t, 2, (&dialogue.Player{Dialogue: d}).Controls())
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"no control":      {"-- a --\n", "needs a section"},
		"unknown line":    {"-- control --\nS: 220\nX: no\n", `line 3: "X: no" is none of`},
		"short line":      {"-- control --\nx\n", `line 2: "x"`},
		"no string":       {"-- control --\nS! 220\n", "line 2: 220: write it as a Go string"},
		"missing section": {"-- control --\nD> @nosuch\n", `line 2: there is no section "nosuch"`},
		"bad wait":        {"-- control --\nwait long\n", "write a duration"},
		"second control":  {"-- control --\n-- control 2 --\nD< x\n", "line 3"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := dialogue.Parse(test.text)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("c\n-- control --\nS: 220 x\nC: USER *\nC? QUIT\nS! \"a\\n\"\nD> @f\nD< \"x\"\nwait 1s\nsilence\n-- f --\nx\n")
	f.Add("-- control --\nC!\nD>\nD<")
	f.Add("-- --\n--  --\n-- control -- \n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := dialogue.Parse(text)
		if (d == nil) == (err == nil) {
			t.Errorf("dialogue %v, error %v", d, err)
		}
	})
}

// play plays a dialogue against what client does, in memory.
func play(t *testing.T, text string, client func(n *memnet.Network, conn net.Conn)) error {
	t.Helper()
	d, err := dialogue.Parse(text)
	require.NoError(t, err)
	n := memnet.New()
	ln, err := n.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	conn, err := n.DialContext(t.Context(), "tcp", ln.Addr().String())
	require.NoError(t, err)
	far, err := ln.Accept()
	require.NoError(t, err)
	outcome := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { outcome <- (&dialogue.Player{Dialogue: d, Network: n}).Play(ctx, 1, far) }()
	client(n, conn)
	conn.Close()
	return <-outcome
}

// hear reads exactly what is wanted.
func hear(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	_, err := io.ReadFull(conn, buf)
	require.NoError(t, err)
	require.Equal(t, want, string(buf))
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

// playTest is a dialogue and a client that keeps to it.
type playTest struct {
	text   string
	client func(t *testing.T, n *memnet.Network, conn net.Conn)
}

func runPlayTests(t *testing.T, tests map[string]playTest) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				require.NoError(t, play(t, test.text, func(n *memnet.Network, conn net.Conn) { test.client(t, n, conn) }))
			})
		})
	}
}

func TestControlLines(t *testing.T) {
	runPlayTests(t, map[string]playTest{
		"lines": {"-- control --\nS: 220 hi\nC: PASS *\nS! \"230-\\xff\\n230 x\\n\"\nC! \"\\xff\\xf4ABOR\"\n",
			func(t *testing.T, _ *memnet.Network, conn net.Conn) {
				hear(t, conn, "220 hi\r\n")
				say(t, conn, "PASS secret\r\n")
				hear(t, conn, "230-\xff\n230 x\n")
				say(t, conn, "\xff\xf4ABOR\r\n")
			}},
		"optional left out": {"-- control --\nC? FEAT\nS: 211 no\nC: PWD\nS: 257 x\nC? QUIT\nS: 221 bye\n",
			func(t *testing.T, _ *memnet.Network, conn net.Conn) {
				say(t, conn, "PWD\r\n")
				hear(t, conn, "257 x\r\n")
			}},
		"optional sent": {"-- control --\nC? QUIT\nS: 221 bye\nclose\n",
			func(t *testing.T, _ *memnet.Network, conn net.Conn) {
				say(t, conn, "QUIT\r\n")
				hear(t, conn, "221 bye\r\n")
				_, err := conn.Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF)
			}},
		"silence": {"-- control --\nC: LIST\nsilence\n",
			func(t *testing.T, _ *memnet.Network, conn net.Conn) {
				say(t, conn, "LIST\r\nABOR\r\n")
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Hour)))
				_, err := conn.Read(make([]byte, 1))
				require.ErrorContains(t, err, "timeout")
			}},
		"reset": {"-- control --\nreset\n",
			func(t *testing.T, _ *memnet.Network, conn net.Conn) {
				_, err := conn.Read(make([]byte, 1))
				require.ErrorContains(t, err, "reset")
			}},
	})
}

func TestDataLines(t *testing.T) {
	runPlayTests(t, map[string]playTest{
		"download": {"-- control --\nS: 227 ({pasv})\nD> \"ab\"\nwait 1h\nD> @rest\nS: 226 done\n-- rest --\ncd\n",
			func(t *testing.T, n *memnet.Network, conn net.Conn) {
				hear(t, conn, "227 (127,0,0,1,192,2)\r\n") // the third ephemeral port of the network
				data, err := n.DialContext(t.Context(), "tcp", "127.0.0.1:49154")
				require.NoError(t, err)
				hear(t, data, "abcd\n")
				_, err = data.Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF)
				data.Close()
				hear(t, conn, "226 done\r\n")
			}},
		"upload": {"-- control --\nS: 229 (|||{port}|)\nD< \"up\"\nS: 226 done\n",
			func(t *testing.T, n *memnet.Network, conn net.Conn) {
				hear(t, conn, "229 (|||49154|)\r\n")
				data, err := n.DialContext(t.Context(), "tcp", "127.0.0.1:49154")
				require.NoError(t, err)
				say(t, data, "up")
				data.Close()
				hear(t, conn, "226 done\r\n")
			}},
		"active": {"-- control --\nC: PORT *\nD close\nC: EPRT *\nD reset\nS: 226 done\n",
			func(t *testing.T, n *memnet.Network, conn net.Conn) {
				ln, err := n.Listen(t.Context(), "tcp", "127.0.0.1:2560")
				require.NoError(t, err)
				defer ln.Close()
				say(t, conn, "PORT 127,0,0,1,10,0\r\n")
				data, err := ln.Accept()
				require.NoError(t, err)
				_, err = data.Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF)
				data.Close()
				say(t, conn, "EPRT |1|127.0.0.1|2560|\r\n")
				data, err = ln.Accept()
				require.NoError(t, err)
				_, err = data.Read(make([]byte, 1))
				require.ErrorContains(t, err, "reset")
				data.Close()
				hear(t, conn, "226 done\r\n")
			}},
	})
}

func TestDepartures(t *testing.T) {
	sends := func(text string) func(t *testing.T, n *memnet.Network, conn net.Conn) {
		return func(t *testing.T, _ *memnet.Network, conn net.Conn) { say(t, conn, text) }
	}
	tests := map[string]struct {
		text   string
		client func(t *testing.T, n *memnet.Network, conn net.Conn)
		want   string
	}{
		"other command": {"-- control --\n# greeting\nC: USER a\nC: PASS *\n", sends("USER a\r\nEPSV\x1b\r\n"),
			"at line 4 (control connection 1):\n    C: USER a\n  - C: PASS *\n  + C: EPSV\\x1b"},
		"closed":        {"-- control --\nC: USER a\n", sends(""), "  - C: USER a\n  + (the client closed the connection: EOF)"},
		"bare LF":       {"-- control --\nC: USER a\n", sends("USER a\n"), `"USER a\n" does not end with CR LF`},
		"too much":      {"-- control --\nC: USER a\n", sends("USER a\r\nPASS b\r\n"), "- (the end of the dialogue)\n  + C: PASS b"},
		"not optional":  {"-- control --\nC? FEAT\nS: 211 no\n", sends("PWD\r\n"), "  - C? FEAT\n  + C: PWD"},
		"no data port":  {"-- control --\nD> \"x\"\n", func(*testing.T, *memnet.Network, net.Conn) {}, "needs a {pasv} or {port}"},
		"nobody came":   {"-- control --\nS: 229 (|||{port}|)\nD> \"x\"\n", sleeps, "+ (no data connection: "},
		"sends nothing": {"-- control --\nC: USER a\n", sleeps, "timeout"},
		"other upload": {"-- control --\nS: 229 (|||{port}|)\nD< \"abcd\"\n", func(t *testing.T, n *memnet.Network, conn net.Conn) {
			hear(t, conn, "229 (|||49154|)\r\n")
			data, err := n.DialContext(t.Context(), "tcp", "127.0.0.1:49154")
			require.NoError(t, err)
			say(t, data, "abX")
			data.Close()
		}, `D< of 3 bytes, from byte 2 on: "X" in place of "cd"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := play(t, test.text, func(n *memnet.Network, conn net.Conn) { test.client(t, n, conn) })
				require.ErrorContains(t, err, test.want)
			})
		})
	}
}

// sleeps outlasts the player's patience, in the time of the bubble.
func sleeps(*testing.T, *memnet.Network, net.Conn) { time.Sleep(time.Hour) }

func TestConnectionBeyondTheSections(t *testing.T) {
	d, err := dialogue.Parse("-- control --\nclose\n-- control 2 --\nclose\n")
	require.NoError(t, err)
	near, far := net.Pipe()
	defer near.Close()
	err = (&dialogue.Player{Dialogue: d}).Play(t.Context(), 3, far)
	require.ErrorContains(t, err, "connection 3 came")
	require.True(t, strings.HasPrefix(err.Error(), "dialogue: "))
}
