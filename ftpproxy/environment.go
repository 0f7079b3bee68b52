package ftpproxy

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// FromEnvironment returns the proxy that the environment sets for an FTP server,
// a host or host:port as it is dialled, or nil where there is none for it. The
// first of ftp_proxy, FTP_PROXY, all_proxy and ALL_PROXY that is set counts. A
// server that no_proxy or NO_PROXY lists, and one on this host, has none. getenv
// looks a variable up; nil means os.Getenv.
//
// no_proxy is a list of host names, which stand for their subdomains too, of IP
// addresses and networks (10.0.0.0/8), each with a :port or without, separated
// by commas or blanks; "*" is every host. Names are not resolved for it.
func FromEnvironment(server string, getenv func(string) string, opts *Options) (*Proxy, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	name, value := firstSet(getenv, "ftp_proxy", "FTP_PROXY", "all_proxy", "ALL_PROXY")
	if value == "" {
		return nil, nil
	}
	host, port := splitServer(server)
	host = normal(host)
	_, exempt := firstSet(getenv, "no_proxy", "NO_PROXY")
	if local(host) || exempts(exempt, host, port) {
		return nil, nil
	}
	p, err := Parse(value, opts)
	if err != nil {
		return nil, fmt.Errorf("the environment variable %s: %w", name, err)
	}
	return p, nil
}

func firstSet(getenv func(string) string, names ...string) (name, value string) {
	for _, name := range names {
		if value := strings.TrimSpace(getenv(name)); value != "" {
			return name, value
		}
	}
	return "", ""
}

// normal makes names comparable: in lower case, without the dot at the end.
func normal(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// local tells whether host is this host itself, which no proxy can reach.
func local(host string) bool {
	addr, _ := netip.ParseAddr(host)
	return addr.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// exempts tells whether an entry of a no_proxy list covers host and port.
func exempts(list, host, port string) bool {
	addr, _ := netip.ParseAddr(host)
	addr = addr.Unmap().WithZone("")
	for entry := range strings.FieldsFuncSeq(list, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
		if entry == "*" {
			return true
		}
		if prefix, err := netip.ParsePrefix(entry); err == nil {
			if prefix.Contains(addr) {
				return true
			}
			continue
		}
		if name, entryPort := splitEntry(entry); (entryPort == "" || entryPort == port) && covers(name, host, addr) {
			return true
		}
	}
	return false
}

// splitEntry takes the port off "host:port" and "[v6]:port".
func splitEntry(entry string) (name, port string) {
	i := strings.LastIndexByte(entry, ':')
	if i < 0 || strings.Count(entry, ":") > 1 && !strings.HasPrefix(entry, "[") || strings.HasSuffix(entry, "]") {
		return strings.Trim(entry, "[]"), ""
	}
	return strings.Trim(entry[:i], "[]"), entry[i+1:]
}

// covers compares an address with an address and a name with a name or a
// domain: "example.net", ".example.net" and "*.example.net" mean the same.
func covers(name, host string, addr netip.Addr) bool {
	if addr.IsValid() {
		listed, err := netip.ParseAddr(name)
		return err == nil && listed.Unmap() == addr
	}
	name = normal(strings.TrimPrefix(strings.TrimPrefix(name, "*"), "."))
	return name != "" && (host == name || strings.HasSuffix(host, "."+name))
}
