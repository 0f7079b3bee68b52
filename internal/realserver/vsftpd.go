package realserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// prepareVsftpd configures a vsftpd with a true local user.
func prepareVsftpd(p plan) (launch, error) {
	folder := filepath.Join(p.servers, "vsftpd")
	libraries, err := libraryPath(filepath.Join(p.servers, "lib"), folder)
	if err != nil {
		return launch{}, err
	}
	users, err := writeUsers(p, folder)
	if err != nil {
		return launch{}, err
	}
	if err := writeFiles(p.state, map[string]string{"vsftpd.conf": vsftpdConf(p)}); err != nil {
		return launch{}, err
	}
	if err := os.MkdirAll(filepath.Join(p.state, "empty"), 0o755); err != nil {
		return launch{}, err
	}
	return launch{
		path:             filepath.Join(folder, "usr/sbin/vsftpd"),
		args:             []string{filepath.Join(p.state, "vsftpd.conf")},
		env:              append(users, "LD_LIBRARY_PATH="+libraries),
		complainsOnStdin: true,
	}, nil
}

// vsftpdConf differs from a stock vsftpd that serves local users only in what makes it
// run beside others and in not sleeping after a failed login.
func vsftpdConf(p plan) string {
	var b strings.Builder
	set := func(name string, value any) { fmt.Fprintf(&b, "%s=%v\n", name, value) }
	if p.IPv6 {
		set("listen", "NO")
		set("listen_ipv6", "YES")
		if !p.ip.IsUnspecified() { // its default, which it cannot bind when it is told
			set("listen_address6", p.ip)
		}
	} else {
		set("listen", "YES")
		set("listen_address", p.ip)
	}
	set("listen_port", p.port)
	set("background", "NO")
	set("anonymous_enable", "NO")
	set("local_enable", "YES")
	set("write_enable", "YES")
	set("local_umask", "022")
	set("local_root", p.root)
	set("chroot_local_user", "YES")
	set("allow_writeable_chroot", "YES")
	set("check_shell", "NO")
	set("secure_chroot_dir", filepath.Join(p.state, "empty"))
	set("pam_service_name", "vsftpd")
	set("seccomp_sandbox", "NO")
	set("connect_from_port_20", "NO")
	set("delay_failed_login", 0)
	set("vsftpd_log_file", filepath.Join(p.state, "log"))
	set("xferlog_enable", "YES")
	set("max_clients", 0)
	set("max_per_ip", p.MaxPerIP)
	b.WriteString(vsftpdPassive(p))
	if rate := max(p.UploadRate, p.DownloadRate); rate > 0 {
		set("local_max_rate", rate)
	}
	b.WriteString(vsftpdTLS(p))
	for _, line := range p.Extra {
		b.WriteString(line + "\n")
	}
	return b.String()
}

func vsftpdPassive(p plan) string {
	var b strings.Builder
	if ports := p.PassivePorts; ports != (PortRange{}) {
		fmt.Fprintf(&b, "pasv_min_port=%d\npasv_max_port=%d\n", ports.Low, ports.High)
	}
	if p.PassiveAddress.IsValid() {
		fmt.Fprintf(&b, "pasv_address=%s\n", p.PassiveAddress)
	}
	return b.String()
}

// vsftpdTLS is the part of the configuration about TLS. The version of TLS is left to
// OpenSSL's own configuration: ssl_tlsv1 is the newest that vsftpd has a setting for.
func vsftpdTLS(p plan) string {
	if p.TLS == nil {
		return ""
	}
	var b strings.Builder
	set := func(name string, value any) { fmt.Fprintf(&b, "%s=%v\n", name, value) }
	set("ssl_enable", "YES")
	set("implicit_ssl", yesNo(p.TLS.Implicit))
	set("rsa_cert_file", p.certificateFile()) // keys of other kinds work as well
	set("rsa_private_key_file", p.certificateFile())
	set("ssl_ciphers", "HIGH") // the default has one cipher, for RSA only
	set("ssl_request_cert", "NO")
	set("force_local_logins_ssl", yesNo(!p.TLS.AllowPlain))
	set("force_local_data_ssl", yesNo(!p.TLS.AllowPlain))
	set("require_ssl_reuse", yesNo(p.TLS.RequireReuse))
	set("strict_ssl_read_eof", yesNo(p.TLS.Strict))
	set("strict_ssl_write_shutdown", "NO")
	set("debug_ssl", "YES") // says in the log what each handshake came to
	return b.String()
}

func yesNo(yes bool) string {
	if yes {
		return "YES"
	}
	return "NO"
}
