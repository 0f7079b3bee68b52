package ftptest

import (
	"bufio"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"time"
)

// selection is what a listing command asked for.
type selection struct {
	entries iter.Seq[Entry]
	all     bool // names that begin with a dot too
}

func (s *session) list(arg string) { s.listing("LIST", arg, s.listLine) }

func (s *session) nlst(arg string) {
	s.listing("NLST", arg, func(e Entry) string { return e.Name })
}

func (s *session) listing(verb, arg string, format func(Entry) string) {
	chosen, ok := s.choose(arg)
	if !ok {
		return
	}
	s.sendLines(verb, func(yield func(string) bool) {
		for e := range chosen.entries {
			if !chosen.all && strings.HasPrefix(e.Name, ".") {
				continue
			}
			if !yield(format(e)) {
				return
			}
		}
	})
}

// choose reads the argument of LIST or NLST; it has answered where it returns false.
func (s *session) choose(arg string) (selection, bool) {
	var chosen selection
	for strings.HasPrefix(arg, "-") && s.config.Dialect.ListFlags != FlagsAsName {
		if s.config.Dialect.ListFlags == FlagsRefused {
			s.reply("501 No flags, please.")
			return chosen, false
		}
		flags, rest, _ := strings.Cut(arg, " ")
		chosen.all = chosen.all || strings.Contains(flags, "a")
		arg = rest
	}
	if s.config.Dialect.Glob && strings.ContainsAny(arg, "*?[") {
		return s.chooseMatches(arg, chosen)
	}
	n, e, _, err := s.tree.lookup(s.resolve(arg), true)
	if err == nil && e.Mode&0o400 == 0 && e.IsDir() {
		err = fs.ErrPermission
	}
	if err != nil {
		s.refuse(arg, err)
		return chosen, false
	}
	if e.IsDir() {
		chosen.entries = s.tree.entries(n)
		return chosen, true
	}
	e.Name, chosen.all = arg, true
	chosen.entries = func(yield func(Entry) bool) { yield(e) }
	return chosen, true
}

func (s *session) chooseMatches(pattern string, chosen selection) (selection, bool) {
	hits, err := s.matches(pattern)
	if err != nil {
		s.refuse(pattern, err)
		return chosen, false
	}
	chosen.entries = func(yield func(Entry) bool) {
		for _, e := range hits {
			if !yield(e) {
				return
			}
		}
	}
	return chosen, true
}

func (s *session) mlsd(arg string) {
	if !s.offers("MLSD") {
		s.reply("500 Unknown command.")
		return
	}
	full := s.resolve(arg)
	n, e, _, err := s.tree.lookup(full, true)
	switch {
	case err == nil && !e.IsDir():
		s.reply("501 " + plain(arg) + ": not a directory.")
		return
	case err == nil && e.Mode&0o400 == 0:
		err = fs.ErrPermission
	}
	if err != nil {
		s.refuse(arg, err)
		return
	}
	s.sendLines("MLSD", func(yield func(string) bool) {
		if !s.config.Dialect.NoPseudoDirs {
			_, up, _, err := s.tree.lookup(clean(full+"/.."), true)
			if !yield(s.factLine(e, "cdir", ".")) || err == nil && !yield(s.factLine(up, "pdir", "..")) {
				return
			}
		}
		for e := range s.tree.entries(n) {
			if !yield(s.factLine(e, "", e.Name)) {
				return
			}
		}
	})
}

// sendLines transfers a listing line by line, so that an endless one needs no memory.
func (s *session) sendLines(verb string, lines iter.Seq[string]) {
	end, limit := "\r\n", s.config.Dialect.MaxListLines
	if s.config.Dialect.ListBareLF {
		end = "\n"
	}
	s.transfer(&transfer{
		verb: verb, opening: s.opening("the listing", ""), success: "226 Listing complete.",
		move: func(p *dataPipe) error {
			out := bufio.NewWriter(p)
			count := 0
			for line := range lines {
				if limit > 0 && count == limit {
					break
				}
				count++
				_, _ = out.WriteString(line)
				if _, err := out.WriteString(end); err != nil { // a bufio.Writer keeps its first error
					return err
				}
			}
			return out.Flush()
		},
	})
}

// statPath is LIST over the control connection.
func (s *session) statPath(arg string) {
	chosen, ok := s.choose(arg)
	if !ok {
		return
	}
	text := "213-Status of " + plain(arg) + ":"
	count := 0
	for e := range chosen.entries {
		if count++; count > 1000 {
			break
		}
		if chosen.all || !strings.HasPrefix(e.Name, ".") {
			text += "\n" + plain(s.listLine(e))
		}
	}
	s.reply(text + "\n213 End of status")
}

func (s *session) listLine(e Entry) string {
	when := e.ModTime.In(s.config.Dialect.ListZone)
	if s.config.Dialect.DOS {
		return dosLine(e, when)
	}
	return unixLine(e, when, s.config.Clock())
}

// unixLine is the format of ls -l: a time of day where the file is recent, a year where it is not.
func unixLine(e Entry, when, now time.Time) string {
	const halfYear = 182 * 24 * time.Hour
	date := when.Format("Jan _2 15:04")
	if when.Before(now.Add(-halfYear)) || when.After(now.Add(24*time.Hour)) {
		date = when.Format("Jan _2  2006")
	}
	kind, links, name := "-", 1, e.Name
	switch {
	case e.IsDir():
		kind, links = "d", 2
	case e.Mode.Type() == fs.ModeSymlink:
		kind, name = "l", name+" -> "+e.Target
	}
	bits := kind + e.Mode.Perm().String()[1:]
	return fmt.Sprintf("%s %4d %-8s %-8s %12d %s %s", bits, links, "ftp", "ftp", e.Size, date, name)
}

// dosLine is the format of IIS.
func dosLine(e Entry, when time.Time) string {
	what := fmt.Sprintf("%20d", e.Size)
	if e.IsDir() {
		what = "      <DIR>         "
	}
	return when.Format("01-02-06  03:04PM") + " " + what + " " + e.Name
}
