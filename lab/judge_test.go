//go:build linux

package lab

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A judge that finds nothing wrong would make every scenario pass.
func TestJudgeFindsWhatIsWrong(t *testing.T) {
	r := &trial{network: &network{plan: plan{clientLAN: privateClientLAN, serverLAN: publicServerLAN}}}
	server := netip.MustParseAddrPort("192.0.2.10:21")
	data := attempt{to: netip.MustParseAddrPort("192.0.2.10:50000"), from: netip.MustParseAddrPort("192.168.1.10:40000"), outgoing: true}
	good := outcome{took: time.Second, log: "* all is well\n"}
	good.Negotiation.Method = "PASV"
	good.Negotiation.Rungs = []rung{{Method: "PASV", Advertised: "10.0.0.10:50000"}}
	failed := outcome{Exit: 4, Error: "no data connection", Hint: "--mode active", took: time.Second}
	whole := job{content: []byte("abc"), control: []netip.AddrPort{server}, arrived: func() ([]byte, error) { return []byte("abc"), nil }}
	short, lost := whole, whole
	short.arrived = func() ([]byte, error) { return []byte("ab"), nil }
	lost.arrived = func() ([]byte, error) { return nil, errors.New("there is no file") }
	report := good
	report.Doctor = &examined{NAT: "yes", SeenAs: "203.0.113.2", Rows: []examinedRow{{"IPv4", "explicit", "PASV", "auto", "works"}}}

	tests := map[string]struct {
		want Want
		rep  Report
		job  job
		out  outcome
		seen []attempt
		says string // empty where nothing is wrong
	}{
		"nothing wanted":          {Want{}, Report{}, whole, good, nil, ""},
		"all of it":               {Want{Method: "PASV", Advertised: "{server_gateway}", Dialled: []string{"{server}"}, Log: []string{"all is well"}}, Report{}, whole, good, []attempt{data}, "advertised is not 192.0.2.1"},
		"as wanted":               {Want{Method: "PASV", Advertised: "10.0.0.10", Dialled: []string{"{server}"}, Log: []string{"all is well"}}, Report{}, whole, good, []attempt{data}, ""},
		"with the port":           {Want{Dialled: []string{"{server}:50000"}}, Report{}, whole, good, []attempt{data}, ""},
		"another port":            {Want{Dialled: []string{"{server}:50001"}}, Report{}, whole, good, []attempt{data}, "data connections were attempted to [192.0.2.10]"},
		"a failure":               {Want{}, Report{}, whole, failed, nil, "exit code 4, want 0: no data connection"},
		"no failure":              {Want{Exit: 4}, Report{}, whole, good, nil, "exit code 0, want 4"},
		"a short file":            {Want{}, Report{}, short, good, nil, "2 bytes arrived of 3"},
		"no file":                 {Want{}, Report{}, lost, good, nil, "there is no file"},
		"another method":          {Want{Method: "EPSV"}, Report{}, whole, good, nil, "method PASV, want EPSV"},
		"too slow":                {Want{Within: time.Millisecond}, Report{}, whole, good, nil, "it took 1s"},
		"dialled elsewhere":       {Want{Dialled: []string{"{stranger}"}}, Report{}, whole, good, []attempt{data}, "were attempted to [192.0.2.10], want [203.0.113.66]"},
		"dialled, none wanted":    {Want{Dialled: []string{"none"}}, Report{}, whole, good, []attempt{data}, "want []"},
		"none dialled":            {Want{Dialled: []string{"{server}"}}, Report{}, whole, good, nil, "were attempted to []"},
		"control is no data":      {Want{Dialled: []string{"none"}}, Report{}, whole, good, []attempt{{to: server, outgoing: true}}, ""},
		"never":                   {Want{Never: []string{"{server}"}}, Report{}, whole, good, []attempt{data}, "a connection to 192.0.2.10 was attempted"},
		"nobody came":             {Want{Accepted: []string{"{server}"}}, Report{}, whole, good, nil, "connections came in from []"},
		"not logged":              {Want{Log: []string{"instead"}}, Report{}, whole, good, nil, `the log does not say "instead"`},
		"logged":                  {Want{Unlogged: []string{"well"}}, Report{}, whole, good, nil, `the log says "well"`},
		"error":                   {Want{Exit: 4, Error: []string{"--mode active"}}, Report{}, whole, failed, nil, ""},
		"another error":           {Want{Exit: 4, Error: []string{"--ccc"}}, Report{}, whole, failed, nil, `the error does not say "--ccc"`},
		"no report":               {Want{}, Report{NAT: "yes"}, whole, good, nil, `of a NAT "", want "yes"`},
		"report":                  {Want{}, Report{NAT: "yes", SeenAs: "{client_router}", Rewrites: []string{"none"}, Works: []string{"explicit PASV auto"}}, whole, report, nil, ""},
		"another address seen":    {Want{}, Report{SeenAs: "{client}"}, whole, report, nil, "the server sees"},
		"no rewrite":              {Want{}, Report{Rewrites: []string{"PORT"}}, whole, report, nil, "are rewritten"},
		"a row that fails":        {Want{}, Report{Fails: []string{"explicit PASV auto"}}, whole, report, nil, `"explicit PASV auto" is "works"`},
		"a row that is not there": {Want{}, Report{Works: []string{"EPSV"}}, whole, report, nil, `doctor's row "EPSV"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			problems := r.judge(t.Context(), Run{Want: test.want, Report: test.rep}, test.job, test.out, test.seen)
			if test.says == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.Contains(t, problems[0], test.says)
		})
	}
}
