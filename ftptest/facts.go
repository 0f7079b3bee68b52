package ftptest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timeVal is the form of RFC 3659 section 2.3.
const timeVal = "20060102150405"

func formatTime(t time.Time) string {
	if t.Nanosecond() >= int(time.Millisecond) {
		return t.UTC().Format(timeVal + ".000")
	}
	return t.UTC().Format(timeVal)
}

// parseTime is strict: fourteen digits, and perhaps a point and more digits.
func parseTime(text string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) != len(timeVal) || len(fraction) > 9 {
		return time.Time{}, false
	}
	t, err := time.Parse(timeVal, whole)
	if err != nil || fraction == "" {
		return t, err == nil && !strings.Contains(text, ".")
	}
	digits, err := strconv.ParseUint(fraction+strings.Repeat("0", 9-len(fraction)), 10, 32)
	return t.Add(time.Duration(digits)), err == nil
}

// plainFile looks a file up for SIZE and MDTM.
func (s *session) plainFile(name string) (Entry, bool) {
	_, e, _, err := s.tree.lookup(s.resolve(name), true)
	if err == nil && !e.Mode.IsRegular() {
		err = errIsDir
	}
	if err != nil {
		s.refuse(name, err)
		return e, false
	}
	return e, true
}

func (s *session) size(name string) {
	e, ok := s.plainFile(name)
	if !ok {
		return
	}
	if s.ascii {
		s.reply("550 SIZE needs TYPE I.")
		return
	}
	s.reply("213 " + strconv.FormatInt(e.Size, 10))
}

// mdtm asks for a time; with a time before the name it sets one, as several servers allow.
func (s *session) mdtm(arg string) {
	stamp, name, found := strings.Cut(arg, " ")
	if when, ok := parseTime(stamp); found && ok {
		if _, _, _, err := s.tree.lookup(s.resolve(arg), true); err != nil {
			s.finish(name, s.tree.SetModTime(s.resolve(name), when), "213 Modify="+stamp+"; "+plain(name))
			return
		}
	}
	if e, ok := s.plainFile(arg); ok {
		s.reply("213 " + formatTime(e.ModTime))
	}
}

func (s *session) mfmt(arg string) {
	stamp, name, _ := strings.Cut(arg, " ")
	when, ok := parseTime(stamp)
	if !ok || name == "" {
		s.reply("501 Use MFMT YYYYMMDDHHMMSS name.")
		return
	}
	s.finish(name, s.tree.SetModTime(s.resolve(name), when), "213 Modify="+stamp+"; "+plain(name))
}

func (s *session) mlst(name string) {
	if !s.offers("MLST") {
		s.reply("500 Unknown command.")
		return
	}
	full := s.resolve(name)
	_, e, _, err := s.tree.lookup(full, false)
	if err != nil {
		s.refuse(name, err)
		return
	}
	s.reply("250-Facts of " + plain(full) + "\n " + s.factLine(e, "", plain(full)) + "\n250 End")
}

// factLine is one line of MLSD or MLST. The kind is "cdir", "pdir", or empty to tell it from the entry.
func (s *session) factLine(e Entry, kind, name string) string {
	var b strings.Builder
	for _, fact := range factNames() {
		if !s.facts[fact] {
			continue
		}
		if value, has := factValue(e, fact, kind); has {
			fmt.Fprintf(&b, "%s=%s;", fact, value)
		}
	}
	return b.String() + " " + name
}

func factValue(e Entry, fact, kind string) (value string, has bool) {
	switch fact {
	case "type":
		return factType(e, kind), true
	case "size":
		return strconv.FormatInt(e.Size, 10), e.Mode.IsRegular()
	case "modify":
		return formatTime(e.ModTime), true
	case "perm":
		return factPerm(e), true
	case "unique":
		return fmt.Sprintf("1U%X", e.ID), true
	case "UNIX.mode":
		return fmt.Sprintf("%04o", e.Mode.Perm()), true
	}
	return "", false
}

func factType(e Entry, kind string) string {
	switch {
	case kind != "":
		return kind
	case e.IsDir():
		return "dir"
	case e.Mode.IsRegular():
		return "file"
	}
	return "OS.unix=slink:" + plain(e.Target)
}

// factPerm lists what may be done, RFC 3659 section 7.5.5.
func factPerm(e Entry) string {
	readable, writable := e.Mode&0o400 != 0, e.Mode&0o200 != 0
	perm := ""
	switch {
	case e.IsDir() && readable:
		perm = "el"
	case e.Mode.IsRegular() && readable:
		perm = "r"
	}
	switch {
	case e.IsDir() && writable:
		perm = "cdfmp" + perm
	case e.Mode.IsRegular() && writable:
		perm = "adfw" + perm
	}
	return perm
}
