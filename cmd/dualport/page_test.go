package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
	"github.com/dualport/ftp/ftptest"
)

// elsewhere finds in a page what would be fetched, and scripts.
var elsewhere = regexp.MustCompile(`(?i)<script|<link|<iframe|<img|@import|url\(|(src|href)\s*=\s*["']?[^#"'][^>]*`)

// TestPage says when the page of doctor is there.
func TestPage(t *testing.T) {
	plain := serve(t, nil)
	closed := serve(t, func(c *ftptest.Config) { c.Disable = map[string]string{"EPSV": "", "PASV": "", "PORT": "", "EPRT": ""} })
	secured, _ := serveTLS(t, ftptest.TLS{}, nil)
	refusing := serve(t, func(c *ftptest.Config) { c.Login.Users = map[string]string{"joe": "Hunter2zwei"} })
	for _, tt := range []struct {
		name, url, addr string
		code            int
		page            bool
	}{
		{"works", plain.URL, plain.Addr, 0, true},
		{"no way works", closed.URL, closed.Addr, 4, true},
		{"TLS fails", "ftpes://" + secured.Addr, secured.Addr, 7, true},
		{"with a password", "ftp://joe:Hunter2zwei@" + refusing.Addr, refusing.Addr, 0, true},
		{"the login is refused", "ftp://joe:wrong@" + refusing.Addr, refusing.Addr, 3, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newShell(t).run("doctor", tt.url, "--html", "page.html").wants(tt.code)
			if !tt.page {
				require.Empty(t, files(t))
				return
			}
			page := local(t, "page.html")
			require.Contains(t, page, tt.addr)
			require.True(t, strings.HasPrefix(strings.ToLower(page), "<!doctype html>"))
			require.Empty(t, elsewhere.FindAllString(page, -1), "it is one file")
			require.NotContains(t, page, "unter2")
			require.NotEmpty(t, o.stdout, "the report in text is there too")
		})
	}
}

func TestPageWithJSON(t *testing.T) {
	srv := serve(t, nil)
	v := newShell(t).run("doctor", srv.URL, "--json", "--html", "page.html").wants(0).json()
	require.Equal(t, true, v["doctor"].(map[string]any)["works"])
	require.Equal(t, "page.html", v["local"])
	require.Contains(t, local(t, "page.html"), srv.Addr)
}

// TestPageThatCannotBeWritten is a mistake in the command line where that can be
// known before.
func TestPageThatCannotBeWritten(t *testing.T) {
	srv := serve(t, nil)
	s := newShell(t)
	require.NoError(t, os.Mkdir("directory", 0o700))
	for name, says := range map[string]string{
		"no/page.html": "--html: there is no directory no",
		"directory":    "directory is a directory",
		"-":            "--html wants the name of a file",
	} {
		o := s.run("doctor", srv.URL, "--html", name).wants(1)
		require.Contains(t, o.stderr, says)
		require.Empty(t, o.stdout)
	}
	require.Empty(t, srv.Commands(), "the server was not asked")
}

// TestPageThatCannotBeWrittenInTheEnd does not keep the report back, and does not
// hide what was found.
func TestPageThatCannotBeWrittenInTheEnd(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no device that is always full")
	}
	o := newShell(t).run("doctor", serve(t, nil).URL, "--html", "/dev/full").wants(6)
	require.Contains(t, o.stdout, "EPSV")
	require.Contains(t, o.stderr, "dualport: doctor: --html: write /dev/full: ")
	closed := serve(t, func(c *ftptest.Config) { c.Disable = map[string]string{"EPSV": "", "PASV": "", "PORT": "", "EPRT": ""} })
	o = newShell(t).run("doctor", closed.URL, "--html", "/dev/full").wants(4)
	require.Contains(t, o.stderr, "--html: write /dev/full: ")
}

// TestHelpIsLegible wherever lines are 100 columns long: pflag does not break them.
func TestHelpIsLegible(t *testing.T) {
	s := newShell(t)
	for _, args := range [][]string{{"--help"}, {"help", "get"}, {"help", "doctor"}} {
		o := s.run(args...).wants(0)
		for line := range strings.Lines(o.stdout) {
			require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 100, "%s", line)
		}
		for _, flag := range []string{"--proxy URL", "--portmap", "--external-ip-from SOURCES", "--external-on-lan"} {
			require.Contains(t, o.stdout, flag)
		}
	}
	require.Contains(t, s.run("--help").stdout, "ftp_proxy, FTP_PROXY, all_proxy and ALL_PROXY")
}

// The scheme of a URL says how to encrypt: advice to do otherwise names another URL,
// because a flag would contradict it.
func TestDoctorsAdviceFitsTheURL(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) { c.TLS = &ftptest.TLS{} })
	host := strings.TrimPrefix(srv.URL, "ftp://")
	o := newShell(t).run("doctor", "ftps://"+host+"/", "--limit", "10").wants(7)
	require.Contains(t, o.stdout, "The URL is then ftpes://"+host+"/.")
	require.NotContains(t, o.stdout, "--tls")

	o = newShell(t).run("doctor", "ftp://"+host+"/", "--tls", "implicit", "--limit", "10").wants(7)
	require.Contains(t, o.stdout, "--tls explicit")
}

// No time to try anything is no finding about the server.
func TestDoctorWithoutTime(t *testing.T) {
	skipped := doctor.Row{Outcome: doctor.Skipped}
	err := verdict(&doctor.Report{Rows: []doctor.Row{skipped, skipped}})
	require.ErrorContains(t, err, "--limit gives it more time")
	require.Equal(t, codeIncomplete, exitCode(err))
	err = verdict(&doctor.Report{Rows: []doctor.Row{{Method: ftp.EPSV, Outcome: doctor.Refused}, skipped}})
	require.Equal(t, codeData, exitCode(err))
}
