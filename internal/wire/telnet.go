package wire

// The Telnet codes of RFC 854 that may stand in the text of a control
// connection (RFC 959 section 4.1.3).
const (
	telnetSE   = 240 // first of the commands of two bytes
	telnetWILL = 251 // WILL, WONT, DO and DONT take an option byte
	telnetDONT = 254
	telnetIAC  = 255
)

// telnetState is where a telnetDecoder is between two bytes.
type telnetState uint8

const (
	telnetText   telnetState = iota
	telnetCR                 // behind a CR, which the line holds already
	telnetEscape             // behind an IAC
	telnetOption             // behind IAC WILL, WONT, DO or DONT
)

// A telnetDecoder turns the bytes of a connection into lines, one byte at a
// time, so that a wait may be broken off anywhere.
//
// Servers that know nothing of Telnet send 0xFF undoubled in Latin-1 names: an
// IAC before a byte that is no command stays as it is, and an option byte never
// swallows a line end. Subnegotiation needs an agreed option, and this side
// agrees to none, so SB counts as a command of two bytes.
type telnetDecoder struct {
	line  []byte
	kept  int // bytes of line which the trimming of a line end must not touch
	state telnetState
}

// next takes one byte and reports whether line is complete; its line end, LF
// with any number of CRs before it, is then cut off.
func (d *telnetDecoder) next(c byte) bool {
	switch d.state {
	case telnetCR:
		d.state = telnetText
		if c == 0 { // CR NUL stands for a CR that belongs to the text
			d.kept = len(d.line)
			return false
		}
	case telnetEscape:
		d.state = telnetText
		switch {
		case c == telnetIAC:
			d.line = append(d.line, telnetIAC)
			return false
		case c >= telnetWILL && c <= telnetDONT:
			d.state = telnetOption
			return false
		case c >= telnetSE:
			return false
		}
		d.line = append(d.line, telnetIAC)
	case telnetOption:
		d.state = telnetText
		if c != '\r' && c != '\n' {
			return false
		}
	}
	return d.plain(c)
}

// plain takes a byte that no Telnet sequence has claimed.
func (d *telnetDecoder) plain(c byte) bool {
	switch c {
	case '\n':
		for len(d.line) > d.kept && d.line[len(d.line)-1] == '\r' {
			d.line = d.line[:len(d.line)-1]
		}
		return true
	case '\r':
		d.state = telnetCR
	case telnetIAC:
		d.state = telnetEscape
		return false
	}
	d.line = append(d.line, c)
	return false
}

// reset makes the decoder ready for the next line and keeps its memory.
func (d *telnetDecoder) reset() {
	*d = telnetDecoder{line: d.line[:0]}
}
