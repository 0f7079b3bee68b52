package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dualport/ftp"
)

// flags are those that every command takes.
type flags struct {
	mode, dataCommand, passiveAddress string
	portRange, bind                   string
	ipv4, ipv6                        bool
	timeout                           seconds
	dial, reply, data, accept, stall  seconds
	final                             seconds
	user, passwordFile, netrc         string
	account                           string
	tls                               tlsFlags
	proxy                             proxyFlags
	nat                               natFlags
	traceFile                         string
	verbose, json, quiet, demo        bool

	changed func(name string) bool // whether a flag was given
}

func (f *flags) register(set *pflag.FlagSet) {
	f.changed = set.Changed
	set.StringVar(&f.mode, "mode", "auto", "who opens data connections: `auto`, passive or active")
	set.StringVar(&f.dataCommand, "data-command", "", "negotiate by this method only: `epsv`, pasv, eprt or port")
	set.StringVar(&f.passiveAddress, "passive-address", "auto", "address of passive connections: `auto`, control, server or an IP address")
	set.StringVar(&f.portRange, "port-range", "", "local ports of active mode: `LO-HI`")
	set.StringVar(&f.bind, "bind", "", "local address of both connections: an `IP` address or a network interface")
	set.BoolVarP(&f.ipv4, "ipv4", "4", false, "use IPv4 only")
	set.BoolVarP(&f.ipv6, "ipv6", "6", false, "use IPv6 only")
	f.nat.register(set)
	f.proxy.register(set)
	f.tls.register(set)
	f.registerTimeouts(set)
	set.StringVar(&f.user, "user", "", "user `NAME`; overrides the one in the URL")
	set.StringVar(&f.passwordFile, "password-file", "", "read the password from the first line of `FILE`; - is standard input")
	set.StringVar(&f.netrc, "netrc", "", "look the login up in ~/.netrc, or in `FILE` with --netrc=FILE")
	set.Lookup("netrc").NoOptDefVal = defaultNetrc
	set.StringVar(&f.account, "account", "", "answer the server's request for an account with `ACCT`")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "show the dialogue and every decision on standard error, without secrets")
	set.StringVar(&f.traceFile, "trace", "", "write the same, with times, to `FILE`")
	set.BoolVar(&f.json, "json", false, "print the result as JSON on standard output")
	set.BoolVarP(&f.quiet, "quiet", "q", false, "no progress bar")
	set.BoolVar(&f.demo, "demo", false, "run against a server in this process, without network and URL")
}

func (f *flags) registerTimeouts(set *pflag.FlagSet) {
	set.Var(&f.timeout, "timeout", "`SECONDS` of each wait that has no flag of its own set: connections, replies, progress, the reply at the end; 0 is no limit")
	set.Var(&f.dial, "dial-timeout", "`SECONDS` to wait for the connection to the server")
	set.Var(&f.reply, "reply-timeout", "`SECONDS` to wait for a reply")
	set.Var(&f.data, "data-timeout", "`SECONDS` to wait for a passive data connection")
	set.Var(&f.accept, "accept-timeout", "`SECONDS` to wait for the server's connection in active mode")
	set.Var(&f.stall, "stall-timeout", "`SECONDS` without progress after which a transfer is given up")
	set.Var(&f.final, "final-timeout", "`SECONDS` to wait for the reply at the end of a transfer")
}

// seconds is a flag in seconds, "2" or "0.5"; 0 means no limit, which is what a
// negative value means to the library.
type seconds struct {
	limit time.Duration
	set   bool
}

const maxSeconds = 1e9 // 31 years

// Set implements pflag.Value.
func (s *seconds) Set(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= maxSeconds) {
		return errors.New("want a number of seconds, such as 30 or 0.5")
	}
	s.set, s.limit = true, time.Duration(n*float64(time.Second))
	if s.limit == 0 {
		s.limit = -1
	}
	return nil
}

// String implements pflag.Value.
func (s *seconds) String() string {
	if !s.set {
		return ""
	}
	return strconv.FormatFloat(max(s.limit, 0).Seconds(), 'f', -1, 64)
}

// Type implements pflag.Value.
func (s *seconds) Type() string { return "seconds" }

// options turns the flags into the library's options, without the login.
func (f *flags) options(mode ftp.TLSMode) (ftp.Options, error) {
	var o ftp.Options
	setTLS := func(o *ftp.Options) error { return f.tls.set(o, mode, f.changed) }
	for _, step := range []func(*ftp.Options) error{f.setMode, f.setAddresses, f.setLocal, f.setTimeouts, setTLS} {
		if err := step(&o); err != nil {
			return o, usage(err)
		}
	}
	return o, nil
}

// checkEmpty refuses an empty value where it would mean to go past a proxy, or to name
// the local address: in a script it is a variable that is not set.
func (f *flags) checkEmpty() error {
	for _, flag := range []struct{ name, value string }{
		{"proxy", f.proxy.url}, {"external-ip", f.nat.externalIP}, {"external-ip-from", f.nat.externalFrom},
	} {
		if flag.value == "" && f.changed(flag.name) {
			return fmt.Errorf("--%s has an empty value; leave the flag out", flag.name)
		}
	}
	return nil
}

func (f *flags) setMode(o *ftp.Options) error {
	switch f.mode {
	case "auto":
		o.Mode = ftp.ModeAuto
	case "passive":
		o.Mode = ftp.ModePassive
	case "active":
		o.Mode = ftp.ModeActive
	default:
		return fmt.Errorf("--mode %q is none of auto, passive and active", f.mode)
	}
	mode := ftp.ModePassive
	method := ftp.Method(strings.ToUpper(f.dataCommand))
	switch method {
	case "":
		return nil
	case ftp.EPSV, ftp.PASV:
		o.Passive.Methods = []ftp.Method{method}
	case ftp.EPRT, ftp.PORT:
		mode = ftp.ModeActive
		o.Active.Methods = []ftp.Method{method}
	default:
		return fmt.Errorf("--data-command %q is none of epsv, pasv, eprt and port", f.dataCommand)
	}
	if o.Mode != ftp.ModeAuto && o.Mode != mode {
		return fmt.Errorf("--data-command %s is not a method of --mode %s", f.dataCommand, f.mode)
	}
	if method == ftp.PORT && f.ipv6 {
		return errors.New("--data-command port has no room for an IPv6 address; use eprt with -6")
	}
	o.Mode = mode
	return nil
}

func (f *flags) setAddresses(o *ftp.Options) error {
	if err := o.Passive.Address.UnmarshalText([]byte(f.passiveAddress)); err != nil {
		if o.Passive.ForcedIP, err = netip.ParseAddr(f.passiveAddress); err != nil {
			return fmt.Errorf("--passive-address %q is none of auto, control, server and an IP address", f.passiveAddress)
		}
	}
	if f.portRange != "" {
		var err error
		if o.Active.Ports, err = ftp.ParsePortRange(f.portRange); err != nil {
			return fmt.Errorf("--port-range: %w", err)
		}
	}
	return nil
}

func (f *flags) setLocal(o *ftp.Options) error {
	if f.bind != "" {
		_, addrErr := netip.ParseAddr(f.bind)
		if _, err := net.InterfaceByName(f.bind); err != nil && addrErr != nil {
			return fmt.Errorf("--bind %q is neither an IP address nor a network interface of this host", f.bind)
		}
		o.Bind = f.bind
	}
	switch {
	case f.ipv4 && f.ipv6:
		return errors.New("-4 and -6 exclude each other")
	case f.ipv4:
		o.Network = "tcp4"
	case f.ipv6:
		o.Network = "tcp6"
	}
	return nil
}

func (f *flags) setTimeouts(o *ftp.Options) error {
	t := &o.Timeouts
	for _, limit := range []struct {
		field *time.Duration
		own   seconds
	}{
		{&t.Dial, f.dial}, {&t.TLSHandshake, f.tls.handshake}, {&t.Reply, f.reply},
		{&t.DataConnect, f.data}, {&t.Accept, f.accept}, {&t.Stall, f.stall}, {&t.FinalReply, f.final},
	} {
		*limit.field = f.timeout.limit
		if limit.own.set {
			*limit.field = limit.own.limit
		}
	}
	return nil
}
