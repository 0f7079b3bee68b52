//go:build linux

package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The scenarios are read here too, where no root is needed.
func TestEveryScenarioLoads(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		s, err := load(file)
		require.NoError(t, err)
		n := &network{plan: s.plan()}
		for _, router := range []Router{s.ClientRouter, s.ServerRouter} {
			require.NotContains(t, n.expand(router.ruleset()), "{cl", "%s: a name that is no host's", file)
			require.NotContains(t, n.expand(router.ruleset()), "{se", "%s: a name that is no host's", file)
		}
	}
}

func TestScenarioMistakes(t *testing.T) {
	const good = "title: t\nabout: a\nftp: {daemons: [vsftpd]}\nruns: [{name: n}]\n"
	tests := map[string]struct{ text, want string }{
		"an unknown field":       {good + "clint: {}\n", "field clint not found"},
		"an unknown host":        {strings.Replace(good, "{daemons: [vsftpd]}", "{daemons: [vsftpd], at: moon}", 1), `"moon" is no host`},
		"an unknown host's name": {good + "names: {moon: {}}\n", `"moon" is no host`},
		"no daemons":             {strings.Replace(good, "vsftpd", "", 1), "no daemons"},
		"a run without a name":   {strings.Replace(good, "name: n", "do: get", 1), "run 1 has no name"},
		"no title":               {strings.Replace(good, "title: t", "title:", 1), "title and about"},
		"no YAML":                {"title: [", "yaml"},
		"an unknown daemon":      {strings.Replace(good, "vsftpd", "wuftpd", 1), `unknown daemon "wuftpd"`},
		"an unknown name":        {strings.Replace(good, "name: n", `name: n, flags: "--bind {moon}"`, 1), "{moon} stands for nothing"},
		"bad ports":              {strings.Replace(good, "[vsftpd]", "[vsftpd], passive_ports: 9-1", 1), "no port range"},
		"ports upside down":      {strings.Replace(good, "[vsftpd]", "[vsftpd], passive_ports: 60000-500", 1), "no port range"},
		"only for nobody":        {strings.Replace(good, "name: n", "name: n, only: [vsftp]", 1), `only for "vsftp"`},
		"extra for nobody":       {strings.Replace(good, "[vsftpd]", "[vsftpd], extra: {proftp: []}", 1), `extra is for "proftp"`},
		"an unknown service":     {good + "services: [{run: squid, at: server, listen: '1.2.3.4:5'}]\n", `unknown service "squid"`},
		"a service nowhere":      {good + "services: [{run: dante, at: server}]\n", "want address:port"},
		"a misspelt name":        {strings.Replace(good, "name: n", `name: n, want: {never: ["{sevrer}"]}`, 1), "{sevrer} stands for nothing"},
		"an unknown verb":        {strings.Replace(good, "name: n", "name: n, do: fly", 1), `"fly"`},
		"an unknown family":      {good + "client: {families: \"5\"}\n", "families"},
		"unknown addresses":      {good + "server: {addresses: secret}\n", "addresses"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "scenario.yaml")
			require.NoError(t, os.WriteFile(file, []byte(test.text), 0o644))
			_, err := load(file)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "scenario.yaml")
		})
	}
}

func TestRuleset(t *testing.T) {
	r := Router{Masquerade: true, Helper: 21, Forward: []Forward{{Ports: "21", On: "203.0.113.3", To: "10.0.0.10"}}, Filter: []string{"iifname lan drop"}}
	rules := r.ruleset()
	for _, part := range []string{
		`tcp dport 21 ct helper set "ftp"`, "iifname lan drop",
		"iifname wan ip daddr 203.0.113.3 tcp dport 21 dnat ip to 10.0.0.10", "oifname wan masquerade",
	} {
		require.Contains(t, rules, part)
	}
	require.NotContains(t, Router{}.ruleset(), "masquerade")
}
