package realserver

import (
	"fmt"
	"path/filepath"
	"strings"
)

// prepareProftpd configures a ProFTPD with one virtual user from a file.
func prepareProftpd(p plan) (launch, error) {
	folder := filepath.Join(p.servers, "proftpd")
	libraries, err := libraryPath(filepath.Join(p.servers, "lib"))
	if err != nil {
		return launch{}, err
	}
	settings, err := proftpdTLS(p)
	if err != nil {
		return launch{}, err
	}
	err = writeFiles(p.state, map[string]string{
		"proftpd.conf": proftpdConf(p, filepath.Join(folder, "usr/lib/proftpd"), settings),
		"passwd":       passwdLine(loginHash, p.root),
	})
	if err != nil {
		return launch{}, err
	}
	return launch{
		path: filepath.Join(folder, "usr/sbin/proftpd"),
		args: []string{"--nodaemon", "--config", filepath.Join(p.state, "proftpd.conf")},
		env:  []string{"LD_LIBRARY_PATH=" + libraries},
	}, nil
}

func proftpdConf(p plan, modules, tlsSettings string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	b.WriteString(proftpdFixed)
	line("ModulePath %s", modules)
	line("DefaultAddress %s", p.ip)
	line("Port %d", p.port)
	line("UseIPv6 %s", onOff(p.IPv6))
	line("AuthUserFile %s", filepath.Join(p.state, "passwd"))
	line("ScoreboardFile %s", filepath.Join(p.state, "scoreboard"))
	line("PidFile %s", filepath.Join(p.state, "pid"))
	line("SystemLog %s", filepath.Join(p.state, "log"))
	if p.MaxPerIP > 0 {
		line("MaxClientsPerHost %d", p.MaxPerIP)
	}
	if ports := p.PassivePorts; ports != (PortRange{}) {
		line("PassivePorts %d %d", ports.Low, ports.High)
	}
	if p.PassiveAddress.IsValid() {
		line("MasqueradeAddress %s", p.PassiveAddress)
	}
	if p.UploadRate > 0 {
		line("TransferRate STOR,STOU,APPE %d", kibibytes(p.UploadRate))
	}
	if p.DownloadRate > 0 {
		line("TransferRate RETR %d", kibibytes(p.DownloadRate))
	}
	b.WriteString(tlsSettings)
	for _, extra := range p.Extra {
		line("%s", extra)
	}
	return b.String()
}

// proftpdTLS is the part of the configuration about TLS.
func proftpdTLS(p plan) (string, error) {
	if p.TLS == nil {
		return "", nil
	}
	rsa, err := isRSA(p.TLS.Certificate.PEM)
	if err != nil {
		return "", err
	}
	kind := "EC"
	if rsa {
		kind = "RSA"
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("LoadModule mod_tls.c")
	line("TLSEngine on")
	line("TLSLog %s", filepath.Join(p.state, "log"))
	line("TLS%sCertificateFile %s", kind, p.certificateFile())
	line("TLS%sCertificateKeyFile %s", kind, p.certificateFile())
	line("TLSRequired %s", onOff(!p.TLS.AllowPlain))
	if !p.TLS.RequireReuse {
		line("TLSOptions NoSessionReuseRequired")
	}
	if p.TLS.Implicit {
		line("TLSOptions UseImplicitSSL")
	}
	return b.String(), nil
}

// kibibytes converts a rate, and never to zero, which would be no limit.
func kibibytes(rate int) int {
	return (rate + 1023) / 1024
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// proftpdFixed is the part of the configuration that is always the same: no system
// users, no look-ups over the network, resuming and overwriting permitted.
const proftpdFixed = `ServerName "proftpd"
ServerType standalone
DefaultServer on
SocketBindTight on
User nobody
Group nogroup
Umask 022 022
DefaultRoot ~
AuthOrder mod_auth_file.c
RequireValidShell off
UseFtpUsers off
UseReverseDNS off
WtmpLog off
TransferLog none
AllowOverwrite on
AllowRetrieveRestart on
AllowStoreRestart on
<IfModule mod_ctrls.c>
  ControlsEngine off
</IfModule>
<IfModule mod_delay.c>
  DelayEngine off
</IfModule>
<IfModule mod_ident.c>
  IdentLookups off
</IfModule>
`
