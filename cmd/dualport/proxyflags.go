package main

import (
	"errors"
	"fmt"

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
func (f *proxyFlags) find(address, bind string, getenv func(string) string) (*ftpproxy.Proxy, error) {
	opts := &ftpproxy.Options{Bind: bind}
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
	p, err := j.flags.proxy.find(address, o.Bind, j.env.getenv)
	if err != nil || p == nil {
		return usage(err)
	}
	j.proxied = true
	o.DialContext = p.DialContext
	o.Active.ListenFunc = p.Listener(address)
	switch {
	case p.CanListen():
	case o.Mode == ftp.ModeActive:
		return usagef("an HTTP proxy cannot accept the server's connection; use --mode passive, or a socks5:// proxy")
	default:
		o.Mode = ftp.ModePassive
	}
	j.noteProxy(p)
	return nil
}

// noteProxy tells of the proxy where the dialogue is shown: one that comes from the
// environment would be missed.
func (j *job) noteProxy(p *ftpproxy.Proxy) {
	if j.flags.verbose {
		j.say("* both connections go through %s", p)
	}
}

// proxyHint says what to try where a proxy failed; empty where none did.
func proxyHint(err error) string {
	var failed *ftpproxy.Error
	switch {
	case errors.Is(err, ftpproxy.ErrCredentials):
		return "--proxy SCHEME://USER:PASSWORD@HOST:PORT with a login that the proxy accepts"
	case errors.Is(err, ftpproxy.ErrUnreachable):
		return "another --proxy, or --proxy none where the server can be reached without"
	case errors.As(err, &failed) && failed.Op == "connect":
		return "asking the proxy's administrator to permit connections to the server's port and to its passive ports"
	case errors.As(err, &failed):
		return "--mode passive, or asking the proxy's administrator to permit BIND"
	}
	return ""
}
