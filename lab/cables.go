//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// The addresses. The public ones are those of RFC 5737 and RFC 3849, which belong to
// nobody.
const (
	clientRouterWAN = "203.0.113.2"
	serverRouterWAN = "203.0.113.3"
	secondWAN       = "203.0.113.4" // the server's router has it too
	strangerAddr    = "203.0.113.66"

	privateClientLAN = "192.168.1"
	publicClientLAN  = "198.51.100"
	privateServerLAN = "10.0.0"
	publicServerLAN  = "192.0.2"

	clientLAN6 = "2001:db8:a::"
	internet6  = "2001:db8:f::"
	serverLAN6 = "2001:db8:b::"
)

// hosts are the namespaces of one network.
var hosts = []string{"client", "neighbour", "client_router", "internet", "server_router", "server", "stranger"} //nolint:gochecknoglobals // a constant that Go cannot write as one

// network is one built network.
type network struct {
	plan  plan
	nodes map[string]namespace

	occupied []net.Listener
}

// plan says which addresses the hosts have.
type plan struct {
	clientLAN, serverLAN   string // the first three bytes
	clientIPv4, clientIPv6 bool
	serverIPv4, serverIPv6 bool
}

// networks counts those that this process has made.
var networks atomic.Int64 //nolint:gochecknoglobals // the names of namespaces belong to the whole host

// build makes the namespaces, the cables between them, the addresses and the routes.
func build(ctx context.Context, p plan) (*network, error) {
	n := &network{plan: p, nodes: make(map[string]namespace)}
	id := networks.Add(1)
	var lines []string
	for _, host := range hosts {
		node := namespace{fmt.Sprintf("%s%d-%d-%s", prefix, os.Getpid(), id, host)}
		n.nodes[host] = node
		lines = append(lines, "netns add "+node.name)
	}
	lines = append(lines,
		n.cable("client", "eth0", "client_router", "lan0"),
		n.cable("neighbour", "eth0", "client_router", "lan1"),
		n.cable("client_router", "wan", "internet", "port0"),
		n.cable("server_router", "wan", "internet", "port1"),
		n.cable("stranger", "eth0", "internet", "port2"),
		n.cable("server", "eth0", "server_router", "lan"),
	)
	if _, err := output(ctx, strings.Join(lines, "\n")+"\n", "ip", "-batch", "-"); err != nil {
		return n, err
	}
	for host, steps := range n.interfaces() {
		if err := n.sysctl(host); err != nil {
			return n, err
		}
		if _, err := output(ctx, strings.Join(steps, "\n")+"\n", "ip", "-n", n.nodes[host].name, "-batch", "-"); err != nil {
			return n, err
		}
	}
	return n, n.settle(ctx)
}

// settle waits until every cable carries packets, which takes a moment.
func (n *network) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("the cables do not come up"))
	defer cancel()
	var all errgroup.Group
	for from, to := range map[string][]string{
		"client":        n.reachable(n.plan.clientLAN, clientLAN6, n.plan.clientIPv4, n.plan.clientIPv6),
		"neighbour":     {n.plan.clientLAN + ".1", clientLAN6 + "1"},
		"server":        n.reachable(n.plan.serverLAN, serverLAN6, n.plan.serverIPv4, n.plan.serverIPv6),
		"stranger":      {clientRouterWAN, internet6 + "2", serverRouterWAN, internet6 + "3"},
		"client_router": {serverRouterWAN, internet6 + "3"},
	} {
		for _, addr := range to {
			all.Go(func() error { return n.nodes[from].touch(ctx, addr) })
		}
	}
	return all.Wait()
}

// reachable are the router's addresses on a LAN.
func (n *network) reachable(lan, lan6 string, ipv4, ipv6 bool) []string {
	var addrs []string
	if ipv4 {
		addrs = append(addrs, lan+".1")
	}
	if ipv6 {
		addrs = append(addrs, lan6+"1")
	}
	return addrs
}

// touch tries to connect until the host at addr refuses: nobody listens there, but
// somebody is there.
func (n namespace) touch(ctx context.Context, addr string) error {
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		_, err := n.dial(attempt, "tcp", net.JoinHostPort(addr, "9"))
		cancel()
		if errors.Is(err, unix.ECONNREFUSED) {
			return nil
		}
	}
	return fmt.Errorf("%s to %s: %w", n.name, addr, context.Cause(ctx))
}

func (n *network) cable(a, portA, b, portB string) string {
	return fmt.Sprintf("link add name %s netns %s type veth peer name %s netns %s", portA, n.nodes[a].name, portB, n.nodes[b].name)
}

// interfaces are the commands, host by host, that give interfaces their addresses and
// routes. Routers have the interfaces "lan" and "wan".
func (n *network) interfaces() map[string][]string {
	p := n.plan
	steps := map[string][]string{
		"client":        endpoint(p.clientLAN, clientLAN6, 10, p.clientIPv4, p.clientIPv6),
		"neighbour":     endpoint(p.clientLAN, clientLAN6, 20, true, true),
		"server":        append(endpoint(p.serverLAN, serverLAN6, 10, p.serverIPv4, p.serverIPv6), endpoint(p.serverLAN, serverLAN6, 11, p.serverIPv4, p.serverIPv6)[:2]...),
		"stranger":      {"link set lo up", "link set eth0 up", "addr add " + strangerAddr + "/24 dev eth0", "addr add " + internet6 + "66/64 dev eth0 nodad"},
		"internet":      switched("net", "port0", "port1", "port2"),
		"client_router": append(switched("lan", "lan0", "lan1"), router(p.clientLAN, clientLAN6, "2", clientRouterWAN)...),
		"server_router": router(p.serverLAN, serverLAN6, "3", serverRouterWAN, secondWAN),
	}
	clients, servers := subnets(p.clientLAN, clientLAN6, clientRouterWAN, "2"), subnets(p.serverLAN, serverLAN6, serverRouterWAN, "3")
	steps["client_router"] = append(steps["client_router"], servers...)
	steps["server_router"] = append(steps["server_router"], clients...)
	steps["stranger"] = append(steps["stranger"], append(clients, servers...)...)
	return steps
}

// endpoint is a host on a LAN whose router is the first address.
func endpoint(lan, lan6 string, number int, ipv4, ipv6 bool) []string {
	var addresses, routes []string
	if ipv4 {
		addresses = append(addresses, fmt.Sprintf("addr replace %s.%d/24 dev eth0", lan, number))
		routes = append(routes, fmt.Sprintf("route add default via %s.1", lan))
	}
	if ipv6 {
		addresses = append(addresses, fmt.Sprintf("addr replace %s%d/64 dev eth0 nodad", lan6, number))
		routes = append(routes, fmt.Sprintf("route add ::/0 via %s1", lan6))
	}
	return append(append(append(addresses, "link set lo up"), "link set eth0 up"), routes...)
}

// switched joins ports to one interface.
func switched(name string, ports ...string) []string {
	steps := []string{"link set lo up", "link add " + name + " type bridge forward_delay 0", "link set " + name + " up"}
	for _, port := range ports {
		steps = append(steps, "link set "+port+" master "+name, "link set "+port+" up")
	}
	return steps
}

func router(lan, lan6, number6 string, wan ...string) []string {
	steps := []string{
		"link set lo up", "link set lan up", "link set wan up",
		"addr add " + lan + ".1/24 dev lan", "addr add " + lan6 + "1/64 dev lan nodad",
		"addr add " + internet6 + number6 + "/64 dev wan nodad",
	}
	for _, addr := range wan {
		steps = append(steps, "addr add "+addr+"/24 dev wan")
	}
	return steps
}

// subnets are the routes to a LAN. A private one is routed by nobody.
func subnets(lan, lan6, via, via6 string) []string {
	routes := []string{"route add " + lan6 + "/64 via " + internet6 + via6}
	if !netip.MustParseAddr(lan + ".1").IsPrivate() {
		routes = append(routes, "route add "+lan+".0/24 via "+via)
	}
	return routes
}

// sysctl makes routers of the routers, and no host wait before it uses an address.
func (n *network) sysctl(host string) error {
	settings := map[string]string{"ipv6/conf/all/disable_ipv6": "0", "ipv6/conf/default/accept_dad": "0"}
	if strings.HasSuffix(host, "_router") {
		settings["ipv4/ip_forward"], settings["ipv6/conf/all/forwarding"] = "1", "1"
	}
	return n.nodes[host].set(settings)
}

// set writes kernel settings of the namespace, by their path below /proc/sys/net.
func (n namespace) set(settings map[string]string) error {
	return n.within(func() error {
		for path, value := range settings {
			if err := os.WriteFile(filepath.Join("/proc/sys/net", path), []byte(value), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

// remove takes the network down with all that runs in it.
func (n *network) remove(ctx context.Context) error {
	for _, ln := range n.occupied {
		_ = ln.Close() // nobody connects
	}
	for _, node := range n.nodes {
		if err := node.remove(ctx); err != nil {
			return err
		}
	}
	return nil
}

// words are what {NAME} stands for in a scenario.
func (n *network) words() map[string]string {
	p := n.plan
	return map[string]string{
		"client": p.clientLAN + ".10", "client6": clientLAN6 + "10",
		"neighbour": p.clientLAN + ".20", "neighbour6": clientLAN6 + "20",
		"client_gateway": p.clientLAN + ".1", "client_router": clientRouterWAN,
		"server": p.serverLAN + ".10", "server6": serverLAN6 + "10",
		"second": p.serverLAN + ".11", "second6": serverLAN6 + "11",
		"server_gateway": p.serverLAN + ".1", "server_router": serverRouterWAN, "second_wan": secondWAN,
		"stranger": strangerAddr, "stranger6": internet6 + "66",
		// where the client reaches the server
		"host": n.serverHost(), "host6": serverLAN6 + "10",
	}
}

// serverHost is the server's address as the world sees it: its own, or that of the
// NAT in front of it.
func (n *network) serverHost() string {
	if n.plan.serverLAN == privateServerLAN {
		return serverRouterWAN
	}
	return n.plan.serverLAN + ".10"
}
