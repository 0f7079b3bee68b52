package ftpproxy

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

const (
	schemeSOCKS = "socks5"
	schemeHTTP  = "http"
	schemeHTTPS = "https"
)

var (
	errURL  = errors.New("the proxy URL cannot be read; write scheme://user:password@host:port, with @ : / # ? and % of a password as %40 %3A %2F %23 %3F and %25")
	errHost = errors.New("the proxy URL has no host; write socks5://host:port or http://host:port")
)

// Parse reads the URL of a proxy, [scheme://][user:password@]host[:port]. The
// scheme is socks5 or socks5h, which mean the same here, http or https; none
// means http. The port is 1080 where none is given, as with curl, and 443 for
// https. Its errors repeat no part of the URL that may be a password.
func Parse(rawURL string, opts *Options) (*Proxy, error) {
	rawURL = strings.TrimSpace(rawURL)
	if !strings.Contains(rawURL, "://") {
		rawURL = schemeHTTP + "://" + rawURL
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errURL // what url.Parse says may hold the password
	}
	p := &Proxy{host: u.Hostname(), opts: opts.resolve()}
	if p.scheme, err = parseScheme(u.Scheme); err != nil {
		return nil, err
	}
	switch {
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "", u.Opaque != "":
		return nil, errURL // a password with a character such as # that was not escaped
	case p.host == "":
		return nil, errHost
	}
	if p.port, err = parsePort(u.Port(), p.scheme); err != nil {
		return nil, err
	}
	if p.login, err = parseUser(u.User, p.scheme); err != nil {
		return nil, err
	}
	return p, nil
}

func parseScheme(scheme string) (string, error) {
	switch scheme {
	case "socks5", "socks5h":
		return schemeSOCKS, nil
	case schemeHTTP, schemeHTTPS:
		return scheme, nil
	case "socks", "socks4", "socks4a":
		return "", fmt.Errorf("a proxy of the scheme %q cannot be used; if it also speaks SOCKS version 5, write socks5://", scheme)
	}
	return "", errors.New("the scheme of the proxy URL is not known; use socks5://, http:// or https://")
}

func parsePort(port, scheme string) (string, error) {
	switch {
	case port == "" && scheme == schemeHTTPS:
		return "443", nil
	case port == "":
		return "1080", nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errors.New("the port of the proxy URL is none; use 1 to 65535")
	}
	return strconv.FormatUint(n, 10), nil
}

// parseUser reads the credentials and checks that the proxy's protocol has room
// for them: RFC 1929 for SOCKS5, RFC 7617 for HTTP.
func parseUser(info *url.Userinfo, scheme string) (func() credentials, error) {
	if info == nil || info.String() == "" {
		return nil, nil
	}
	c := credentials{user: info.Username()}
	c.password, _ = info.Password()
	switch {
	case c.user == "":
		return nil, errors.New("the proxy URL has a password and no user; write user:password@host")
	case scheme == schemeSOCKS && (len(c.user) > 255 || len(c.password) > 255):
		return nil, errors.New("the user or the password of the proxy is too long; SOCKS5 has room for 255 bytes each")
	case scheme != schemeSOCKS && strings.Contains(c.user, ":"):
		return nil, errors.New("the user of an HTTP proxy must not hold a colon, which ends it")
	}
	return func() credentials { return c }, nil
}
