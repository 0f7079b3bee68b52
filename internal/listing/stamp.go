package listing

import "time"

// stamp is a date as a listing tells it, before it is known which year and zone are meant.
type stamp struct {
	year, month, day     int // year is noYear where it is not told
	hour, minute, second int
	nanosecond           int
	offset               int // of the zone, in seconds east of UTC, where zoned is set
	zoned                bool
	precision            Precision
}

// noYear stands for a year that the listing leaves to the reader.
const noYear = -1

// exists reports whether the day is one of the calendar in the given year.
func (s stamp) exists(year int) bool {
	t := time.Date(year, time.Month(s.month), s.day, 0, 0, 0, 0, time.UTC)
	return t.Day() == s.day && s.day > 0
}

// in returns the time the stamp means in the given year, read on a clock of the given location.
func (s stamp) in(year int, loc *time.Location) time.Time {
	if s.zoned {
		t := time.Date(year, time.Month(s.month), s.day, s.hour, s.minute, s.second, s.nanosecond, time.UTC)
		return t.Add(-time.Duration(s.offset) * time.Second).In(loc)
	}
	return time.Date(year, time.Month(s.month), s.day, s.hour, s.minute, s.second, s.nanosecond, loc)
}

// leapGap is the longest distance of two leap years (1896 and 1904), in years.
const leapGap = 8

// latest returns the last time that the stamp, which tells no year, can mean and that is at most one day
// after now. The day is for clocks that go ahead and for zones; a date later than that is last year's, or,
// for 29 February, that of the last leap year.
func (s stamp) latest(now time.Time, loc *time.Location) (time.Time, bool) {
	limit := now.In(loc).AddDate(0, 0, 1)
	for back := range leapGap + 2 {
		year := limit.Year() - back
		if !s.exists(year) {
			continue
		}
		if t := s.in(year, loc); !t.After(limit) {
			return t, true
		}
	}
	return time.Time{}, false
}
