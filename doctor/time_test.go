package doctor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/doctor"
	"github.com/dualport/ftp/ftptest"
)

// TestTooLittleTime: a server of which nothing was tried has not failed.
func TestTooLittleTime(t *testing.T) {
	srv := ftptest.NewUnstartedServer(t)
	srv.Config.ReplyDelay = 100 * time.Millisecond
	srv.Config.Faults = []ftptest.Fault{{On: "NOOP", Silent: true}}
	srv.Start()
	r, err := doctor.Run(t.Context(), srv.Addr, nil, doctor.Config{Limit: time.Second})
	require.NoError(t, err)
	require.True(t, r.Inconclusive(), "%+v", r.Rows)
	require.Less(t, r.Duration, 1500*time.Millisecond)
	require.Len(t, r.Advice, 1)
	require.Contains(t, r.Advice[0].Text, "use a longer limit")
	require.NotContains(t, r.Advice[0].Text, "possible")
	require.Equal(t, "--limit 60", r.Advice[0].Flags)
	require.Contains(t, text(t, r), "result:        not examined")
	require.Contains(t, page(t, r), "Not examined: no way to a data connection was tried.")
}

// TestSlowFarewell: the answer to QUIT is waited for within the limit.
func TestSlowFarewell(t *testing.T) {
	srv := ftptest.NewUnstartedServer(t)
	srv.Config.ReplyDelay = 200 * time.Millisecond
	srv.Start()
	r, err := doctor.Run(t.Context(), srv.Addr, nil, doctor.Config{Limit: 2 * time.Second})
	require.NoError(t, err)
	require.Less(t, r.Duration, 2300*time.Millisecond)
}

// TestNonsenseIsTheServers: a reply that names no address breaks at the server.
func TestNonsenseIsTheServers(t *testing.T) {
	r, _ := examine(t, func(c *ftptest.Config) {
		c.Faults = []ftptest.Fault{{On: "PASV", Reply: "227 Entering Passive Mode (what?)"}, {On: "EPSV", Reply: "229 Entering Extended Passive Mode (|||x|)"}}
	}, 0)
	require.Equal(t, "failed", outcomes(r)["EPSV"])
	require.Contains(t, page(t, r), "EPSV: failed, the server&#39;s reply makes no sense, broken off at the server.")
	require.NotContains(t, page(t, r), "broken off at the network")
}
