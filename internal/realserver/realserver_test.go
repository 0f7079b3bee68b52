//go:build realserver

package realserver

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// addressFamily is one of the two address families a daemon is started on.
type addressFamily struct {
	name string
	ipv6 bool
}

func addressFamilies() []addressFamily {
	return []addressFamily{{"IPv4", false}, {"IPv6", true}}
}

// refused returns the code with which a daemon turns a method down on a family, or "" for
// one that works. PASV on IPv6 works where it is answered with a 227 whose port is right,
// whatever its address is.
func refused(name string, ipv6 bool, method string) string {
	if !ipv6 {
		return ""
	}
	switch method {
	case "PORT":
		if name == "pyftpdlib" {
			return "501"
		}
		return "500"
	case "PASV":
		if name == "pure-ftpd" {
			return "425"
		}
	}
	return ""
}

func TestTransfersByEveryMethod(t *testing.T) {
	for _, name := range Names() {
		for _, family := range addressFamilies() {
			t.Run(name+"/"+family.name, func(t *testing.T) {
				server := Start(t, Config{Name: name, IPv6: family.ipv6})
				require.NotEmpty(t, server.Version)
				control := dial(t, server)
				require.Regexp(t, "^200", control.command("TYPE I"))
				for _, method := range []string{"EPSV", "PASV", "EPRT", "PORT"} {
					t.Run(method, func(t *testing.T) {
						control := control.in(t)
						if code := refused(name, family.ipv6, method); code != "" {
							require.Regexp(t, "^"+code, control.command(request(method)))
							return
						}
						file := method + ".bin"
						control.store(method, "STOR "+file, "sent by "+method)
						require.Equal(t, "sent by "+method, string(server.Get(file)))

						server.Put(file, []byte("kept for "+method))
						require.Equal(t, "kept for "+method, control.retrieve(method, "RETR "+file))
					})
				}
			})
		}
	}
}

// request is a command that asks for a data connection by the method, well formed but,
// for the active ones, to a port where nobody listens.
func request(method string) string {
	switch method {
	case "PORT":
		return "PORT 127,0,0,1,156,64"
	case "EPRT":
		return "EPRT |1|127.0.0.1|40000|"
	}
	return method
}

// TestPASVReplyOverIPv6 keeps what the daemons put into a 227 that cannot hold their address.
func TestPASVReplyOverIPv6(t *testing.T) {
	for name, want := range map[string]string{
		"vsftpd":    `^227 Entering Passive Mode \(0,0,0,0,\d+,\d+\)\.$`,
		"proftpd":   `^227 Entering Passive Mode \(1,\d+,\d+\)\.$`,
		"pure-ftpd": `^425 You cannot use PASV on IPv6 connections`,
		"pyftpdlib": `^227 Entering passive mode \(::1,\d+,\d+\)\.$`,
	} {
		t.Run(name, func(t *testing.T) {
			control := dial(t, Start(t, Config{Name: name, IPv6: true}))
			require.Regexp(t, want, control.command("PASV"))
		})
	}
}

func TestPermissions(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			server := Start(t, Config{Name: name})
			server.Put("dir/old.txt", []byte("0123456789"))
			control := dial(t, server)
			require.Regexp(t, "^200", control.command("TYPE I"))

			require.Regexp(t, "^350", control.command("REST 4"))
			require.Equal(t, "456789", control.retrieve("EPSV", "RETR dir/old.txt"), "resumed download")
			require.Regexp(t, "^350", control.command("REST 8"))
			control.store("EPSV", "STOR dir/old.txt", "abcd")
			require.Equal(t, "01234567abcd", string(server.Get("dir/old.txt")), "resumed upload")
			control.store("EPSV", "APPE dir/old.txt", "!")
			require.Equal(t, "01234567abcd!", string(server.Get("dir/old.txt")), "appended")

			require.Regexp(t, `^213 \d{14}`, control.command("MDTM dir/old.txt"))
			require.Regexp(t, "^213", control.command(setTime(name)+" 20200102030405 dir/old.txt"))
			require.Regexp(t, "^213 20200102030405", control.command("MDTM dir/old.txt"))
			require.Regexp(t, "^200", control.command("SITE CHMOD 600 dir/old.txt"))
			info, err := os.Stat(filepath.Join(server.Root, "dir/old.txt"))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())

			require.Regexp(t, "^350", control.command("RNFR dir/old.txt"))
			require.Regexp(t, "^250", control.command("RNTO new.txt"))
			require.Regexp(t, "^250", control.command("DELE new.txt"))
			require.Regexp(t, "^257", control.command("MKD made"))
			require.Regexp(t, "^250", control.command("RMD made"))
			require.Regexp(t, "^250", control.command("RMD dir"))
			left, err := os.ReadDir(server.Root)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// setTime is the command that sets a file's time: vsftpd has no MFMT.
func setTime(name string) string {
	if name == "vsftpd" {
		return "MDTM"
	}
	return "MFMT"
}

func TestWrongPasswordIsRefused(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			server := Start(t, Config{Name: name})
			control, _ := connect(t, server.Addr)
			require.Regexp(t, "^331", control.command("USER "+server.User))
			require.Regexp(t, "^530", control.command("PASS wrong"))
		})
	}
}

func TestSettings(t *testing.T) {
	// A setting which each daemon has and which shows: how it greets.
	extra := map[string]string{
		"vsftpd":    "ftpd_banner=hello there",
		"proftpd":   `ServerIdent on "hello there"`,
		"pyftpdlib": `banner="hello there"`,
	}
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			cfg := Config{
				Name:           name,
				PassivePorts:   PortRange{Low: 32100, High: 32109},
				PassiveAddress: netip.MustParseAddr("203.0.113.7"),
				MaxPerIP:       2,
			}
			if line, ok := extra[name]; ok {
				cfg.Extra = []string{line}
			}
			server := Start(t, cfg)
			first, greeting := connect(t, server.Addr)
			if cfg.Extra != nil {
				require.Contains(t, greeting, "hello there")
			}
			first.login(server)
			require.Regexp(t, `203,0,113,7,125,10\d`, first.command("PASV"))
			require.Regexp(t, `\|3210\d\|`, first.command("EPSV"))

			dial(t, server)
			third, greeting := connect(t, server.Addr)
			if name == "proftpd" {
				require.Regexp(t, "^331", third.command("USER "+server.User))
				require.Regexp(t, "^530", third.command("PASS "+server.Password))
			} else {
				require.Regexp(t, "^421", greeting)
			}
		})
	}
}

func TestManySessionsFromOneAddress(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			server := Start(t, Config{Name: name})
			for range 20 {
				dial(t, server)
			}
		})
	}
}

func TestStopLeavesNothing(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			server := Start(t, Config{Name: name})
			control := dial(t, server) // stays connected: a session which must go too
			running := server.process.family()
			require.NotEmpty(t, running)

			server.Stop()
			server.Stop()

			for _, m := range running {
				status, err := readStatus(m.pid)
				gone := err != nil || status.zombie || status.member != m
				require.True(t, gone, "process %d still runs", m.pid)
			}
			_, err := net.Dial("tcp", server.Addr)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			_, err = io.ReadAll(control.reader)
			if err != nil {
				require.ErrorIs(t, err, syscall.ECONNRESET)
			}
		})
	}
}

// TestVsftpdKeepsPAMToItself fails if logins of two daemons could disturb each other.
func TestVsftpdKeepsPAMToItself(t *testing.T) {
	server := Start(t, Config{Name: "vsftpd"})
	dial(t, server)
	own, err := filepath.Glob(filepath.Join(filepath.Dir(server.logFile), wrapperTemp+".?", "vsftpd"))
	require.NoError(t, err)
	require.Len(t, own, 1)
}

func TestMissingServerSaysHowToGetIt(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := start(t, Config{Name: "vsftpd"})
	require.ErrorContains(t, err, "run scripts/fetch-servers")
}

func TestUnknownServer(t *testing.T) {
	_, err := start(t, Config{Name: "wu-ftpd"})
	require.ErrorContains(t, err, "want one of vsftpd, proftpd, pure-ftpd, pyftpdlib")
}

// failure is a TB that keeps the message of Fatalf and ends the goroutine by a panic.
type failure struct {
	*testing.T
	message string
}

var errFatal = errors.New("fatal")

func (f *failure) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	panic(errFatal)
}

func TestBadSettingFailsWithTheLog(t *testing.T) {
	tb := &failure{T: t}
	require.PanicsWithValue(t, errFatal, func() {
		Start(tb, Config{Name: "vsftpd", Extra: []string{"no_such_setting=YES"}})
	})
	require.Contains(t, tb.message, "unrecognised variable in config file: no_such_setting")
}
