package main

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// seesClient makes a server tell by STAT from where it sees its client.
func seesClient(address string) func(*ftptest.Config) {
	return func(c *ftptest.Config) {
		c.Faults = []ftptest.Fault{{On: "STAT", Reply: "211-Status\r\n Connected from " + address + "\r\n211 End"}}
	}
}

// lastRung is how the last transfer got its data connection, or did not.
func lastRung(t *testing.T, o outcome) map[string]any {
	t.Helper()
	rungs := o.json()["negotiation"].(map[string]any)["rungs"].([]any)
	require.NotEmpty(t, rungs)
	return rungs[len(rungs)-1].(map[string]any)
}

func TestExternalAddress(t *testing.T) {
	const onLAN = "--external-on-lan"
	for _, tt := range []struct {
		name   string
		flags  []string
		stats  int // how often the server was asked
		reason string
	}{
		{"server", []string{"--external-ip-from", "server", onLAN}, 1, "from --external-ip-from"},
		{"a source that fails before", []string{"--external-ip-from", "stun:127.0.0.1:9, server", onLAN}, 1, "from --external-ip-from"},
		{"a local network", []string{"--external-ip-from", "server"}, 0, "the local address, because the server 127.0.0.1 is on a local network (--external-on-lan)"},
		{"--external-ip", []string{"--external-ip", "127.0.0.1", onLAN}, 0, "from --external-ip"},
		{"--portmap on a local network", []string{"--portmap"}, 0, "the local address, because the server 127.0.0.1 is on a local network (--external-on-lan)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, seesClient("127.0.0.1"))
			o := newShell(t).run(append([]string{"get", srv.URL + "/pub/a.txt", "--json", "--mode", "active"}, tt.flags...)...).wants(0)
			require.Equal(t, tt.reason, lastRung(t, o)["reason"])
			require.Regexp(t, `^127\.0\.0\.1:\d+$`, lastRung(t, o)["advertised"])
			require.Len(t, withPrefix(srv, "STAT"), tt.stats)
		})
	}
}

// TestExternalAddressIsAnnounced has an address at which nobody listens.
func TestExternalAddressIsAnnounced(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) {
		seesClient("203.0.113.7:40000")(c)
		c.Active.Never = true
	})
	o := newShell(t).run("get", srv.URL+"/pub/a.txt", "--json", "--data-command", "port", "--accept-timeout", "0.1",
		"--external-ip-from", "server", "--external-on-lan").wants(4)
	require.Regexp(t, `^203\.0\.113\.7:\d+$`, lastRung(t, o)["advertised"])
	require.Len(t, withPrefix(srv, "PORT 203,0,113,7,"), 1)
}

func TestNoSourceKnowsTheExternalAddress(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) { c.Disable = map[string]string{"STAT": "502 No."} })
	o := newShell(t).run("get", srv.URL+"/pub/a.txt", "--mode", "active", "--external-ip-from", "stun:127.0.0.1:9,server", "--external-on-lan").wants(4)
	require.Contains(t, o.stderr, "STUN server 127.0.0.1:9: ")
	require.Contains(t, o.stderr, "502 No.")
	require.NotRegexp(t, libraryWords, o.stderr)
}

// TestDemonstrationAsksNoGateway has flags that would take it to the network.
func TestDemonstrationAsksNoGateway(t *testing.T) {
	o := newShell(t).run("get", "--demo", "--mode", "active", "-v", "--portmap", "--external-on-lan", "--external-ip-from", "gateway").wants(0)
	require.NotContains(t, o.stderr, "port mapping")
}

// TestLinesDoNotMix has a port mapper tell of a renewal while the dialogue is shown.
func TestLinesDoNotMix(t *testing.T) {
	var stderr bytes.Buffer
	j := &job{env: environment{stderr: &stderr}, showing: []*lineWriter{{to: &stderr}}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { j.show("* port mapping: %s", "renewed") })
		wg.Go(func() { j.say("said") })
	}
	wg.Wait()
	require.Equal(t, 16, bytes.Count(stderr.Bytes(), []byte("\n")))
}
