package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dualport/ftp"
)

const forwarding = "--mode active --port-range LO-HI --external-ip IP with that range forwarded to this host"

// hint says what to try after err, in terms of flags; empty where no flag helps.
func (f *flags) hint(err error) string {
	var ftpErr *ftp.Error
	var timeout *ftp.TimeoutError
	switch {
	case tlsFailed(err):
		return f.tlsHint(err)
	case errors.Is(err, ftp.ErrPortRange):
		return "a wider --port-range"
	case errors.Is(err, ftp.ErrDataConnection) && errors.As(err, &ftpErr):
		if f.dataCommand != "" {
			return "the same without --data-command, so that other methods are tried too"
		}
		return dataHint(ftpErr.Negotiation)
	case loginRefused(err) && ftp.ReplyCode(err) == 332:
		return "--account ACCT"
	case loginRefused(err):
		return "--user NAME with --password-file FILE, --netrc or " + passwordVariable
	case errors.As(err, &ftpErr) && ftpErr.Command == "REST":
		return "the same without --resume or --range; the server cannot begin in mid-file"
	case errors.As(err, &timeout):
		if flag := flagOf(timeout.Option); flag != "" {
			return "a longer " + flag
		}
	}
	return ""
}

// dataHint looks at what was tried and says what was not.
func dataHint(n *ftp.Negotiation) string {
	var passive, reached, active bool
	if n == nil {
		return "--mode auto"
	}
	for _, r := range n.Rungs {
		passive = passive || r.Method.Passive()
		reached = reached || r.Dialled != ""
		active = active || !r.Method.Passive()
	}
	switch {
	case active && passive && reached:
		return "--passive-address IP if the server's address is wrong; or " + forwarding + "; dualport doctor URL tells more"
	case active && passive:
		return forwarding + "; dualport doctor URL tells more"
	case active:
		return "--mode auto; or " + forwarding
	case reached:
		return "--mode auto, or --passive-address IP if the server's address is wrong"
	}
	return "--mode auto"
}

func flagOf(option string) string {
	return map[string]string{
		"Timeouts.Dial":         "--dial-timeout",
		"Timeouts.TLSHandshake": "--tls-timeout",
		"Timeouts.Reply":        "--reply-timeout",
		"Timeouts.DataConnect":  "--data-timeout",
		"Timeouts.Accept":       "--accept-timeout",
		"Timeouts.Stall":        "--stall-timeout",
		"Timeouts.FinalReply":   "--final-timeout",
	}[option]
}

// message is the text of an error on one line, in the words of the command line
// in place of those of the library.
func message(err error) string {
	var ftpErr *ftp.Error
	if errors.Is(err, ftp.ErrDataConnection) && errors.As(err, &ftpErr) && ftpErr.Negotiation != nil && len(ftpErr.Negotiation.Rungs) > 0 {
		tries := make([]string, len(ftpErr.Negotiation.Rungs))
		for i, r := range ftpErr.Negotiation.Rungs {
			tries[i] = r.String()
		}
		what := ftpErr.Op
		if ftpErr.Path != "" {
			what += fmt.Sprintf(" %q", ftpErr.Path)
		}
		if ftpErr.Host != "" {
			what += " on " + ftpErr.Host
		}
		return flagWords(what + ": no data connection: " + strings.Join(tries, "; "))
	}
	return flagWords(strings.TrimPrefix(err.Error(), "ftp: "))
}

// flagWords replaces the names of the library's options by those of the flags.
func flagWords(text string) string {
	return strings.NewReplacer(
		"Options.Timeouts.Dial", "--dial-timeout",
		"Options.Timeouts.TLSHandshake", "--tls-timeout",
		"Options.Timeouts.Reply", "--reply-timeout",
		"Options.Timeouts.DataConnect", "--data-timeout",
		"Options.Timeouts.Accept", "--accept-timeout",
		"Options.Timeouts.Stall", "--stall-timeout",
		"Options.Timeouts.FinalReply", "--final-timeout",
		"; set Options.Account", "",
		"(Active.ExternalOnLAN)", "",
		"from Active.External", "from --external-ip",
		"TLSConfig.MaxVersion = tls.VersionTLS12", "--tls-max 1.2",
		"TLSConfig.MinVersion and MaxVersion", "--tls-min and --tls-max",
		"TLSConfig.MinVersion, MaxVersion and Certificates", "--tls-min, --tls-max and --cert",
		"to TLSConfig.RootCAs", "with --ca-file",
		"with PinnedTLS", "with --pin",
		", or set TLSConfig.ServerName", "",
		"TLSExplicit (ftpes://)", "ftpes://",
		"TLSImplicit (ftps://, port 990)", "ftps:// (port 990)",
		"TLSImplicit (ftps://)", "ftps://",
	).Replace(text)
}
