package dialogue

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Network is where data connections are made.
type Network interface {
	Listen(ctx context.Context, network, address string) (net.Listener, error)
	DialFrom(ctx context.Context, local netip.AddrPort, network, address string) (net.Conn, error)
}

// Player plays dialogues to clients.
type Player struct {
	Dialogue *Dialogue
	Network  Network
	Patience time.Duration     // how long the client may take for one line or one data connection; zero means 30 seconds
	Heard    func(line string) // called with every command line; may be nil
}

const defaultPatience = 30 * time.Second

// Controls returns how many control sections the dialogue has.
func (p *Player) Controls() int { return len(p.Dialogue.controls) }

// Play plays the dialogue to the nth control connection, the first being 1, and closes it. It returns an error that shows the
// place, if the client departed from the dialogue. When the context ends, so does the play; where only the client's closing
// was missing that is not an error.
func (p *Player) Play(ctx context.Context, n int, conn net.Conn) error {
	steps := p.Dialogue.controls[0]
	if count := len(p.Dialogue.controls); count > 1 {
		if n > count {
			_ = conn.Close()
			return fmt.Errorf("dialogue: connection %d came, and there are %d control sections", n, count)
		}
		steps = p.Dialogue.controls[n-1]
	}
	play := &play{player: p, ctx: ctx, number: n, conn: conn, in: bufio.NewReaderSize(conn, maxLine), steps: steps}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	defer play.dropData()
	return play.run()
}

// maxLine bounds a command line.
const maxLine = 8192

// play is one connection's way through its section.
type play struct {
	player *Player
	ctx    context.Context //nolint:containedctx // ends with the play
	number int
	conn   net.Conn
	in     *bufio.Reader
	steps  []step
	at     int
	held   *string // a line that was read, and did not match an optional step

	listener net.Listener
	target   string // of PORT or EPRT
	data     net.Conn
}

func (p *play) run() error {
	for ; p.at < len(p.steps); p.at++ {
		st := p.steps[p.at]
		if !st.keepsData() {
			p.closeData()
		}
		done, err := p.perform(st)
		if done || err != nil {
			return err
		}
	}
	p.closeData()
	return p.ending()
}

// perform carries a step out; done is the end of the play.
func (p *play) perform(st step) (done bool, err error) {
	switch st.kind {
	case expect, expectMaybe:
		return p.expect(st)
	case say:
		return false, p.say(st)
	case dataSend:
		return false, p.sendData(st)
	case dataExpect:
		return false, p.expectData(st)
	case dataClose:
		return false, p.endData(false)
	case dataReset:
		return false, p.endData(true)
	case wait:
		timer := time.NewTimer(st.pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.ctx.Done():
		}
		return false, nil
	case silence:
		_ = p.conn.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, p.in) // until the client, or the end of the play, closes
		return true, nil
	case resetControl:
		reset(p.conn)
		return true, nil
	}
	return true, p.conn.Close()
}

// expect hears one command. An optional one may be passed over, together with what follows up to the next.
func (p *play) expect(st step) (done bool, err error) {
	patience := p.patience()
	if st.kind == expectMaybe {
		patience = 0 // it may be the last thing, and never come
	}
	line, err := p.hear(patience)
	if st.kind == expectMaybe && err != nil && (errors.Is(err, io.EOF) || p.ctx.Err() != nil) {
		return true, nil
	}
	if err != nil {
		return false, p.departure("C: "+st.text, "("+err.Error()+")")
	}
	if st.matches(line) {
		p.noteTarget(line)
		return false, nil
	}
	if st.kind == expect {
		return false, p.departure("", "C: "+line)
	}
	for next := p.at + 1; next < len(p.steps); next++ {
		if k := p.steps[next].kind; k == expect || k == expectMaybe {
			p.at, p.held = next-1, &line
			return false, nil
		}
	}
	return false, p.departure("", "C: "+line)
}

// hear reads one command line, which must end with CR LF. It waits for so long, or with 0 for ever.
func (p *play) hear(patience time.Duration) (string, error) {
	if p.held != nil {
		line := *p.held
		p.held = nil
		return line, nil
	}
	deadline := time.Time{}
	if patience > 0 {
		deadline = time.Now().Add(patience)
	}
	if err := p.conn.SetReadDeadline(deadline); err != nil {
		return "", err
	}
	text, err := p.in.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF) && len(text) == 0:
		return "", fmt.Errorf("the client closed the connection: %w", io.EOF)
	case err != nil:
		return "", fmt.Errorf("after %q: %w", text, err)
	}
	line, ok := strings.CutSuffix(string(text), "\r\n")
	if !ok {
		return "", fmt.Errorf("%q does not end with CR LF", text)
	}
	if p.player.Heard != nil {
		p.player.Heard(line)
	}
	return line, nil
}

func (p *play) patience() time.Duration {
	if p.player.Patience > 0 {
		return p.player.Patience
	}
	return defaultPatience
}

func (p *play) say(st step) error {
	text := st.text
	if !st.raw {
		filled, err := p.fill(text)
		if err != nil {
			return err
		}
		text = filled + "\r\n"
	}
	if _, err := io.WriteString(p.conn, text); err != nil {
		return p.departure("", "(the client is gone: "+err.Error()+")")
	}
	return nil
}

// ending waits for the client to close; another command is one too many.
func (p *play) ending() error {
	if err := p.conn.SetReadDeadline(time.Time{}); err != nil {
		return nil // closed by the end of the play
	}
	text, err := p.in.ReadSlice('\n')
	if len(text) == 0 || err != nil {
		return nil
	}
	return p.departure("(the end of the dialogue)", "C: "+strings.TrimRight(string(text), "\r\n"))
}

// shown is how many lines before a departure are shown.
const shown = 8

// departure describes where the client left the dialogue: the lines before, what was expected and what came.
func (p *play) departure(want, got string) error {
	var b strings.Builder
	at := min(p.at, len(p.steps))
	line := 0
	if at < len(p.steps) {
		line = p.steps[at].line
		want = p.steps[at].source
	} else if at > 0 {
		line = p.steps[at-1].line
	}
	fmt.Fprintf(&b, "the client departs from the dialogue at line %d (control connection %d):\n", line, p.number)
	for _, st := range p.steps[max(0, at-shown):at] {
		fmt.Fprintf(&b, "    %s\n", st.source)
	}
	fmt.Fprintf(&b, "  - %s\n  + %s", want, printable(got))
	return errors.New(b.String())
}

// printable keeps control bytes out of the test's output.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			fmt.Fprintf(&b, `\x%02x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
