//go:build lab && linux

package lab_test

import (
	"time"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
)

// pageReports are what users meet, by the name of their pictures.
func pageReports() map[string]*doctor.Report {
	return map[string]*doctor.Report{
		"works":          reportWorks(),
		"nat":            reportNAT(),
		"misconfigured":  reportMisconfigured(),
		"nothing":        reportNothing(),
		"tls-failure":    reportTLSFailure(),
		"long-addresses": reportLongAddresses(),
		"many-rows":      reportManyRows(),
		"proxy":          reportProxy(),
	}
}

// noTLS is what is found where nobody asked for TLS and the server has none.
func noTLS() doctor.TLS {
	return doctor.TLS{Mode: "none", Explicit: doctor.Refused, Implicit: doctor.Skipped, Private: doctor.Skipped, Clear: doctor.Skipped}
}

func explicitTLS() doctor.TLS {
	return doctor.TLS{
		Mode: "explicit", Explicit: doctor.Works, Implicit: doctor.Skipped, Private: doctor.Works, Clear: doctor.Refused,
		Version: "TLS 1.3", CipherSuite: "TLS_AES_128_GCM_SHA256",
		SessionReuse: doctor.ReuseDemanded, ReuseNote: "a data connection without it was refused: 425 SSL connection failed: session reuse required",
		Certificate: &doctor.Certificate{
			Subject: "CN=ftp.example.com", Issuer: "CN=Example Authority R3,O=Example Trust,C=CH",
			Names:     []string{"ftp.example.com", "files.example.com", "203.0.113.5"},
			ValidFrom: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), ValidUntil: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC),
			KeyPin: "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", Verifies: true,
		},
	}
}

func row(family, security string, method ftp.Method, policy string, outcome doctor.Outcome, advertised, connection string) doctor.Row {
	r := doctor.Row{Family: family, Security: security, Method: method, Policy: policy, Outcome: outcome, Advertised: advertised}
	if method.Passive() {
		r.Dialled = connection
	} else {
		r.Listened = connection
	}
	switch outcome {
	case doctor.Works:
		r.Duration = 12300 * time.Microsecond
		if security != "none" {
			r.TLS = &ftp.TLSInfo{Version: "TLS 1.3", CipherSuite: "TLS_AES_128_GCM_SHA256", Resumed: true}
		}
	case doctor.TimedOut:
		r.Duration, r.Error = 5*time.Second, "ftp: no connection within 5s; raise Timeouts.DataConnect, or see whether a firewall drops it"
	case doctor.Failed:
		r.Duration, r.Error = 800*time.Microsecond, "ftp: dial tcp "+connection+": connect: connection refused"
	case doctor.Refused:
		r.Duration, r.Error = 900*time.Microsecond, "ftp: "+string(method)+": 500 Illegal "+string(method)+" command."
	case doctor.TLSFailed:
		r.Duration, r.Error = 40*time.Millisecond, "remote error: tls: handshake failure"
	case doctor.NotApplicable:
		r.Reason = string(method) + " has no room for an IPv6 address"
	case doctor.Skipped:
		r.Error = "the time for the examination was over"
	}
	return r
}

func reportWorks() *doctor.Report {
	return &doctor.Report{
		Host: "ftp.example.com:21", Local: "203.0.113.77:41512", Remote: "203.0.113.5:21",
		Greeting: "ProFTPD Server (Example) [203.0.113.5]", System: "UNIX Type: L8",
		Features: []string{"AUTH", "CCC", "EPRT", "EPSV", "HOST", "LANG", "MDTM", "MFMT", "MLST", "PBSZ", "PROT", "REST", "SIZE", "SSCN", "TVFS", "UTF8"},
		SeenAs:   "203.0.113.77", SeenBy: "STAT", NAT: doctor.Absent, Works: true, PassivePorts: "50000-50010", TLS: explicitTLS(),
		Rows: []doctor.Row{
			row("IPv4", "explicit", ftp.EPSV, "", doctor.Works, ":50001", "203.0.113.5:50001"),
			row("IPv4", "explicit", ftp.PASV, "auto", doctor.Works, "203.0.113.5:50004", "203.0.113.5:50004"),
			row("IPv4", "explicit", ftp.PASV, "control", doctor.Works, "203.0.113.5:50007", "203.0.113.5:50007"),
			row("IPv4", "explicit", ftp.PASV, "server", doctor.Works, "203.0.113.5:50010", "203.0.113.5:50010"),
			row("IPv4", "explicit", ftp.PORT, "", doctor.Works, "203.0.113.77:36001", "203.0.113.77:36001"),
			row("IPv4", "explicit", ftp.EPRT, "", doctor.Works, "203.0.113.77:36002", "203.0.113.77:36002"),
		},
		Advice:   []doctor.Advice{{Text: "Nothing to change: passive mode works.", Options: "ftp.Options{TLS: ftp.TLSExplicit}"}},
		Duration: 412 * time.Millisecond,
	}
}

// reportNAT: active mode fails behind a NAT that does not read FTP.
func reportNAT() *doctor.Report {
	return &doctor.Report{
		Host: "ftp.example.com:21", Local: "192.168.1.20:41512", Remote: "203.0.113.5:21",
		Greeting: "(vsFTPd 3.0.5)", System: "UNIX Type: L8", Features: []string{"EPRT", "EPSV", "MDTM", "PASV", "REST STREAM", "SIZE", "TVFS"},
		SeenAs: "198.51.100.7", SeenBy: "STAT", NAT: doctor.Present, Works: true, PassivePorts: "50000-50010", TLS: noTLS(),
		Rewrites: []doctor.Rewrite{{
			What: "PORT", Said: "192.168.1.20:36001", Arrived: "198.51.100.7:61044",
			Evidence: "the server came from its control address although it was told a private one",
		}},
		Rows: []doctor.Row{
			row("IPv4", "none", ftp.EPSV, "", doctor.Works, ":50001", "203.0.113.5:50001"),
			row("IPv4", "none", ftp.PASV, "auto", doctor.Works, "203.0.113.5:50004", "203.0.113.5:50004"),
			row("IPv4", "none", ftp.PASV, "control", doctor.Works, "203.0.113.5:50007", "203.0.113.5:50007"),
			row("IPv4", "none", ftp.PASV, "server", doctor.Works, "203.0.113.5:50010", "203.0.113.5:50010"),
			row("IPv4", "none", ftp.PORT, "", doctor.Works, "192.168.1.20:36001", "0.0.0.0:36001"),
			row("IPv4", "none", ftp.EPRT, "", doctor.TimedOut, "198.51.100.7:36002", "0.0.0.0:36002"),
		},
		Advice: []doctor.Advice{
			{Text: "Nothing to change: passive mode works.", Options: "ftp.Options{}"},
			{
				Text:  "For EPRT, have a range of ports forwarded from 198.51.100.7 to 192.168.1.20 and opened for TCP connections from 203.0.113.5.",
				Flags: "--mode active --port-range 50000-50010 --external-ip 198.51.100.7", Options: `ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Ports: ftp.PortRange{Lo: 50000, Hi: 50010}, External: "198.51.100.7"}}`,
				Commands: []doctor.Command{{
					For:  "nftables on the router of this host",
					Text: "nft add rule ip nat prerouting ip saddr 203.0.113.5 tcp dport 50000-50010 dnat to 192.168.1.20\nnft add rule ip filter forward ip saddr 203.0.113.5 ip daddr 192.168.1.20 tcp dport 50000-50010 accept",
				}},
			},
		},
		Duration: 5412 * time.Millisecond,
	}
}

// reportMisconfigured: the server does not know that a NAT is before it.
func reportMisconfigured() *doctor.Report {
	// The server's address is translated on the way as well, if only for some.
	rewritten := doctor.Rewrite{What: "227", Arrived: "10.0.0.5:50004", Evidence: "the log of the server tells of another address"}
	wrong := row("IPv4", "none", ftp.PASV, "server", doctor.TimedOut, "10.0.0.5:50010", "10.0.0.5:50010")
	auto := row("IPv4", "none", ftp.PASV, "auto", doctor.Works, "10.0.0.5:50004", "203.0.113.5:50004")
	auto.Reason = "the address in the reply is private and the server's is not"
	return &doctor.Report{
		Host: "ftp.example.com", Local: "192.168.1.20:41512", Remote: "203.0.113.5:21",
		Greeting: "Welcome to Example Files\nAnonymous uploads go to /incoming\nMind the quota", System: "UNIX Type: L8", Features: []string{"MDTM", "SIZE", "UTF8"},
		NAT: doctor.Unknown, Works: true, Rewrites: []doctor.Rewrite{rewritten}, PassivePorts: "50000-50010", TLS: noTLS(),
		Rows: []doctor.Row{
			row("IPv4", "none", ftp.EPSV, "", doctor.Refused, "", ""),
			auto,
			row("IPv4", "none", ftp.PASV, "control", doctor.Works, "10.0.0.5:50007", "203.0.113.5:50007"),
			wrong,
			row("IPv4", "none", ftp.PORT, "", doctor.TimedOut, "192.168.1.20:36001", "192.168.1.20:36001"),
			row("IPv4", "none", ftp.EPRT, "", doctor.Refused, "192.168.1.20:36002", "192.168.1.20:36002"),
			{Family: "IPv4", Security: "explicit", Outcome: doctor.Refused, Error: "AUTH: 500 AUTH not understood"},
			{Family: "IPv6", Security: "none", Outcome: doctor.Skipped, Error: "the server's name has no IPv6 address"},
		},
		Advice: []doctor.Advice{{
			Text:    "The server's PASV replies name 10.0.0.5, but it is reached at 203.0.113.5: it does not know its external address. The default copes; other clients may not. Its administrator should set that address.",
			Options: "ftp.Options{}",
			Commands: []doctor.Command{
				{For: "vsftpd", Text: "pasv_address=203.0.113.5\npasv_min_port=50000\npasv_max_port=50010"},
				{For: "ProFTPD", Text: "MasqueradeAddress 203.0.113.5\nPassivePorts 50000 50010"},
				{For: "Pure-FTPd", Text: "ForcePassiveIP 203.0.113.5\nPassivePortRange 50000 50010"},
			},
		}},
		Duration: 17 * time.Second,
	}
}

func reportNothing() *doctor.Report {
	return &doctor.Report{
		Host: "ftp.example.com:21", Local: "192.168.1.20:41512", Remote: "203.0.113.5:21",
		Greeting: "FTP server ready", NAT: doctor.Present, SeenAs: "198.51.100.7", SeenBy: "the 220 greeting", PassivePorts: "50001-50009", TLS: noTLS(),
		Rows: []doctor.Row{
			row("IPv4", "none", ftp.EPSV, "", doctor.TimedOut, ":50001", "203.0.113.5:50001"),
			row("IPv4", "none", ftp.PASV, "auto", doctor.TimedOut, "203.0.113.5:50004", "203.0.113.5:50004"),
			row("IPv4", "none", ftp.PASV, "control", doctor.TimedOut, "203.0.113.5:50007", "203.0.113.5:50007"),
			row("IPv4", "none", ftp.PASV, "server", doctor.Failed, "203.0.113.5:50009", "203.0.113.5:50009"),
			row("IPv4", "none", ftp.PORT, "", doctor.TimedOut, "192.168.1.20:36001", "192.168.1.20:36001"),
			row("IPv4", "none", ftp.EPRT, "", doctor.Skipped, "", ""),
		},
		Advice: []doctor.Advice{
			{
				Text:     "No data connection is possible. Ask the administrators of the firewalls on both sides to let TCP connections from 192.168.1.20 to 203.0.113.5 through on the server's passive ports; those it named were 50001-50009, and its configuration tells the whole range.",
				Commands: []doctor.Command{{For: "nftables on the server", Text: "nft add rule inet filter input ip saddr 198.51.100.7 tcp dport 50001-50009 accept"}},
			},
			{
				Text:    "Or have a range of ports, such as 50000-50010, forwarded to 192.168.1.20 and opened for TCP connections from 203.0.113.5, and use active mode with the address that 203.0.113.5 sees you at.",
				Flags:   "--mode active --port-range 50000-50010 --external-ip 198.51.100.7",
				Options: `ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Ports: ftp.PortRange{Lo: 50000, Hi: 50010}, External: "198.51.100.7"}}`,
			},
		},
		Duration: 55 * time.Second,
	}
}

func reportTLSFailure() *doctor.Report {
	t := explicitTLS()
	t.Explicit, t.Private, t.Clear, t.SessionReuse, t.ReuseNote, t.Version, t.CipherSuite = doctor.TLSFailed, doctor.Skipped, doctor.Skipped, doctor.ReuseUnknown, "", "", ""
	t.Error = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
	t.Certificate.Verifies, t.Certificate.Problem, t.Certificate.Issuer = false, "x509: certificate signed by unknown authority", "CN=ftp.example.com"
	return &doctor.Report{
		Host: "ftp.example.com:21", Local: "192.168.1.20:41512", Remote: "192.168.1.5:21", Greeting: "FTP server ready", NAT: doctor.Absent, TLS: t,
		Advice: []doctor.Advice{{
			Text:    "The certificate was issued by an authority that is not trusted here (CN=ftp.example.com). Get its certificate from the server's administrator; or ask whether the server's public key is the one named below, and trust that alone.",
			Flags:   "--ca-file FILE, or --pin sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
			Options: `ftp.Options{TLS: ftp.TLSExplicit, TLSConfig: config} with config, err := ftp.PinnedTLS("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")`,
		}},
		Duration: 90 * time.Millisecond,
	}
}

const (
	longClient = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:f001]"
	longServer = "[2001:db8:1234:5678:9abc:def0:1234:5678]"
)

func reportLongAddresses() *doctor.Report {
	return &doctor.Report{
		Host: "a-very-long-name-of-a-file-server.department.of.a.large.organisation.example.com:2121", Local: longClient + ":41512", Remote: longServer + ":21021",
		Greeting: "220-" + longServer + " ready", SeenAs: "2001:db8:ffff:ffff:ffff:ffff:ffff:f001", SeenBy: "STAT", NAT: doctor.Present, Works: true, PassivePorts: "50000-50010", TLS: explicitTLS(),
		Rewrites: []doctor.Rewrite{{What: "EPRT", Said: longClient + ":50001", Arrived: "[2001:db8:ffff:ffff:ffff:ffff:ffff:f001]:50001", Evidence: "STAT names another address"}},
		Rows: []doctor.Row{
			row("IPv6", "explicit", ftp.EPSV, "", doctor.Works, ":50001", longServer+":50001"),
			row("IPv6", "explicit", ftp.PASV, "auto", doctor.Refused, "", ""),
			row("IPv6", "explicit", ftp.PASV, "control", doctor.Refused, "", ""),
			row("IPv6", "explicit", ftp.PASV, "server", doctor.Refused, "", ""),
			row("IPv6", "explicit", ftp.PORT, "", doctor.NotApplicable, "", ""),
			row("IPv6", "explicit", ftp.EPRT, "", doctor.Failed, longClient+":50001", "[::]:50001"),
		},
		Advice:   []doctor.Advice{{Text: "Nothing to change: passive mode works.", Options: "ftp.Options{TLS: ftp.TLSExplicit}"}},
		Duration: 1412 * time.Millisecond,
	}
}

func reportManyRows() *doctor.Report {
	r := reportNAT()
	r.TLS = explicitTLS()
	r.Rewrites = nil
	r.Rows = nil
	for _, security := range []string{"none", "explicit"} {
		r.Rows = append(r.Rows,
			row("IPv4", security, ftp.EPSV, "", doctor.Works, ":50001", "203.0.113.5:50001"),
			row("IPv4", security, ftp.PASV, "auto", doctor.Works, "10.0.0.5:50004", "203.0.113.5:50004"),
			row("IPv4", security, ftp.PASV, "control", doctor.Works, "10.0.0.5:50007", "203.0.113.5:50007"),
			row("IPv4", security, ftp.PASV, "server", doctor.TimedOut, "10.0.0.5:50010", "10.0.0.5:50010"),
			row("IPv4", security, ftp.PORT, "", doctor.TimedOut, "192.168.1.20:36001", "192.168.1.20:36001"),
			row("IPv4", security, ftp.EPRT, "", doctor.TLSFailed, "198.51.100.7:36002", "192.168.1.20:36002"),
			row("IPv6", security, ftp.EPSV, "", doctor.Failed, ":50001", "[2001:db8::5]:50001"),
			row("IPv6", security, ftp.PASV, "auto", doctor.Refused, "", ""),
			row("IPv6", security, ftp.PASV, "control", doctor.Refused, "", ""),
			row("IPv6", security, ftp.PASV, "server", doctor.Refused, "", ""),
			row("IPv6", security, ftp.PORT, "", doctor.NotApplicable, "", ""),
			row("IPv6", security, ftp.EPRT, "", doctor.TimedOut, longClient+":50001", "[::]:50001"),
		)
	}
	return r
}

// reportProxy is of a proxy that lets the control connection through and no other.
func reportProxy() *doctor.Report {
	return &doctor.Report{
		Host: "files.department.example.com:21", Local: "192.168.7.20:41512", Proxied: true, Via: "192.168.7.1:3128",
		Greeting: "FTP server ready", NAT: doctor.Unknown, PassivePorts: "50001-50007", TLS: noTLS(),
		Rows: []doctor.Row{
			row("", "none", ftp.EPSV, "", doctor.Failed, ":50001", "files.department.example.com:50001"),
			row("", "none", ftp.PASV, "auto", doctor.TimedOut, "192.0.2.10:50004", "files.department.example.com:50004"),
			row("", "none", ftp.PASV, "server", doctor.Works, "192.0.2.10:50007", "192.0.2.10:50007"),
			row("", "none", ftp.PORT, "", doctor.NotApplicable, "", ""),
			row("", "none", ftp.EPRT, "", doctor.NotApplicable, "", ""),
		},
		Works: true,
		Advice: []doctor.Advice{{
			Text:  "Passive mode works only with the address that the server names: believe it.",
			Flags: "--data-command pasv --passive-address server", Options: "ftp.Options{Passive: ftp.Passive{Methods: []ftp.Method{ftp.PASV}, Address: ftp.AddressServer}}",
		}},
		Duration: 5 * time.Second,
	}
}
