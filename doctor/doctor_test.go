package doctor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
	"github.com/dualport/ftp/ftptest"
)

// section are the rows of one family and security; those of the session that the
// options ask for where neither is given.
func section(r *doctor.Report, family, security string) []doctor.Row {
	if family == "" {
		family, security = r.Rows[0].Family, r.Rows[0].Security
	}
	var rows []doctor.Row
	for _, row := range r.Rows {
		if row.Family == family && row.Security == security {
			rows = append(rows, row)
		}
	}
	return rows
}

// outcomes is the column of a report that the tests compare.
func outcomes(r *doctor.Report) map[string]string { return outcomesOf(section(r, "", "")) }

func outcomesOf(rows []doctor.Row) map[string]string {
	m := make(map[string]string)
	for _, row := range rows {
		m[strings.TrimSpace(string(row.Method)+" "+row.Policy)] = row.Outcome.String()
	}
	return m
}

func examine(t *testing.T, configure func(*ftptest.Config), limit time.Duration) (*doctor.Report, *ftptest.Server) {
	t.Helper()
	srv := ftptest.NewUnstartedServer(t)
	require.NoError(t, srv.Tree.WriteFile("/a.txt", []byte("hello")))
	configure(&srv.Config)
	srv.Start()
	r, err := doctor.Run(t.Context(), srv.Addr, nil, doctor.Config{Limit: limit})
	require.NoError(t, err)
	return r, srv
}

func TestOutcomes(t *testing.T) {
	unroutable := netip.MustParseAddr("127.0.0.77") // no traffic leaves this host
	allWork := map[string]string{"EPSV": "works", "PASV auto": "works", "PASV control": "works", "PASV server": "works", "PORT": "works", "EPRT": "works"}
	with := func(changes map[string]string) map[string]string {
		m := make(map[string]string)
		for k, v := range allWork {
			m[k] = v
		}
		for k, v := range changes {
			m[k] = v
		}
		return m
	}
	tests := []struct {
		name      string
		limit     time.Duration
		configure func(*ftptest.Config)
		want      map[string]string
		works     bool
		advice    []string // of each piece, in order, something that it says
		flags     []string
	}{
		{
			name:      "a normal server",
			configure: func(*ftptest.Config) {},
			want:      allWork,
			works:     true,
			advice:    []string{"Nothing to change"},
			flags:     []string{""},
		},
		{
			name:      "EPSV refused",
			configure: func(c *ftptest.Config) { c.Disable = map[string]string{"EPSV": "502 No."} },
			want:      with(map[string]string{"EPSV": "refused"}),
			works:     true,
			advice:    []string{"refuses EPSV"},
			flags:     []string{""},
		},
		{
			name:  "PASV names an address that leads nowhere",
			limit: 3 * time.Second,
			configure: func(c *ftptest.Config) {
				c.Disable = map[string]string{"EPSV": ""}
				c.Passive.Advertise = netip.MustParseAddr("0.0.0.0")
				c.Active.PORT.Reply, c.Active.EPRT.Reply = "500 No.", "500 No."
			},
			want: with(map[string]string{
				"EPSV": "refused", "PASV server": "works", "PORT": "refused", "EPRT": "refused", // 0.0.0.0 is this host
			}),
			works:  true,
			advice: []string{"refuses EPSV", "name 0.0.0.0, but it is reached at 127.0.0.1"},
			flags:  []string{"", ""},
		},
		{
			name:  "EPSV leads into a black hole",
			limit: 3 * time.Second,
			configure: func(c *ftptest.Config) {
				c.Passive.EPSV.Port = ftptest.PortBlackHole
			},
			want:   with(map[string]string{"EPSV": "timed out"}),
			works:  true,
			advice: []string{"PASV. EPSV does not (timed out)"},
			flags:  []string{"--data-command pasv"},
		},
		{
			name:  "passive ports blocked",
			limit: 3 * time.Second,
			configure: func(c *ftptest.Config) {
				c.Passive.EPSV.Port, c.Passive.PASV.Port = ftptest.PortBlackHole, ftptest.PortBlackHole
			},
			want: with(map[string]string{
				"EPSV": "timed out", "PASV auto": "timed out", "PASV control": "timed out", "PASV server": "timed out",
			}),
			works:  true,
			advice: []string{"active mode does", "on this side", "those of the server"},
			flags:  []string{"--mode active", "", ""},
		},
		{
			name: "only EPRT works",
			configure: func(c *ftptest.Config) {
				c.Disable = map[string]string{"EPSV": "", "PASV": "550 No.", "PORT": ""}
			},
			want: with(map[string]string{
				"EPSV": "refused", "PASV auto": "refused", "PASV control": "refused", "PASV server": "refused", "PORT": "refused",
			}),
			works:  true,
			advice: []string{"active mode does"},
			flags:  []string{"--data-command eprt"},
		},
		{
			name: "active refused",
			configure: func(c *ftptest.Config) {
				c.Disable = map[string]string{"PORT": "", "EPRT": ""}
			},
			want:   with(map[string]string{"PORT": "refused", "EPRT": "refused"}),
			works:  true,
			advice: []string{"Nothing to change"},
			flags:  []string{""},
		},
		{
			name: "the server cannot connect",
			configure: func(c *ftptest.Config) {
				c.Active.Never = true
			},
			want:   with(map[string]string{"PORT": "failed", "EPRT": "failed"}),
			works:  true,
			advice: []string{"Nothing to change"},
			flags:  []string{""},
		},
		{
			name: "nothing works",
			configure: func(c *ftptest.Config) {
				c.Passive.EPSV.Port, c.Passive.PASV.Port = ftptest.PortRefused, ftptest.PortRefused
				c.Passive.Advertise = unroutable
				c.Disable = map[string]string{"PORT": "", "EPRT": ""}
			},
			limit:  3 * time.Second,
			advice: []string{"from 127.0.0.1 to 127.0.0.1 through on ports", "those of the server"},
			flags:  []string{"", ""},
		},
		{
			name: "passive ports and the server's connections blocked",
			configure: func(c *ftptest.Config) {
				c.Passive.EPSV.Port, c.Passive.PASV.Port = ftptest.PortRefused, ftptest.PortRefused
				c.Active.Never = true
			},
			limit: 3 * time.Second,
			want: map[string]string{
				"EPSV": "failed", "PASV auto": "failed", "PASV control": "failed", "PASV server": "failed", "PORT": "failed", "EPRT": "failed",
			},
			advice: []string{"No data connection is possible. For passive mode", "those of the server", "such as 50000-50010, opened"},
			flags:  []string{"", "", "--mode active --port-range 50000-50010"},
		},
		{
			name: "every method refused",
			configure: func(c *ftptest.Config) {
				c.Disable = map[string]string{"EPSV": "", "PASV": "", "PORT": "", "EPRT": ""}
			},
			want: map[string]string{
				"EPSV": "refused", "PASV auto": "refused", "PASV control": "refused", "PASV server": "refused", "PORT": "refused", "EPRT": "refused",
			},
			advice: []string{"The server refuses passive mode: ask its administrator to enable it and to open a range of passive ports in its firewall. The server refuses active mode too"},
			flags:  []string{""},
		},
		{
			name:  "EPSV and PASV never answered, active refused",
			limit: 3 * time.Second,
			configure: func(c *ftptest.Config) {
				c.Passive.EPSV.Silent, c.Passive.PASV.Silent = true, true
				c.Disable = map[string]string{"PORT": "", "EPRT": ""}
			},
			want: map[string]string{
				"EPSV": "timed out", "PASV auto": "timed out", "PASV control": "timed out", "PASV server": "timed out", "PORT": "refused", "EPRT": "refused",
			},
			advice: []string{"Nothing answers EPSV and PASV: a firewall or NAT on the way which reads FTP may swallow them"},
			flags:  []string{""},
		},
		{
			name: "EPSV refused, and the session breaks with PASV",
			configure: func(c *ftptest.Config) {
				c.Faults = []ftptest.Fault{{On: "PASV", Close: true}}
				c.Disable = map[string]string{"EPSV": "", "PORT": "", "EPRT": ""}
			},
			want: map[string]string{
				"EPSV": "refused", "PASV auto": "failed", "PASV control": "failed", "PASV server": "failed", "PORT": "refused", "EPRT": "refused",
			},
			advice: []string{"(EPSV: refused; PASV: failed)"},
			flags:  []string{""},
		},
		{
			name:  "EPSV and PASV never answered",
			limit: 3 * time.Second,
			configure: func(c *ftptest.Config) {
				c.Passive.EPSV.Silent, c.Passive.PASV.Silent = true, true
			},
			want: with(map[string]string{
				"EPSV": "timed out", "PASV auto": "timed out", "PASV control": "timed out", "PASV server": "timed out",
			}),
			works:  true,
			advice: []string{"active mode does"},
			flags:  []string{"--mode active"},
		},
		{
			name: "the session breaks with EPSV",
			configure: func(c *ftptest.Config) {
				c.Faults = []ftptest.Fault{{On: "EPSV", Close: true}}
			},
			want:   with(map[string]string{"EPSV": "failed"}),
			works:  true,
			advice: []string{"EPSV does not (failed)"},
			flags:  []string{"--data-command pasv"},
		},
		{
			name: "the directory cannot be listed",
			configure: func(c *ftptest.Config) {
				c.Disable = map[string]string{"MLSD": "550 Permission denied.", "MLST": ""}
				c.Features = []string{"MLST type*;size*;"}
			},
			want:   with(map[string]string{"PORT": "failed", "EPRT": "failed"}),
			works:  true,
			advice: []string{"Nothing to change"},
			flags:  []string{""},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := examine(t, tt.configure, tt.limit)
			if tt.want != nil {
				require.Equal(t, tt.want, outcomes(r), "%+v", r.Rows)
			}
			require.Equal(t, tt.works, r.Works)
			require.Len(t, r.Advice, len(tt.advice), "%+v", r.Advice)
			for i, a := range r.Advice {
				require.Contains(t, a.Text, tt.advice[i])
				require.Equal(t, tt.flags[i], a.Flags)
			}
		})
	}
}

func TestUnroutableAddress(t *testing.T) {
	r, srv := examine(t, func(c *ftptest.Config) { c.Passive.Advertise = netip.MustParseAddr("127.0.0.77") }, 3*time.Second)
	auto := r.Rows[1]
	require.Equal(t, doctor.Works, auto.Outcome)
	require.Contains(t, auto.Advertised, "127.0.0.77:")
	require.Contains(t, auto.Dialled, "127.0.0.1:")
	require.Contains(t, auto.Reason, "unroutable address 127.0.0.77, using host address 127.0.0.1 instead")
	require.Len(t, r.Advice, 2)
	for _, server := range []string{"pasv_address", "MasqueradeAddress", "-P"} {
		require.Contains(t, r.Advice[1].Text, server)
	}
	require.NotEmpty(t, r.PassivePorts)
	require.NotEmpty(t, srv.DataConns())
}

func TestFactsAndText(t *testing.T) {
	const password = "hunter2-not-to-be-seen"
	srv := ftptest.NewUnstartedServer(t)
	srv.Config.Greeting = "220 \x1b[31mwelcome"
	srv.Config.Login.Users = map[string]string{"joe": password}
	srv.Config.Disable = map[string]string{"EPRT": "500 you are " + password}
	srv.Start()
	notices := 0
	opts := &ftp.Options{
		User: "joe", Password: password,
		Mode:  ftp.ModeActive, // examined all the same
		Trace: &ftp.Trace{Command: func(ftp.CommandEvent) { notices++ }},
	}
	r, err := doctor.Run(t.Context(), srv.Addr, opts, doctor.Config{})
	require.NoError(t, err)
	require.Equal(t, srv.Addr, r.Remote)
	require.Contains(t, r.Local, "127.0.0.1:")
	require.Equal(t, "UNIX Type: L8", r.System)
	require.Contains(t, r.Features, "EPSV")
	require.Positive(t, notices)

	var text strings.Builder
	require.NoError(t, r.WriteText(&text))
	require.Contains(t, text.String(), `\x1b[31mwelcome`)
	require.Contains(t, text.String(), "PASV    server   works")
	require.Contains(t, text.String(), "What to do:\n1. Nothing to change")
	asJSON, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(asJSON), `"outcome":"works"`)
	require.Contains(t, string(asJSON), `"outcome":"refused"`)
	for _, out := range []string{text.String(), string(asJSON)} {
		require.NotContains(t, out, password)
		require.NotContains(t, out, "\x1b")
	}
}

func TestIPv6(t *testing.T) {
	srv := ftptest.NewUnstartedServer(t)
	srv.Config.Addr = "[::1]:0"
	srv.Start()
	r, err := doctor.Run(t.Context(), srv.Addr, nil, doctor.Config{})
	require.NoError(t, err)
	got := outcomes(r)
	require.Equal(t, "works", got["EPSV"])
	require.Equal(t, "refused", got["PASV auto"])
	require.Equal(t, "not applicable", got["PORT"])
	require.Equal(t, "works", got["EPRT"])
}

func TestNoSession(t *testing.T) {
	srv := ftptest.NewServer(t)
	_, err := doctor.Run(t.Context(), srv.Addr, &ftp.Options{User: "user", Password: "wrong"}, doctor.Config{})
	require.ErrorIs(t, err, ftp.ErrLogin)
	require.Equal(t, 1, srv.Sessions())
}

func TestLoginNotRepeatedAfterItWasRefused(t *testing.T) {
	r, srv := examine(t, func(c *ftptest.Config) {
		c.Faults = []ftptest.Fault{{On: "EPSV", Close: true}, {On: "PASS", Nth: 2, Reply: "530 No more."}}
	}, 0)
	require.Equal(t, "skipped", outcomes(r)["PASV auto"])
	require.Equal(t, "skipped", outcomes(r)["EPRT"])
	require.Equal(t, 2, srv.Sessions())
}

func TestLimit(t *testing.T) {
	r, _ := examine(t, func(c *ftptest.Config) { c.ReplyDelay = 100 * time.Millisecond }, 2*time.Second)
	require.Equal(t, doctor.Skipped, r.Rows[5].Outcome)
	require.Less(t, r.Duration, 5*time.Second)
}

func TestCancelled(t *testing.T) {
	srv := ftptest.NewServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	opts := &ftp.Options{Trace: &ftp.Trace{Command: func(e ftp.CommandEvent) {
		if e.Line == "PASV" {
			cancel()
		}
	}}}
	_, err := doctor.Run(ctx, srv.Addr, opts, doctor.Config{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestLongListingIsBrokenOff(t *testing.T) {
	r, srv := examine(t, func(c *ftptest.Config) {
		c.Tree = ftptest.NewTree()
		for i := range 1500 {
			require.NoError(t, c.Tree.WriteFile(fmt.Sprintf("/%d", i), nil))
		}
	}, 0)
	require.True(t, r.Works)
	require.Contains(t, srv.Commands(), "ABOR")
}

// TestActiveAdviceIsWhatWasTried: with a range of ports and an external address
// active mode works, and the advice names both.
func TestActiveAdviceIsWhatWasTried(t *testing.T) {
	tests := []struct {
		name           string
		configure      func(*ftptest.Config)
		flags, literal string
	}{
		{
			"PORT works", func(c *ftptest.Config) { c.Disable = map[string]string{"EPSV": "", "PASV": ""} },
			"--mode active --port-range 1024-65535 --external-ip 127.0.0.1",
			`ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Ports: ftp.PortRange{Lo: 1024, Hi: 65535}, External: "127.0.0.1"}}`,
		},
		{
			"only EPRT works", func(c *ftptest.Config) { c.Disable = map[string]string{"EPSV": "", "PASV": "", "PORT": ""} },
			"--data-command eprt --port-range 1024-65535 --external-ip 127.0.0.1",
			`ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Methods: []ftp.Method{ftp.EPRT}, Ports: ftp.PortRange{Lo: 1024, Hi: 65535}, External: "127.0.0.1"}}`,
		},
		{
			"nothing works", func(c *ftptest.Config) {
				c.Disable = map[string]string{"EPSV": "", "PASV": ""}
				c.Active.Never = true
			},
			"--mode active --port-range 1024-65535 --external-ip 127.0.0.1",
			`ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Ports: ftp.PortRange{Lo: 1024, Hi: 65535}, External: "127.0.0.1"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := ftptest.NewUnstartedServer(t)
			tt.configure(&srv.Config)
			srv.Start()
			opts := &ftp.Options{Active: ftp.Active{Ports: ftp.PortRange{Lo: 1024, Hi: 65535}, External: "127.0.0.1"}}
			r, err := doctor.Run(t.Context(), srv.Addr, opts, doctor.Config{Limit: 3 * time.Second})
			require.NoError(t, err)
			last := r.Advice[len(r.Advice)-1]
			require.Equal(t, tt.flags, last.Flags)
			require.Equal(t, tt.literal, last.Options)
			require.NotContains(t, last.Text, "50000")
		})
	}
}
