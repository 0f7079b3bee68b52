package listing

import "strings"

// dos reads a line of the DIR command as IIS and other Windows servers send it:
//
//	01-02-06  03:04PM       <DIR>          name
//	01-02-2006  15:04            1,234,567 name
//	02.01.2006  15:04    <SYMLINKD>     name [target]
func (p *Parser) dos(line string) (Entry, string, bool) {
	var r row
	r.cut(line)
	s, ok := p.dosDate(r.col(0))
	if !ok {
		return Entry{}, skip, isDirHeading(&r)
	}
	next := 1 + s.clock12(r.col(1), r.col(2))
	e := Entry{Size: -1, Precision: s.precision}
	e.Time = s.in(s.year, p.location())
	word := r.col(next)
	if kind, marked := kindOfMarker(word); marked {
		e.Kind = kind
		e.Name = r.afterMarker(next)
		if kind == Link {
			e.Name, e.Target = cutBracket(e.Name)
		}
		return e, "", true
	}
	if strings.HasPrefix(word, "(") && strings.HasSuffix(word, ")") { // a file moved to slow storage
		word = word[1 : len(word)-1]
	}
	if e.Size, ok = columnSize(word); !ok {
		return Entry{}, "no size and no <DIR> behind the date", true
	}
	e.Kind, e.Name = File, r.after(next)
	return e, "", true
}

// dosDate reads the date column: 01-02-06, 01/02/2006, 02.01.2006 or 2006-01-02.
func (p *Parser) dosDate(word string) (s stamp, ok bool) {
	mark := strings.IndexAny(word, "-/.")
	if mark < 0 {
		return s, false
	}
	first, rest, _ := strings.Cut(word, word[mark:mark+1])
	second, third, _ := strings.Cut(rest, word[mark:mark+1])
	iso := len(first) == 4
	if iso {
		first, second, third = second, third, first
	} else if word[mark] == '.' || p.DayFirst {
		first, second = second, first
	}
	var okMonth, okDay, okYear bool
	s.month, okMonth = number(first, 1, 31)
	s.day, okDay = number(second, 1, 31)
	s.year, okYear = number(third, 0, 9999)
	if !okMonth || !okDay || !okYear || len(first) > 2 || len(second) > 2 {
		return s, false
	}
	if s.month > 12 && !iso {
		s.month, s.day = s.day, s.month
	}
	switch len(third) {
	case 2:
		s.year += century(s.year)
	case 4:
	default:
		return s, false
	}
	s.precision = Day
	return s, s.month <= 12 && s.exists(s.year)
}

// century returns what to add to a year of two digits: the years 70 to 99 are of the last century, by the
// convention of POSIX but for 69, which nobody's file system knows.
func century(year int) int {
	if year >= 70 {
		return 1900
	}
	return 2000
}

// clock12 reads a clock of 12 hours, "03:04PM" or "3:04 PM" in two words, or of 24 hours, "15:04", and returns
// how many words it took.
func (s *stamp) clock12(word, next string) (words int) {
	digits := strings.TrimRight(word, "aApPmM")
	words = 1
	late, half := halfDay(word[len(digits):])
	if digits == word {
		if late, half = halfDay(next); half {
			words = 2
		}
	}
	t := *s
	if (!half && digits != word) || !t.clock(digits) || (half && t.hour > 12) {
		return 0
	}
	if half {
		t.hour %= 12
		if late {
			t.hour += 12
		}
	}
	*s = t
	return words
}

// halfDay reads AM, PM, A and P.
func halfDay(word string) (late, ok bool) {
	switch {
	case equalFold(word, "am"), equalFold(word, "a"):
		return false, true
	case equalFold(word, "pm"), equalFold(word, "p"):
		return true, true
	}
	return false, false
}

// kindOfMarker reads what stands for the size of what is no file.
func kindOfMarker(word string) (Kind, bool) {
	switch {
	case equalFold(word, "<DIR>"), equalFold(word, "<REP>"):
		return Dir, true
	case equalFold(word, "<JUNCTION>"), equalFold(word, "<SYMLINKD>"), equalFold(word, "<SYMLINK>"):
		return Link, true
	}
	return Unknown, false
}

// The columns of DIR. A marker is padded to fifteen bytes; the line in front of it has between 21 and 26, as
// years have two digits or four and clocks 12 hours or 24.
const (
	markerWidth = 15
	markerFirst = 21
	markerLast  = 26
)

// afterMarker returns the name behind a marker. In lines with the columns of DIR blanks beyond the padding
// are the name's own; in others all blanks are padding.
func (r *row) afterMarker(i int) string {
	if i+1 >= r.n {
		return ""
	}
	start, word := r.at[i].start, r.at[i+1].start
	if start >= markerFirst && start <= markerLast && start+markerWidth <= word {
		return r.line[start+markerWidth:]
	}
	return r.line[word:]
}

// cutBracket parts "name [target]". A name may hold brackets too; the target's are the last.
func cutBracket(s string) (name, target string) {
	at := strings.LastIndex(s, " [")
	if at <= 0 || !strings.HasSuffix(s, "]") {
		return s, ""
	}
	return s[:at], s[at+2 : len(s)-1]
}

// isDirHeading reports whether the line is one of those that DIR prints around the entries.
func isDirHeading(r *row) bool {
	switch first, second := r.col(0), r.col(1); {
	case equalFold(first, "Volume"):
		return equalFold(second, "in") || equalFold(second, "Serial")
	case equalFold(first, "Directory"):
		return equalFold(second, "of")
	case allDigits(first):
		return equalFold(second, "File(s)") || equalFold(second, "Dir(s)")
	}
	return false
}
