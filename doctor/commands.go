package doctor

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/dualport/ftp"
)

// Whose commands they are.
const (
	forThisRouter   = "nftables on the router of this host"
	forThisHost     = "Windows Firewall of this host"
	forServer       = "nftables on the server"
	forServerRouter = "nftables on the router of the server"
)

// pass is nftables text that lets packets pass through a chain of a firewall. A
// packet is dropped where any chain drops it, so that the rule has to stand in the
// one which does; these are the names that distributions give it.
func pass(hook, rule string) string {
	return fmt.Sprintf(`# table inet filter, chain %[1]s: where the firewall drops; change the names if it does so elsewhere
add table inet filter
add chain inet filter %[1]s { type filter hook %[1]s priority filter; }
insert rule inet filter %[1]s %[2]s accept comment "dualport"
`, hook, rule)
}

// forward is nftables text that sends connections on to another host; condition
// is what they have in common.
func forward(condition, family, to string) string {
	return fmt.Sprintf(`add table inet dualport
delete table inet dualport
table inet dualport {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		%s dnat %s to %s
	}
}
`, condition, family, to)
}

// replace is a comment before commands in which unknownAddress stands: they do not
// load as they are.
func replace(with string) string { return "# replace " + unknownAddress + " by " + with + "\n" }

// ipWord is what nftables calls the family of an address.
func ipWord(addr netip.Addr) string {
	if addr.Is4() {
		return "ip"
	}
	return "ip6"
}

// letOut opens the firewalls in front of this host for passive connections.
func (f findings) letOut(ports ftp.PortRange) []Command {
	local, server := f.local(), f.server()
	if !local.IsValid() || !server.IsValid() {
		return nil
	}
	rule := fmt.Sprintf("%[1]s saddr %[2]s %[1]s daddr %[3]s tcp dport %[4]s", ipWord(server), local, server, ports)
	return []Command{
		{forThisRouter, pass("forward", rule)},
		{forThisHost, windowsOut(server, ports)},
	}
}

func windowsOut(server netip.Addr, ports ftp.PortRange) string {
	return fmt.Sprintf(`New-NetFirewallRule -DisplayName "FTP passive data" -Direction Outbound -Action Allow -Protocol TCP -RemoteAddress %[1]s -RemotePort %[2]s
# or, in the old way:
netsh advfirewall firewall add rule name="FTP passive data" dir=out action=allow protocol=TCP remoteip=%[1]s remoteport=%[2]s
`, server, ports)
}

// letIn forwards the ports of active mode to this host, and opens the firewalls
// in front of it for them.
func (f findings) letIn(a ftp.Active) []Command {
	local, server := f.local(), f.server()
	if !local.IsValid() || !server.IsValid() {
		return nil
	}
	from := fmt.Sprintf("%s saddr %s", ipWord(server), server)
	router := ""
	if a.External == unknownAddress {
		router = replace("the address at which the server sees this host")
	}
	if a.External != "" {
		router += forward(fmt.Sprintf("%s %s daddr %s tcp dport %s", from, ipWord(server), a.External, a.Ports), ipWord(local), local.String())
	}
	router += pass("forward", fmt.Sprintf("%s %s daddr %s tcp dport %s", from, ipWord(server), local, a.Ports))
	return []Command{
		{forThisRouter, router},
		{forThisHost, windowsIn(server, a.Ports)},
	}
}

func windowsIn(server netip.Addr, ports ftp.PortRange) string {
	return fmt.Sprintf(`New-NetFirewallRule -DisplayName "FTP active data" -Direction Inbound -Action Allow -Protocol TCP -RemoteAddress %[1]s -LocalPort %[2]s
# or, in the old way:
netsh advfirewall firewall add rule name="FTP active data" dir=in action=allow protocol=TCP remoteip=%[1]s localport=%[2]s
`, server, ports)
}

// serve opens a range of passive ports on the server's side, and has the server
// use it.
func (f findings) serve() []Command {
	server, ports := f.server(), f.servedPorts()
	if !server.IsValid() {
		return nil
	}
	all := []Command{{forServer, pass("input", fmt.Sprintf("tcp dport %s", ports))}}
	behind, router := server.String(), ""
	if inside := f.internal(); inside.IsValid() {
		behind = inside.String()
		if f.neighbour(inside) {
			behind = unknownAddress
			router = replace(fmt.Sprintf("the server's own address behind its NAT; it names %s, which is one of the network of this host too", inside))
		}
		router += forward(fmt.Sprintf("ip daddr %s tcp dport %s", server, ports), "ip", behind)
	}
	router += pass("forward", fmt.Sprintf("%s daddr %s tcp dport %s", ipWord(server), behind, ports))
	all = append(all, Command{forServerRouter, router})
	return append(all, serverSettings(ports, f.external())...)
}

// external is the address that the server should name in a 227; invalid where it
// names the right one, or none.
func (f findings) external() netip.Addr {
	server := f.server()
	if f.internal().IsValid() && server.Is4() {
		return server
	}
	return netip.Addr{}
}

// tellAddress has the server name its external address.
func (f findings) tellAddress() []Command {
	server := f.server()
	if !server.Is4() {
		return nil
	}
	return serverSettings(ftp.PortRange{}, server)
}

// serverSettings are the lines of three servers' configurations that fix the
// passive ports and the address in a 227, as far as they are given.
func serverSettings(ports ftp.PortRange, external netip.Addr) []Command {
	var vsftpd, proftpd, pure []string
	if ports != (ftp.PortRange{}) {
		vsftpd = append(vsftpd, "pasv_enable=YES", fmt.Sprintf("pasv_min_port=%d", ports.Lo), fmt.Sprintf("pasv_max_port=%d", ports.Hi))
		proftpd = append(proftpd, fmt.Sprintf("PassivePorts %d %d", ports.Lo, ports.Hi))
		pure = append(pure, fmt.Sprintf("-p %d:%d", ports.Lo, ports.Hi))
	}
	if external.IsValid() {
		vsftpd = append(vsftpd, "pasv_address="+external.String())
		proftpd = append(proftpd, "MasqueradeAddress "+external.String())
		pure = append(pure, "-P "+external.String())
	}
	return []Command{
		{"vsftpd (vsftpd.conf)", strings.Join(vsftpd, "\n") + "\n"},
		{"ProFTPD (proftpd.conf)", strings.Join(proftpd, "\n") + "\n"},
		{"Pure-FTPd (command line)", strings.Join(pure, " ") + "\n"},
	}
}
