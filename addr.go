package ftp

import (
	"errors"
	"fmt"
	"net/netip"
)

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
