package realserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// writeUsers gives vsftpd its user and returns what it takes in the environment. vsftpd
// asks PAM and the system's user database, neither of which can be configured by file
// name; pam_wrapper and nss_wrapper, preloaded, give it a private copy of both.
func writeUsers(p plan, folder string) ([]string, error) {
	matrix, err := findOne(folder, "pam_matrix.so")
	if err != nil {
		return nil, err
	}
	wrapper, err := privateWrapper(folder)
	if err != nil {
		return nil, err
	}
	pam := pamService(matrix, filepath.Join(p.state, "passdb"))
	err = writeFiles(p.state, map[string]string{
		"pam/vsftpd":        pam,
		"pam/other":         pam, // without it, pam_wrapper complains into the session
		"passdb":            fmt.Sprintf("%s:%s:vsftpd\n", loginUser, loginPassword),
		"passwd":            "root:x:0:0::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n" + passwdLine("x", p.root),
		"group":             "nogroup:x:65534:\n",
		"libpam_wrapper.so": wrapper,
	})
	if err != nil {
		return nil, err
	}
	return []string{
		"LD_PRELOAD=libnss_wrapper.so:./libpam_wrapper.so",
		"NSS_WRAPPER_PASSWD=" + filepath.Join(p.state, "passwd"),
		"NSS_WRAPPER_GROUP=" + filepath.Join(p.state, "group"),
		"PAM_WRAPPER=1",
		"PAM_WRAPPER_SERVICE_DIR=" + filepath.Join(p.state, "pam"),
	}, os.MkdirAll(filepath.Join(p.state, filepath.Dir(wrapperTemp)), 0o755)
}

func pamService(module, passdb string) string {
	var b strings.Builder
	for _, kind := range []string{"auth", "account", "session"} {
		fmt.Fprintf(&b, "%s required %s passdb=%s\n", kind, module, passdb)
	}
	return b.String()
}

// wrapperTemp replaces the start of /tmp/pam.X, where pam_wrapper copies the configuration
// to at each login; it is as long, and of the same last letter, which compilers keep apart.
const wrapperTemp = "./pams/m"

// privateWrapper returns pam_wrapper's library, changed to keep its copies under the
// daemon's working directory. X is one of some sixty letters, and two logins at the same
// moment, of any two daemons on the machine, would take the same: one of them would then
// read the other's configuration, and fail.
func privateWrapper(folder string) (string, error) {
	name, err := findOne(folder, "libpam_wrapper.so")
	if err != nil {
		return "", err
	}
	library, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	const shared = "/tmp/pam"
	if n := strings.Count(string(library), shared); n != 1 {
		return "", fmt.Errorf("%s names %s %d times, not once", name, shared, n)
	}
	return strings.Replace(string(library), shared, wrapperTemp, 1), nil
}
