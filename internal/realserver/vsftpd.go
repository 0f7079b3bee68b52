package realserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// prepareVsftpd configures a vsftpd with a true local user. vsftpd asks PAM and the
// system's user database, neither of which can be configured by file name; pam_wrapper
// and nss_wrapper, preloaded, give it a private copy of both.
func prepareVsftpd(p plan) (launch, error) {
	folder := filepath.Join(p.servers, "vsftpd")
	matrix, err := findOne(folder, "pam_matrix.so")
	if err != nil {
		return launch{}, err
	}
	libraries, err := libraryPath(filepath.Join(p.servers, "lib"), folder)
	if err != nil {
		return launch{}, err
	}
	pam := pamService(matrix, filepath.Join(p.state, "passdb"))
	err = writeFiles(p.state, map[string]string{
		"vsftpd.conf": vsftpdConf(p),
		"pam/vsftpd":  pam,
		"pam/other":   pam, // without it, pam_wrapper complains into the session
		"passdb":      fmt.Sprintf("%s:%s:vsftpd\n", loginUser, loginPassword),
		"passwd":      "root:x:0:0::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n" + passwdLine("x", p.root),
		"group":       "nogroup:x:65534:\n",
	})
	if err != nil {
		return launch{}, err
	}
	if err := os.MkdirAll(filepath.Join(p.state, "empty"), 0o755); err != nil {
		return launch{}, err
	}
	return launch{
		path: filepath.Join(folder, "usr/sbin/vsftpd"),
		args: []string{filepath.Join(p.state, "vsftpd.conf")},
		env: []string{
			"LD_LIBRARY_PATH=" + libraries,
			"LD_PRELOAD=libnss_wrapper.so:libpam_wrapper.so",
			"NSS_WRAPPER_PASSWD=" + filepath.Join(p.state, "passwd"),
			"NSS_WRAPPER_GROUP=" + filepath.Join(p.state, "group"),
			"PAM_WRAPPER=1",
			"PAM_WRAPPER_SERVICE_DIR=" + filepath.Join(p.state, "pam"),
		},
		cleanup:          func() { removePAMCopies(p.state) },
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
		set("listen_address6", p.ip)
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
	if ports := p.PassivePorts; ports != (PortRange{}) {
		set("pasv_min_port", ports.Low)
		set("pasv_max_port", ports.High)
	}
	if p.PassiveAddress.IsValid() {
		set("pasv_address", p.PassiveAddress)
	}
	for _, line := range p.Extra {
		b.WriteString(line + "\n")
	}
	return b.String()
}

func pamService(module, passdb string) string {
	var b strings.Builder
	for _, kind := range []string{"auth", "account", "session"} {
		fmt.Fprintf(&b, "%s required %s passdb=%s\n", kind, module, passdb)
	}
	return b.String()
}

// removePAMCopies removes the copies of the PAM configuration that pam_wrapper makes in
// /tmp/pam.X for each login and leaves there because vsftpd exits without clean-up.
// Only copies that speak of this daemon's own files are removed.
func removePAMCopies(state string) {
	copies, err := filepath.Glob("/tmp/pam.?/vsftpd")
	if err != nil {
		return
	}
	for _, name := range copies {
		if text, err := os.ReadFile(name); err == nil && strings.Contains(string(text), state+"/") {
			_ = os.RemoveAll(filepath.Dir(name))
		}
	}
}
