package ftptest

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// resolve makes a client's path absolute. It stays byte-exact.
func (s *session) resolve(name string) string {
	if strings.HasPrefix(name, "/") {
		return clean(name)
	}
	return clean(s.cwd + "/" + name)
}

// refuse answers a command that the tree refused.
func (s *session) refuse(name string, err error) {
	reason := "Action not possible"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason = "No such file or directory"
	case errors.Is(err, fs.ErrExist):
		reason = "File exists"
	case errors.Is(err, fs.ErrPermission):
		reason = "Permission denied"
	case errors.Is(err, errNotDir):
		reason = "Not a directory"
	case errors.Is(err, errIsDir):
		reason = "Is a directory"
	case errors.Is(err, errNotEmpty):
		reason = "Directory not empty"
	}
	s.reply("550 " + plain(name) + ": " + reason + ".")
}

// finish answers a command that needs nothing but success.
func (s *session) finish(name string, err error, success string) {
	if err != nil {
		s.refuse(name, err)
		return
	}
	s.reply(success)
}

func (s *session) pwd(string) { s.reply("257 " + quote(s.cwd) + " is the current directory.") }

func (s *session) changeDir(name string) {
	_, e, where, err := s.tree.lookup(s.resolve(name), true)
	if err == nil && !e.IsDir() {
		err = errNotDir
	}
	if err == nil {
		s.cwd = where
	}
	s.finish(name, err, "250 Directory changed.")
}

func (s *session) cdup(string) { s.changeDir("..") }

func (s *session) mkd(name string) {
	full := s.resolve(name)
	s.finish(name, s.tree.mkdir(full), "257 "+quote(full)+" created.")
}

func (s *session) rmd(name string) {
	s.finish(name, s.tree.rmdir(s.resolve(name)), "250 Directory removed.")
}

func (s *session) dele(name string) {
	s.finish(name, s.tree.removeFile(s.resolve(name)), "250 File removed.")
}

func (s *session) rnfr(name string) {
	full := s.resolve(name)
	if _, _, _, err := s.tree.lookup(full, false); err != nil {
		s.refuse(name, err)
		return
	}
	s.renameFrom = full
	s.reply("350 Ready for RNTO.")
}

func (s *session) rnto(name string) {
	if s.renameFrom == "" {
		s.reply("503 Send RNFR first.")
		return
	}
	s.finish(name, s.tree.rename(s.renameFrom, s.resolve(name)), "250 Renamed.")
}

func (s *session) site(arg string) {
	verb, rest, _ := strings.Cut(arg, " ")
	switch strings.ToUpper(verb) {
	case "CHMOD":
		s.chmod(rest)
	case "HELP":
		s.reply("214 SITE CHMOD is all there is.")
	default:
		s.reply("504 SITE command not known.")
	}
}

func (s *session) chmod(arg string) {
	bits, name, found := strings.Cut(arg, " ")
	mode, err := strconv.ParseUint(bits, 8, 12)
	if err != nil || !found || name == "" {
		s.reply("501 Use SITE CHMOD mode name.")
		return
	}
	s.finish(name, s.tree.Chmod(s.resolve(name), fs.FileMode(mode).Perm()), "200 Permissions changed.")
}

// matches expands a pattern in the last element of a path, as a server does that globs the argument of LIST.
func (s *session) matches(pattern string) ([]Entry, error) {
	full := s.resolve(pattern)
	n, e, _, err := s.tree.lookup(path.Dir(full), true)
	if err != nil || !e.IsDir() {
		return nil, fs.ErrNotExist
	}
	var hits []Entry
	for e := range s.tree.entries(n) {
		if ok, err := path.Match(path.Base(full), e.Name); err == nil && ok {
			hits = append(hits, e)
		}
	}
	return hits, nil
}
