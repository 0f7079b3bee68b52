package ftptest

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// session is one control connection. One goroutine, run, owns it; a second one reads command lines ahead, so that ABOR is
// seen during a transfer, and a transfer has a goroutine of its own, which run waits for.
type session struct {
	server *Server
	config *Config
	tree   *Tree
	id     int
	full   bool // one session too many

	raw     net.Conn      // the TCP connection, for its end
	clear   *bufio.Reader // reads from it, beneath TLS too
	control net.Conn      // what replies travel on
	in      *bufio.Reader // what commands are read from
	secure  *tls.Conn     // nil while the control connection is in clear
	local   netip.AddrPort
	remote  netip.AddrPort
	ctx     context.Context //nolint:containedctx // ends with the control connection
	cancel  context.CancelFunc
	lines   chan string        // command lines read ahead; closed when the client is gone
	resume  chan *bufio.Reader // lets the reader go on after AUTH and CCC

	writing sync.Mutex // one reply at a time: a transfer and ABOR both send
	quiet   atomic.Bool

	pending []string // lines put aside during a transfer
	quit    atomic.Bool

	open      bool // the greeting was a 230
	sized     bool // PBSZ was given
	protected bool // PROT P was given
	family    int  // the control connection whose TLS session this one has; its own, unless it resumed

	user        string
	loggedIn    bool
	needAccount bool
	cwd         string
	ascii       bool
	restart     int64
	renameFrom  string
	prepared    bool // PRET was given
	epsvAll     bool
	facts       map[string]bool // facts that MLSD and MLST give
	data        *dataPlan
}

func newSession(s *Server, conn net.Conn, id int, full bool) *session {
	ctx, cancel := context.WithCancel(s.ctx)
	session := &session{
		server: s, config: &s.config, tree: s.config.Tree, id: id, full: full,
		raw: conn, control: conn, clear: bufio.NewReader(conn), ctx: ctx, cancel: cancel,
		lines: make(chan string, maxPending), resume: make(chan *bufio.Reader, 1),
		local: addrPort(conn.LocalAddr()), remote: addrPort(conn.RemoteAddr()),
	}
	session.in = session.clear
	session.protected = session.implicit()
	session.reinitialise()
	return session
}

func (s *session) implicit() bool { return s.config.TLS != nil && s.config.TLS.Implicit }

// reinitialise is the state of a session before USER.
func (s *session) reinitialise() {
	s.user, s.loggedIn, s.needAccount = "", false, false
	s.cwd, s.ascii, s.restart, s.renameFrom = "/", !s.config.Dialect.StartAsBinary, 0, ""
	s.prepared, s.epsvAll = false, false
	s.facts = allFacts()
	s.dropData()
}

// run is the life of a session.
func (s *session) run() {
	defer s.server.forget(s)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer s.end()
	keepUrgentInline(s.raw)
	if s.implicit() && !s.secureControl() {
		return
	}
	first := s.in
	reader.Go(func() { s.readLines(first) })
	s.perform("greeting", s.greet)
	for !s.quit.Load() {
		line, ok := s.nextLine()
		if !ok {
			return
		}
		s.dispatch(line)
	}
}

func (s *session) end() {
	s.cancel()
	s.dropData()
	_ = s.raw.Close()
}

// hangUp ends the control connection in an orderly way.
func (s *session) hangUp() {
	s.quit.Store(true)
	_ = s.control.Close()
}

// nextLine waits for a command, within the idle limit.
func (s *session) nextLine() (string, bool) {
	if len(s.pending) > 0 {
		line := s.pending[0]
		s.pending = s.pending[1:]
		return line, true
	}
	var idle <-chan time.Time
	if limit := s.config.Limits.Idle; limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		idle = timer.C
	}
	select {
	case line, ok := <-s.lines:
		return line, ok
	case <-idle:
		s.reply("421 Idle for too long, closing.")
		s.hangUp()
	case <-s.ctx.Done():
	}
	return "", false
}

// command is a verb of the protocol.
type command struct {
	run   func(s *session, arg string)
	login bool // only after the login
	tls   bool // only of a server that has TLS
}

// dispatch carries one command line out.
func (s *session) dispatch(line string) {
	verb, arg, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	s.perform(verb, func() { s.obey(verb, arg) })
	if changesLayer(line) {
		s.resume <- s.in
	}
}

func (s *session) obey(verb, arg string) {
	cmd, known := s.server.verbs[verb]
	refusal, disabled := s.config.Disable[verb]
	switch {
	case verb == tooLong:
		s.reply("500 Command line too long.")
	case disabled:
		s.reply(orDefault(refusal, "502 Command not implemented."))
	case !known:
		s.reply("500 Unknown command.")
	case cmd.tls && s.config.TLS == nil:
		s.reply("502 This server has no TLS.")
	case cmd.login && !s.loggedIn:
		s.reply("530 Please log in with USER and PASS.")
	case s.clearRefusal(verb) != "":
		s.reply(s.clearRefusal(verb))
	default:
		cmd.run(s, arg)
		s.settle(verb)
	}
}

// settle drops the state that lasts for one command: RNFR must be followed by RNTO, REST by a transfer.
func (s *session) settle(verb string) {
	if verb != "RNFR" {
		s.renameFrom = ""
	}
	switch verb {
	case "REST", "PASV", "EPSV", "PORT", "EPRT", "PRET", "TYPE", "NOOP":
	default:
		s.restart = 0
	}
}

// commands is the table of verbs.
func commands() map[string]command {
	table := map[string]command{
		"USER": {run: (*session).userName}, "PASS": {run: (*session).password}, "ACCT": {run: (*session).account},
		"REIN": {run: (*session).rein}, "QUIT": {run: (*session).quitCommand}, "HOST": {run: (*session).host},
		"SYST": {run: (*session).system}, "FEAT": {run: (*session).features}, "OPTS": {run: (*session).options},
		"NOOP": {run: (*session).noop}, "HELP": {run: (*session).help},
		"AUTH": {run: (*session).auth, tls: true}, "CCC": {run: (*session).ccc, tls: true},
		"PBSZ": {run: (*session).bufferSize, tls: true}, "PROT": {run: (*session).protection, tls: true},
	}
	for verb, run := range map[string]func(*session, string){
		"TYPE": (*session).typeCommand, "STRU": (*session).structure, "MODE": (*session).mode, "STAT": (*session).stat,
		"PWD": (*session).pwd, "XPWD": (*session).pwd, "CWD": (*session).changeDir, "XCWD": (*session).changeDir,
		"CDUP": (*session).cdup, "XCUP": (*session).cdup, "MKD": (*session).mkd, "XMKD": (*session).mkd,
		"RMD": (*session).rmd, "XRMD": (*session).rmd, "DELE": (*session).dele, "RNFR": (*session).rnfr,
		"RNTO": (*session).rnto, "SITE": (*session).site, "SIZE": (*session).size, "MDTM": (*session).mdtm,
		"MFMT": (*session).mfmt, "MLST": (*session).mlst, "REST": (*session).rest, "RETR": (*session).retr,
		"STOR": (*session).stor, "APPE": (*session).appe, "STOU": (*session).stou, "LIST": (*session).list,
		"NLST": (*session).nlst, "MLSD": (*session).mlsd, "ABOR": (*session).abor, "ALLO": (*session).allo,
		"PASV": (*session).pasv, "EPSV": (*session).epsv, "PORT": (*session).port, "EPRT": (*session).eprt,
		"PRET": (*session).pret,
	} {
		table[verb] = command{run: run, login: true}
	}
	return table
}
