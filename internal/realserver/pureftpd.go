package realserver

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

// preparePureFTPd configures a Pure-FTPd with one virtual user from a PureDB file. It has
// no log but syslog, so its Log stays nearly empty.
func preparePureFTPd(p plan) (launch, error) {
	folder := filepath.Join(p.servers, "pure-ftpd")
	libraries, err := libraryPath(filepath.Join(p.servers, "lib"))
	if err != nil {
		return launch{}, err
	}
	env := []string{"LD_LIBRARY_PATH=" + libraries}
	if err := writePureDB(p, filepath.Join(folder, "usr/bin/pure-pw"), env); err != nil {
		return launch{}, err
	}
	return launch{
		path: filepath.Join(folder, "usr/sbin/pure-ftpd"),
		args: append(pureArguments(p), p.Extra...),
		env:  env,
	}, nil
}

// pureArguments is the whole configuration; there is no file.
func pureArguments(p plan) []string {
	args := []string{
		"--bind", fmt.Sprintf("%s,%d", p.ip, p.port),
		"--login", "puredb:" + filepath.Join(p.state, "users.pdb"),
		"--pidfile", filepath.Join(p.state, "pid"),
		"--noanonymous",
		"--chrooteveryone",
		"--dontresolve",
		"--minuid", "1",
		"--umask", "022:022",
		"--syslogfacility", "none",
		"--maxclientsnumber", "1000",
	}
	if p.IPv6 {
		args = append(args, "--ipv6only")
	} else {
		args = append(args, "--ipv4only")
	}
	if p.MaxPerIP > 0 {
		args = append(args, "--maxclientsperip", strconv.Itoa(p.MaxPerIP))
	}
	if ports := p.PassivePorts; ports != (PortRange{}) {
		args = append(args, "--passiveportrange", fmt.Sprintf("%d:%d", ports.Low, ports.High))
	}
	if p.PassiveAddress.IsValid() {
		args = append(args, "--forcepassiveip", p.PassiveAddress.String())
	}
	if p.UploadRate > 0 || p.DownloadRate > 0 {
		args = append(args, "--userbandwidth", pureRates(p.UploadRate, p.DownloadRate))
	}
	if p.TLS != nil {
		args = append(args, "--certfile", p.certificateFile(), "--tls", pureTLS(p.TLS))
	}
	return args
}

// pureTLS is Pure-FTPd's number for what TLS is required for.
func pureTLS(t *TLS) string {
	if t.AllowPlain {
		return "1"
	}
	return "3" // 2 would be logins without data
}

// pureRates writes the limits in KiB per second; a side left empty has none.
func pureRates(upload, download int) string {
	side := func(rate int) string {
		if rate == 0 {
			return ""
		}
		return strconv.Itoa(kibibytes(rate))
	}
	return side(upload) + ":" + side(download)
}

// writePureDB writes the user to a file in the form of passwd(5), with Pure-FTPd's own
// twelve more fields, all of them empty for "no limit", and has it indexed.
func writePureDB(p plan, purePW string, env []string) error {
	text := fmt.Sprintf("%s:%s:%d:%d::%s/./::::::::::::\n", loginUser, loginHash, loginID, loginID, p.root)
	if err := writeFiles(p.state, map[string]string{"users": text}); err != nil {
		return err
	}
	cmd := exec.Command(purePW, "mkdb", filepath.Join(p.state, "users.pdb"), "-f", filepath.Join(p.state, "users"))
	cmd.Env = env
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pure-pw mkdb: %w: %s", err, output)
	}
	return nil
}
