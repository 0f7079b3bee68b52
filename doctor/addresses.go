package doctor

import (
	"net/netip"
	"strconv"
	"strings"
)

// mention is an address in a text.
type mention struct {
	addr   netip.Addr
	port   uint16 // 0 where there is none
	before string // some of what comes before it, in lower case
}

// maxSaying is how much of a text is looked at for addresses, in bytes.
const maxSaying = 8 << 10

// maxBefore is how much of what comes before an address is kept, in bytes.
const maxBefore = 128

// mentions finds the addresses in a text that a server wrote: "192.0.2.1",
// "192.0.2.1:4000", "[2001:db8::1]", "192,0,2,1,15,160" and the like.
func mentions(text string) []mention {
	text = strings.ToLower(text[:min(len(text), maxSaying)])
	var found []mention
	for rest := text; ; {
		start := strings.IndexFunc(rest, func(c rune) bool { return !isGap(c) })
		if start < 0 {
			return found
		}
		at := len(text) - len(rest) + start
		rest = rest[start:]
		end := strings.IndexFunc(rest, isGap)
		if end < 0 {
			end = len(rest)
		}
		if m, ok := parseMention(rest[:end]); ok {
			m.before = text[max(0, at-maxBefore):at]
			found = append(found, m)
		}
		rest = rest[end:]
	}
}

func isGap(c rune) bool { return strings.ContainsRune(" \t\r\n()[]<>{}|;\"'=", c) }

func parseMention(word string) (mention, bool) {
	word = strings.TrimSuffix(strings.Trim(word, ".,!?"), ":")
	if ap, err := parsePORT(word); err == nil {
		return mention{addr: ap.Addr(), port: ap.Port()}, true
	}
	if ap, err := netip.ParseAddrPort(word); err == nil {
		return mention{addr: ap.Addr().Unmap(), port: ap.Port()}, true
	}
	addr, err := netip.ParseAddr(strings.TrimPrefix(word, "ip:"))
	if err != nil || addr.IsUnspecified() || addr.Zone() != "" {
		return mention{}, false
	}
	return mention{addr: addr.Unmap()}, true
}

// parsePORT reads h1,h2,h3,h4,p1,p2 (RFC 959 section 4.1.2).
func parsePORT(arg string) (netip.AddrPort, error) {
	fields := strings.Split(arg, ",")
	if len(fields) != 6 {
		return netip.AddrPort{}, strconv.ErrSyntax
	}
	var b [6]byte
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 8)
		if err != nil {
			return netip.AddrPort{}, err
		}
		b[i] = byte(n)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), uint16(b[4])<<8|uint16(b[5])), nil
}

// parseEPRT reads |family|address|port| (RFC 2428 section 2).
func parseEPRT(arg string) (netip.AddrPort, error) {
	fields := strings.Split(arg, "|")
	if len(fields) != 5 {
		return netip.AddrPort{}, strconv.ErrSyntax
	}
	addr, err := netip.ParseAddr(fields[2])
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := strconv.ParseUint(fields[3], 10, 16)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), err
}

// named is the address that a command line told the server; invalid where the
// line is neither PORT nor EPRT.
func (s saying) named() netip.AddrPort {
	verb, arg, _ := strings.Cut(s.line, " ")
	parse := parsePORT
	switch verb {
	case "EPRT":
		parse = parseEPRT
	case "PORT":
	default:
		return netip.AddrPort{}
	}
	at, err := parse(arg)
	if err != nil {
		return netip.AddrPort{}
	}
	return at
}

func (s saying) verb() string {
	verb, _, _ := strings.Cut(s.line, " ")
	return verb
}
