//go:build linux

package lab

import (
	"context"
	"fmt"
	"strings"
)

// configure makes a router do what the scenario says.
func (n *network) configure(ctx context.Context, host string, r Router) error {
	node := n.nodes[host]
	if err := node.set(r.Sysctl); err != nil {
		return err
	}
	_, err := node.run(ctx, n.expand(r.ruleset()), "nft", "-f", "-")
	return err
}

// ruleset is the router's table for nft. Its name and that of the chain "forward" are
// those of Debian's own configuration, which doctor's commands take for granted.
func (r Router) ruleset() string {
	var b strings.Builder
	b.WriteString("table inet filter {\n")
	if r.Helper != 0 {
		fmt.Fprintf(&b, "\tct helper ftp { type \"ftp\" protocol tcp; }\n")
		chain(&b, "helpers", "filter hook prerouting priority mangle", fmt.Sprintf("tcp dport %d ct helper set \"ftp\"", r.Helper))
	}
	chain(&b, "forward", "filter hook forward priority filter", r.Filter...)
	chain(&b, "inbound", "nat hook prerouting priority dstnat", r.forwards()...)
	if r.Masquerade {
		chain(&b, "outbound", "nat hook postrouting priority srcnat", "meta nfproto ipv4 oifname wan masquerade")
	}
	b.WriteString(r.Chains)
	b.WriteString("}\n")
	return b.String()
}

func (r Router) forwards() []string {
	var rules []string
	for _, f := range r.Forward {
		on := ""
		if f.On != "" {
			on = "ip daddr " + f.On + " "
		}
		rules = append(rules, fmt.Sprintf("meta nfproto ipv4 iifname wan %stcp dport %s dnat ip to %s", on, f.Ports, f.To))
	}
	return rules
}

func chain(b *strings.Builder, name, hook string, rules ...string) {
	fmt.Fprintf(b, "\tchain %s {\n\t\ttype %s; policy accept;\n", name, hook)
	for _, rule := range rules {
		fmt.Fprintf(b, "\t\t%s\n", rule)
	}
	b.WriteString("\t}\n")
}
