package listing

import "strings"

// date is a date found in the columns of a line.
type date struct {
	stamp
	last   int  // the last column of the date
	padded bool // whether the date is one that ls pads with a blank of its own
}

// dateAt reads the date that begins at column i, in any of the forms of ls:
//
//	Jan  2 15:04             Jan  2  2006     Jan  2 15:04:05 2006
//	 2 Jan 15:04              2 Jan  2006     (any of these with the month in another language)
//	2006-01-02 15:04         2006-01-02       2006-01-02 15:04:05.000000000 +0100
//	01-02 15:04
func (r *row) dateAt(i int) (date, bool) {
	word := r.col(i)
	if len(word) >= len("01-02") && isDigit(word[0]) && strings.IndexByte(word, '-') > 0 {
		return r.isoDate(i)
	}
	d := date{stamp: stamp{year: noYear}}
	var ok bool
	if d.month, ok = monthOf(word); ok {
		d.day, ok = dayOf(r.col(i + 1))
	} else if d.day, ok = dayOf(word); ok {
		d.month, ok = monthOf(r.col(i + 1))
	}
	if !ok {
		return date{}, false
	}
	return d, r.timeOrYear(&d, i+2) && d.valid()
}

// timeOrYear reads the last column of a date of words: the time of a recent file, the year of an old one, or
// both where the time has seconds.
func (r *row) timeOrYear(d *date, i int) bool {
	d.last = i
	word := r.col(i)
	if year, ok := number(word, 1, 9999); ok && len(word) == 4 {
		d.year, d.precision = year, Day
		return true
	}
	if !d.clock(word) {
		return false
	}
	if year, ok := number(r.col(i+1), 1, 9999); ok && d.precision >= Second && len(r.col(i+1)) == 4 && r.after(i+1) != "" {
		d.year, d.last = year, i+1
	}
	return true
}

// isoDate reads the dates of the styles iso, long-iso and full-iso of ls.
func (r *row) isoDate(i int) (date, bool) {
	d := date{stamp: stamp{year: noYear}, last: i}
	word := r.col(i)
	if len(word) == len("2006-01-02") && word[4] == '-' {
		var ok bool
		if d.year, ok = number(word[:4], 1, 9999); !ok {
			return date{}, false
		}
		word = word[len("2006-"):]
	}
	if len(word) != len("01-02") || word[2] != '-' {
		return date{}, false
	}
	var monthOK, dayOK bool
	d.month, monthOK = number(word[:2], 1, 12)
	d.day, dayOK = number(word[3:], 1, 31)
	if !monthOK || !dayOK {
		return date{}, false
	}
	if r.after(i+1) != "" && d.clock(r.col(i+1)) {
		d.last = i + 1
		if d.precision >= Second && r.after(i+2) != "" && d.zone(r.col(i+2)) {
			d.last = i + 2
		}
	} else {
		d.precision, d.padded = Day, true
	}
	return d, (d.year != noYear || d.precision > Day) && d.valid()
}

// valid reports whether the day can be one of the calendar.
func (d *date) valid() bool {
	if d.year == noYear {
		return d.exists(2000) // a leap year
	}
	return d.exists(d.year)
}

// nameAfter returns the name behind a date. The iso style pads a date without a time with one blank.
func (r *row) nameAfter(d date) string {
	name := r.after(d.last)
	if d.padded {
		name = strings.TrimPrefix(name, " ")
	}
	return name
}

// clock reads "15:04", "15:04:05" or "15:04:05.000000000". It leaves the stamp alone where the word is none.
func (s *stamp) clock(word string) bool {
	hour, rest, _ := strings.Cut(word, ":")
	minute, second, hasSecond := strings.Cut(rest, ":")
	t := *s
	var okHour, okMinute bool
	t.hour, okHour = number(hour, 0, 23)
	t.minute, okMinute = number(minute, 0, 59)
	if !okHour || !okMinute || len(hour) > 2 || len(minute) != 2 {
		return false
	}
	t.precision = Minute
	if hasSecond {
		whole, fraction, fractional := strings.Cut(second, ".")
		var ok bool
		if t.second, ok = number(whole, 0, 60); !ok || len(whole) != 2 {
			return false
		}
		t.precision = Second
		if fractional {
			if t.nanosecond, ok = nanoseconds(fraction); !ok {
				return false
			}
			t.precision = Subsecond
		}
	}
	*s = t
	return true
}

// zone reads "+0100".
func (s *stamp) zone(word string) bool {
	if len(word) != len("+0100") || (word[0] != '+' && word[0] != '-') {
		return false
	}
	hours, okHours := number(word[1:3], 0, 14)
	minutes, okMinutes := number(word[3:], 0, 59)
	if !okHours || !okMinutes {
		return false
	}
	s.offset, s.zoned = hours*3600+minutes*60, true
	if word[0] == '-' {
		s.offset = -s.offset
	}
	return true
}

// dayOf reads the day of a month: "2", "02", and as locales print it "2.", "2,", "2日", "2일".
func dayOf(word string) (int, bool) {
	end := 0
	for end < len(word) && isDigit(word[end]) {
		end++
	}
	switch word[end:] {
	case "", ".", ",", "日", "일":
		return number(word[:end], 1, 31)
	}
	return 0, false
}
