package ftp_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// serve starts a server on a loopback port, or on config.Network.
func serve(t testing.TB, config ftptest.Config) *ftptest.Server {
	t.Helper()
	srv := ftptest.NewUnstartedServer(t)
	tree := srv.Tree
	srv.Config = config
	if config.Tree == nil {
		srv.Config.Tree = tree
	}
	srv.Start()
	return srv
}

// dial logs in; the client is closed with the test.
func dial(t testing.TB, addr string, opts *ftp.Options) *ftp.Client {
	t.Helper()
	c, err := ftp.Dial(t.Context(), addr, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// session is a server and a client that is logged in to it. Of options without
// a dial hook and a server in memory, the hook is filled in.
func session(t testing.TB, config ftptest.Config, opts *ftp.Options) (*ftp.Client, *ftptest.Server) {
	t.Helper()
	srv := serve(t, config)
	if network, ok := config.Network.(*memnet.Network); ok {
		opts = dialling(network, opts)
	}
	return dial(t, srv.Addr, opts), srv
}

// scripted is a client that is logged in to a server which plays a dialogue.
func scripted(t testing.TB, script string) (*ftp.Client, *ftptest.ScriptServer) {
	t.Helper()
	srv := ftptest.Script(t, script)
	return dial(t, srv.Addr, nil), srv
}

// welcome is the begin of a dialogue, up to the end of Dial, with a server that
// has no FEAT.
const welcome = `
-- control --
S: 220 ready
C: USER anonymous
S: 230 in
C: FEAT
S: 500 what?
C: TYPE I
S: 200 ok
`

// goodbye is the end of a dialogue.
const goodbye = `
C? QUIT
S: 221 bye
`

// dialling is opts with every connection made in a network that lives in memory.
func dialling(network *memnet.Network, opts *ftp.Options) *ftp.Options {
	var o ftp.Options
	if opts != nil {
		o = *opts
	}
	if o.DialContext == nil {
		o.DialContext = network.DialContext
	}
	if o.Active.ListenFunc == nil {
		o.Active.ListenFunc = network.Listen
	}
	return &o
}

// inMemory runs a test in a bubble where waiting takes no time.
func inMemory(t *testing.T, test func(t *testing.T, network *memnet.Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, memnet.New()) })
}

// put makes a file of the server.
func put(t testing.TB, srv *ftptest.Server, name string, data []byte) {
	t.Helper()
	require.NoError(t, srv.Tree.WriteFile(name, data))
}

// stored is what the server has in a file.
func stored(t testing.TB, srv *ftptest.Server, name string) []byte {
	t.Helper()
	data, err := srv.Tree.ReadFile(name)
	require.NoError(t, err)
	return data
}

// noise is n bytes that depend on the seed alone; no two seeds share a part.
func noise(seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// commander is a server that notes what it was told.
type commander interface{ Commands() []string }

// sent returns the command lines with one of the verbs, in order.
func sent(srv commander, verbs ...string) []string {
	var lines []string
	for _, line := range srv.Commands() {
		for _, verb := range verbs {
			if line == verb || strings.HasPrefix(line, verb+" ") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// retrieve downloads a file into memory.
func retrieve(t testing.TB, c *ftp.Client, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	_, err := c.Retrieve(t.Context(), name, &buf)
	require.NoError(t, err)
	return buf.Bytes()
}

// store uploads a file from memory.
func store(t testing.TB, c *ftp.Client, name string, data []byte) {
	t.Helper()
	_, err := c.Store(t.Context(), name, bytes.NewReader(data))
	require.NoError(t, err)
}

// listed returns the names in a directory, in the order of the listing.
func listed(t testing.TB, c *ftp.Client, dir string) []string {
	t.Helper()
	found := []string{}
	for e, err := range c.List(t.Context(), dir) {
		require.NoError(t, err)
		found = append(found, e.Name())
	}
	return found
}

// aliveFile and aliveData are what requireAlive downloads.
const (
	aliveFile = "/alive/probe.bin"
	aliveData = "still in step"
)

// requireAlive fails unless the session is in step: a command, a listing and a
// download each give their own answer. The tree must hold aliveFile.
func requireAlive(t testing.TB, c *ftp.Client) {
	t.Helper()
	dir, err := c.CurrentDir(t.Context())
	require.NoError(t, err)
	require.Equal(t, "/", dir)
	require.Equal(t, []string{"probe.bin"}, listed(t, c, "/alive"))
	require.Equal(t, aliveData, string(retrieve(t, c, aliveFile)))
}

// requireAliveOrBroken is requireAlive for a session that may have broken, as
// long as it says so.
func requireAliveOrBroken(t testing.TB, c *ftp.Client) {
	t.Helper()
	if err := c.NoOp(t.Context()); err != nil {
		require.ErrorIs(t, err, ftp.ErrBroken)
		return
	}
	requireAlive(t, c)
}

// bounded fails the test, with every stack, where f takes longer than limit: a
// hang is reported in time to tell where.
func bounded(t testing.TB, limit time.Duration, f func()) {
	t.Helper()
	timer := time.AfterFunc(limit, func() {
		buf := make([]byte, 1<<20)
		panic("not over within " + limit.String() + "\n" + string(buf[:runtime.Stack(buf, true)]))
	})
	defer timer.Stop()
	f()
}

// recorder notes what a Trace is told.
type recorder struct {
	mu        sync.Mutex
	dials     []ftp.DialEvent
	commands  []ftp.CommandEvent
	replies   []ftp.ReplyEvent
	rungs     []ftp.Rung
	notices   []ftp.Notice
	transfers []ftp.TransferEvent
	order     []string // one word or two for each event
}

func (r *recorder) trace() *ftp.Trace {
	return &ftp.Trace{
		Dial: func(e ftp.DialEvent) {
			r.note(func() { r.dials = append(r.dials, e) }, "dial "+e.Purpose.String())
		},
		Command: func(e ftp.CommandEvent) {
			verb, _, _ := strings.Cut(e.Line, " ")
			r.note(func() { r.commands = append(r.commands, e) }, "command "+verb)
		},
		Reply: func(e ftp.ReplyEvent) {
			r.note(func() { r.replies = append(r.replies, e) }, "reply "+e.Reply.String()[:3])
		},
		Rung:   func(e ftp.Rung) { r.note(func() { r.rungs = append(r.rungs, e) }, "rung "+string(e.Method)) },
		Notice: func(e ftp.Notice) { r.note(func() { r.notices = append(r.notices, e) }, "notice") },
		Transfer: func(e ftp.TransferEvent) {
			r.note(func() { r.transfers = append(r.transfers, e) }, "transfer")
		},
	}
}

func (r *recorder) note(keep func(), what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keep()
	r.order = append(r.order, what)
}

// events returns what happened so far, in order, as words.
func (r *recorder) events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.order...)
}

// noticeTexts returns the sentences of the notices.
func (r *recorder) noticeTexts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var texts []string
	for _, n := range r.notices {
		texts = append(texts, n.Text)
	}
	return texts
}

// cancelAt returns a context and a trace that cancels it at the nth event, from
// 0; count tells how many events there were.
func cancelAt(parent context.Context, nth int) (ctx context.Context, trace *ftp.Trace, count func() int) {
	ctx, cancel := context.WithCancelCause(parent)
	var mu sync.Mutex
	seen := 0
	event := func() {
		mu.Lock()
		defer mu.Unlock()
		if seen == nth {
			cancel(errCancelled)
		}
		seen++
	}
	trace = &ftp.Trace{
		Dial:     func(ftp.DialEvent) { event() },
		Command:  func(ftp.CommandEvent) { event() },
		Reply:    func(ftp.ReplyEvent) { event() },
		Rung:     func(ftp.Rung) { event() },
		Notice:   func(ftp.Notice) { event() },
		Transfer: func(ftp.TransferEvent) { event() },
	}
	return ctx, trace, func() int {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

// cancelled is a context that ends, with errCancelled, when cancel is called.
func cancelled(t testing.TB) (ctx context.Context, cancel func()) {
	ctx, end := context.WithCancelCause(t.Context())
	return ctx, func() { end(errCancelled) }
}

// errCancelled is the cause that a cancelled call must return.
var errCancelled = causeError("the test gave up")

type causeError string

func (e causeError) Error() string { return string(e) }

// writeFunc is an io.Writer.
type writeFunc func(p []byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// readFunc is an io.Reader.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// puppet is a server that says what a test tells it to, for what no file system
// can hold. It lives in memory, but not in a bubble.
type puppet struct {
	features []string                             // of FEAT
	replies  map[string]string                    // by verb; verbs that are not here get a friendly one
	data     func(verb, arg string) io.Reader     // what a listing or download carries
	reply    func(verb, arg string) (text string) // where not empty, goes before replies

	forgetful bool // does not keep the commands

	mu       sync.Mutex
	commands []string
}

// Commands returns every command line received so far.
func (p *puppet) Commands() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.commands...)
}

// dial starts the puppet and logs in to it.
func (p *puppet) dial(t testing.TB, opts *ftp.Options) *ftp.Client {
	t.Helper()
	c, err := p.tryDial(t, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func (p *puppet) tryDial(t testing.TB, opts *ftp.Options) (*ftp.Client, error) {
	t.Helper()
	network := memnet.New()
	control, err := network.Listen(t.Context(), "tcp", "192.0.2.1:21")
	require.NoError(t, err)
	data, err := network.Listen(t.Context(), "tcp", "192.0.2.1:1021")
	require.NoError(t, err)
	var work sync.WaitGroup
	over, end := context.WithCancel(context.Background())
	t.Cleanup(func() {
		end()
		_ = control.Close()
		_ = data.Close()
		work.Wait()
	})
	work.Go(func() {
		for {
			conn, err := control.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer context.AfterFunc(over, func() { _ = conn.Close() })()
				p.serve(conn, data)
			})
		}
	})
	return ftp.Dial(t.Context(), "192.0.2.1:21", dialling(network, opts))
}

func (p *puppet) serve(conn net.Conn, data net.Listener) {
	defer conn.Close()
	say := func(text string) bool {
		_, err := io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
		return err == nil
	}
	if !say(cmp.Or(p.replies["greeting"], "220 ready")) {
		return
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if !p.forgetful {
			p.mu.Lock()
			p.commands = append(p.commands, line)
			p.mu.Unlock()
		}
		verb, arg, _ := strings.Cut(line, " ")
		ok := false
		switch verb {
		case "MLSD", "LIST", "NLST", "RETR", "STOR", "APPE", "STOU":
			ok = p.transfer(verb, arg, data, say)
		default:
			ok = say(p.answer(verb, arg))
		}
		if !ok {
			return
		}
	}
}

func (p *puppet) answer(verb, arg string) string {
	if p.reply != nil {
		if text := p.reply(verb, arg); text != "" {
			return text
		}
	}
	if text := p.replies[verb]; text != "" {
		return text
	}
	switch verb {
	case "USER":
		return "230 in"
	case "FEAT":
		return "211-Features:\n " + strings.Join(p.features, "\n ") + "\n211 End"
	case "EPSV":
		return "229 (|||1021|)"
	case "PWD":
		return `257 "/"`
	case "RNFR":
		return "350 go on"
	case "QUIT":
		return "221 bye"
	}
	return "250 done"
}

func (p *puppet) transfer(verb, arg string, listener net.Listener, say func(string) bool) bool {
	conn, err := listener.Accept()
	if err != nil {
		return false
	}
	defer conn.Close()
	if refusal := p.answer(verb, arg); refusal[0] >= '4' {
		return say(refusal)
	}
	if !say("150 here it comes") {
		return false
	}
	var failed error
	if p.data != nil {
		_, failed = io.Copy(conn, p.data(verb, arg))
	} else {
		_, failed = io.Copy(io.Discard, conn)
	}
	if failed != nil {
		return say("426 broken off")
	}
	_ = conn.Close()
	return say("226 done")
}

// raceDetector tells whether the test was built with -race, which makes work on
// long strings many times slower.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
