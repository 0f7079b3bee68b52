package ftp_test

import (
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

func TestMemoryPutsTheMethodThatWorkedFirst(t *testing.T) {
	memory := new(ftp.Memory)
	require.Empty(t, memory.Preferred())
	config := ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: "425 never"}}}
	c, srv := onLoopback(t, config, ftp.Options{Memory: memory})
	require.Equal(t, []string{"EPSV", "PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
	require.Equal(t, ftp.PASV, memory.Preferred())
	require.Equal(t, []string{"PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
}

func TestMemoryIsSharedBetweenClients(t *testing.T) {
	memory := new(ftp.Memory)
	config := ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: ftptest.PortAnswers425}}}
	first, srv := onLoopback(t, config, ftp.Options{Memory: memory})
	require.Equal(t, "EPSV! PASV", tries(fetch(t, first)))

	second := dial(t, srv.Addr, &ftp.Options{Memory: memory})
	require.Equal(t, "PASV", tries(fetch(t, second)))
	require.Equal(t, first.PassivePorts(), second.PassivePorts())

	stranger := dial(t, srv.Addr, nil)
	require.Equal(t, "EPSV! PASV", tries(fetch(t, stranger)), "a client without it learns for itself")
}

func TestMemoryForgetsAMethodThatFails(t *testing.T) {
	memory := new(ftp.Memory)
	config := ftptest.Config{Faults: []ftptest.Fault{{On: "EPSV", Nth: 1, Reply: "450 no"}, {On: "PASV", Nth: 2, Reply: "450 no"}}}
	c, _ := onLoopback(t, config, ftp.Options{Memory: memory})
	require.Equal(t, "EPSV! PASV", tries(fetch(t, c)))
	require.Equal(t, "PASV! EPSV", tries(fetch(t, c)))
	require.Equal(t, ftp.EPSV, memory.Preferred())
	require.Equal(t, "EPSV", tries(fetch(t, c)))
}

func TestMemoryForgetsAMethodThoughNoOtherWorks(t *testing.T) {
	memory := new(ftp.Memory)
	config := ftptest.Config{Faults: []ftptest.Fault{{On: "PASV", Nth: 2, Reply: "450 no"}}}
	c, _ := onLoopback(t, config, ftp.Options{Memory: memory, Passive: pasvOnly()})
	fetch(t, c)
	require.Equal(t, ftp.PASV, memory.Preferred())
	require.ErrorIs(t, fetchFails(t, c), ftp.ErrDataConnection)
	require.Empty(t, memory.Preferred())
}

func TestMemoryOfAMethodThatIsNotPermittedChangesNothing(t *testing.T) {
	memory := new(ftp.Memory)
	active, srv := onLoopback(t, ftptest.Config{}, ftp.Options{Memory: memory, Mode: ftp.ModeActive})
	require.Equal(t, "PORT", tries(fetch(t, active)))
	require.Equal(t, ftp.PORT, memory.Preferred())
	passive := dial(t, srv.Addr, &ftp.Options{Memory: memory})
	require.Equal(t, "EPSV", tries(fetch(t, passive)))
	auto := dial(t, srv.Addr, &ftp.Options{Memory: memory, Mode: ftp.ModeAuto})
	require.Equal(t, "EPSV", tries(fetch(t, auto)))
}

func TestMemoryIsNotTouchedByATransferThatTheServerRefuses(t *testing.T) {
	memory := new(ftp.Memory)
	config := ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Reply: "425 never"}}}
	c, _ := onLoopback(t, config, ftp.Options{Memory: memory})
	fetch(t, c)
	_, err := c.Open(t.Context(), "missing.txt")
	require.Equal(t, 550, ftp.ReplyCode(err))
	require.Equal(t, ftp.PASV, memory.Preferred())
}

func TestMemoryIsSafeForConcurrentUse(t *testing.T) {
	memory := new(ftp.Memory)
	_, srv := onLoopback(t, ftptest.Config{}, ftp.Options{Memory: memory})
	var work sync.WaitGroup
	for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive, ftp.ModeAuto, ftp.ModePassive} {
		c := dial(t, srv.Addr, &ftp.Options{Memory: memory, Mode: mode})
		work.Go(func() {
			for range 5 {
				if _, err := c.Retrieve(t.Context(), "a.txt", io.Discard); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	require.NotEmpty(t, memory.Preferred())
	require.NotZero(t, memory.PassivePorts())
}
