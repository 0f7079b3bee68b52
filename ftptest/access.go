package ftptest

import (
	"slices"
	"strings"
)

// greet sends the greeting, or turns the client away.
func (s *session) greet() {
	limit := s.config.Limits.SessionsReply
	switch {
	case s.full && !strings.HasPrefix(limit, "530"):
		s.reply(limit)
		s.hangUp()
		return
	case s.config.EndlessGreeting:
		s.greetForever()
		return
	}
	s.reply(s.config.Greeting)
	switch last := s.config.Greeting[strings.LastIndexByte(s.config.Greeting, '\n')+1:]; {
	case strings.HasPrefix(last, "230"):
		s.loggedIn, s.open = true, true
	case strings.HasPrefix(last, "4"), strings.HasPrefix(last, "5"):
		s.hangUp()
	}
}

// greetForever fills the connection until the client is gone.
func (s *session) greetForever() {
	chunk := []byte(strings.Repeat("220-Welcome, and there is more to say.\r\n", 100))
	for s.ctx.Err() == nil {
		if _, err := s.control.Write(chunk); err != nil {
			break
		}
	}
	s.quit.Store(true)
}

func (s *session) userName(name string) {
	s.reinitialise()
	s.user = name
	switch {
	case name == "":
		s.reply("501 USER needs a name.")
	case s.config.Login.NoPassword:
		s.admit()
	case s.anonymous():
		s.reply("331 Guest login, send your e-mail address as the password.")
	default:
		s.reply("331 Please give the password.")
	}
}

func (s *session) anonymous() bool {
	return !s.config.Login.NoAnonymous && (s.user == "anonymous" || s.user == "ftp")
}

func (s *session) password(password string) {
	want, known := s.config.Login.Users[s.user]
	switch {
	case s.loggedIn:
		s.reply("202 Already logged in.")
	case s.user == "":
		s.reply("503 Send USER first.")
	case s.full:
		s.reply(s.config.Limits.SessionsReply)
	case s.config.Login.Refuse != "":
		s.reply(s.config.Login.Refuse)
	case !s.anonymous() && (!known || want != password):
		s.user = ""
		s.reply("530 Login incorrect.")
	case s.config.Login.Account != "":
		s.needAccount = true
		s.reply("332 Please give the account.")
	default:
		s.admit()
	}
}

func (s *session) account(account string) {
	switch {
	case s.needAccount && account == s.config.Login.Account:
		s.needAccount = false
		s.admit()
	case s.needAccount:
		s.reply("530 Account unknown.")
	case s.loggedIn:
		s.reply("202 No account is needed.")
	default:
		s.reply("503 Send USER and PASS first.")
	}
}

func (s *session) admit() {
	s.loggedIn = true
	s.reply("230 Logged in.")
}

func (s *session) rein(string) {
	s.reinitialise()
	s.reply("220 Ready for a new user.")
}

func (s *session) quitCommand(string) {
	s.reply("221 Goodbye.")
	s.hangUp()
}

func (s *session) host(name string) {
	if name == "" {
		s.reply("501 HOST needs a name.")
		return
	}
	if s.loggedIn {
		s.reply("503 HOST comes before the login.")
		return
	}
	s.reply("220 Host accepted.")
}

func (s *session) system(string) { s.reply("215 " + s.config.System) }

func (s *session) noop(string) { s.reply("200 OK.") }

func (s *session) help(string) {
	var verbs []string
	for verb := range s.server.verbs {
		if s.offers(verb) {
			verbs = append(verbs, verb)
		}
	}
	slices.Sort(verbs)
	text := "214-Commands:"
	for line := range slices.Chunk(verbs, 10) {
		text += "\n " + strings.Join(line, " ")
	}
	s.reply(text + "\n214 End of the list.")
}

// offers reports whether a verb may be advertised.
func (s *session) offers(verb string) bool {
	_, disabled := s.config.Disable[verb]
	switch verb {
	case "AUTH":
		return s.config.TLS != nil && !s.config.TLS.Implicit && !disabled
	case "CCC", "PBSZ", "PROT":
		return s.config.TLS != nil && !disabled
	case "PRET":
		return s.config.PRET && !disabled
	case "MLSD", "MLST":
		return !s.config.Dialect.NoMLSD && !disabled
	}
	_, known := s.server.verbs[verb]
	return known && !disabled
}
