package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/dualport/ftp"
)

// target is what a URL names.
type target struct {
	user     string
	password string
	userSet  bool
	passSet  bool
	host     string // without brackets
	port     uint16 // 0 where the URL names none
	tls      ftp.TLSMode
	path     string // as the server is told: relative to the login directory unless it begins with "/"
	name     string // the last element of the path as it was typed, decoded; empty for a directory
	typ      ftp.Type
}

// parseURL reads ftp://[user[:password]@]host[:port]/path[;type=a|i] the way curl
// does: the path is relative to the login directory, and absolute after "//" or
// "/%2F". ftpes:// is explicit TLS and ftps:// implicit TLS; the scheme may be
// left out. No error repeats the URL, which may hold a password.
func parseURL(s string) (target, error) {
	mode, rest, err := cutScheme(s)
	if err != nil {
		return target{}, err
	}
	authority, rawPath, _ := strings.Cut(rest, "/")
	if strings.ContainsRune(rawPath, '#') {
		return target{}, errors.New("the URL holds a #; write %23 where it is part of a name")
	}
	t := target{tls: mode, typ: ftp.TypeImage}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if err := t.readUser(authority[:at]); err != nil {
			return target{}, err
		}
		authority = authority[at+1:]
	}
	if err := t.readHost(authority); err != nil {
		return target{}, err
	}
	return t, t.readPath(rawPath)
}

func cutScheme(s string) (ftp.TLSMode, string, error) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		return ftp.TLSNone, s, nil
	}
	switch strings.ToLower(scheme) {
	case "ftp":
		return ftp.TLSNone, rest, nil
	case "ftpes":
		return ftp.TLSExplicit, rest, nil
	case "ftps":
		return ftp.TLSImplicit, rest, nil
	}
	return ftp.TLSNone, "", errors.New("the URL has an unknown scheme; use ftp://, ftpes:// (explicit TLS) or ftps:// (implicit TLS)")
}

// schemeOf is the scheme that stands for a mode. Opportunistic TLS has none: it
// may well be no TLS.
func schemeOf(mode ftp.TLSMode) string {
	switch mode {
	case ftp.TLSExplicit:
		return "ftpes"
	case ftp.TLSImplicit:
		return "ftps"
	}
	return "ftp"
}

func (t *target) readUser(userinfo string) error {
	user, password, passSet := strings.Cut(userinfo, ":")
	var err error
	if t.user, err = decode("user name", user); err != nil {
		return err
	}
	if t.password, err = decode("password", password); err != nil {
		return err
	}
	t.userSet, t.passSet = t.user != "", passSet
	return nil
}

func (t *target) readHost(s string) error {
	host, port := s, ""
	switch {
	case strings.HasPrefix(s, "["):
		inside, after, closed := strings.Cut(s[1:], "]")
		if !closed || after != "" && after[0] != ':' {
			return errors.New("the IPv6 address in the URL has no closing bracket")
		}
		host, port = strings.Replace(inside, "%25", "%", 1), after
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is6() {
			return errors.New("what stands in brackets in the URL is no IPv6 address")
		}
	case strings.Contains(s, ":"):
		host, port, _ = strings.Cut(s, ":")
		port = ":" + port
		fallthrough
	default:
		if host == "" || strings.ContainsFunc(host, notInHost) {
			return errors.New("the URL names no valid host; write ftp://host/path")
		}
	}
	t.host = host
	if port == "" || port == ":" {
		return nil
	}
	n, err := strconv.ParseUint(port[1:], 10, 16)
	if err != nil || n == 0 {
		return errors.New("the port in the URL is no number from 1 to 65535; an IPv6 address needs brackets")
	}
	t.port = uint16(n)
	return nil
}

func notInHost(c rune) bool {
	return c <= ' ' || c == 0x7f || strings.ContainsRune("%\"<>\\^`{|}[]?#@", c)
}

func (t *target) readPath(raw string) error {
	if at := strings.LastIndexByte(raw, ';'); at >= 0 && strings.HasPrefix(strings.ToLower(raw[at:]), ";type=") {
		switch strings.ToLower(raw[at+len(";type="):]) {
		case "a":
			t.typ = ftp.TypeASCII
		case "i":
		default:
			return errors.New("the URL ends in an unknown ;type=; use a or i")
		}
		raw = raw[:at]
	}
	var err error
	if t.path, err = decode("path", raw); err != nil {
		return err
	}
	t.name, err = decode("path", raw[strings.LastIndexByte(raw, '/')+1:])
	return err
}

// decode resolves the percent escapes and refuses, afterwards, what must not
// reach a command line.
func decode(what, s string) (string, error) {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return "", fmt.Errorf("the %s in the URL holds a %% that begins no escape; write %%25 for a percent sign", what)
	}
	return plain, checkText(what, plain)
}

// checkText refuses the bytes that would end a command and begin another.
func checkText(what, s string) error {
	if strings.ContainsAny(s, "\r\n\x00") {
		return fmt.Errorf("the %s holds a line break or a NUL, which FTP cannot carry", what)
	}
	return nil
}

// address is what is dialled.
func (t target) address() string {
	return net.JoinHostPort(t.host, strconv.Itoa(int(t.knownPort())))
}

func (t target) knownPort() uint16 {
	switch {
	case t.port != 0:
		return t.port
	case t.tls == ftp.TLSImplicit:
		return 990
	}
	return 21
}

// String is the URL with its escapes, and without its password.
func (t target) String() string {
	u := url.URL{Scheme: schemeOf(t.tls), Host: t.host, Path: "/" + t.path}
	if strings.Contains(t.host, ":") {
		u.Host = "[" + t.host + "]"
	}
	if standard := (target{tls: t.tls}).knownPort(); t.knownPort() != standard {
		u.Host += ":" + strconv.Itoa(int(t.port))
	}
	if t.userSet {
		u.User = url.User(t.user)
	}
	text := u.String()
	if t.typ == ftp.TypeASCII {
		text += ";type=a"
	}
	return text
}

// sameServer tells whether two URLs mean the same login on the same server; a
// user that the second leaves out is that of the first.
func (t target) sameServer(other target) bool {
	return strings.EqualFold(t.host, other.host) && t.knownPort() == other.knownPort() && t.tls == other.tls &&
		(!other.userSet || t.userSet && t.user == other.user)
}
