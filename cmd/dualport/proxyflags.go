package main

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftpproxy"
)

// proxyFlags say which proxy both connections go through.
type proxyFlags struct {
	url string
}

func (f *proxyFlags) register(set *pflag.FlagSet) {
	set.StringVar(&f.url, "proxy", "", "go through the proxy `URL`: socks5:// or http://, with [user:pass@]host[:port]; none disregards the environment (ftp_proxy, all_proxy, no_proxy)")
}

// noProxy is the value of --proxy for none at all.
const noProxy = "none"

// find returns the proxy for a server; nil where there is none.
func (f *proxyFlags) find(address string, getenv func(string) string, opts *ftpproxy.Options) (*ftpproxy.Proxy, error) {
	switch f.url {
	case noProxy:
		return nil, nil
	case "":
		return ftpproxy.FromEnvironment(address, getenv, opts)
	}
	p, err := ftpproxy.Parse(f.url, opts)
	if err != nil {
		return nil, fmt.Errorf("--proxy: %w", err)
	}
	return p, nil
}

// setProxy makes both connections go through the proxy of the flag, or of the
// environment.
func (j *job) setProxy(o *ftp.Options, address string) error {
	j.hideProxyLogins()
	p, err := j.flags.proxy.find(address, j.env.getenv, &ftpproxy.Options{Bind: o.Bind, Timeout: o.Timeouts.Dial})
	if err != nil || p == nil {
		return usage(err)
	}
	j.proxy = p
	o.DialContext = p.DialContext
	o.Active.ListenFunc = p.Listener(address)
	switch {
	case p.CanListen():
	case o.Mode == ftp.ModeActive:
		return usagef("an HTTP proxy cannot accept the server's connection; use passive mode, a socks5:// proxy, or --proxy none")
	default:
		o.Mode = ftp.ModePassive
	}
	return nil
}

// hideProxyLogins hides what a proxy might repeat, the proxies of the environment
// included. A user without a password may be a token.
func (j *job) hideProxyLogins() {
	urls := []string{j.flags.proxy.url}
	for _, name := range []string{"ftp_proxy", "FTP_PROXY", "all_proxy", "ALL_PROXY"} {
		urls = append(urls, j.env.getenv(name))
	}
	for _, rawURL := range urls {
		user, password, _ := strings.Cut(userinfoOf(rawURL), ":")
		j.hide(spellings(cmp.Or(password, user))...)
		for _, login := range spellings(userinfoOf(rawURL)) {
			j.hide(base64.StdEncoding.EncodeToString([]byte(login))) // as HTTP sends it
		}
	}
}

// noteProxy tells of the proxy where the dialogue is shown: one that comes from the
// environment would be missed.
func (j *job) noteProxy() {
	if j.proxy != nil {
		label := j.proxy.String()
		scheme, _, _ := strings.Cut(label, "://")
		host := label[strings.LastIndexAny(label, "@/")+1:]
		j.show("* both connections go through %s://%s", scheme, host)
	}
}

// proxyHint says what to try where a proxy failed; empty where none did.
func proxyHint(err error) string {
	var failed *ftpproxy.Error
	switch {
	case exitCode(err) == codeInterrupted:
		return ""
	case errors.Is(err, ftpproxy.ErrCredentials):
		return "--proxy SCHEME://USER:PASSWORD@HOST:PORT with a login that the proxy accepts"
	case errors.Is(err, ftpproxy.ErrUnreachable):
		return "another --proxy, or --proxy none where the server can be reached without"
	case !errors.As(err, &failed):
		return ""
	case failed.Op != "connect":
		return "--mode passive, or asking the proxy's administrator to permit BIND"
	case failed.Code == 0 && failed.Status == 0:
		return "another scheme or port in the proxy's URL"
	case failed.Code == 2 || failed.Status/100 == 4 && failed.Status != 404:
		return "asking the proxy's administrator to permit connections to the server's port and to its passive ports"
	}
	return "another host or port in the URL: the proxy looks the name up and connects, and could not"
}
