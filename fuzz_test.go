package ftp_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/internal/memnet"
)

// separator parts what a hostile server says: one part a command line.
const separator = "\x00"

// adversary is a server whose every byte a fuzzer has chosen. The first part of
// control is the greeting; each command line is answered with the next part,
// whatever it was. After the last part the connection ends, unless mute is set.
type adversary struct {
	control, data string
	mute          bool
}

func (h adversary) serveControl(conn net.Conn) {
	defer conn.Close()
	commands := bufio.NewReader(conn)
	for part := range strings.SplitSeq(h.control, separator) {
		if _, err := io.WriteString(conn, part); err != nil {
			return
		}
		if _, err := commands.ReadSlice('\n'); err != nil {
			return
		}
	}
	if h.mute {
		_, _ = io.Copy(io.Discard, commands)
	}
}

// start returns a dial hook whose connections all lead to the server, and a
// function that waits for its end.
func (h adversary) start(network *memnet.Network) (dial func(context.Context, string, string) (net.Conn, error), end func()) {
	control, err := network.Listen(context.Background(), "tcp", "192.0.2.1:21")
	if err != nil {
		panic(err)
	}
	data, err := network.Listen(context.Background(), "tcp", "192.0.2.1:1021")
	if err != nil {
		panic(err)
	}
	over := make(chan struct{}, 2)
	accept := func(ln net.Listener, serve func(net.Conn)) {
		defer func() { over <- struct{}{} }()
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}
	go accept(control, h.serveControl)
	go accept(data, func(conn net.Conn) {
		_, _ = io.WriteString(conn, h.data)
		_ = conn.Close()
	})
	dial = func(ctx context.Context, network2, _ string) (net.Conn, error) {
		address := "192.0.2.1:21"
		if ftp.ConnPurpose(ctx) == ftp.PurposeData {
			address = "192.0.2.1:1021"
		}
		return network.DialContext(ctx, network2, address)
	}
	return dial, func() {
		_ = control.Close()
		_ = data.Close()
		<-over
		<-over
	}
}

// answers joins replies as an adversary wants them.
func answers(replies ...string) string {
	return strings.Join(replies, "\r\n"+separator) + "\r\n"
}

// FuzzSession logs in to a hostile server, lists and downloads: it must come to
// an end, with an error or without, in bounded time and memory.
func FuzzSession(f *testing.F) {
	begin := []string{"220 ready", "230 in", "211-\r\n MLST type*;\r\n211 end", "200 binary"}
	transfer := []string{"229 (|||1021|)", "150 here\r\n226 done"}
	whole := answers(append(append(append(begin, transfer...), transfer...), "221 bye")...)
	listing := "type=file;size=3; a\r\ntype=dir; b\r\n"
	f.Add(whole, listing, false)
	f.Add(whole, "-rw-r--r-- 1 o g 5 Jan 02 2020 a\r\ntotal 5\r\n\r\ngarbage\x00\xff", true)
	f.Add(answers("220 ready", "331 password", "332 account", "230 in", "500 no", "200 ok", "227 (192,0,2,1,3,253)", "150 x (99 bytes)\r\n426 cut", "226 aborted"), "abc", true)
	f.Add(answers("120 soon\r\n120 soon", "230 in", "211 none", "200 ok", "522 use (1,2)", "229 (|||1021|)", "150 a\r\n150 b\r\n451 no"), "", false)
	f.Add(answers("220 ready", "230 in", "211 none", "200 ok", "229 (|||0|)", "227 =0,0,0,0,0,0", "425 no", "421 bye"), listing, true)
	f.Add("230-\r\n230 \r\n"+separator+"\xff\xf1\xff\xfb\r\n", "", true)
	f.Add("", "", true)
	f.Add(strings.Repeat(separator, 30), strings.Repeat("\n", 100), false)
	f.Fuzz(func(t *testing.T, control, data string, mute bool) {
		if len(control) > 16<<10 || len(data) > 64<<10 {
			t.Skip("the limits have tests of their own")
		}
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			visit(t, adversary{control, data, mute})
			if took := time.Since(begun); took > time.Hour {
				t.Errorf("the session took %v", took)
			}
		})
	})
}

// visit is a session with a hostile server. That it ends is what is tested; and
// that no download passes for a success whose server said otherwise.
func visit(t *testing.T, h adversary) {
	dial, end := h.start(memnet.New())
	defer end()
	c, err := ftp.Dial(t.Context(), "192.0.2.1", &ftp.Options{DialContext: dial})
	if err != nil {
		if c != nil {
			t.Error("a client beside an error")
		}
		return
	}
	defer c.Close()
	entries := 0
	for e, err := range c.List(t.Context(), "/d") {
		if err == nil && (e.Name() == "" || e.Name() == "." || e.Name() == "..") {
			t.Errorf("entry named %q", e.Name())
		}
		if entries++; entries > len(h.data)+10 {
			t.Fatal("more entries than bytes")
		}
	}
	var got bytes.Buffer
	result, err := c.Retrieve(t.Context(), "/f", &got)
	if err == nil && result.Reply.Code/100 != 2 {
		t.Errorf("a download that the server ended with %v", result.Reply)
	}
	if !strings.HasPrefix(h.data, got.String()) {
		t.Errorf("downloaded %q, sent was %q", got.String(), h.data)
	}
	_, _ = c.Stat(t.Context(), "/f")
	_, _ = c.CurrentDir(t.Context())
}
