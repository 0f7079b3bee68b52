package realserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// TLS says how a daemon speaks TLS. The zero value is explicit TLS (AUTH TLS), required
// for logins and data, with a self-signed certificate, in the versions that the daemon
// and its OpenSSL choose: 1.2 and 1.3.
//
// What the daemons of Debian 12 do, with OpenSSL 3.0, as the tests of this package see it:
//
//	                             vsftpd    proftpd   pure-ftpd  pyftpdlib
//	Implicit                     yes       yes       no         yes
//	RequireReuse                 yes       yes       no         no
//	  answer to a new session    522, EOF  425       -          -
//	Strict                       yes       no        no         no
//	  upload ends without        226       226       226        no reply at
//	  close_notify, not Strict                                  all
//	versions before TLS 1.2      yes       yes       no         yes
//	TLS 1.2 sessions, control    1         1         1          1
//	  data, resumed              0         0         0          0
//	TLS 1.3 tickets, control     2         2         0          2
//	  upload, resumed            1         0         none is    1
//	  download, resumed          1         1         resumed    1
//	  one ticket works           again     again     -          again
//	close_notify ends downloads  yes       yes       yes        yes
//	226 of a download waits for  yes       yes       no         no
//	  the client's close
//
// Any of them resumes a session of another control connection on a new one.
type TLS struct {
	// Implicit has the TLS handshake before the greeting, without AUTH. pure-ftpd is
	// built without it.
	Implicit bool
	// MinVersion and MaxVersion are constants of crypto/tls. Zero: the default.
	// pure-ftpd refuses versions before 1.2 whatever it is told.
	MinVersion, MaxVersion uint16
	// Certificate is shown on both connections; only its PEM is needed. The zero value:
	// one as SelfSigned makes it, and for the address of the daemon's Place, if it has one.
	Certificate Certificate
	// RequireReuse has the daemon refuse data connections that do not resume a TLS
	// session of theirs, which vsftpd and proftpd do unless told otherwise, and the others cannot.
	RequireReuse bool
	// Strict has vsftpd fail uploads that end without close_notify; the others cannot.
	Strict bool
	// AllowPlain permits logins and data without TLS.
	AllowPlain bool
}

// Validate returns an error that names what cfg asks of the daemon and the daemon cannot
// do, for tests that ask the same of all daemons. Start fails with it.
func (cfg Config) Validate() error {
	if daemon(cfg.Name) == nil {
		return fmt.Errorf("unknown server; want one of %s", strings.Join(Names(), ", "))
	}
	if cfg.UploadRate < 0 || cfg.DownloadRate < 0 {
		return errors.New("negative rate; want bytes per second")
	}
	if up, down := cfg.UploadRate, cfg.DownloadRate; cfg.Name == "vsftpd" && up > 0 && down > 0 && up != down {
		return errors.New("vsftpd has one rate for uploads and downloads; set one, or both the same")
	}
	if cfg.Place != nil {
		if err := cfg.Place.validate(); err != nil {
			return err
		}
	}
	switch t := cfg.TLS; {
	case t == nil:
		return nil
	case t.Implicit && cfg.Name == "pure-ftpd":
		return errors.New("pure-ftpd is built without implicit TLS; use explicit TLS")
	case t.MinVersion != 0 && t.MaxVersion != 0 && t.MinVersion > t.MaxVersion:
		return errors.New("no TLS version left between MinVersion and MaxVersion")
	case t.MaxVersion != 0 && t.MaxVersion < tls.VersionTLS12 && cfg.Name == "pure-ftpd":
		return errors.New("pure-ftpd refuses TLS before version 1.2")
	case t.RequireReuse && cfg.Name != "vsftpd" && cfg.Name != "proftpd":
		return fmt.Errorf("%s cannot require the reuse of TLS sessions; use vsftpd or proftpd", cfg.Name)
	case t.Strict && cfg.Name != "vsftpd":
		return fmt.Errorf("%s has no strict end of uploads; use vsftpd", cfg.Name)
	}
	return nil
}

// withCertificate returns a copy of t that has a certificate, one for names unless it
// has its own.
func (t TLS) withCertificate(names []string) (*TLS, error) {
	if len(t.Certificate.PEM) > 0 {
		return &t, nil
	}
	var err error
	t.Certificate, err = newSelfSigned(names...)
	return &t, err
}

// certificateFile is where a plan's certificate and key are, in one file.
func (p plan) certificateFile() string {
	return filepath.Join(p.state, "certificate.pem")
}

// writeTLS writes the certificate and the settings of OpenSSL, if there is to be TLS, and
// returns what to add to the daemon's environment. Only proftpd has a setting of its own
// for versions; OpenSSL's works for all.
func (p plan) writeTLS() ([]string, error) {
	if p.TLS == nil {
		return nil, nil
	}
	conf, err := opensslConf(p.TLS.MinVersion, p.TLS.MaxVersion)
	if err != nil {
		return nil, err
	}
	err = writeFiles(p.state, map[string]string{
		filepath.Base(p.certificateFile()): string(p.TLS.Certificate.PEM),
		"openssl.cnf":                      conf,
	})
	return []string{"OPENSSL_CONF=" + filepath.Join(p.state, "openssl.cnf")}, err
}

// opensslConf limits the versions of TLS, in the form of config(5SSL).
func opensslConf(minVersion, maxVersion uint16) (string, error) {
	var b strings.Builder
	b.WriteString("openssl_conf = modules\n[modules]\nssl_conf = contexts\n[contexts]\nsystem_default = versions\n[versions]\n")
	for _, limit := range []struct {
		name    string
		version uint16
	}{{"MinProtocol", minVersion}, {"MaxProtocol", maxVersion}} {
		if limit.version == 0 {
			continue
		}
		name, err := opensslVersion(limit.version)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s = %s\n", limit.name, name)
	}
	if minVersion != 0 && minVersion < tls.VersionTLS12 {
		// Versions before 1.2 sign with SHA-1, which the default level forbids.
		b.WriteString("CipherString = DEFAULT@SECLEVEL=0\n")
	}
	return b.String(), nil
}

func opensslVersion(version uint16) (string, error) {
	switch version {
	case tls.VersionTLS10:
		return "TLSv1", nil
	case tls.VersionTLS11:
		return "TLSv1.1", nil
	case tls.VersionTLS12:
		return "TLSv1.2", nil
	case tls.VersionTLS13:
		return "TLSv1.3", nil
	}
	return "", fmt.Errorf("unknown TLS version %#04x; use a constant of crypto/tls", version)
}
