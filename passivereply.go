package ftp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// passiveReply is what a passive reply advertises.
type passiveReply struct {
	addr netip.Addr // invalid when only the port is told
	port uint16
}

// parsePassive reads the text of a passive reply by its content: the six numbers
// of a 227 (RFC 959) or the |||port| of a 229 (RFC 2428), whichever is there; code
// only serves the error. Decoration is forgiven, a doubtful value is not: a text
// that could mean two things is an error, so that the port is never a wrong one.
func parsePassive(text string, code int) (passiveReply, error) {
	var found passiveCandidates
	for line := range strings.SplitSeq(text, "\n") {
		found.scanNumbers(line)
		found.scanExtended(line)
	}
	switch {
	case found.err != nil:
		return passiveReply{}, fmt.Errorf("%w in the %d reply %.80q", found.err, code, text)
	case found.reply.port == 0:
		return passiveReply{}, fmt.Errorf("no address or port in the %d reply %.80q", code, text)
	}
	return found.reply, nil
}

// passiveCandidates holds what the scans have found so far. The first error stays.
type passiveCandidates struct {
	reply passiveReply
	err   error
}

// add takes one more reading of the text. Readings agree if their ports do and
// neither contradicts the other's address.
func (p *passiveCandidates) add(r passiveReply) {
	switch {
	case r.port == 0:
		p.fail("port 0")
	case p.reply.port == 0:
		p.reply = r
	case p.reply.port != r.port, p.reply.addr.IsValid() && r.addr.IsValid() && p.reply.addr != r.addr:
		p.fail("two different addresses")
	case r.addr.IsValid():
		p.reply = r
	}
}

func (p *passiveCandidates) fail(reason string) {
	if p.err == nil {
		p.err = errors.New(reason)
	}
}

// scanNumbers finds chains of numbers joined by commas. Six are an address and a
// port, fewer are words of the text, and more are nobody knows what.
func (p *passiveCandidates) scanNumbers(line string) {
	for i := 0; i < len(line); {
		if !isASCIIDigit(line[i]) {
			i++
			continue
		}
		octets, count, valid, end := chainAt(line, i)
		switch {
		case count < len(octets):
		case count > len(octets):
			p.fail("more than six numbers")
		case !valid || joined(line, i, end):
			p.fail("number out of range or of no clear form")
		default:
			p.add(passiveReply{
				addr: netip.AddrFrom4([4]byte(octets[:4])),
				port: uint16(octets[4])<<8 | uint16(octets[5]),
			})
		}
		i = end
	}
}

// chainAt reads the chain whose first digit is s[i]: how many numbers it has, the
// first six, whether all are octets, and the index behind it.
func chainAt(s string, i int) (octets [6]byte, count int, valid bool, end int) {
	valid = true
	for i >= 0 {
		var value byte
		var ok bool
		value, ok, end = octetAt(s, i)
		if count < len(octets) {
			octets[count] = value
		}
		count++
		valid = valid && ok
		i = numberBehindComma(s, end)
	}
	return octets, count, valid, end
}

// octetAt reads the number whose first digit is s[i] and returns the index behind
// it. Some servers print bytes as signed, so that -1 stands for 255.
func octetAt(s string, i int) (value byte, ok bool, next int) {
	next = i
	n := 0
	for next < len(s) && isASCIIDigit(s[next]) {
		n = min(n*10+int(s[next]-'0'), 1000)
		next++
	}
	digits := next - i
	if i > 0 && s[i-1] == '-' {
		return byte(256 - n), n >= 1 && n <= 128 && digits <= 3, next
	}
	return byte(n), n <= 255 && digits <= 3, next
}

// numberBehindComma returns the index of the first digit of a number that follows
// s[:i] behind one comma, with blanks and a minus sign allowed for, or -1.
func numberBehindComma(s string, i int) int {
	i = skipBlanks(s, i)
	if i == len(s) || s[i] != ',' {
		return -1
	}
	i = skipBlanks(s, i+1)
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && isASCIIDigit(s[i]) {
		return i
	}
	return -1
}

// joined reports whether the chain s[start:end] is a part of something longer: a
// word, a fraction, a range, a chain with a hole.
func joined(s string, start, end int) bool {
	if start > 0 && s[start-1] == '-' {
		start--
	}
	switch {
	case start == 0:
	case isWordByte(s[start-1]), strings.IndexByte(",+-", s[start-1]) >= 0:
		return true
	case s[start-1] == '.' && start > 1 && isASCIIDigit(s[start-2]):
		return true
	}
	return !endsNumber(s, end)
}

// endsNumber reports whether s[i] and what follows may stand behind a number.
func endsNumber(s string, i int) bool {
	switch {
	case i == len(s):
		return true
	case s[i] == '.':
		return i+1 == len(s) || !isWordByte(s[i+1])
	}
	return strings.IndexByte(" \t\r)]}>;!'\"", s[i]) >= 0
}

// scanExtended tries to read |||port| wherever a delimiter may begin it. A bar, an
// exclamation mark and any punctuation behind a parenthesis are likely to; then
// blanks are allowed for, and a missing delimiter. A letter must be followed by the
// exact form, and so must any other byte outside a parenthesis.
func (p *passiveCandidates) scanExtended(line string) {
	for i := range len(line) {
		d := line[i]
		enclosed := i > 0 && line[i-1] == '('
		switch {
		case d <= ' ' || d >= 0x7f || isASCIIDigit(d) || d == '(' || d == ')':
		case i > 0 && line[i-1] == d:
		case !enclosed && (isWordByte(d) || d == '.' || d == '-'):
		default:
			form := extendedForm{delimiter: d, relaxed: d == '|' || d == '!' || enclosed && !isWordByte(d)}
			p.scanFields(line[i+1:], form)
		}
	}
}

// extendedForm is how a |||port| text is written.
type extendedForm struct {
	delimiter byte
	relaxed   bool // blanks are allowed for, and a missing delimiter
}

// field returns s up to the next delimiter and what follows that.
func (f extendedForm) field(s string) (field, rest string, found bool) {
	field, rest, found = strings.Cut(s, string(f.delimiter))
	if f.relaxed {
		field = strings.Trim(field, " \t")
	}
	return field, rest, found
}

// scanFields reads s, which follows a first delimiter: family, address, port.
func (p *passiveCandidates) scanFields(s string, form extendedForm) {
	family, rest, found := form.field(s)
	if !found || family != "" && family != "1" && family != "2" {
		return
	}
	text, port, found := form.field(rest)
	if !found || text != "" && allASCIIDigits(text) {
		// One delimiter short: the port stands where the address should.
		if form.relaxed && family == "" {
			p.scanPort(rest, form, netip.Addr{})
		}
		return
	}
	var addr netip.Addr
	if text != "" {
		var err error
		if addr, err = netip.ParseAddr(text); err != nil {
			return
		}
	}
	if addr.Zone() != "" || addr.Is4() && family == "2" || addr.Is6() && family == "1" {
		p.fail("address that is not of the family it says")
		return
	}
	p.scanPort(port, form, addr.Unmap())
}

// scanPort reads the port s begins with. A text that does not look like one is no
// candidate at all; a number that is no port is an error.
func (p *passiveCandidates) scanPort(s string, form extendedForm, addr netip.Addr) {
	start := 0
	if form.relaxed {
		start = skipBlanks(s, 0)
	}
	end := start
	for end < len(s) && isASCIIDigit(s[end]) {
		end++
	}
	if end == start {
		return
	}
	if !form.endsPort(s, end) {
		if form.relaxed {
			p.fail("port of no clear form")
		}
		return
	}
	port, err := strconv.ParseUint(s[start:end], 10, 16)
	if err != nil || end-start > len("65535") {
		p.fail("port out of range")
		return
	}
	p.add(passiveReply{addr: addr, port: uint16(port)})
}

// endsPort reports whether s[i:] ends the form: a delimiter which does not begin
// something else or, if that is forgiven, what may stand behind any number.
func (f extendedForm) endsPort(s string, i int) bool {
	end := i
	if f.relaxed {
		end = skipBlanks(s, i)
	}
	if end < len(s) && s[end] == f.delimiter {
		end++
		return end == len(s) || s[end] != f.delimiter && !isWordByte(s[end])
	}
	return f.relaxed && endsNumber(s, i)
}

func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

func allASCIIDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func isASCIIDigit(c byte) bool { return c >= '0' && c <= '9' }

// isWordByte reports a letter, a digit, an underscore or a byte beyond ASCII.
func isWordByte(c byte) bool {
	return isASCIIDigit(c) || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c >= 0x80
}
