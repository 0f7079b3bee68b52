//go:build realserver

package realserver

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program is a proftpd with its configuration, begun by Run instead of Start.
func program(t *testing.T, place *Place) Command {
	t.Helper()
	command, err := Program("proftpd", "usr/sbin/proftpd")
	require.NoError(t, err)
	state, root, err := makeDirs(t.TempDir())
	require.NoError(t, err)
	p := plan{state: state, root: root, ip: place.Addr.Addr(), port: place.Addr.Port()}
	modules := filepath.Join(filepath.Dir(command.Path), "../lib/proftpd")
	require.NoError(t, writeFiles(state, map[string]string{
		"proftpd.conf": proftpdConf(p, modules, ""),
		"passwd":       passwdLine(loginHash, root),
	}))
	command.Args = []string{"--nodaemon", "--config", filepath.Join(state, "proftpd.conf")}
	command.Exec = place.Exec
	return command
}

func TestRunStopsTheProgramAndItsChildren(t *testing.T) {
	netns, places := namespace(t, "203.0.113.9:21")
	daemon := Run(t, program(t, places[0]))
	daemon.WaitListening(places[0].Addr)
	conn, err := places[0].dial(places[0].Addr)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, greeted(places[0], places[0].Addr, time.Now().Add(10*time.Second), false)) // conn has its session by now
	require.Greater(t, len(daemon.process.family()), 1)

	daemon.Stop()
	<-daemon.Done()
	require.Empty(t, ip(t, "netns", "pids", netns))
}

func TestRunKeepsTheLog(t *testing.T) {
	command := Command{Path: "/bin/sh", Args: []string{"-c", `echo "$WORD in $PWD"; echo twice >&2`}, Env: []string{"WORD=once"}, Dir: "/"}
	for _, exec := range [][]string{nil, {"env"}} {
		command.Exec = exec
		daemon := Run(t, command)
		<-daemon.Done()
		require.Equal(t, "once in /\ntwice\n", daemon.Log())
	}
}

func TestEnvironmentIsTheProgramsOwn(t *testing.T) {
	command := Command{
		Path: "/bin/sh", Args: []string{"-c", `echo "program: $WORD"`}, Env: []string{"WORD=once"},
		Exec: []string{"/bin/sh", "-c", `echo "command: $WORD"; exec "$@"`, "sh"},
	}
	daemon := Run(t, command)
	<-daemon.Done()
	require.Equal(t, "command: \nprogram: once\n", daemon.Log())
}

func TestWaitListeningSaysWhyAProgramEnded(t *testing.T) {
	tb := &failure{T: t}
	daemon := Run(tb, Command{Path: "/bin/sh", Args: []string{"-c", "echo no such setting; exit 3"}})
	require.PanicsWithValue(t, errFatal, func() {
		daemon.WaitListening(netip.MustParseAddrPort("127.0.0.1:1"))
	})
	require.Equal(t, "realserver: sh ended: exit status 3\nits log:\nno such setting\n", tb.message)
}

func TestProgramThatIsNotThere(t *testing.T) {
	_, err := Program("wu-ftpd", "sbin/ftpd")
	require.ErrorContains(t, err, "wu-ftpd: not there: run scripts/fetch-servers")
	_, err = Program("proftpd", "usr/sbin/no-such-program")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "remove .servers and fetch again")
}
