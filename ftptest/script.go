package ftptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/dualport/ftp/internal/dialogue"
)

// ScriptServer is a server that follows a written dialogue. Make one with Script, ScriptFile or ScriptOn.
type ScriptServer struct {
	Addr string // "127.0.0.1:41234"
	URL  string // "ftp://127.0.0.1:41234"

	dialogue *dialogue.Dialogue
	player   *dialogue.Player
	listener net.Listener
	cancel   context.CancelFunc
	work     sync.WaitGroup
	done     sync.Once

	mu       sync.Mutex
	played   int
	commands []string
	failures []error
}

// Script starts a server that plays the dialogue to every client that connects, and fails the test, when it ends, with what
// was expected and what came, if a client departed from the dialogue or did not come to its end.
//
// A dialogue is a text in sections; the section "control" is the control connection:
//
//	speaks like a server that knows no EPSV
//	-- control --
//	S: 220 ready
//	C: USER anonymous
//	S: 230 in
//	C: EPSV
//	S: 500 what?
//	C: PASV
//	S: 227 ok ({pasv})
//	C: RETR a.txt
//	S: 150 here it comes
//	D> @a.txt
//	S: 226 done
//	C? QUIT
//	S: 221 bye
//	-- a.txt --
//	hello
//
// C: is what the client must send, where a trailing * stands for anything; C? what it may send; C! the same as a Go string.
// S: is what the server says, where {pasv} and {port} open a port and stand for it; S! the same as a Go string, with no line
// end added. D> and D< are what passes over the data connection, "a Go string" or @section, from and to the server; it ends
// with the first line that is not D, or with "D close" or "D reset". Further lines are "wait 5s", "silence" (nothing more
// until the client closes), "close", "reset" and "# a remark". If there are sections "control 2", "control 3" and so on, the
// nth connection plays the nth. All other sections are for the test to read, with Section.
func Script(t TB, text string) *ScriptServer {
	t.Helper()
	return ScriptOn(t, nil, text)
}

// ScriptFile is Script with the dialogue in a file.
func ScriptFile(t TB, name string) *ScriptServer {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("ftptest: read the dialogue: %v", err)
	}
	return ScriptOn(t, nil, string(text))
}

// ScriptOn is Script on another network than the host's, which nil stands for.
func ScriptOn(t TB, network Network, text string) *ScriptServer {
	t.Helper()
	s, err := startScript(network, text)
	if err != nil {
		t.Fatalf("ftptest: %v", err)
	}
	t.Cleanup(func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatalf("ftptest: %v", err)
		}
	})
	return s
}

func startScript(network Network, text string) (*ScriptServer, error) {
	parsed, err := dialogue.Parse(text)
	if err != nil {
		return nil, err
	}
	if network == nil {
		network = hostNetwork{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ln, err := network.Listen(ctx, "tcp", defaultAddr)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("listen for control connections: %w", err)
	}
	s := &ScriptServer{Addr: ln.Addr().String(), dialogue: parsed, listener: ln, cancel: cancel}
	s.URL = "ftp://" + s.Addr
	s.player = &dialogue.Player{Dialogue: parsed, Network: network, Heard: s.heard}
	s.work.Go(func() { s.accept(ctx) })
	return s, nil
}

func (s *ScriptServer) accept(ctx context.Context) {
	for n := 1; ; n++ {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		keepUrgentInline(conn)
		s.mu.Lock()
		s.played = n
		s.mu.Unlock()
		s.work.Go(func() {
			if err := s.player.Play(ctx, n, conn); err != nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.failures = append(s.failures, err)
			}
		})
	}
}

func (s *ScriptServer) heard(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, line)
}

// Commands returns every command line received so far.
func (s *ScriptServer) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Section returns a section of the dialogue, and whether it has one of that name.
func (s *ScriptServer) Section(name string) (text string, ok bool) { return s.dialogue.Section(name) }

// grace is how long Close waits for clients that have closed already to be noticed.
const grace = time.Second

// Close ends the server and returns how the clients departed from the dialogue, or nil; every further call returns the same.
// Close the client first: a play that is not over within a second is ended, and counts as a departure unless it was at the
// dialogue's end.
func (s *ScriptServer) Close() error {
	s.done.Do(func() {
		_ = s.listener.Close()
		timer := time.AfterFunc(grace, s.cancel)
		s.work.Wait()
		timer.Stop()
		s.cancel()
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := slices.Clone(s.failures)
	if s.played == 0 {
		errs = append(errs, errors.New("the dialogue was never played: no client connected"))
	} else if sections := s.player.Controls(); s.played < sections && sections > 1 {
		errs = append(errs, fmt.Errorf("%d of %d control sections were played", s.played, sections))
	}
	return errors.Join(errs...)
}
