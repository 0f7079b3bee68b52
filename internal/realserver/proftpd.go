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
	err = writeFiles(p.state, map[string]string{
		"proftpd.conf": proftpdConf(p, filepath.Join(folder, "usr/lib/proftpd")),
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

func proftpdConf(p plan, modules string) string {
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
	for _, extra := range p.Extra {
		line("%s", extra)
	}
	return b.String()
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
