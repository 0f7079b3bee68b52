package ftp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// reuseRefusals are the ways in which servers refuse a data connection that did
// not resume the session.
func reuseRefusals() map[string]string {
	return map[string]string{"vsftpd": ftptest.ReuseRefusalVsftpd, "ProFTPD": ftptest.ReuseRefusalProFTPD}
}

// requireResumed fails unless every data connection so far resumed a session.
func requireResumed(t testing.TB, srv *ftptest.Server) {
	t.Helper()
	for i, conn := range srv.DataConns() {
		require.NotZero(t, conn.TLSVersion, "data connection %d", i)
		require.True(t, conn.Resumed, "data connection %d", i)
	}
}

func TestSessionReuseOnEveryDataConnection(t *testing.T) {
	for server, refusal := range reuseRefusals() {
		for name, rules := range map[string]ftptest.Tickets{
			"used again": {}, "single-use": {SingleUse: true}, "late": {Late: true}, "single-use and late": {SingleUse: true, Late: true},
		} {
			for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
				t.Run(fmt.Sprint(server, "/", name, "/", mode), func(t *testing.T) {
					forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
						settings.RequireReuse, settings.ReuseRefusal, settings.Tickets = true, refusal, rules
						requireTransfersResume(t, settings, &ftp.Options{Mode: mode, RequireSessionReuse: true})
					})
				})
			}
		}
	}
}

func requireTransfersResume(t *testing.T, settings ftptest.TLS, opts *ftp.Options) {
	t.Helper()
	c, srv := secured(t, ftptest.Config{TLS: &settings}, opts)
	for i := range 5 {
		content := noise(uint64(i), i*10_000)
		result, err := c.Store(t.Context(), "/f", bytes.NewReader(content))
		require.NoError(t, err)
		require.Equal(t, &ftp.TLSInfo{Version: tls.VersionName(settings.MinVersion), CipherSuite: result.Negotiation.TLS.CipherSuite, Resumed: true}, result.Negotiation.TLS)
		require.False(t, result.Negotiation.Relogin)
		require.True(t, bytes.Equal(content, stored(t, srv, "/f")))
		require.True(t, bytes.Equal(content, retrieve(t, c, "/f")))
		requireAlive(t, c)
	}
	requireResumed(t, srv)
	require.Len(t, srv.DataConns(), 20)
	require.Equal(t, 1, srv.Sessions())
}

func TestSessionReuseSeen(t *testing.T) {
	for name, rules := range map[string]ftptest.Tickets{"offered": {}, "not offered": {None: true}, "expired": {Expired: true}} {
		t.Run(name, func(t *testing.T) {
			forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
				settings.Tickets = rules
				var seen recorder
				c, srv := secured(t, ftptest.Config{TLS: &settings}, &ftp.Options{Trace: seen.trace()})
				for _, kind := range transferKinds() {
					require.NoError(t, kind.do(t.Context(), c))
				}
				require.Len(t, seen.transfers, 3)
				for i, e := range seen.transfers {
					info := e.Result.Negotiation.TLS
					require.Equal(t, name == "offered", info.Resumed)
					require.Equal(t, srv.DataConns()[i].Resumed, info.Resumed)
					require.Equal(t, tls.VersionName(settings.MinVersion), info.Version)
					require.True(t, strings.HasPrefix(info.CipherSuite, "TLS_"), info.CipherSuite)
					text, err := json.Marshal(e.Result.Negotiation)
					require.NoError(t, err)
					require.Contains(t, string(text), fmt.Sprintf(`"tls":{"version":%q,"cipher_suite":%q,"resumed":%t}`, info.Version, info.CipherSuite, info.Resumed))
				}
				require.Equal(t, 1, srv.Sessions())
			})
		})
	}
}

// Two clients of one server, with one Memory and one configuration between
// them: what the one resumes is of no use to the other.
func TestSessionsOfTwoClientsNeverMix(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		settings.RequireReuse, settings.Tickets.SingleUse = true, true
		srv := serve(t, ftptest.Config{TLS: &settings})
		opts := trusting(srv, &ftp.Options{Memory: new(ftp.Memory), RequireSessionReuse: true, TLSConfig: &tls.Config{
			RootCAs: srv.RootCAs(), ClientSessionCache: tls.NewLRUClientSessionCache(0),
		}})
		var work sync.WaitGroup
		failures := make([]error, 4)
		for i := range failures {
			c := dial(t, srv.Addr, opts)
			work.Go(func() {
				for round := range 10 {
					name := fmt.Sprintf("/f%d", i)
					content := noise(uint64(10*i+round), 20_000)
					_, err := c.Store(t.Context(), name, bytes.NewReader(content))
					var got bytes.Buffer
					if err == nil {
						_, err = c.Retrieve(t.Context(), name, &got)
					}
					if err == nil && !bytes.Equal(content, got.Bytes()) {
						err = errors.New("another content")
					}
					failures[i] = errors.Join(failures[i], err)
				}
			})
		}
		work.Wait()
		require.NoError(t, errors.Join(failures...))
		requireResumed(t, srv)
		require.Equal(t, len(failures), srv.Sessions(), "and no new login")
	})
}

// untouched is a reader that tells how much was taken from it, and that it can
// do nothing but read.
type untouched struct {
	src   io.Reader
	taken int64
}

func (u *untouched) Read(p []byte) (int, error) {
	n, err := u.src.Read(p)
	u.taken += int64(n)
	return n, err
}

func TestRequireSessionReuseOption(t *testing.T) {
	for name, rules := range map[string]ftptest.Tickets{"none": {None: true}, "expired": {Expired: true}} {
		t.Run(name, func(t *testing.T) {
			forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
				settings.Tickets = rules
				c, srv := secured(t, ftptest.Config{TLS: &settings}, &ftp.Options{RequireSessionReuse: true})
				for _, kind := range transferKinds() {
					err := kind.do(t.Context(), c)
					require.ErrorIs(t, err, ftp.ErrSessionReuse, kind.name)
					require.ErrorIs(t, err, ftp.ErrTLS, kind.name)
					require.ErrorContains(t, err, "RequireSessionReuse")
				}
				upload := &untouched{src: ftptest.Generated(1, 100)}
				_, err := c.Store(t.Context(), "/up", upload)
				require.ErrorIs(t, err, ftp.ErrSessionReuse)
				require.Zero(t, upload.taken)
				require.NoError(t, c.NoOp(t.Context()))
				for _, conn := range srv.DataConns() {
					require.Zero(t, conn.Received)
				}
				require.Equal(t, 1, srv.Sessions())
			})
		})
	}
}

// A server that refuses every data connection costs one new login for each
// transfer, and ends in an error that says what to change; nothing was taken from the
// caller's reader by then.
func TestSessionReuseRefusedForGood(t *testing.T) {
	for server, refusal := range reuseRefusals() {
		for _, kind := range transferKinds() {
			for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
				t.Run(fmt.Sprint(server, "/", kind.name, "/", mode), func(t *testing.T) {
					forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
						settings.RequireReuse, settings.ReuseRefusal, settings.Tickets.Expired = true, refusal, true
						c, srv := secured(t, ftptest.Config{TLS: &settings}, &ftp.Options{Mode: mode})
						err := kind.do(t.Context(), c)
						requireReuseError(t, err, refusal)
						require.Equal(t, 2, srv.Sessions(), "one new login")
						require.Len(t, srv.DataConns(), 2)
						require.NoError(t, c.NoOp(t.Context()), "the session goes on")
						if kind.name != "upload" {
							return
						}
						upload := &untouched{src: ftptest.Generated(1, 300_000)}
						_, err = c.Store(t.Context(), "/up", upload)
						requireReuseError(t, err, refusal)
						require.Zero(t, upload.taken)
					})
				})
			}
		}
	}
}

func requireReuseError(t testing.TB, err error, refusal string) {
	t.Helper()
	require.ErrorIs(t, err, ftp.ErrSessionReuse)
	require.ErrorIs(t, err, ftp.ErrTLS)
	require.ErrorContains(t, err, "TLSConfig.MaxVersion")
	require.ErrorContains(t, err, "require_ssl_reuse")
	require.ErrorContains(t, err, "NoSessionReuseRequired")
	require.ErrorContains(t, err, refusal, "what the server said")
	var e *ftp.Error
	require.ErrorAs(t, err, &e)
	require.True(t, e.Negotiation.Relogin)
	require.NotEmpty(t, e.Negotiation.Rungs)
}

// spendTickets leaves the session with nothing that the server would take: a
// download that was broken off before its ticket was read.
func spendTickets(t testing.TB, c *ftp.Client) {
	t.Helper()
	r, err := c.Open(t.Context(), "/big")
	require.NoError(t, err)
	require.NoError(t, r.Abort())
}

// Out of tickets, a client that logs in anew has one again, and the caller does
// not notice, whatever its reader can do.
func TestSessionReuseRefusedOnce(t *testing.T) {
	for server, refusal := range reuseRefusals() {
		for _, tt := range []struct {
			name string
			do   func(t *testing.T, c *ftp.Client, srv *ftptest.Server) ftp.Result
		}{
			{"upload from a reader", func(t *testing.T, c *ftp.Client, srv *ftptest.Server) ftp.Result {
				result, err := c.Store(t.Context(), "up", &untouched{src: ftptest.Generated(7, 300_000)})
				require.NoError(t, err)
				requireGenerated(t, stored(t, srv, "/dir/up"), 7, 300_000)
				return result
			}},
			{"upload from what can seek", func(t *testing.T, c *ftp.Client, srv *ftptest.Server) ftp.Result {
				result, err := c.Store(t.Context(), "up", ftptest.Generated(7, 300_000))
				require.NoError(t, err)
				requireGenerated(t, stored(t, srv, "/dir/up"), 7, 300_000)
				return result
			}},
			{"upload of nothing", func(t *testing.T, c *ftp.Client, srv *ftptest.Server) ftp.Result {
				result, err := c.Store(t.Context(), "up", strings.NewReader(""))
				require.NoError(t, err)
				require.Empty(t, stored(t, srv, "/dir/up"))
				return result
			}},
			{"download", func(t *testing.T, c *ftp.Client, _ *ftptest.Server) ftp.Result {
				var got bytes.Buffer
				result, err := c.Retrieve(t.Context(), "/big", &got)
				require.NoError(t, err)
				requireGenerated(t, got.Bytes(), 5, 400_000)
				return result
			}},
			{"download from an offset", func(t *testing.T, c *ftp.Client, _ *ftptest.Server) ftp.Result {
				var got bytes.Buffer
				result, err := c.RetrieveFrom(t.Context(), "/big", 399_000, &got)
				require.NoError(t, err)
				require.Equal(t, 1000, got.Len())
				return result
			}},
		} {
			t.Run(server+"/"+tt.name, func(t *testing.T) {
				settings := &ftptest.TLS{RequireReuse: true, ReuseRefusal: refusal, Tickets: ftptest.Tickets{SingleUse: true, Late: true}, MinVersion: tls.VersionTLS13}
				c, srv := secured(t, ftptest.Config{TLS: settings}, nil)
				require.NoError(t, srv.Tree.AddGenerated("/big", 400_000, 5))
				require.NoError(t, c.MakeDir(t.Context(), "/dir"))
				require.NoError(t, c.ChangeDir(t.Context(), "/dir"))
				spendTickets(t, c)
				result := tt.do(t, c, srv)
				require.True(t, result.Negotiation.Relogin)
				require.True(t, result.Negotiation.TLS.Resumed)
				require.Equal(t, 2, srv.Sessions())
				require.NoError(t, c.ChangeDir(t.Context(), "/"))
				for range 5 {
					requireAlive(t, c)
				}
				require.Equal(t, 2, srv.Sessions())
			})
		}
	}
}

func requireGenerated(t testing.TB, got []byte, seed uint64, size int64) {
	t.Helper()
	want, err := io.ReadAll(ftptest.Generated(seed, size))
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "%d bytes, not the %d wanted", len(got), size)
}

// A refusal that comes when the upload is under way cannot be undone: bytes of
// the caller's reader are gone. The error must say all the same what it was.
func TestSessionReuseRefusedLateInAnUpload(t *testing.T) {
	for server, refusal := range reuseRefusals() {
		for _, size := range []int64{0, 1000, 4_000_000} {
			t.Run(fmt.Sprint(server, "/", size), func(t *testing.T) {
				t.Parallel() // they mostly wait
				forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
					settings.RequireReuse, settings.ReuseRefusal, settings.Tickets.Expired = true, refusal, true
					c, _ := secured(t, ftptest.Config{TLS: &settings, Faults: []ftptest.Fault{{On: "226", Delay: 500 * time.Millisecond}}}, nil)
					upload := &untouched{src: ftptest.Generated(1, size)}
					_, err := c.Store(t.Context(), "/up", upload)
					require.ErrorIs(t, err, ftp.ErrSessionReuse)
					require.ErrorContains(t, err, refusal)
					require.NoError(t, c.NoOp(t.Context()))
				})
			})
		}
	}
}

// No other method helps where it is the TLS session that a server does not like, and
// it may say so with the code that stands for a missing connection.
func TestSessionReuseRefusedLateIsNoReasonForAnotherMethod(t *testing.T) {
	for server, refusal := range reuseRefusals() {
		t.Run(server, func(t *testing.T) {
			forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
				settings.RequireReuse, settings.ReuseRefusal, settings.Tickets.Expired = true, refusal, true
				c, _ := secured(t, ftptest.Config{TLS: &settings, Faults: []ftptest.Fault{{On: "226", Delay: 500 * time.Millisecond}}}, nil)
				_, err := c.Store(t.Context(), "/up", bytes.NewReader(noise(1, 1000)))
				require.ErrorIs(t, err, ftp.ErrSessionReuse)
				require.NotErrorIs(t, err, ftp.ErrDataConnection)
				var e *ftp.Error
				require.ErrorAs(t, err, &e)
				for _, rung := range e.Negotiation.Rungs {
					require.Equal(t, ftp.EPSV, rung.Method)
				}
			})
		})
	}
}

// A server may know only the tickets of control connections; those of its data
// connections must not keep the client from using the right one for ever.
func TestSessionReuseOfControlTicketsOnly(t *testing.T) {
	for server, refusal := range reuseRefusals() {
		t.Run(server, func(t *testing.T) {
			forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
				settings.RequireReuse, settings.ReuseRefusal, settings.Tickets.ControlOnly = true, refusal, true
				c, srv := secured(t, ftptest.Config{TLS: &settings}, nil)
				for i := range 10 {
					store(t, c, "/f", noise(uint64(i), 10_000))
					require.True(t, bytes.Equal(noise(uint64(i), 10_000), retrieve(t, c, "/f")))
				}
				require.LessOrEqual(t, srv.Sessions(), 2, "one refusal is enough to learn from")
			})
		})
	}
}

func TestTLSHandshakeBeforeOrAfterThe150(t *testing.T) {
	for _, first := range []bool{false, true} {
		for _, replyFirst := range []bool{false, true} {
			for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
				t.Run(fmt.Sprintf("handshake first=%t/150 first=%t/%s", first, replyFirst, mode), func(t *testing.T) {
					forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
						inMemory(t, func(t *testing.T, network *memnet.Network) {
							settings.HandshakeFirst, settings.RequireReuse = first, true
							c, srv := secured(t, ftptest.Config{
								TLS: &settings, Network: network,
								Passive: ftptest.Passive{ReplyFirst: replyFirst}, Active: ftptest.Active{ReplyFirst: replyFirst},
							}, &ftp.Options{Mode: mode})
							put(t, srv, "/empty", nil)
							require.NoError(t, srv.Tree.AddGeneratedDir("/nothing", 0, nil))
							start := time.Now()
							requireEmptyTransfers(t, c, srv)
							requireAlive(t, c)
							store(t, c, "/f", noise(1, 100_000))
							require.True(t, bytes.Equal(noise(1, 100_000), retrieve(t, c, "/f")))
							requireResumed(t, srv)
							require.Less(t, time.Since(start), time.Second)
							require.Equal(t, 1, srv.Sessions())
						})
					})
				})
			}
		}
	}
}

// requireEmptyTransfers: a transfer of nothing has its handshake too.
func requireEmptyTransfers(t testing.TB, c *ftp.Client, srv *ftptest.Server) {
	t.Helper()
	before := len(srv.DataConns())
	store(t, c, "/up", nil)
	require.Empty(t, stored(t, srv, "/up"))
	require.Empty(t, retrieve(t, c, "/empty"))
	require.Empty(t, listed(t, c, "/nothing"))
	conns := srv.DataConns()[before:]
	require.Len(t, conns, 3)
	for _, conn := range conns {
		require.NotZero(t, conn.TLSVersion, conn.Transfer)
		require.Equal(t, conn.Transfer == "STOR", conn.CloseNotify)
	}
}

func TestUploadEndsWithCloseNotify(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		c, srv := secured(t, ftptest.Config{TLS: &settings}, nil)
		for _, size := range []int{0, 1, 16<<10 - 1, 16 << 10, 16<<10 + 1, 256 << 10, 256<<10 + 1, 1 << 20} {
			store(t, c, "/f", noise(3, size))
			require.True(t, bytes.Equal(noise(3, size), stored(t, srv, "/f")), size)
		}
		for _, conn := range srv.DataConns() {
			require.True(t, conn.CloseNotify)
		}
	})
}

// The client has written everything long before the server has read it. Closing
// then, with session tickets unread, would make the kernel throw the rest away.
func TestUploadIntoASlowServerIsNotCutOff(t *testing.T) {
	const size = 1 << 20
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		for name, rules := range map[string]ftptest.Tickets{"tickets": {}, "late tickets": {Late: true}} {
			for _, lenient := range []bool{false, true} {
				for _, mode := range []ftp.Mode{ftp.ModePassive, ftp.ModeActive} {
					t.Run(fmt.Sprintf("%s/lenient=%t/%s", name, lenient, mode), func(t *testing.T) {
						t.Parallel() // they mostly wait
						settings := settings
						settings.Tickets, settings.LenientEnd = rules, lenient
						fault := ftptest.Fault{On: "data", Data: ftptest.DataFault{Pace: 3 << 20, ReadBuffer: 128 << 10}}
						srv := serve(t, ftptest.Config{TLS: &settings, Faults: []ftptest.Fault{fault}})
						var atEnd ftptest.DataConn
						c := dial(t, srv.Addr, trusting(srv, &ftp.Options{Mode: mode, Progress: func(p ftp.Progress) {
							if p.Bytes == size && !p.Done {
								atEnd = srv.DataConns()[0]
							}
						}}))
						_, err := c.Store(t.Context(), "/f", ftptest.Generated(4, size))
						require.NoError(t, err)
						requireGenerated(t, stored(t, srv, "/f"), 4, size)
						require.True(t, srv.DataConns()[0].CloseNotify)
						require.Less(t, atEnd.Received, int64(size*3/4), "the server was not slow enough for the test to show anything")
					})
				}
			}
		}
	})
}

// A server that reads nothing for a while is slow, not gone: the end of TLS must
// wait for room as patiently as the data did.
func TestUploadEndsOnceASlowServerHasRoom(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		for _, pause := range []time.Duration{4 * time.Second, 8 * time.Second, 45 * time.Second} {
			// Some of these leave no room for a close_notify in the network's buffer.
			for _, size := range []int{1, 65_390, 65_400, 65_410, 65_420, 65_430, 65_440, 65_536, 100_000} {
				t.Run(fmt.Sprint(pause, "/", size), func(t *testing.T) {
					inMemory(t, func(t *testing.T, network *memnet.Network) {
						c, srv := secured(t, ftptest.Config{TLS: &settings, Network: network, Faults: []ftptest.Fault{{On: "data", Delay: pause}}}, nil)
						_, err := c.Store(t.Context(), "/f", bytes.NewReader(noise(2, size)))
						require.NoError(t, err)
						require.True(t, bytes.Equal(noise(2, size), stored(t, srv, "/f")))
						require.True(t, srv.DataConns()[0].CloseNotify)
					})
				})
			}
		}
	})
}

func TestUploadIntoAVerySlowServer(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		for _, pace := range []int64{500, 2000, 20_000} {
			t.Run(fmt.Sprint(pace), func(t *testing.T) {
				inMemory(t, func(t *testing.T, network *memnet.Network) {
					fault := ftptest.Fault{On: "data", Data: ftptest.DataFault{Pace: pace}}
					c, srv := secured(t, ftptest.Config{TLS: &settings, Network: network, Faults: []ftptest.Fault{fault}},
						&ftp.Options{Timeouts: ftp.Timeouts{Stall: 5 * time.Minute, FinalReply: 5 * time.Minute}})
					_, err := c.Store(t.Context(), "/f", bytes.NewReader(noise(2, 90_000)))
					require.NoError(t, err)
					require.True(t, bytes.Equal(noise(2, 90_000), stored(t, srv, "/f")))
					require.True(t, srv.DataConns()[0].CloseNotify)
				})
			})
		}
	})
}

func TestUploadThatTheServerResetsAfterItsReply(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		faults := []ftptest.Fault{{On: "data", Nth: 1, Data: ftptest.DataFault{End: ftptest.EndResets}}}
		c, srv := secured(t, ftptest.Config{TLS: &settings, Faults: faults}, nil)
		store(t, c, "/f", noise(2, 500_000))
		require.True(t, bytes.Equal(noise(2, 500_000), stored(t, srv, "/f")))
		requireAlive(t, c)
	})
}

func TestUploadThatTheServerResetsIsNoSuccess(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		for _, after := range []int64{0, 1, 100_000} {
			t.Run(fmt.Sprint(after), func(t *testing.T) {
				faults := []ftptest.Fault{{On: "data", Nth: 1, Data: ftptest.DataFault{Action: ftptest.DataResets, After: after}}}
				c, _ := secured(t, ftptest.Config{TLS: &settings, Faults: faults}, nil)
				_, err := c.Store(t.Context(), "/f", bytes.NewReader(noise(2, 500_000)))
				require.ErrorIs(t, err, ftp.ErrIncomplete)
				require.NotErrorIs(t, err, ftp.ErrSessionReuse)
				requireAlive(t, c)
			})
		}
	})
}

// truncation is a way in which a download or listing ends without close_notify.
type truncation struct {
	name   string
	faults []ftptest.Fault
	sizes  bool // the server has SIZE
	do     func(ctx context.Context, c *ftp.Client, w io.Writer) error
	whole  bool // something other than TLS shows that the data is whole
}

func truncations() []truncation {
	noNotify := ftptest.Fault{On: "data", Data: ftptest.DataFault{End: ftptest.EndNoCloseNotify}}
	short := ftptest.Fault{On: "data", Data: ftptest.DataFault{Action: ftptest.DataCloses, After: 20_000, End: ftptest.EndNoCloseNotify}}
	mute := ftptest.Fault{On: "150", Reply: "150 Here it comes.", Execute: true}
	success := ftptest.Fault{On: "226", Reply: "226 Done.", Execute: true}
	none := ftptest.Fault{On: "226", Silent: true, Close: true}
	get := func(ctx context.Context, c *ftp.Client, w io.Writer) error {
		_, err := c.Retrieve(ctx, "/f", w)
		return err
	}
	rest := func(ctx context.Context, c *ftp.Client, w io.Writer) error {
		_, err := c.RetrieveFrom(ctx, "/f", 1000, w)
		return err
	}
	text := func(ctx context.Context, c *ftp.Client, w io.Writer) error {
		if err := c.SetType(ctx, ftp.TypeASCII); err != nil {
			return err
		}
		return get(ctx, c, w)
	}
	list := transferKinds()[2].do
	return []truncation{
		{"whole by the size announced", []ftptest.Fault{noNotify}, false, get, true},
		{"whole by SIZE", []ftptest.Fault{noNotify, mute}, true, get, true},
		{"from an offset, whole by SIZE", []ftptest.Fault{noNotify}, true, rest, true},
		{"no size known", []ftptest.Fault{noNotify, mute}, false, get, false},
		{"from an offset, no size known", []ftptest.Fault{noNotify, mute}, false, rest, false},
		{"ASCII", []ftptest.Fault{noNotify}, true, text, false},
		{"listing", []ftptest.Fault{noNotify}, true, func(ctx context.Context, c *ftp.Client, _ io.Writer) error { return list(ctx, c) }, false},
		{"short of the size announced", []ftptest.Fault{short, success}, false, get, false},
		{"short of SIZE", []ftptest.Fault{short, mute, success}, true, get, false},
		{"short, no size known", []ftptest.Fault{short, mute, success}, false, get, false},
		{"from an offset, short of SIZE", []ftptest.Fault{short, mute, success}, true, rest, false},
		{"no final reply and no size known", []ftptest.Fault{noNotify, mute, none}, false, get, false},
		{"short and no final reply", []ftptest.Fault{short, mute, none}, false, get, false},
	}
}

func TestDownloadWithoutCloseNotify(t *testing.T) {
	for _, tt := range truncations() {
		t.Run(tt.name, func(t *testing.T) {
			forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
				config := ftptest.Config{TLS: &settings, Faults: tt.faults}
				if !tt.sizes {
					config.Disable = map[string]string{"SIZE": "500 What?"}
				}
				c, srv := secured(t, config, nil)
				content := noise(6, 50_000)
				put(t, srv, "/f", content)
				var got bytes.Buffer
				err := tt.do(t.Context(), c, &got)
				if tt.whole {
					require.NoError(t, err)
					require.True(t, bytes.HasSuffix(content, got.Bytes()))
					require.NoError(t, c.NoOp(t.Context()))
					return
				}
				require.ErrorIs(t, err, ftp.ErrTruncated)
				require.NotErrorIs(t, err, ftp.ErrUnconfirmed, "nothing shows that all bytes moved")
				require.ErrorContains(t, err, "close_notify")
				if c.NoOp(t.Context()) == nil {
					require.Contains(t, srv.Commands(), "NOOP")
				}
			})
		})
	}
}

// The same by the streaming API: the error must come in place of io.EOF.
func TestReaderSeesTruncation(t *testing.T) {
	faults := []ftptest.Fault{{On: "data", Data: ftptest.DataFault{End: ftptest.EndNoCloseNotify}}, {On: "150", Reply: "150 Here it comes.", Execute: true}}
	c, srv := secured(t, ftptest.Config{Faults: faults, Disable: map[string]string{"SIZE": "500 What?"}}, nil)
	put(t, srv, "/f", noise(6, 50_000))
	r, err := c.Open(t.Context(), "/f")
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.ErrorIs(t, err, ftp.ErrTruncated)
	require.Len(t, got, 50_000)
	require.ErrorIs(t, r.Close(), ftp.ErrTruncated)
}

// A third party can end TCP in the middle of a record too.
func TestDownloadCutInsideARecord(t *testing.T) {
	forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
		cut := &cuttingDialer{after: 30_000}
		faults := []ftptest.Fault{{On: "226", Reply: "226 Done.", Execute: true}}
		c, srv := secured(t, ftptest.Config{TLS: &settings, Faults: faults}, &ftp.Options{DialContext: cut.DialContext})
		put(t, srv, "/f", noise(6, 50_000))
		_, err := c.Retrieve(t.Context(), "/f", io.Discard)
		require.ErrorIs(t, err, ftp.ErrIncomplete)
		require.NoError(t, c.NoOp(t.Context()))
	})
}

// cuttingDialer makes data connections that end after some bytes were read.
type cuttingDialer struct{ after int64 }

func (d *cuttingDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil || ftp.ConnPurpose(ctx) != ftp.PurposeData {
		return conn, err
	}
	return &cutConn{conn, d.after}, nil
}

type cutConn struct {
	net.Conn
	left int64
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

func TestDataHandshakeThatNeverEnds(t *testing.T) {
	for _, kind := range transferKinds() {
		t.Run(kind.name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				silent := answering(t, network, "")
				divert := func(ctx context.Context, n, address string) (net.Conn, error) {
					if ftp.ConnPurpose(ctx) == ftp.PurposeData {
						address = silent
					}
					return network.DialContext(ctx, n, address)
				}
				c, srv := secured(t, ftptest.Config{Network: network, Passive: ftptest.Passive{ReplyFirst: true}},
					&ftp.Options{DialContext: divert, Timeouts: ftp.Timeouts{TLSHandshake: 7 * time.Second}})
				start := time.Now()
				err := kind.do(t.Context(), c)
				var timeout *ftp.TimeoutError
				require.ErrorAs(t, err, &timeout)
				require.Equal(t, "Timeouts.TLSHandshake", timeout.Option)
				require.Less(t, time.Since(start), 13*time.Second)
				require.NoError(t, c.NoOp(t.Context()))

				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errCancelled)
				defer cancel()
				require.ErrorIs(t, kind.do(ctx, c), errCancelled)
				require.NoError(t, c.NoOp(t.Context()))
				require.Equal(t, 1, srv.Sessions())
			})
		})
	}
}

// Downloads are broken off at random places; the next command must get its own
// answer, and the next download its own bytes.
func TestBreakingOffEncryptedDownloads(t *testing.T) {
	const size = 500_000
	for i, style := range abortStyles() {
		tries := 10
		switch {
		case style.late:
			continue // the 150 comes with the end: nothing is open to be broken off
		case i == 0:
			tries = 40
		}
		t.Run(style.name, func(t *testing.T) {
			forEachVersion(t, func(t *testing.T, settings ftptest.TLS) {
				t.Parallel() // some styles are settled by waiting
				settings.RequireReuse = true
				c, srv := secured(t, ftptest.Config{TLS: &settings, Abort: style.style}, nil)
				require.NoError(t, srv.Tree.AddGenerated("/big", size, 9))
				random := rand.New(rand.NewPCG(2026, uint64(settings.MinVersion)))
				for i := range tries {
					at := random.Int64N(size)
					bounded(t, 20*time.Second, func() {
						if i%2 == 0 {
							abortDownload(t, c, at)
						} else {
							cancelDownloadAt(t, c, at)
						}
						requireAlive(t, c)
					})
				}
				require.Equal(t, 1, srv.Sessions(), "never a new login")
			})
		})
	}
}

func abortDownload(t testing.TB, c *ftp.Client, at int64) {
	t.Helper()
	r, err := c.Open(t.Context(), "/big")
	require.NoError(t, err)
	got, err := io.ReadAll(io.LimitReader(r, at))
	require.NoError(t, err)
	requireGenerated(t, got, 9, at)
	require.NoError(t, r.Abort())
}

func cancelDownloadAt(t testing.TB, c *ftp.Client, at int64) {
	t.Helper()
	ctx, cancel := cancelled(t)
	defer cancel()
	sum := sha256.New()
	_, err := c.Retrieve(ctx, "/big", writeFunc(func(p []byte) (int, error) {
		if at -= int64(len(p)); at <= 0 {
			cancel()
		}
		return sum.Write(p)
	}))
	require.ErrorIs(t, err, errCancelled)
}
