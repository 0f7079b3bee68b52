package ftp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// badPorts are the ways in which a passive port that was named properly does
// not work, and how long it takes to find out.
func badPorts() map[string]struct {
	port  ftptest.PortBehaviour
	takes time.Duration
	begun bool // only after the transfer command
} {
	return map[string]struct {
		port  ftptest.PortBehaviour
		takes time.Duration
		begun bool
	}{
		"refused":       {ftptest.PortRefused, 0, false},
		"swallowed":     {ftptest.PortBlackHole, 10 * time.Second, false},
		"reset":         {ftptest.PortResets, 0, true},
		"425":           {ftptest.PortAnswers425, 0, true},
		"150, then 425": {ftptest.PortLate425, 0, true},
		"150, then 426": {ftptest.PortLate426, 0, true},
	}
}

func TestLadderStepsDownFromAPortThatDoesNotWork(t *testing.T) {
	for name, test := range badPorts() {
		config := ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: test.port}}}
		t.Run("retrieve/"+name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				c, srv := overInternet(t, network, config, ftp.Options{})
				want := []string{"EPSV", "PASV", "RETR a.txt"}
				if test.begun {
					want = []string{"EPSV", "RETR a.txt", "PASV", "RETR a.txt"}
				}
				require.Equal(t, want, causedBy(srv, func() {
					require.Equal(t, test.takes, elapsed(func() { require.Equal(t, "EPSV! PASV", tries(fetch(t, c))) }))
				}))
				require.Equal(t, []string{"PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }), "what worked goes first")
			})
		})
		t.Run("list/"+name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				c, _ := overInternet(t, network, config, ftp.Options{})
				require.Equal(t, []string{"a.txt"}, listed(t, c, "/"))
			})
		})
	}
}

func TestLadderStepsDownBeforeAnUploadHasBegun(t *testing.T) {
	for _, port := range []ftptest.PortBehaviour{ftptest.PortRefused, ftptest.PortBlackHole, ftptest.PortResets, ftptest.PortAnswers425} {
		t.Run(fmt.Sprint(port), func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				c, srv := overInternet(t, network, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: port}}}, ftp.Options{})
				store(t, c, "up.txt", []byte(hello))
				require.Equal(t, hello, string(stored(t, srv, "up.txt")))
			})
		})
	}
}

// The reader of an upload cannot be rewound: where the server gives up after
// the first bytes may have gone, an error is the only honest end.
func TestLadderNeverTakesALateRefusalForAnUpload(t *testing.T) {
	for _, port := range []ftptest.PortBehaviour{ftptest.PortLate425, ftptest.PortLate426} {
		t.Run(fmt.Sprint(port), func(t *testing.T) {
			c, srv := onLoopback(t, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: port}}}, ftp.Options{})
			_, err := c.Store(t.Context(), "up.txt", strings.NewReader(hello))
			if err == nil {
				require.Equal(t, hello, string(stored(t, srv, "up.txt")))
				return
			}
			require.ErrorIs(t, err, ftp.ErrIncomplete)
			require.NoError(t, c.NoOp(t.Context()))
		})
	}
}

func TestLadderRepeatsTheOffset(t *testing.T) {
	c, srv := onLoopback(t, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: ftptest.PortLate425}}}, ftp.Options{})
	var got strings.Builder
	require.Equal(t, []string{"EPSV", "REST 7", "RETR a.txt", "PASV", "REST 7", "RETR a.txt"}, causedBy(srv, func() {
		_, err := c.RetrieveFrom(t.Context(), "a.txt", 7, &got)
		require.NoError(t, err)
	}))
	require.Equal(t, hello[7:], got.String())
}

func TestLadderBoundsAConnectionByDataConnect(t *testing.T) {
	config := ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: ftptest.PortBlackHole}}}
	t.Run("in memory", func(t *testing.T) {
		inMemory(t, func(t *testing.T, network *memnet.Network) {
			c, _ := overInternet(t, network, config, ftp.Options{Timeouts: ftp.Timeouts{DataConnect: 2 * time.Second}})
			require.Equal(t, 2*time.Second, elapsed(func() {
				n := fetch(t, c)
				require.Equal(t, "EPSV! PASV", tries(n))
				require.Equal(t, 2*time.Second, n.Rungs[0].Duration)
				var timeout *ftp.TimeoutError
				require.ErrorAs(t, n.Rungs[0].Err, &timeout)
				require.Equal(t, "Timeouts.DataConnect", timeout.Option)
				require.Equal(t, 2*time.Second, timeout.Limit)
			}))
		})
	})
	t.Run("on sockets", func(t *testing.T) {
		c, _ := onLoopback(t, config, ftp.Options{Timeouts: ftp.Timeouts{DataConnect: 200 * time.Millisecond}})
		n := fetch(t, c)
		require.Equal(t, "EPSV! PASV", tries(n))
		require.ErrorContains(t, n.Rungs[0].Err, "within 200ms (Options.Timeouts.DataConnect)")
	})
}

func TestLadderWithoutLimitsWaitsForTheCaller(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		for _, opts := range []ftp.Options{{}, {Mode: ftp.ModeActive}} {
			config := ftptest.Config{Active: ftptest.Active{Never: true, Delay: 1000 * time.Hour}}
			config.Passive.EPSV.Port = ftptest.PortBlackHole
			config.Addr = fmt.Sprintf("%s:%d", frontAddr, 21+int(opts.Mode))
			opts.Timeouts = ftp.Timeouts{DataConnect: -1, Accept: -1}
			c, _ := overInternet(t, network, config, opts)
			ctx, cancel := context.WithTimeoutCause(t.Context(), 24*time.Hour, errCancelled)
			defer cancel()
			require.Equal(t, 24*time.Hour, elapsed(func() {
				_, err := c.Open(ctx, "a.txt")
				require.ErrorIs(t, err, errCancelled)
			}))
			require.NoError(t, c.NoOp(t.Context()))
		}
	})
}

func TestLadderThatEndsTellsAllAndWhatToDo(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		dead := ftptest.PassiveMethod{Port: ftptest.PortRefused}
		config := ftptest.Config{Passive: ftptest.Passive{EPSV: dead, PASV: dead, PortMin: 50000, PortMax: 50001}}
		c, srv := overInternet(t, network, config, ftp.Options{})
		heard := causedBy(srv, func() {
			err := fetchFails(t, c)
			require.ErrorIs(t, err, ftp.ErrDataConnection)
			for _, part := range []string{
				`ftp: retrieve "a.txt" on ` + srv.Addr + ": no data connection",
				"EPSV advertised :50000, dialled " + frontAddr + ":50000: ",
				"PASV advertised " + frontAddr + ":50001, dialled " + frontAddr + ":50001: ",
				"open them in the firewall",
			} {
				require.ErrorContains(t, err, part)
			}
			require.Equal(t, 1, strings.Count(err.Error(), "ftp:"))
		})
		require.Equal(t, []string{"EPSV", "PASV"}, heard)
		require.NoError(t, c.NoOp(t.Context()), "the session goes on")
	})
}

func TestLadderWith425OnEveryMethodEnds(t *testing.T) {
	bad := ftptest.PassiveMethod{Port: ftptest.PortAnswers425}
	config := ftptest.Config{Passive: ftptest.Passive{EPSV: bad, PASV: bad}, Active: ftptest.Active{Never: true}}
	c, srv := onLoopback(t, config, ftp.Options{Mode: ftp.ModeAuto})
	heard := causedBy(srv, func() {
		err := fetchFails(t, c)
		require.ErrorIs(t, err, ftp.ErrDataConnection)
		require.Equal(t, "EPSV! PASV! PORT! EPRT!", tries(err.Negotiation))
		require.ErrorContains(t, err, "neither side can open a connection to the other")
	})
	require.Len(t, heard, 8)
	require.NoError(t, c.NoOp(t.Context()))
}

func TestLadderIsNotForARefusedTransfer(t *testing.T) {
	for _, reply := range []string{"550 no such file", "550 permission denied", "450 busy", "451 local error", "452 disk full", "552 quota", "553 bad name", "530 log in"} {
		t.Run(reply, func(t *testing.T) {
			c, srv := onLoopback(t, ftptest.Config{Faults: []ftptest.Fault{{On: "RETR", Nth: 1, Reply: reply}}}, ftp.Options{Mode: ftp.ModeAuto})
			require.Equal(t, []string{"EPSV", "RETR a.txt"}, causedBy(srv, func() {
				err := fetchFails(t, c)
				require.Equal(t, "RETR", err.Command)
				require.Equal(t, reply, err.Reply.String())
				require.NotErrorIs(t, err, ftp.ErrDataConnection)
			}))
			require.Equal(t, "EPSV", tries(fetch(t, c)), "EPSV is none the worse for it")
		})
	}
	t.Run("in active mode", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{Faults: []ftptest.Fault{{On: "RETR", Nth: 1, Reply: "550 no"}}}, ftp.Options{Mode: ftp.ModeActive})
		heard := causedBy(srv, func() { require.Equal(t, 550, fetchFails(t, c).Reply.Code) })
		require.Len(t, heard, 2, heard)
		require.True(t, strings.HasPrefix(heard[0], "PORT "))
		require.Equal(t, "PORT", tries(fetch(t, c)))
	})
	t.Run("not logged in", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{Faults: []ftptest.Fault{{On: "EPSV", Reply: "530 Please log in"}}}, ftp.Options{Mode: ftp.ModeAuto})
		require.Equal(t, []string{"EPSV"}, causedBy(srv, func() { require.ErrorIs(t, fetchFails(t, c), ftp.ErrLogin) }))
	})
	t.Run("REST", func(t *testing.T) {
		c, srv := onLoopback(t, ftptest.Config{Disable: map[string]string{"REST": "554 no restart"}}, ftp.Options{Mode: ftp.ModeAuto})
		require.Equal(t, []string{"EPSV", "REST 5"}, causedBy(srv, func() {
			_, err := c.RetrieveFrom(t.Context(), "a.txt", 5, io.Discard)
			require.Equal(t, 554, ftp.ReplyCode(err))
		}))
	})
}

func TestSilentMethodCostsOneLogin(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		var rec recorder
		config := ftptest.Config{
			Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Silent: true}},
			Faults:  []ftptest.Fault{{On: "PASV", Nth: 2, Reply: "450 no"}},
		}
		c, srv := overInternet(t, network, config, ftp.Options{User: "user", Password: "secret", Trace: rec.trace()})
		put(t, srv, "pub/sub/b.txt", []byte("deep"))
		require.NoError(t, c.ChangeDir(t.Context(), "pub"))
		require.NoError(t, c.ChangeDir(t.Context(), "sub"))
		var got strings.Builder
		heard := causedBy(srv, func() {
			require.Equal(t, 30*time.Second, elapsed(func() {
				result, err := c.Retrieve(t.Context(), "b.txt", &got)
				require.NoError(t, err)
				require.True(t, result.Negotiation.Relogin)
				require.Equal(t, "EPSV! PASV", tries(result.Negotiation))
				require.ErrorContains(t, result.Negotiation.Rungs[0].Err, "no reply to EPSV within 30s (Options.Timeouts.Reply)")
			}))
		})
		require.Equal(t, "deep", got.String())
		require.Equal(t, []string{"EPSV", "USER user", "PASS secret", "FEAT", "OPTS UTF8 ON", "TYPE I", "CWD pub", "CWD sub", "PASV", "RETR b.txt"}, heard)
		require.Equal(t, 2, srv.Sessions())
		require.Contains(t, rec.noticeTexts(), "the session is out of step after EPSV; logging in again")

		require.Equal(t, []string{"PASV"}, causedBy(srv, func() {
			require.ErrorIs(t, fetchFails(t, c), ftp.ErrDataConnection)
		}), "EPSV is not asked again, not even where PASV fails")
		dir, err := c.CurrentDir(t.Context())
		require.NoError(t, err)
		require.Equal(t, "/pub/sub", dir)
	})
}

func TestSilentMethodKeepsTheType(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, srv := overInternet(t, network, ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Silent: true}}}, ftp.Options{})
		require.NoError(t, c.SetType(t.Context(), ftp.TypeASCII))
		require.Equal(t, hello, string(retrieve(t, c, "a.txt")))
		require.Equal(t, []string{"TYPE I", "TYPE A", "TYPE A"}, sent(srv, "TYPE"))
	})
}

func TestSecondSilenceOfATransferEndsIt(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		silent := ftptest.PassiveMethod{Silent: true}
		c, srv := overInternet(t, network, ftptest.Config{Passive: ftptest.Passive{EPSV: silent, PASV: silent}}, ftp.Options{Mode: ftp.ModeAuto})
		require.Equal(t, time.Minute, elapsed(func() {
			err := fetchFails(t, c)
			require.ErrorIs(t, err, ftp.ErrBroken)
			require.ErrorContains(t, err, "no reply to PASV within 30s (Options.Timeouts.Reply)")
			require.True(t, err.Timeout())
			require.Equal(t, "EPSV! PASV!", tries(err.Negotiation))
			require.True(t, err.Negotiation.Relogin)
		}))
		require.Equal(t, 2, srv.Sessions(), "one new login, not a loop of them")
		require.Zero(t, elapsed(func() { require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken) }))
	})
}

func TestSecondSilenceSaysWhatWasTried(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		silent := ftptest.PassiveMethod{Silent: true}
		c, _ := overInternet(t, network, ftptest.Config{Passive: ftptest.Passive{EPSV: silent, PASV: silent}}, ftp.Options{})
		err := fetchFails(t, c)
		require.ErrorIs(t, err, ftp.ErrDataConnection)
		require.ErrorContains(t, err, "no reply to EPSV")
		require.NotEmpty(t, err.Negotiation.Advice())
	})
}

func TestSilentMethodWhoseNewLoginIsRefused(t *testing.T) {
	tests := map[string]struct {
		fault ftptest.Fault
		want  error
	}{
		"credentials": {ftptest.Fault{On: "USER", Session: 2, Reply: "530 not any more"}, ftp.ErrLogin},
		"greeting":    {ftptest.Fault{On: "greeting", Session: 2, Reply: "421 full", Close: true}, ftp.ErrTooManyConnections},
		"directory":   {ftptest.Fault{On: "CWD", Session: 2, Reply: "550 not any more"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				config := ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Silent: true}}, Faults: []ftptest.Fault{test.fault}}
				c, srv := overInternet(t, network, config, ftp.Options{})
				require.NoError(t, srv.Tree.MkdirAll("pub"))
				require.NoError(t, c.ChangeDir(t.Context(), "pub"))
				err := fetchFails(t, c)
				if test.want != nil {
					require.ErrorIs(t, err, test.want)
				}
				require.Empty(t, sent(srv, "RETR"), "never from another directory")
				require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
				require.Equal(t, 2, srv.Sessions())
			})
		})
	}
}

func TestHangingDialEndsWithTheControlConnection(t *testing.T) {
	tests := map[string]struct {
		config ftptest.Config
		takes  time.Duration
		want   string
	}{
		"421 while it hangs":  {ftptest.Config{Limits: ftptest.Limits{Idle: 4 * time.Second}}, 4 * time.Second, "421 Idle for too long"},
		"421 behind the 229":  {ftptest.Config{Faults: []ftptest.Fault{{On: "EPSV", After: "421 going down"}}}, 0, "421 going down"},
		"550 out of the blue": {ftptest.Config{Faults: []ftptest.Fault{{On: "EPSV", After: "550 no more"}}}, 0, "550 no more"},
		"closed":              {ftptest.Config{Faults: []ftptest.Fault{{On: "EPSV", Close: true, Execute: true, Reply: "229 (|||50000|)"}}}, 0, "the server closed the control connection"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				test.config.Passive = ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: ftptest.PortBlackHole}, PortMin: 50000, PortMax: 50000}
				blackHole(t, network, moverAddr+":50000")
				opts := ftp.Options{Mode: ftp.ModeAuto, Timeouts: ftp.Timeouts{DataConnect: time.Hour}}
				opts.Passive.AddressFunc = func(netip.AddrPort, netip.Addr) (netip.AddrPort, error) {
					return netip.MustParseAddrPort(moverAddr + ":50000"), nil
				}
				c, srv := overInternet(t, network, test.config, opts)
				heard := causedBy(srv, func() {
					require.Equal(t, test.takes, elapsed(func() {
						err := fetchFails(t, c)
						require.ErrorIs(t, err, ftp.ErrBroken)
						require.ErrorContains(t, err, test.want)
						require.Equal(t, "EPSV!", tries(err.Negotiation))
					}))
				})
				require.Equal(t, []string{"EPSV"}, heard, "no further method")
				require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
			})
		})
	}
}

func TestAutoGoesActiveWherePassiveIsBlocked(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		blocked := ftptest.PassiveMethod{Port: ftptest.PortBlackHole}
		c, srv := overInternet(t, network, ftptest.Config{Passive: ftptest.Passive{EPSV: blocked, PASV: blocked}}, ftp.Options{Mode: ftp.ModeAuto})
		require.Equal(t, 20*time.Second, elapsed(func() { require.Equal(t, "EPSV! PASV! PORT", tries(fetch(t, c))) }))
		heard := causedBy(srv, func() {
			require.Zero(t, elapsed(func() { require.Equal(t, "PORT", tries(fetch(t, c))) }), "active goes first the next time")
		})
		require.Len(t, heard, 2, heard)
	})
}

func TestAutoIsPassiveWherePassiveWorks(t *testing.T) {
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{Mode: ftp.ModeAuto})
	require.Equal(t, "EPSV", tries(fetch(t, c)))
	require.Empty(t, sent(srv, "PORT", "EPRT"))
}

func TestLadderOfMethodsAllRefusedBefore(t *testing.T) {
	refuse := ftptest.PassiveMethod{Reply: "502 no"}
	c, srv := onLoopback(t, ftptest.Config{Passive: ftptest.Passive{EPSV: refuse, PASV: refuse}}, ftp.Options{})
	require.Equal(t, []string{"EPSV", "PASV"}, causedBy(srv, func() { require.ErrorContains(t, fetchFails(t, c), "use ModeActive or ModeAuto") }))
	require.Empty(t, causedBy(srv, func() {
		err := fetchFails(t, c)
		require.ErrorIs(t, err, ftp.ErrDataConnection)
		require.ErrorContains(t, err, "EPSV: refused earlier in this session: server answered EPSV with")
	}))
}

// dialerFunc is a DataDialer.
type dialerFunc func(ctx context.Context, x *ftp.Exchange) (net.Conn, error)

func (f dialerFunc) DialData(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
	return f(ctx, x)
}

func TestDataDialerThatWrapsPassive(t *testing.T) {
	var calls []string
	dialer := dialerFunc(func(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
		verb, path := x.Transfer()
		host, peer := x.ControlPeer()
		calls = append(calls, fmt.Sprintf("%s %s, host %s, peer %s, local %s", verb, path, host, peer, x.LocalAddr().Addr()))
		return ftp.Passive{Methods: []ftp.Method{ftp.PASV}}.DialData(ctx, x)
	})
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{DataDialer: dialer, Mode: ftp.ModeActive})
	require.Equal(t, "PASV", tries(fetch(t, c)))
	require.Equal(t, []string{"RETR a.txt, host 127.0.0.1, peer 127.0.0.1, local 127.0.0.1"}, calls)
	require.Equal(t, []string{"a.txt"}, listed(t, c, ""))
	require.Len(t, calls, 2)
	require.Empty(t, sent(srv, "EPSV", "PORT", "EPRT"))
}

// plainPASV is a DataDialer made of the exported API alone, which leaves it to
// the client to send the transfer command.
func plainPASV(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
	r, err := x.Command(ctx, "PASV")
	if err != nil {
		return nil, err
	}
	var h [4]int
	var high, low int
	_, numbers, _ := strings.Cut(r.Text(), "(")
	if _, err := fmt.Sscanf(numbers, "%d,%d,%d,%d,%d,%d", &h[0], &h[1], &h[2], &h[3], &high, &low); err != nil {
		return nil, err
	}
	host, _ := x.ControlPeer()
	address := fmt.Sprintf("%s:%d", host, high<<8|low)
	conn, err := x.Dial(ctx, address)
	x.Record(ftp.Rung{Method: ftp.PASV, Dialled: address, Err: err})
	return conn, err
}

func TestDataDialerThatNeverBegins(t *testing.T) {
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{DataDialer: dialerFunc(plainPASV)})
	require.Equal(t, []string{"PASV", "RETR a.txt"}, causedBy(srv, func() {
		require.Equal(t, srv.Addr[:strings.LastIndexByte(srv.Addr, ':')], strings.Split(fetch(t, c).Final().Dialled, ":")[0])
	}))
	require.Equal(t, []string{"PASV", "STOR b.txt"}, causedBy(srv, func() { store(t, c, "b.txt", []byte("b")) }))
	require.Equal(t, "b", string(stored(t, srv, "b.txt")))
}

func TestDataDialerThatBeginsTwice(t *testing.T) {
	dialer := dialerFunc(func(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
		conn, err := plainPASV(ctx, x)
		if err != nil {
			return nil, err
		}
		return conn, errors.Join(x.Begin(ctx), x.Begin(ctx))
	})
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{DataDialer: dialer})
	require.Equal(t, []string{"PASV", "RETR a.txt"}, causedBy(srv, func() { fetch(t, c) }))
}

func TestDataDialerThatFails(t *testing.T) {
	mistake := errors.New("out of cables")
	tests := map[string]struct {
		dial dialerFunc
		want []string
	}{
		"at once": {func(context.Context, *ftp.Exchange) (net.Conn, error) { return nil, mistake }, nil},
		"after the transfer command": {func(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
			if _, err := x.Command(ctx, "PASV"); err != nil {
				return nil, err
			}
			return nil, errors.Join(x.Begin(ctx), mistake)
		}, []string{"PASV", "RETR a.txt", "ABOR"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			released := 0
			dialer := dialerFunc(func(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
				x.Defer(func() { released++ })
				return test.dial(ctx, x)
			})
			c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{DataDialer: dialer})
			heard := causedBy(srv, func() {
				err := fetchFails(t, c)
				require.ErrorIs(t, err, mistake)
				require.Equal(t, "retrieve", err.Op)
			})
			require.Equal(t, test.want, append([]string(nil), heard...))
			require.Equal(t, 1, released)
			dir, err := c.CurrentDir(t.Context())
			require.NoError(t, err)
			require.Equal(t, "/", dir, "the session is in step")
		})
	}
}

func TestDataDialerThatReturnsNothing(t *testing.T) {
	dialer := dialerFunc(func(context.Context, *ftp.Exchange) (net.Conn, error) { return nil, nil })
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{DataDialer: dialer})
	require.NotPanics(t, func() {
		require.ErrorContains(t, fetchFails(t, c), "DataDialer")
	})
	require.Empty(t, sent(srv, "RETR"))
}

func TestDataDialerIsAskedAgainABoundedNumberOfTimes(t *testing.T) {
	calls, released := 0, 0
	dialer := dialerFunc(func(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
		calls++
		x.Defer(func() { released++ })
		return plainPASV(ctx, x)
	})
	c, _ := onLoopback(t, ftptest.Config{Passive: ftptest.Passive{PASV: ftptest.PassiveMethod{Port: ftptest.PortAnswers425}}}, ftp.Options{DataDialer: dialer})
	err := fetchFails(t, c)
	require.ErrorIs(t, err, ftp.ErrDataConnection)
	require.Greater(t, calls, 1)
	require.Less(t, calls, 20)
	require.Equal(t, calls, released)
	require.NoError(t, c.NoOp(t.Context()))
}

func TestDataDialerMaySpeakBeforeItDials(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		dialer := dialerFunc(func(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
			if _, err := x.Command(ctx, "PASV"); err != nil {
				return nil, err
			}
			if err := x.Begin(ctx); err != nil {
				return nil, err
			}
			return x.Dial(ctx, moverAddr+":9")
		})
		blackHole(t, network, moverAddr+":9")
		config := ftptest.Config{Faults: []ftptest.Fault{{On: "RETR", Delay: 3 * time.Second, Reply: "550 no such file"}}}
		c, _ := overInternet(t, network, config, ftp.Options{DataDialer: dialer, Timeouts: ftp.Timeouts{DataConnect: time.Hour}})
		require.Equal(t, 3*time.Second, elapsed(func() {
			err := fetchFails(t, c)
			require.Equal(t, "RETR", err.Command)
			require.Equal(t, 550, err.Reply.Code)
		}), "the 550 ends the dial")
		require.NoError(t, c.NoOp(t.Context()))
	})
}

// There are servers (vsftpd behind a proxy) that refuse PORT itself with the code
// that stands for a missing data connection.
func TestA425ToTheMethodItselfIsItsRefusal(t *testing.T) {
	refuse := ftptest.ActiveMethod{Reply: "425 Illegal PORT command."}
	c, srv := onLoopback(t, ftptest.Config{Active: ftptest.Active{PORT: refuse, EPRT: refuse}}, ftp.Options{Mode: ftp.ModeActive})
	err := fetchFails(t, c)
	require.ErrorIs(t, err, ftp.ErrDataConnection)
	require.Equal(t, "PORT! EPRT!", tries(err.Negotiation))
	require.Len(t, sent(srv, "PORT", "EPRT"), 2)
	require.Contains(t, err.Negotiation.Advice(), "the server refuses active mode")
}

// What one step has been through is not gone through again when the list ends.
func TestExhaustedLadderEndsAtOnce(t *testing.T) {
	refuse := ftptest.ActiveMethod{Reply: "425 No."}
	var notices []string
	options := ftp.Options{Mode: ftp.ModeActive, Trace: &ftp.Trace{Notice: func(n ftp.Notice) { notices = append(notices, n.Text) }}}
	c, _ := onLoopback(t, ftptest.Config{Active: ftptest.Active{PORT: refuse, EPRT: refuse}}, options)
	require.ErrorIs(t, fetchFails(t, c), ftp.ErrDataConnection)
	require.Len(t, notices, 2, "%q", notices)
}

// A 425 behind the 150 of an upload comes when part of the file has been read: what
// can be rewound is sent again by the next method, what cannot is not lost silently.
func TestUploadDeniedAfter150BeginsAnew(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	half := int64(len(content) / 2)
	late := ftptest.PassiveMethod{Port: ftptest.PortLate425}
	tests := map[string]struct {
		passive ftptest.Passive
		from    int64
		stream  bool   // cannot be rewound
		want    string // the attempts
		err     error
	}{
		"seekable":        {ftptest.Passive{EPSV: late}, 0, false, "EPSV! PASV", nil},
		"from the middle": {ftptest.Passive{EPSV: late}, half, false, "EPSV! PASV", nil},
		"a stream":        {ftptest.Passive{EPSV: late}, 0, true, "EPSV", ftp.ErrIncomplete},
		"by every method": {ftptest.Passive{EPSV: late, PASV: late}, 0, false, "EPSV! PASV!", ftp.ErrDataConnection},
		"nothing amiss":   {ftptest.Passive{}, 0, false, "EPSV", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			begun := make(chan struct{})
			seekable := &signallingReader{Reader: bytes.NewReader(content), begun: sync.OnceFunc(func() { close(begun) })}
			_, err := seekable.Seek(test.from, io.SeekStart)
			require.NoError(t, err)
			var src io.Reader = seekable
			if test.stream {
				src = io.MultiReader(src)
			}
			c, srv := onLoopback(t, ftptest.Config{Passive: test.passive, RewriteReply: func(reply string) string {
				if strings.HasPrefix(reply, "425") {
					<-begun
				}
				return reply
			}}, ftp.Options{})
			result, err := c.Store(t.Context(), "/up.bin", src)
			if test.err != nil {
				var e *ftp.Error
				require.ErrorIs(t, err, test.err)
				require.ErrorAs(t, err, &e)
				require.Equal(t, test.want, tries(e.Negotiation))
				require.NoError(t, c.NoOp(t.Context()), "the session goes on")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, tries(result.Negotiation))
			stored, err := srv.Tree.ReadFile("/up.bin")
			require.NoError(t, err)
			require.True(t, bytes.Equal(content[test.from:], stored))
			require.Equal(t, int64(len(stored)), result.Bytes)
		})
	}
}

// signallingReader tells when it is read.
type signallingReader struct {
	*bytes.Reader
	begun func()
}

func (r *signallingReader) Read(p []byte) (int, error) {
	r.begun()
	return r.Reader.Read(p)
}

// WriteTo is the other way to read it.
func (r *signallingReader) WriteTo(w io.Writer) (int64, error) {
	r.begun()
	return r.Reader.WriteTo(w)
}

// Nobody gets in between the attempts of one upload.
func TestUploadThatBeginsAnewKeepsTheClient(t *testing.T) {
	begun := make(chan struct{})
	src := &signallingReader{Reader: bytes.NewReader(make([]byte, 1<<20)), begun: sync.OnceFunc(func() { close(begun) })}
	var c *ftp.Client
	var between []error
	options := ftp.Options{Trace: &ftp.Trace{Transfer: func(ftp.TransferEvent) { between = append(between, c.NoOp(context.Background())) }}}
	c, _ = onLoopback(t, ftptest.Config{
		Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: ftptest.PortLate425}},
		RewriteReply: func(reply string) string {
			if strings.HasPrefix(reply, "425") {
				<-begun
			}
			return reply
		},
	}, options)
	result, err := c.Store(t.Context(), "/up.bin", src)
	require.NoError(t, err)
	require.Len(t, between, 2)
	for _, err := range between {
		require.ErrorIs(t, err, ftp.ErrBusy)
	}
	require.NotContains(t, result.Negotiation.Rungs[0].Err.Error(), "ftp: store", "the record tells the cause alone")
	require.NoError(t, c.NoOp(t.Context()))
}
