package listing

import (
	"cmp"
	"io/fs"
	"strings"
	"time"
)

// ParseMLSx reads one line of MLSD, or the line of MLST: facts, a blank, the name (RFC 3659 section 7.2).
// The name is all that follows the blank, and may itself hold ";", "=" and blanks.
//
// A fact whose value is not valid counts as not told, and can still be seen in Facts: an entry is worth more
// than its date. What is no MLSx line at all gives a *[LineError].
//
// The blank that MLST puts in front of its line is tolerated, in any number. That leaves one line with two
// readings: " a=b; c" is an MLST line with the fact a, never a file "a=b; c" without facts.
func ParseMLSx(line string) (Entry, error) {
	if !sendable(line) {
		return Entry{}, &LineError{line, reasonBytes}
	}
	facts, name, reason := splitMLSx(line)
	if reason == "" && name == "" {
		reason = reasonNoName
	}
	if reason != "" {
		return Entry{}, &LineError{line, reason}
	}
	e := Entry{Name: name, Size: -1, Facts: Facts(facts), Raw: line}
	e.readFacts()
	e.nameDots()
	return e, nil
}

// splitMLSx parts the fact list from the name.
func splitMLSx(line string) (facts, name, reason string) {
	if !strings.HasPrefix(line, " ") {
		return cutFacts(line)
	}
	facts, name, reason = cutFacts(strings.TrimLeft(line, " "))
	if reason == "" && strings.HasSuffix(facts, ";") {
		return facts, name, ""
	}
	return "", line[1:], ""
}

// cutFacts parts a line that begins with its fact list. The list ends at the first blank, by the RFC. Servers
// break that in two ways: the last fact lacks its ";", or the value of a fact that is free text holds a blank
// ("UNIX.groupname=domain users;").
func cutFacts(line string) (facts, name, reason string) {
	end := strings.IndexByte(line, ' ')
	if end < 0 {
		return "", "", "no blank parts the facts from the name"
	}
	if last := line[strings.LastIndexByte(line[:end], ';')+1 : end]; freeText(last) {
		if more := strings.Index(line[end:], "; "); more >= 0 {
			end += more + 1
		}
	}
	if _, _, _, ok := nextFact(line[:end]); !ok {
		return "", "", "it does not begin with a fact"
	}
	return line[:end], line[end+1:], ""
}

// freeText reports whether a fact may hold a blank, though it should not.
func freeText(fact string) bool {
	key, value, _ := strings.Cut(fact, "=")
	switch {
	case equalFold(key, "unix.ownername"), equalFold(key, "unix.groupname"),
		equalFold(key, "unix.owner"), equalFold(key, "unix.group"):
		return true
	case equalFold(key, "type"):
		return strings.IndexByte(value, ':') >= 0
	}
	return false
}

// told holds the values of the facts that fill an Entry.
type told struct {
	kind, modify, size, sizd, mode string
	owner, ownerName, uid          string
	group, groupName, gid          string
}

// field returns where the value of a fact goes, or nil for a fact that fills nothing.
func (t *told) field(key string) *string {
	for _, f := range [...]struct {
		key   string
		field *string
	}{
		{"type", &t.kind}, {"modify", &t.modify}, {"size", &t.size}, {"sizd", &t.sizd}, {"unix.mode", &t.mode},
		{"unix.owner", &t.owner}, {"unix.ownername", &t.ownerName}, {"unix.uid", &t.uid},
		{"unix.group", &t.group}, {"unix.groupname", &t.groupName}, {"unix.gid", &t.gid},
	} {
		if equalFold(f.key, key) {
			return f.field
		}
	}
	return nil
}

// readFacts fills the fields that facts tell. Of a fact that is there twice the first with a value counts.
// sizd is what ProFTPD calls the size of a directory.
func (e *Entry) readFacts() {
	var t told
	for rest := string(e.Facts); rest != ""; {
		var key, value string
		key, value, rest, _ = nextFact(rest)
		if field := t.field(key); field != nil && *field == "" {
			*field = value
		}
	}
	e.Kind, e.Target = kindOfFact(t.kind)
	e.Time, e.Precision = timeOfFact(t.modify)
	e.Size, _ = plainSize(cmp.Or(t.size, t.sizd))
	e.Perm, e.HasPerm = permOfFact(t.mode)
	e.Owner = cmp.Or(t.ownerName, t.owner, t.uid)
	e.Group = cmp.Or(t.groupName, t.group, t.gid)
}

// kindOfFact reads the value of a type fact (RFC 3659 section 7.5.1) and the words that servers use for what
// it leaves to them: "OS.unix=slink:/target", "OS.unix=symlink", "OS.unix=chr-13/29".
func kindOfFact(value string) (kind Kind, target string) {
	switch {
	case equalFold(value, "file"):
		return File, ""
	case equalFold(value, "dir"):
		return Dir, ""
	case equalFold(value, "cdir"):
		return CurrentDir, ""
	case equalFold(value, "pdir"):
		return ParentDir, ""
	case equalFold(value, "link"), equalFold(value, "symlink"), equalFold(value, "slink"):
		return Link, ""
	case len(value) < len("OS.") || !equalFold(value[:len("OS.")], "OS."):
		return Unknown, ""
	}
	_, word, _ := strings.Cut(value, "=")
	word, target, _ = strings.Cut(word, ":")
	if equalFold(word, "slink") || equalFold(word, "symlink") {
		return Link, target
	}
	return Other, ""
}

// timeOfFact reads a time-val (RFC 3659 section 2.3): YYYYMMDDHHMMSS and perhaps a fraction, in UTC.
func timeOfFact(value string) (time.Time, Precision) {
	whole, fraction, fractional := strings.Cut(value, ".")
	year, rest, ok := yearOfFact(whole)
	s := stamp{year: year, precision: Second}
	for _, f := range [...]struct {
		field    *int
		low, top int
	}{{&s.month, 1, 12}, {&s.day, 1, 31}, {&s.hour, 0, 23}, {&s.minute, 0, 59}, {&s.second, 0, 60}} {
		if !ok {
			return time.Time{}, 0
		}
		*f.field, ok = number(rest[:2], f.low, f.top)
		rest = rest[2:]
	}
	if ok && fractional {
		s.precision = Subsecond
		s.nanosecond, ok = nanoseconds(fraction)
	}
	if !ok || !s.exists(year) {
		return time.Time{}, 0
	}
	return s.in(year, time.UTC), s.precision
}

// yearOfFact reads the year in front of MMDDHHMMSS. It knows the servers that print "19" and the years since
// 1900, which makes 19126 of the year 2026.
func yearOfFact(whole string) (year int, rest string, ok bool) {
	switch {
	case len(whole) == len("20060102150405"):
		year, ok = number(whole[:4], 0, 9999)
		return year, whole[4:], ok
	case len(whole) == len("191060102150405") && strings.HasPrefix(whole, "191"):
		year, ok = number(whole[2:5], 100, 199)
		return 1900 + year, whole[5:], ok
	}
	return 0, "", false
}

// permOfFact reads the octal number of a UNIX.mode fact; bits of the file type in it are left out.
func permOfFact(value string) (fs.FileMode, bool) {
	if value == "" || len(value) > 7 {
		return 0, false
	}
	bits := 0
	for _, c := range []byte(value) {
		if c < '0' || c > '7' {
			return 0, false
		}
		bits = bits<<3 | int(c-'0')
	}
	mode := fs.FileMode(bits & 0o777)
	if bits&0o4000 != 0 {
		mode |= fs.ModeSetuid
	}
	if bits&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if bits&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode, true
}
