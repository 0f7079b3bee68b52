package listing

import "strings"

// unix reads a line of "ls -l" and of the many servers that imitate it:
//
//	[inode] [blocks] mode [links] [owner] [group] size date name [-> target]
//
// Neither the number of columns nor their width can be relied on. What can is the mode near the beginning and
// a size followed by a date: the first such pair ends the columns, and all words between links and size are
// owner and group.
func (p *Parser) unix(line string) (Entry, string, bool) {
	var r row
	r.cut(line)
	at, m, ok := r.findMode()
	if !ok {
		return Entry{}, skip, isTotal(&r)
	}
	e := Entry{Kind: m.kind, Perm: m.perm, HasPerm: m.told, Links: m.links, Size: -1}
	if !m.told && r.unseen(at) {
		e.Name = r.after(at + unseenColumns)
		return e, "", true
	}
	date, s, ok := r.findDate(at+2, m.kind)
	if !ok {
		return Entry{}, reasonBadDate, true
	}
	last := r.readSize(&e, date-1, at)
	r.readOwner(&e, at+1, last)
	var reason string
	if e.Time, reason = p.when(s.stamp); reason != "" {
		return Entry{}, reason, true
	}
	e.Precision = s.precision
	e.Name = r.nameAfter(s)
	if e.Kind == Link {
		e.Name, e.Target = cutTarget(e.Name, e.Size)
	}
	return e, "", true
}

// findMode looks for the mode column, which may have an inode and a count of blocks in front of it.
func (r *row) findMode() (at int, m mode, ok bool) {
	for at = range 3 {
		if m, ok = parseMode(r.col(at)); ok {
			return at, m, true
		}
		if word := r.col(at); !allDigits(word) && !rounded(word) && word != "?" {
			break
		}
	}
	return 0, mode{}, false
}

// unseenColumns is how many columns ls fills with "?" behind the mode of a file it could not look at.
const unseenColumns = 5

// unseen reports whether the columns behind the mode are all "?".
func (r *row) unseen(at int) bool {
	for i := 1; i <= unseenColumns; i++ {
		if r.col(at+i) != "?" {
			return false
		}
	}
	return true
}

// findDate returns the first column from which on a date stands with a size before it.
func (r *row) findDate(from int, kind Kind) (at int, d date, ok bool) {
	for at = from; at < r.n; at++ {
		if _, sized := columnSize(r.col(at - 1)); !sized && !(kind == Other && isDevice(r.col(at-1))) {
			continue
		}
		if d, ok = r.dateAt(at); ok {
			return at, d, true
		}
	}
	return 0, date{}, false
}

// isDevice reports whether a word that stands for a size is the number of a device: "8,1" or "0x3000002".
func isDevice(word string) bool {
	if strings.HasPrefix(word, "0x") {
		return true
	}
	major, minor, found := strings.Cut(word, ",")
	return found && allDigits(major) && allDigits(minor)
}

// readSize reads the size from its column and returns the last column before it. Devices have two numbers
// there instead, and no size.
func (r *row) readSize(e *Entry, at, mode int) (last int) {
	if e.Kind != Other {
		e.Size, _ = columnSize(r.col(at))
		return at - 1
	}
	if major, found := strings.CutSuffix(r.col(at-1), ","); found && at-1 > mode && allDigits(major) {
		return at - 2
	}
	if !isDevice(r.col(at)) {
		e.Size, _ = columnSize(r.col(at))
	}
	return at - 1
}

// mostLinks is the greatest number that number reads.
const mostLinks = 999_999_999

// readOwner reads links, owner and group from the columns from first to last, each of which may be missing.
// A single word that is no number is the owner; what is left behind the owner is the group, with its blanks.
func (r *row) readOwner(e *Entry, first, last int) {
	if e.Links == 0 && first <= last && allDigits(r.col(first)) {
		e.Links, _ = number(r.col(first), 0, mostLinks)
		first++
	}
	if first <= last {
		e.Owner, e.Group = r.col(first), r.span(first+1, last)
	}
}

// arrow stands between a link and its target.
const arrow = " -> "

// cutTarget parts the name of a link from its target. As both may hold an arrow, the size decides, which is
// the length of the target in bytes on Unix; failing that it is the first arrow.
func cutTarget(s string, size int64) (name, target string) {
	if 0 < size && size < int64(len(s)) {
		name, found := strings.CutSuffix(s[:len(s)-int(size)], arrow)
		if found && name != "" {
			return name, s[len(s)-int(size):]
		}
	}
	if at := strings.Index(s, arrow); at > 0 {
		return s[:at], s[at+len(arrow):]
	}
	return s, ""
}

// isTotal reports whether the line is the sum that ls prints first, in one of the languages it speaks.
func isTotal(r *row) bool {
	if _, ok := columnSize(r.col(1)); !ok || r.n != 2 {
		return false
	}
	switch strings.TrimSuffix(strings.ToLower(r.col(0)), ":") {
	case "total", "insgesamt", "totale", "totaal", "razem", "celkem", "summa", "samtals", "toplam", "итого",
		"всього", "σύνολο", "合計", "总计", "总用量", "總計", "합계":
		return true
	}
	return false
}
