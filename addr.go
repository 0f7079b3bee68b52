package ftp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// An AddressPolicy says which address to dial after a passive reply. A reply that
// names only a port (229) always means the control peer.
type AddressPolicy uint8

const (
	// AddressAuto, the zero value, dials the control peer first. An advertised
	// address that differs is a second chance if it is a public one, and is
	// never dialled if it is not.
	AddressAuto AddressPolicy = iota
	// AddressControl never dials anything but the control peer.
	AddressControl
	// AddressServer believes the address the server advertises. Loopback,
	// multicast and unspecified addresses are still refused, unless the control
	// peer is loopback itself.
	AddressServer
)

// String returns "auto", "control" or "server".
func (p AddressPolicy) String() string {
	switch p {
	case AddressAuto:
		return "auto"
	case AddressControl:
		return "control"
	case AddressServer:
		return "server"
	}
	return fmt.Sprintf("AddressPolicy(%d)", uint8(p))
}

// MarshalText returns what String does; an unknown policy is an error.
func (p AddressPolicy) MarshalText() ([]byte, error) {
	if p > AddressServer {
		return nil, fmt.Errorf("unknown address policy %d", uint8(p))
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads "auto", "control" or "server".
func (p *AddressPolicy) UnmarshalText(text []byte) error {
	for policy := AddressAuto; policy <= AddressServer; policy++ {
		if string(text) == policy.String() {
			*p = policy
			return nil
		}
	}
	return fmt.Errorf("unknown address policy %.40q: use auto, control or server", text)
}

// controlPeer is the far end of the control connection.
type controlPeer struct {
	host string     // IP text or, through a proxy, a name
	addr netip.Addr // invalid through a proxy
}

// known returns the peer's address, invalid if there is only a name.
func (p controlPeer) known() netip.Addr {
	if p.addr.IsValid() {
		return p.addr.Unmap()
	}
	addr, err := netip.ParseAddr(p.host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// words names the peer in a reason: "address 203.0.113.7", "name ftp.example.net".
func (p controlPeer) words() string {
	if addr := p.known(); addr.IsValid() {
		return "address " + addr.String()
	}
	return "name " + p.host
}

func (p controlPeer) target(port uint16, reason string) dialTarget {
	if addr := p.known(); addr.IsValid() {
		return dialTarget{host: addr.String(), port: port, addr: addr, reason: reason}
	}
	return dialTarget{host: p.host, port: port, reason: reason}
}

// dialTarget is one address to dial for a data connection.
type dialTarget struct {
	host   string
	port   uint16
	addr   netip.Addr // invalid where host is a name
	reason string     // the sentence of why this address
}

func addrTarget(addr netip.Addr, port uint16, reason string) dialTarget {
	addr = addr.Unmap()
	return dialTarget{host: addr.String(), port: port, addr: addr, reason: reason}
}

// addressRule decides which addresses to dial. The function beats the forced
// address, which beats the policy.
type addressRule struct {
	policy AddressPolicy
	forced netip.Addr
	fn     func(advertised netip.AddrPort, control netip.Addr) (netip.AddrPort, error)
}

// targets returns the addresses to dial after a passive reply, in order; there is
// at least one unless the error is set.
func (r addressRule) targets(adv passiveReply, peer controlPeer) ([]dialTarget, error) {
	adv.addr = adv.addr.Unmap()
	if adv.port == 0 {
		return nil, errors.New("passive reply names no port")
	}
	switch {
	case r.fn != nil:
		return r.chosen(adv, peer)
	case r.forced.IsValid():
		reason := fmt.Sprintf("passive address is set to %s", r.forced.Unmap())
		return []dialTarget{addrTarget(r.forced, adv.port, reason)}, nil
	case peer.host == "" && !peer.addr.IsValid():
		return nil, errors.New("host of the control connection is not known")
	case !adv.addr.IsValid():
		reason := "server advertised a port alone, using host " + peer.words()
		return []dialTarget{peer.target(adv.port, reason)}, nil
	case adv.addr == peer.known().WithZone(""):
		reason := "server advertised its host " + peer.words()
		return []dialTarget{peer.target(adv.port, reason)}, nil
	}
	switch r.policy {
	case AddressAuto:
		return automatic(adv, peer), nil
	case AddressControl:
		reason := fmt.Sprintf("address policy is control, using host %s instead of %s", peer.words(), adv.addr)
		return []dialTarget{peer.target(adv.port, reason)}, nil
	case AddressServer:
		return believed(adv, peer)
	}
	return nil, fmt.Errorf("unknown address policy %d", uint8(r.policy))
}

// automatic is AddressAuto for an advertised address that is not the peer's. A
// peer on a private network gets no exception: its server could name any other
// machine there. IPv4 advertised to an IPv6 client means a translator (NAT64) on
// the way, behind which only the address of the control connection is reachable.
func automatic(adv passiveReply, peer controlPeer) []dialTarget {
	if class := classify(adv.addr); class.unroutable() {
		reason := fmt.Sprintf("server sent passive reply with unroutable address %s, using host %s instead", adv.addr, peer.words())
		return []dialTarget{peer.target(adv.port, reason)}
	}
	if peer.known().Is6() && adv.addr.Is4() {
		reason := fmt.Sprintf("server sent IPv4 address %s over IPv6, using host %s instead", adv.addr, peer.words())
		return []dialTarget{peer.target(adv.port, reason)}
	}
	first := fmt.Sprintf("server sent passive reply with address %s, using host %s first", adv.addr, peer.words())
	second := fmt.Sprintf("server sent passive reply with address %s, using it after host %s", adv.addr, peer.words())
	return []dialTarget{peer.target(adv.port, first), addrTarget(adv.addr, adv.port, second)}
}

// believed is AddressServer for an advertised address that is not the peer's.
func believed(adv passiveReply, peer controlPeer) ([]dialTarget, error) {
	switch class := classify(adv.addr); class {
	case classLoopback, classMulticast, classUnspecified, classBroadcast:
		if classify(peer.known()) == classLoopback {
			break
		}
		return nil, fmt.Errorf("server advertised the %s address %s, which is never dialled: "+
			"set the passive address to auto, to control or to an IP", class, adv.addr)
	}
	reason := fmt.Sprintf("address policy is server, using advertised address %s instead of host %s", adv.addr, peer.words())
	return []dialTarget{addrTarget(adv.addr, adv.port, reason)}, nil
}

// chosen asks the user's function. It sees the peer's address where the server
// advertised none.
func (r addressRule) chosen(adv passiveReply, peer controlPeer) ([]dialTarget, error) {
	if !adv.addr.IsValid() {
		adv.addr = peer.known()
	}
	to, err := r.fn(netip.AddrPortFrom(adv.addr, adv.port), peer.known())
	if err != nil {
		return nil, fmt.Errorf("passive address function: %w", err)
	}
	if !to.Addr().IsValid() || to.Port() == 0 {
		return nil, errors.New("passive address function returned no address or no port")
	}
	return []dialTarget{addrTarget(to.Addr(), to.Port(), "passive address function returned "+to.String())}, nil
}

// addrClass is the kind of network an address belongs to.
type addrClass uint8

const (
	classInvalid addrClass = iota
	classGlobal
	classUnspecified
	classLoopback
	classPrivate
	classLinkLocal
	classShared
	classMulticast
	classBroadcast
	classDocumentation
	classBenchmarking
	classReserved
	classUniqueLocal
	classSiteLocal
	classNAT64
	classTunnel
)

// String returns the class in words a user understands.
func (c addrClass) String() string {
	words := [...]string{
		classInvalid:       "invalid",
		classGlobal:        "global",
		classUnspecified:   "unspecified",
		classLoopback:      "loopback",
		classPrivate:       "private (RFC 1918)",
		classLinkLocal:     "link-local",
		classShared:        "shared/CGNAT (100.64.0.0/10)",
		classMulticast:     "multicast",
		classBroadcast:     "broadcast",
		classDocumentation: "documentation",
		classBenchmarking:  "benchmarking (198.18.0.0/15)",
		classReserved:      "reserved",
		classUniqueLocal:   "unique local",
		classSiteLocal:     "site-local (deprecated)",
		classNAT64:         "NAT64 (64:ff9b::/96)",
		classTunnel:        "6to4 or Teredo",
	}
	if int(c) >= len(words) {
		return fmt.Sprintf("addrClass(%d)", uint8(c))
	}
	return words[c]
}

// unroutable reports whether a server on the Internet cannot mean an address of
// this class. NAT64 and tunnel addresses count, because they may carry a private
// IPv4 address within. Documentation addresses do not: they are nobody's own
// network, so that trying one second harms nobody, and laboratories use them as
// public ones.
func (c addrClass) unroutable() bool {
	return c != classGlobal && c != classDocumentation
}

// classify returns the class of addr; an IPv4 address mapped into IPv6 has that
// of the IPv4 address.
func classify(addr netip.Addr) addrClass {
	addr = addr.Unmap()
	switch {
	case !addr.IsValid():
		return classInvalid
	case addr.IsUnspecified():
		return classUnspecified
	case addr.IsLoopback():
		return classLoopback
	case addr.IsMulticast():
		return classMulticast
	case addr.IsLinkLocalUnicast():
		return classLinkLocal
	case addr.Is4():
		return classify4(addr)
	}
	return classify6(addr.WithZone(""))
}

// The special ranges are those of RFC 6890 and the registries kept under it.
func classify4(addr netip.Addr) addrClass {
	switch b := addr.As4(); {
	case addr.IsPrivate():
		return classPrivate
	case b == [4]byte{255, 255, 255, 255}:
		return classBroadcast
	case b[0] == 100 && b[1]&0xc0 == 64:
		return classShared
	case b[0] == 198 && b[1]&0xfe == 18:
		return classBenchmarking
	case [3]byte(b[:3]) == [3]byte{192, 0, 2}, [3]byte(b[:3]) == [3]byte{198, 51, 100}, [3]byte(b[:3]) == [3]byte{203, 0, 113}:
		return classDocumentation
	case b[0] == 0, b[0] >= 240, [3]byte(b[:3]) == [3]byte{192, 0, 0}, [3]byte(b[:3]) == [3]byte{192, 88, 99}:
		return classReserved
	}
	return classGlobal
}

func classify6(addr netip.Addr) addrClass {
	within := func(prefix string) bool { return netip.MustParsePrefix(prefix).Contains(addr) }
	switch {
	case within("fc00::/7"):
		return classUniqueLocal
	case within("fec0::/10"):
		return classSiteLocal
	case within("64:ff9b::/96"), within("64:ff9b:1::/48"):
		return classNAT64
	case within("2001:db8::/32"), within("3fff::/20"):
		return classDocumentation
	case within("2002::/16"), within("2001::/32"):
		return classTunnel
	case within("2001::/23"), !within("2000::/3"):
		return classReserved
	}
	return classGlobal
}

// isLocalNetwork reports whether addr is on this machine or its own networks, so
// that the external address of a NAT must not be advertised to it.
func isLocalNetwork(addr netip.Addr) bool {
	switch classify(addr) {
	case classLoopback, classPrivate, classLinkLocal, classUniqueLocal, classSiteLocal:
		return true
	}
	return false
}

// formatPORT returns the argument of PORT (RFC 959 section 5.3.2) for an IPv4
// address, which may be mapped into IPv6.
func formatPORT(ap netip.AddrPort) (string, error) {
	addr := ap.Addr().Unmap()
	if !addr.Is4() {
		return "", fmt.Errorf("address %s does not fit PORT, which is for IPv4: use EPRT", ap.Addr())
	}
	if ap.Port() == 0 {
		return "", errors.New("port 0 cannot be advertised")
	}
	b := addr.As4()
	return fmt.Sprintf("%d,%d,%d,%d,%d,%d", b[0], b[1], b[2], b[3], ap.Port()>>8, ap.Port()&0xff), nil
}

// formatEPRT returns the argument of EPRT (RFC 2428 section 2). A zone, which has
// a meaning on this machine alone, is left out.
func formatEPRT(ap netip.AddrPort) (string, error) {
	addr := ap.Addr().Unmap().WithZone("")
	if !addr.IsValid() {
		return "", errors.New("no address to advertise in EPRT")
	}
	if ap.Port() == 0 {
		return "", errors.New("port 0 cannot be advertised")
	}
	family := 1
	if addr.Is6() {
		family = 2
	}
	return fmt.Sprintf("|%d|%s|%d|", family, addr, ap.Port()), nil
}

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
