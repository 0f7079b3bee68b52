package ftp_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

func TestControlEndlessGreetingCostsAFixedAmount(t *testing.T) {
	srv := serve(t, ftptest.Config{EndlessGreeting: true})
	var before, after runtime.MemStats
	const dials = 4
	runtime.ReadMemStats(&before)
	for range dials {
		_, err := ftp.Dial(t.Context(), srv.Addr, nil)
		require.ErrorContains(t, err, "server exceeded the limit on lines in a reply (4096)")
	}
	runtime.ReadMemStats(&after)
	require.Less(t, (after.TotalAlloc-before.TotalAlloc)/dials, uint64(8<<20), "bytes for one greeting")
	require.Empty(t, srv.Commands())
}

func TestControlLimitsAreOptions(t *testing.T) {
	line := "220 " + strings.Repeat("x", 100)
	tests := map[string]struct {
		greeting string
		limits   ftp.Limits
		want     string // of the error; empty for none
	}{
		"line that fits":     {line, ftp.Limits{ReplyLine: len(line)}, ""},
		"line too long":      {line, ftp.Limits{ReplyLine: len(line) - 1}, "reply line length"},
		"lines that fit":     {"220-a\n220-b\n220 c", ftp.Limits{ReplyLines: 3}, ""},
		"one line too many":  {"220-a\n220-b\n220 c", ftp.Limits{ReplyLines: 2}, "lines in a reply"},
		"one byte too many":  {"220-a\n220-b\n220 c", ftp.Limits{ReplyBytes: 20}, "reply size"},
		"long lines, by far": {"220 " + strings.Repeat("x", 1<<20), ftp.Limits{}, "reply line length (8192)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, ftptest.Config{
				Greeting: test.greeting, Features: []string{},
				Disable: map[string]string{"FEAT": "500 x", "USER": "230 x", "TYPE": "200 x"},
			})
			c, err := ftp.Dial(t.Context(), srv.Addr, &ftp.Options{Limits: test.limits})
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			require.NoError(t, c.Close())
		})
	}
}

func TestControl421WhileIdleBreaksTheSession(t *testing.T) {
	for name, hangUp := range map[string]bool{"and it hangs up": true, "and it stays": false} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				config := ftptest.Config{Network: network, Limits: ftptest.Limits{Idle: time.Minute}}
				if !hangUp {
					config.Limits.Idle = 0
					config.Faults = []ftptest.Fault{{On: "NOOP", Nth: 1, Reply: "200 Fine.\n421 Idle for too long, closing."}} // in one segment: what comes later is seen by the next reply
				}
				c, srv := session(t, config, nil)
				require.NoError(t, c.NoOp(t.Context()))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				before := len(srv.Commands())
				_, err := c.CurrentDir(t.Context())
				require.ErrorIs(t, err, ftp.ErrBroken)
				require.ErrorContains(t, err, "421 Idle for too long, closing.")
				require.NotErrorIs(t, err, ftp.ErrLogin)
				require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken)
				require.LessOrEqual(t, len(srv.Commands())-before, 1)
			})
		})
	}
}

// A pool that hears ErrTooManyConnections opens fewer sessions. A session that
// sat idle for too long is no reason to.
func TestControl421WhileIdleIsNotTooManyConnections(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, _ := session(t, ftptest.Config{Network: network, Limits: ftptest.Limits{Idle: time.Minute}}, nil)
		time.Sleep(2 * time.Minute)
		require.NotErrorIs(t, c.NoOp(t.Context()), ftp.ErrTooManyConnections)
	})
}

func TestControlLateReplyIsNotTakenForAnothers(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		config := ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "SIZE", Delay: 10 * time.Second}}}
		c, srv := session(t, config, nil)
		put(t, srv, "a.txt", []byte(hello))
		when := time.Date(2024, 2, 29, 12, 30, 15, 0, time.UTC)
		require.NoError(t, srv.Tree.SetModTime("a.txt", when))
		ctx, stop := cancelAfter(t)
		defer stop()
		require.Equal(t, time.Second, elapsed(func() {
			_, err := c.Size(ctx, "a.txt")
			require.ErrorIs(t, err, errCancelled)
		}), "at once")
		require.Equal(t, 9*time.Second, elapsed(func() {
			got, err := c.ModTime(t.Context(), "a.txt")
			require.NoError(t, err)
			require.Equal(t, when, got)
		}))
		size, err := c.Size(t.Context(), "a.txt")
		require.NoError(t, err)
		require.EqualValues(t, len(hello), size)
	})
}

// A transfer after a cancelled command must not take the late reply for the
// address of its data connection, nor for its 150.
func TestControlLateReplyBeforeATransfer(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		config := ftptest.Config{Faults: []ftptest.Fault{{On: "PWD", Delay: 10 * time.Second, Reply: "257 \"227 (1,2,3,4,5,6)\""}}}
		c, _ := overInternet(t, network, config, ftp.Options{})
		ctx, stop := cancelAfter(t)
		defer stop()
		_, err := c.CurrentDir(ctx)
		require.ErrorIs(t, err, errCancelled)
		require.Equal(t, "EPSV", tries(fetch(t, c)))
	})
}

func TestControlCloseEndsANegotiation(t *testing.T) {
	tests := map[string]struct {
		server ftptest.Config
		opts   ftp.Options
	}{
		"in a reply":         {ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Silent: true}}}, ftp.Options{}},
		"in a passive dial":  {ftptest.Config{Passive: ftptest.Passive{EPSV: ftptest.PassiveMethod{Port: ftptest.PortBlackHole}}}, ftp.Options{}},
		"in an accept":       {ftptest.Config{Active: ftptest.Active{Never: true, Delay: time.Hour}}, ftp.Options{Mode: ftp.ModeActive}},
		"before the 150":     {ftptest.Config{Faults: []ftptest.Fault{{On: "RETR", Silent: true}}}, ftp.Options{}},
		"in the data":        {ftptest.Config{Faults: []ftptest.Fault{{On: "data", Data: ftptest.DataFault{Action: ftptest.DataStalls, After: 3}}}}, ftp.Options{}},
		"in the final reply": {ftptest.Config{Faults: []ftptest.Fault{{On: "226", Silent: true}}}, ftp.Options{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				c, _ := overInternet(t, network, test.server, test.opts)
				ended := make(chan error, 1)
				start := time.Now()
				go func() {
					_, err := c.Retrieve(t.Context(), "a.txt", io.Discard)
					ended <- err
				}()
				synctest.Wait()
				require.Zero(t, time.Since(start), "it waits")
				require.NoError(t, c.Close())
				require.ErrorIs(t, <-ended, ftp.ErrClosed)
				require.Zero(t, time.Since(start), "and ends at once")
				require.NoError(t, c.Close())
				require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrClosed)
			})
		})
	}
}

func TestControlCloseFromManyGoroutines(t *testing.T) {
	c, srv := onLoopback(t, ftptest.Config{}, ftp.Options{})
	require.NoError(t, srv.Tree.AddGenerated("big", 1<<40, 1))
	w, err := c.Create(t.Context(), "up.bin")
	require.NoError(t, err)
	ended := make(chan error, 4)
	go func() {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				ended <- nil
				return
			}
		}
	}()
	for range 3 {
		go func() { ended <- c.Close() }()
	}
	bounded(t, 30*time.Second, func() {
		for range 4 {
			require.NoError(t, <-ended)
		}
	})
	require.ErrorIs(t, w.Close(), ftp.ErrClosed)
}

// hostile are strings that would be more than one command, or none.
func hostile() []string {
	return []string{"a\r\nDELE b", "a\nDELE b", "a\rDELE b", "a\x00b", "\r\n", "b\r\n"}
}

// TestControlHostileArguments calls every method that takes a string and a
// context, once for each of its strings and each hostile text.
func TestControlHostileArguments(t *testing.T) {
	servers := map[string]ftptest.Config{
		"modern": {},
		"old":    {Features: []string{}, Dialect: ftptest.Dialect{NoMLSD: true}},
	}
	for name, config := range servers {
		t.Run(name, func(t *testing.T) {
			c, srv := session(t, config, nil)
			put(t, srv, "b", []byte("dear"))
			client := reflect.TypeOf(c)
			var without []string
			for i := range client.NumMethod() {
				m := client.Method(i)
				places := stringParameters(m.Type)
				switch {
				case len(places) == 0:
				case m.Type.NumIn() < 2 || m.Type.In(1) != reflect.TypeFor[context.Context]():
					without = append(without, m.Name)
				default:
					t.Run(m.Name, func(t *testing.T) { requireHostileRefused(t, c, srv, m, places) })
				}
			}
			require.Equal(t, []string{"Feature"}, without, "methods with no context send nothing")
			require.Equal(t, "dear", string(stored(t, srv, "b")))
			require.NoError(t, c.NoOp(t.Context()))
			require.Equal(t, "dear", string(retrieve(t, c, "b")))
		})
	}
}

// stringParameters returns the indexes of the parameters that are strings.
func stringParameters(method reflect.Type) []int {
	var places []int
	for i := range method.NumIn() {
		in := method.In(i)
		if in.Kind() == reflect.String || method.IsVariadic() && i == method.NumIn()-1 && in.Elem().Kind() == reflect.String {
			places = append(places, i)
		}
	}
	return places
}

func requireHostileRefused(t *testing.T, c *ftp.Client, srv *ftptest.Server, m reflect.Method, places []int) {
	t.Helper()
	for _, place := range places {
		for _, text := range hostile() {
			heard := causedBy(srv, func() {
				args := []reflect.Value{reflect.ValueOf(c)}
				for i := 1; i < m.Type.NumIn(); i++ {
					args = append(args, harmless(t, m.Type.In(i)))
				}
				args[place] = reflect.ValueOf(text)
				require.ErrorContains(t, lastError(m.Func.Call(args)), "refused to send", "parameter %d, %q", place, text)
			})
			require.Empty(t, heard, "parameter %d, %q", place, text)
		}
	}
}

// harmless is an argument of a type that a method of Client may have. The
// strings of a variadic parameter are given one by one.
func harmless(t *testing.T, in reflect.Type) reflect.Value {
	t.Helper()
	values := []any{
		"fine.txt", int64(0), ftp.TypeImage, fs.FileMode(0o644), time.Unix(1e9, 0),
		fs.WalkDirFunc(func(_ string, _ fs.DirEntry, err error) error { return err }),
	}
	for _, v := range values {
		if reflect.TypeOf(v) == in {
			return reflect.ValueOf(v)
		}
	}
	switch in {
	case reflect.TypeFor[context.Context]():
		return reflect.ValueOf(t.Context())
	case reflect.TypeFor[io.Reader]():
		return reflect.ValueOf(strings.NewReader("x"))
	case reflect.TypeFor[io.Writer]():
		return reflect.ValueOf(io.Discard)
	case reflect.TypeFor[[]string]():
		return reflect.ValueOf("fine.txt")
	}
	t.Fatalf("a method of Client has a parameter of type %s; give it a harmless value here", in)
	return reflect.Value{}
}

// lastError is the error that a call returned, or that the sequence which it
// returned ends with.
func lastError(results []reflect.Value) error {
	last := results[len(results)-1]
	if last.Kind() != reflect.Func {
		err, _ := last.Interface().(error)
		return err
	}
	var all []error
	for _, v := range last.Seq2() {
		err, _ := v.Interface().(error)
		all = append(all, err)
	}
	return errors.Join(all...)
}

// TestControlEveryMethodRespectsTheState calls every method with a context on a
// client that cannot serve it.
func TestControlEveryMethodRespectsTheState(t *testing.T) {
	states := map[string]struct {
		bring func(t *testing.T, c *ftp.Client) (back func())
		want  error
	}{
		"busy": {func(t *testing.T, c *ftp.Client) func() {
			r, err := c.Open(t.Context(), "b")
			require.NoError(t, err)
			return func() {
				data, err := io.ReadAll(r)
				require.NoError(t, err)
				require.Equal(t, "dear", string(data), "the transfer is as it was")
			}
		}, ftp.ErrBusy},
		"closed": {func(t *testing.T, c *ftp.Client) func() {
			require.NoError(t, c.Close())
			return func() { require.NoError(t, c.Close()) }
		}, ftp.ErrClosed},
		"cut off": {func(t *testing.T, c *ftp.Client) func() {
			_, err := c.System(t.Context())
			require.ErrorIs(t, err, ftp.ErrBroken)
			return func() {}
		}, ftp.ErrBroken},
		"out of step": {func(t *testing.T, c *ftp.Client) func() {
			_, err := c.CurrentDir(t.Context())
			require.ErrorIs(t, err, ftp.ErrBroken)
			return func() {}
		}, ftp.ErrBroken},
	}
	for name, state := range states {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, network *memnet.Network) {
				config := ftptest.Config{Network: network, Faults: []ftptest.Fault{{On: "SYST", Close: true}, {On: "PWD", Silent: true}}}
				c, srv := session(t, config, nil)
				put(t, srv, "b", []byte("dear"))
				back := state.bring(t, c)
				requireOfEveryMethod(t, c, state.want)
				require.Empty(t, sent(srv, "fine.txt", "DELE", "STOR", "MKD"))
				require.Equal(t, 1, srv.Sessions(), "no method logs in again by itself")
				back()
			})
		})
	}
}

// requireOfEveryMethod calls every method with a context, which must fail at
// once with an error that matches want.
func requireOfEveryMethod(t *testing.T, c *ftp.Client, want error) {
	t.Helper()
	client := reflect.TypeOf(c)
	called := 0
	for i := range client.NumMethod() {
		m := client.Method(i)
		if m.Type.NumIn() < 2 || m.Type.In(1) != reflect.TypeFor[context.Context]() {
			continue
		}
		called++
		args := []reflect.Value{reflect.ValueOf(c)}
		for i := 1; i < m.Type.NumIn(); i++ {
			args = append(args, harmless(t, m.Type.In(i)))
		}
		require.Zero(t, elapsed(func() { require.ErrorIs(t, lastError(m.Func.Call(args)), want, m.Name) }), m.Name)
	}
	require.Greater(t, called, 20, "the methods were found")
}

// TestControlHostileOptions sets every string of Options: what comes from a
// configuration must not be able to smuggle a command in either.
func TestControlHostileOptions(t *testing.T) {
	options := reflect.TypeFor[ftp.Options]()
	for i := range options.NumField() {
		field := options.Field(i)
		if field.Type.Kind() != reflect.String {
			continue
		}
		t.Run(field.Name, func(t *testing.T) {
			for _, text := range hostile() {
				srv := serve(t, ftptest.Config{Login: ftptest.Login{Users: map[string]string{"user": "secret"}, Account: "x"}})
				opts := ftp.Options{User: "user", Password: "secret", Account: "x"}
				reflect.ValueOf(&opts).Elem().Field(i).SetString(text)
				_, err := ftp.Dial(t.Context(), srv.Addr, &opts)
				require.Error(t, err, "%q", text)
				require.Empty(t, srv.Commands(), "%q", text)
				if field.Name == "Password" || field.Name == "Account" {
					require.NotContains(t, err.Error(), "DELE", "a secret is not repeated")
				}
			}
		})
	}
	t.Run("address", func(t *testing.T) {
		for _, text := range hostile() {
			_, err := ftp.Dial(t.Context(), text, &ftp.Options{Timeouts: ftp.Timeouts{Dial: time.Second}})
			require.Error(t, err, "%q", text)
		}
	})
}
