//go:build linux

package lab

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Scenario is one network and what is tried in it, as a file in testdata/scenarios
// says it. In all texts {NAME} stands for an address: {client}, {neighbour},
// {client_gateway} (the LAN side of the client's router), {client_router} (its
// public side), {server}, {second} (another address of the server),
// {server_gateway}, {server_router}, {second_wan}, {stranger}; {host} is where the
// client reaches the server; a 6 behind a name, as in {server6}, makes it IPv6.
type Scenario struct {
	// Title is a sentence; About says why it matters, and what must come out.
	Title string `yaml:"title"`
	About string `yaml:"about"`
	// Client and Server are the two LANs.
	Client LAN `yaml:"client"`
	Server LAN `yaml:"server"`
	// ClientRouter and ServerRouter are what stands between them and the internet.
	ClientRouter Router `yaml:"client_router"`
	ServerRouter Router `yaml:"server_router"`
	// Names are what a host's /etc/hosts has: host, name, addresses.
	Names map[string]map[string][]string `yaml:"names"`
	// FTP is the server; the scenario is run once for each of its daemons.
	FTP FTP `yaml:"ftp"`
	// Services are further programs: proxies, a port mapper.
	Services []Service `yaml:"services"`
	// Runs are done one after the other.
	Runs []Run `yaml:"runs"`
}

// LAN is where the client or the server stands.
type LAN struct {
	// Addresses are "private" (10/8, 192.168/16) or "public".
	Addresses string `yaml:"addresses"`
	// Families are "4", "6" or "4 6". Empty means IPv4.
	Families string `yaml:"families"`
}

func (l LAN) has(family string) bool { return strings.Contains(l.families(), family) }

func (l LAN) families() string {
	if l.Families == "" {
		return "4"
	}
	return l.Families
}

// Router is what a router does to the packets that pass it.
type Router struct {
	// Masquerade translates the addresses of IPv4 connections from the LAN.
	Masquerade bool `yaml:"masquerade"`
	// Forward sends connections from the internet to a host of the LAN.
	Forward []Forward `yaml:"forward"`
	// Helper is the port on which an FTP helper reads, and rewrites, the control
	// connections that pass, and opens the way for their data connections. Zero means
	// that there is none.
	Helper uint16 `yaml:"helper"`
	// Filter are the rules for what passes, in the words of nftables. What no rule
	// is about is let through.
	Filter []string `yaml:"filter"`
	// Chains are whole chains of the table, in the words of nftables.
	Chains string `yaml:"chains"`
	// Sysctl are kernel settings by their path below /proc/sys/net.
	Sysctl map[string]string `yaml:"sysctl"`
}

// Forward is a forwarded range of ports.
type Forward struct {
	// Ports are "21" or "50000-50010".
	Ports string `yaml:"ports"`
	// On is the address that is forwarded; empty means all of the router.
	On string `yaml:"on"`
	// To is the host of the LAN.
	To string `yaml:"to"`
}

// FTP is the server under test.
type FTP struct {
	// Daemons are vsftpd, proftpd, pure-ftpd, pyftpdlib, and "odd" for the scripted
	// server that Odd describes.
	Daemons []string `yaml:"daemons"`
	// At is its host; empty means server. Listen are its addresses; empty means
	// those of the host.
	At     string   `yaml:"at"`
	Listen []string `yaml:"listen"`
	// Port is 21 where it is zero.
	Port uint16 `yaml:"port"`
	// PassivePorts and PassiveAddress are what the daemon is configured with.
	PassivePorts   string `yaml:"passive_ports"`
	PassiveAddress string `yaml:"passive_address"`
	// TLS makes the daemon speak explicit TLS beside plain FTP. Its certificate is
	// for {host}.
	TLS bool `yaml:"tls"`
	// Rate limits transfers, in bytes a second.
	Rate int `yaml:"rate"`
	// Extra are settings in the words of the daemon.
	Extra map[string][]string `yaml:"extra"`
	// Odd is the server "odd".
	Odd Odd `yaml:"odd"`
}

// Odd is a scripted server.
type Odd struct {
	// EPSV and PASV replace the replies; "silent" means that none comes.
	EPSV string `yaml:"epsv"`
	PASV string `yaml:"pasv"`
	// EPSVPort and PASVPort are what the port does: "refused", "answers425",
	// "late425".
	EPSVPort string `yaml:"epsv_port"`
	PASVPort string `yaml:"pasv_port"`
	// Advertise is the address in a 227.
	Advertise string `yaml:"advertise"`
	// PORT and EPRT replace the replies.
	PORT string `yaml:"port"`
	EPRT string `yaml:"eprt"`
	// AnyHost makes it connect wherever PORT says; FromPort below 1024 included.
	AnyHost bool `yaml:"any_host"`
	// ActiveDelay is waited before it connects.
	ActiveDelay time.Duration `yaml:"active_delay"`
}

// Service is a further program.
type Service struct {
	// Run is "dante", "tinyproxy", "miniupnpd", "login-proxy" or "stun".
	Run string `yaml:"run"`
	// At is its host, and Listen the address and port that it listens on there.
	At     string `yaml:"at"`
	Listen string `yaml:"listen"`
	// Config is its configuration file.
	Config string `yaml:"config"`
	// Etc are files that it finds in /etc.
	Etc map[string]string `yaml:"etc"`
}

// Run is one thing that the client does.
type Run struct {
	// Name tells it from the others.
	Name string `yaml:"name"`
	// Only are the daemons it is done with; empty means all.
	Only []string `yaml:"only"`
	// Before is done to hosts beforehand, and During while the client is at work.
	Before []Step `yaml:"before"`
	During []Step `yaml:"during"`
	// Do is "get", "put", "ls" or "doctor"; empty means get and then put.
	Do string `yaml:"do"`
	// URL is the server's; empty means ftp://{host}/. The name of the file follows.
	URL string `yaml:"url"`
	// User is who logs in; empty means the daemon's own user.
	User string `yaml:"user"`
	// Flags are those of the command. Library runs the library itself instead, with
	// these options in JSON.
	Flags   string `yaml:"flags"`
	Library string `yaml:"library"`
	// Env are environment variables.
	Env []string `yaml:"env"`
	// Size is the file's, in KiB; zero means 300.
	Size int `yaml:"size"`
	// Interrupt sends the command a SIGINT after this time.
	Interrupt time.Duration `yaml:"interrupt"`
	// Want is what must come out.
	Want Want `yaml:"want"`
	// Report is what doctor must have found.
	Report Report `yaml:"report"`
	// Advice is pieces of doctor's advice that must be there, and are then followed.
	Advice []Follow `yaml:"advice"`
}

// Step is something done to a host.
type Step struct {
	// After is the time from the start of the run.
	After time.Duration `yaml:"after"`
	// On is the host.
	On string `yaml:"on"`
	// Exec is a command line for its shell, and Nft are commands for its firewall.
	Exec string `yaml:"exec"`
	Nft  string `yaml:"nft"`
	// Occupy is a range of ports that somebody listens on from then on.
	Occupy string `yaml:"occupy"`
}

// Want is what must come out of a run. What is left empty may be anything.
type Want struct {
	// Exit is the exit code.
	Exit int `yaml:"exit"`
	// Method is that of the data connection.
	Method string `yaml:"method"`
	// Advertised is the address in the last 227, 229, PORT or EPRT.
	Advertised string `yaml:"advertised"`
	// Dialled are the hosts, or host:port, that data connections were attempted to,
	// in order, each once, as seen on the cable; "none" stands for no attempt at all.
	Dialled []string `yaml:"dialled"`
	// Never are hosts to which nothing may have gone.
	Never []string `yaml:"never"`
	// Accepted are the hosts from which connection attempts came in.
	Accepted []string `yaml:"accepted"`
	// Log are texts that the log has, Unlogged ones that it has not.
	Log      []string `yaml:"log"`
	Unlogged []string `yaml:"unlogged"`
	// Error are texts that the error has, or the hint behind it.
	Error []string `yaml:"error"`
	// Within is how long the run may take; zero means 20 s.
	Within time.Duration `yaml:"within"`
	// Gone are texts that the firewall of a host must not have in the end.
	Gone []Gone `yaml:"gone"`
}

// Gone is a text that the rules of a host's firewall do not hold.
type Gone struct {
	On   string `yaml:"on"`
	Text string `yaml:"text"`
}

// Report is a part of doctor's report. What is left empty may be anything.
type Report struct {
	// NAT is "yes", "no" or "not known".
	NAT string `yaml:"nat"`
	// SeenAs is the client's address as the server sees it.
	SeenAs string `yaml:"seen_as"`
	// Rewrites are what is rewritten on the way; "none" stands for nothing.
	Rewrites []string `yaml:"rewrites"`
	// Works are the rows that work, as METHOD, or METHOD POLICY, or with another
	// SECURITY than none in front. Fails are rows that do not.
	Works []string `yaml:"works"`
	Fails []string `yaml:"fails"`
}

// Follow is the test of a piece of doctor's advice.
type Follow struct {
	// Contains is a part of its text.
	Contains string `yaml:"contains"`
	// Commands names whose commands are applied, by a part of what they are for, and
	// On the host that they are applied to; both may be empty.
	Commands string `yaml:"commands"`
	On       string `yaml:"on"`
	// Reconfigure starts the daemon anew with the settings that the advice has for it.
	Reconfigure bool `yaml:"reconfigure"`
	// Want is what must come out of a get and a put with the flags of the advice.
	Want Want `yaml:"want"`
}

// load reads a scenario; what it does not know is an error.
func load(path string) (Scenario, error) {
	var s Scenario
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if err := s.check(); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (f FTP) host() string {
	if f.At == "" {
		return "server"
	}
	return f.At
}

// plan turns the scenario's LANs into addresses.
func (s *Scenario) plan() plan {
	p := plan{
		clientLAN: privateClientLAN, serverLAN: privateServerLAN,
		clientIPv4: s.Client.has("4"), clientIPv6: s.Client.has("6"),
		serverIPv4: s.Server.has("4"), serverIPv6: s.Server.has("6"),
	}
	if s.Client.Addresses == "public" {
		p.clientLAN = publicClientLAN
	}
	if s.Server.Addresses == "public" {
		p.serverLAN = publicServerLAN
	}
	return p
}

// expand puts addresses in place of {NAME}.
func (n *network) expand(text string) string {
	var pairs []string
	for name, value := range n.words() {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func (n *network) expandAll(texts []string) []string {
	expanded := make([]string, len(texts))
	for i, text := range texts {
		expanded[i] = n.expand(text)
	}
	return expanded
}
