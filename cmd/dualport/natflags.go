package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/portmap"
)

// natFlags are about the NAT in front of this host, in active mode.
type natFlags struct {
	externalIP   string
	externalFrom string
	externalLAN  bool
	portmap      bool
}

func (f *natFlags) register(set *pflag.FlagSet) {
	set.StringVar(&f.externalIP, "external-ip", "", "address or host name to announce in active mode: `IP`")
	set.StringVar(&f.externalFrom, "external-ip-from", "", "find the address to announce: `SOURCES`, tried in order, of server, gateway and stun:HOST[:PORT], with commas")
	set.BoolVar(&f.externalLAN, "external-on-lan", false, "announce that address also to a server with a private address, which by default is told the local one")
	set.BoolVar(&f.portmap, "portmap", false, "in active mode, ask the gateway to forward a port (PCP, NAT-PMP, UPnP), and take that back afterwards")
}

// externalLife is how long an address that was found is used.
const externalLife = time.Minute

// setNAT makes active mode know of the NAT in front of this host.
func (j *job) setNAT(o *ftp.Options) error {
	f := &j.flags.nat
	o.Active.External, o.Active.ExternalOnLAN = f.externalIP, f.externalLAN
	if f.externalFrom != "" && f.externalIP != "" {
		return usagef("--external-ip and --external-ip-from exclude each other")
	}
	if j.proxy != nil && (f.portmap || f.externalFrom != "") {
		return usagef("through a proxy the server is told the proxy's address; --portmap and --external-ip-from are about this host's, for --proxy none")
	}
	mapper := &portmap.Mapper{Notice: func(message string) { j.show("* port mapping: %s", message) }}
	if f.portmap {
		o.Active.Mapper = mapper
		j.closers = append(j.closers, func() { _ = mapper.Close() }) // the session has released what it held
	}
	source, err := f.sources(mapper)
	if err != nil {
		return usage(err)
	}
	o.Active.ExternalFunc = source
	return nil
}

// sources reads --external-ip-from.
func (f *natFlags) sources(mapper *portmap.Mapper) (ftp.ExternalFunc, error) {
	if f.externalFrom == "" {
		return nil, nil
	}
	var sources []ftp.ExternalFunc
	for name := range strings.SplitSeq(f.externalFrom, ",") {
		name = strings.TrimSpace(name)
		server, isSTUN := strings.CutPrefix(name, "stun:")
		if isSTUN && !validServer(server) {
			return nil, fmt.Errorf("--external-ip-from %q names no server; write stun:HOST or stun:HOST:PORT", name)
		}
		switch {
		case name == "server":
			sources = append(sources, ftp.SeenByServer)
		case name == "gateway":
			sources = append(sources, mapper.External)
		case isSTUN:
			sources = append(sources, portmap.STUN(server))
		default:
			return nil, fmt.Errorf("--external-ip-from %q is none of server, gateway and stun:HOST[:PORT]", name)
		}
	}
	return ftp.CacheExternal(externalLife, ftp.FirstExternal(sources...)), nil
}

// validServer tells whether s is "host" or "host:port".
func validServer(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return s != "" && strings.Count(s, ":") != 1
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return host != "" && err == nil && n > 0
}

// natHint says what to try where the gateway did not forward a port, or the external
// address was not found; empty where that was not the matter.
func (f *natFlags) natHint(err error) string {
	var refused *portmap.ResultError
	switch {
	case errors.Is(err, portmap.ErrBehindNAT):
		return "--mode passive; no port mapping can get through two NATs"
	case !errors.As(err, &refused) && !errors.Is(err, portmap.ErrNoAnswer):
	case !f.portmap && !strings.Contains(f.externalFrom, "gateway"):
		return "another --external-ip-from, or --external-ip IP"
	default:
		return "permitting port mapping (UPnP, NAT-PMP or PCP) in the router's settings, or forwarding ports by hand and --port-range LO-HI with --external-ip IP"
	}
	return ""
}
