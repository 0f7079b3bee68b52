package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dualport/ftp"
)

// hint says what to try after err, in terms of flags; empty where no flag helps.
func (f *flags) hint(err error) string {
	var ftpErr *ftp.Error
	var timeout *ftp.TimeoutError
	switch {
	case proxyHint(err) != "":
		return proxyHint(err)
	case f.nat.natHint(err) != "":
		return f.nat.natHint(err)
	case tlsFailed(err):
		return f.tlsHint(err)
	case errors.Is(err, ftp.ErrPortRange):
		return "a wider --port-range"
	case errors.Is(err, ftp.ErrDataConnection) && errors.As(err, &ftpErr):
		if f.dataCommand != "" {
			return "the same without --data-command, so that other methods are tried too"
		}
		return f.dataHint(ftpErr.Negotiation)
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

// dataHint is the library's advice in the words of the command line.
func (f *flags) dataHint(n *ftp.Negotiation) string {
	const more = "dualport doctor URL, which tells more"
	why, what, _ := strings.Cut(flagWords(n.Advice()), ": ")
	if f.mode == "auto" { // its advice may be to do what was done
		alternatives := strings.Split(what, ", or ")
		alternatives = slices.DeleteFunc(alternatives, func(s string) bool { return strings.Contains(s, "--mode auto") })
		what = strings.Join(alternatives, ", or ")
	}
	switch {
	case why == "":
		return more
	case what == "":
		return fmt.Sprintf("asking the server's administrator (%s); or %s", why, more)
	}
	return fmt.Sprintf("%s (%s); or %s", strings.TrimPrefix(what, "use "), why, more)
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
		" (Options.Timeouts.Abort)", "",
		"; dial again", "",
		"; use List, which holds one entry at a time", "",
		"; set Options.Account", "",
		"as Options.RequireSessionReuse demands", "as was demanded",
		"; set Active.Listen", "; use --bind IP",
		"set Active.Ports and Active.External", "use --port-range LO-HI and --external-ip IP",
		"set ClearControlUnsafe", "use --ccc",
		"check Active.External", "check --external-ip",
		"every port of Active.Ports", "every port of --port-range",
		"set Passive.ForcedIP", "use --passive-address IP",
		"permitted by Passive.Ports (", "permitted (",
		" and Passive.AvoidPorts", "",
		"from here: open them in the firewall", "from here: open the server's passive ports in the firewall",
		"ModePassive", "--mode passive",
		"ModeActive", "--mode active",
		"ModeAuto", "--mode auto",
		"(Active.ExternalOnLAN)", "(--external-on-lan)",
		"Options.Timeout of ftpproxy", "--dial-timeout",
		"ftpproxy: ", "",
		"from Active.ExternalFunc", "from --external-ip-from",
		"from Active.External", "from --external-ip",
		"TLSConfig.MaxVersion = tls.VersionTLS12", "--tls-max 1.2",
		"TLSConfig.MinVersion and MaxVersion", "--tls-min and --tls-max",
		"(TLSConfig.Certificates)", "(--cert)",
		"to TLSConfig.RootCAs", "with --ca-file",
		"with PinnedTLS", "with --pin",
		", or set TLSConfig.ServerName", "",
		"TLSExplicit (ftpes://)", "ftpes://",
		"TLSImplicit (ftps://, port 990)", "ftps:// (port 990)",
		"TLSImplicit (ftps://)", "ftps://",
	).Replace(text)
}
