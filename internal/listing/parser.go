package listing

import (
	"strings"
	"time"
)

// Parser reads the lines of LIST. The format is found from each line, so a listing that mixes formats is read
// too. A Parser is for one listing at a time and not safe for concurrent use.
type Parser struct {
	// Now is the time of the listing, against which dates without a year are resolved: such a date lies at
	// most one day after Now. It must be set; with the zero Now a line with such a date is an error.
	Now time.Time
	// Location is the zone of the server's clock, in which times without a zone are read and all times are
	// given. Nil means UTC.
	Location *time.Location
	// DayFirst reads 01-02-06 and 01/02/06 of a DOS listing as 1 February 2006. The zero value reads the month
	// first, as IIS sends it, except where the first number cannot be a month. Dates with points always have
	// the day first.
	DayFirst bool
}

// format is one way to write a LIST line. Its parse function tells by mine whether the line is of this format,
// in which case no other format is asked. A line that is of the format gives an entry, or the reason why it
// gives none; skip stands for a line of the format that describes no entry, such as a heading.
type format struct {
	name  string
	parse func(p *Parser, line string) (e Entry, reason string, mine bool)
}

// skip is the reason of a line that is understood and describes no entry.
const skip = "no entry"

// formats returns the table of formats, in the order in which they are asked. They exclude each other by the
// first words of a line.
func formats() [3]format {
	return [...]format{
		{"unix", (*Parser).unix},
		{"dos", (*Parser).dos},
		{"mlsx", (*Parser).mlsx},
	}
}

// Parse reads one line, given without its ending. It reports false with a nil error for a line that is no
// entry: a blank one, "total 12", the heading of a DOS listing. The entries "." and ".." are returned, with the
// kinds CurrentDir and ParentDir. A line that is not understood gives a *[LineError], and reading can go on.
func (p *Parser) Parse(line string) (e Entry, ok bool, err error) {
	if strings.Trim(line, " \t") == "" {
		return Entry{}, false, nil
	}
	if !sendable(line) {
		return Entry{}, false, &LineError{line, reasonBytes}
	}
	for _, f := range formats() {
		e, reason, mine := f.parse(p, line)
		switch {
		case !mine:
			continue
		case reason == skip:
			return Entry{}, false, nil
		case reason == "" && e.Name == "":
			reason = reasonNoName
		}
		if reason != "" {
			return Entry{}, false, &LineError{line, reason}
		}
		e.Raw = line
		e.nameDots()
		return e, true, nil
	}
	return Entry{}, false, &LineError{line, reasonFormat}
}

// mlsx reads the lines of servers that answer LIST as if it were MLSD. Only a whole fact list is taken for
// one, as ParseMLSx alone would take any words with "=" in the first.
func (p *Parser) mlsx(line string) (Entry, string, bool) {
	facts, _, found := strings.Cut(line, "; ")
	if !found || strings.IndexByte(facts, '=') <= 0 {
		return Entry{}, "", false
	}
	e, err := ParseMLSx(line)
	if err != nil || !strings.HasSuffix(string(e.Facts), ";") {
		return Entry{}, "", false
	}
	if e.Precision != 0 {
		e.Time = e.Time.In(p.location())
	}
	return e, "", true
}

// when turns a stamp into a time, or says why it cannot.
func (p *Parser) when(s stamp) (t time.Time, reason string) {
	loc := p.location()
	if s.year != noYear {
		return s.in(s.year, loc), ""
	}
	if p.Now.IsZero() {
		return time.Time{}, reasonNoNow
	}
	t, ok := s.latest(p.Now, loc)
	if !ok {
		return time.Time{}, reasonBadDate
	}
	return t, ""
}

// location returns the location of the server's clock.
func (p *Parser) location() *time.Location {
	if p.Location == nil {
		return time.UTC
	}
	return p.Location
}
