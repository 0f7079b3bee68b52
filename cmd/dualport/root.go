package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

const longHelp = `dualport transfers files by FTP, and finds a data connection wherever the
network allows one.

URLs are written as for curl: ftp://[user[:password]@]host[:port]/path;type=a
The path is relative to the login directory, or absolute behind a second slash
(ftp://host//etc/motd). Percent escapes stand for bytes that a URL cannot hold.
ftp:// may be left out. ftpes:// is FTP with explicit TLS (AUTH TLS, port 21),
ftps:// with implicit TLS (port 990); --tls does the same for an ftp:// URL. A
session that is to be encrypted never goes on in clear. The password is better
kept in --password-file, --netrc or the environment variable DUALPORT_PASSWORD
than in the URL.

Both connections go through the proxy of --proxy, or of the first of the
environment variables ftp_proxy, FTP_PROXY, all_proxy and ALL_PROXY that is set,
unless no_proxy lists the server or the server is this host; --proxy none goes
without. The proxy looks the server's name up. A socks5:// proxy can serve active
mode, an http:// proxy passive mode only.

Exit codes:
  0    done
  1    wrong usage, nothing was attempted
  2    cannot connect to the server
  3    login refused
  4    no data connection possible
  5    the server refused the operation
  6    transfer incomplete or unverified
  7    TLS or certificate
  130  interrupted

With --json the result is one JSON object on standard output, also after a
failure:
  command      the command, such as "get"
  url          what it was about, without the password
  local        the local file, or the page of doctor --html
  exit_code    as above
  error, hint  what went wrong, and what to try
  transfer     path, bytes, offset, size, duration_ns, verified, reply
  entries      of ls: name, type, size, modify, mode, target
  reply        of raw: code, lines
  doctor       of doctor: the report
  tls          of the control connection: mode, version, cipher_suite, cleared
  negotiation  how the data connection was obtained, or why not: method,
               relogin, control_peer, control_encrypted, tls with version,
               cipher_suite and resumed, and rungs
               with method, advertised, dialled, listened, local, remote,
               reason, duration_ns, error
Fields without a value are left out; fields may be added in later versions.`

// root builds the command tree of one run.
func (j *job) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "dualport",
		Short:         "Transfer files by FTP",
		Long:          longHelp,
		Version:       version(),
		Args:          cobra.ArbitraryArgs, // so that an unknown command is not repeated: it may be a URL with a password
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usagef("unknown command; the commands are get, put, ls, rm, mkdir, mv, raw and doctor")
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		text, _, _ := strings.Cut(err.Error(), " in -") // what follows may be a value, even a password
		return usage(errors.New(text))
	})
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 100")) // columns
	j.flags.register(root.PersistentFlags())
	root.AddCommand(j.getCommand(), j.putCommand(), j.lsCommand(), j.rmCommand(), j.mkdirCommand(),
		j.mvCommand(), j.rawCommand(), j.doctorCommand(), versionCommand())
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "dualport "+version())
			return err
		},
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
