package ftptest

import "strings"

// factNames are the facts of RFC 3659 section 7.5 that the server knows, in the order in which it gives them.
func factNames() []string {
	return []string{"type", "size", "modify", "perm", "unique", "UNIX.mode"}
}

func allFacts() map[string]bool {
	facts := make(map[string]bool)
	for _, name := range factNames() {
		facts[name] = true
	}
	return facts
}

func (s *session) features(string) {
	lines := s.config.Features
	if lines == nil {
		lines = s.computedFeatures()
	}
	if len(lines) == 0 {
		s.reply("211 No features.")
		return
	}
	s.reply("211-Features:\n " + strings.Join(lines, "\n ") + "\n211 End")
}

func (s *session) computedFeatures() []string {
	var lines []string
	if s.offers("AUTH") {
		lines = append(lines, "AUTH TLS")
	}
	for _, verb := range []string{"CCC", "EPRT", "EPSV", "HOST", "MDTM", "MFMT", "PBSZ", "PROT"} {
		if s.offers(verb) {
			lines = append(lines, verb)
		}
	}
	if s.offers("MLST") {
		facts := "MLST "
		for _, name := range factNames() {
			facts += name
			if s.facts[name] {
				facts += "*"
			}
			facts += ";"
		}
		lines = append(lines, facts)
	}
	if s.offers("PRET") {
		lines = append(lines, "PRET")
	}
	if s.offers("REST") {
		lines = append(lines, "REST STREAM")
	}
	if s.offers("SIZE") {
		lines = append(lines, "SIZE")
	}
	if s.offers("OPTS") {
		lines = append(lines, "UTF8")
	}
	return lines
}

func (s *session) options(arg string) {
	name, rest, _ := strings.Cut(arg, " ")
	switch name = strings.ToUpper(name); {
	case name == "UTF8" && (rest == "" || strings.EqualFold(rest, "ON")):
		s.reply("200 Names are UTF-8.")
	case name == "UTF8":
		s.reply("504 Names are always UTF-8.")
	case name == "MLST" && s.offers("MLST"):
		s.selectFacts(rest)
	default:
		s.reply("501 Option not understood.")
	}
}

// selectFacts is OPTS MLST, RFC 3659 section 7.9: unknown facts are left out, and the reply says what is left.
func (s *session) selectFacts(list string) {
	chosen := make(map[string]bool)
	for want := range strings.SplitSeq(list, ";") {
		for _, name := range factNames() {
			if strings.EqualFold(want, name) {
				chosen[name] = true
			}
		}
	}
	s.facts = chosen
	text := ""
	for _, name := range factNames() {
		if chosen[name] {
			text += name + ";"
		}
	}
	s.reply(strings.TrimRight("200 MLST OPTS "+text, " "))
}

func (s *session) typeCommand(arg string) {
	switch strings.ToUpper(arg) {
	case "A", "A N":
		s.ascii = true
		s.reply("200 Type is ASCII.")
	case "I", "L 8":
		s.ascii = false
		s.reply("200 Type is binary.")
	default:
		s.reply("504 Type not supported, use A or I.")
	}
}

func (s *session) structure(arg string) {
	if !strings.EqualFold(arg, "F") {
		s.reply("504 Structure not supported, use F.")
		return
	}
	s.reply("200 Structure is file.")
}

func (s *session) mode(arg string) {
	if !strings.EqualFold(arg, "S") {
		s.reply("504 Mode not supported, use S.")
		return
	}
	s.reply("200 Mode is stream.")
}

func (s *session) allo(string) { s.reply("202 No space needs to be set aside.") }

func (s *session) stat(arg string) {
	if arg != "" {
		s.statPath(arg)
		return
	}
	kind := "binary"
	if s.ascii {
		kind = "ASCII"
	}
	s.reply("211-Status of this server:\n Connected from " + s.remote.Addr().String() +
		"\n Logged in as " + plain(s.user) + "\n Type is " + kind + "\n211 End of status")
}
