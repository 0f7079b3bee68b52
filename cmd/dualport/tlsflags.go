package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dualport/ftp"
)

// tlsFlags are those about encryption.
type tlsFlags struct {
	mode, prot             string
	caFile, cert, key      string
	pins                   []string
	minVersion, maxVersion string
	insecure, ccc          bool
	handshake              seconds
}

// needTLS are the flags that mean nothing in clear. Whoever sets one of them
// counts on TLS and must not be left without.
func needTLS() []string {
	return []string{"ca-file", "pin", "insecure-skip-verify", "cert", "key", "tls-min", "tls-max", "prot", "ccc"}
}

func (f *tlsFlags) register(set *pflag.FlagSet) {
	set.StringVar(&f.mode, "tls", "", "encryption of an ftp:// URL: `none`, explicit (as ftpes://), implicit (as ftps://) or opportunistic (unsafe: goes on in clear where the server refuses)")
	set.StringVar(&f.caFile, "ca-file", "", "trust the certificates in `FILE` (PEM) in place of the system's")
	set.StringArrayVar(&f.pins, "pin", nil, "trust the server by the `SHA256` of its public key, in base64, and by nothing else; may be repeated")
	set.BoolVar(&f.insecure, "insecure-skip-verify", false, "believe any certificate: anybody on the way can then read and change everything")
	set.StringVar(&f.cert, "cert", "", "client certificate: `FILE` in PEM")
	set.StringVar(&f.key, "key", "", "its private key: `FILE` in PEM; by default it is in the file of --cert")
	set.StringVar(&f.minVersion, "tls-min", "", "oldest TLS `VERSION` to accept, 1.0 to 1.3 (default 1.2)")
	set.StringVar(&f.maxVersion, "tls-max", "", "newest TLS `VERSION` to offer, 1.0 to 1.3 (default 1.3)")
	set.StringVar(&f.prot, "prot", "P", "data connections: `P` encrypted, or C in clear")
	set.BoolVar(&f.ccc, "ccc", false, "go on in clear on the control connection after the login (CCC), for a NAT that must read it")
	set.Var(&f.handshake, "tls-timeout", "`SECONDS` to wait for the end of a TLS handshake")
}

// modeFor settles how a session is encrypted: as the scheme says, or as --tls
// says where the scheme is ftp:// or left out.
func (f *tlsFlags) modeFor(scheme ftp.TLSMode) (ftp.TLSMode, error) {
	var mode ftp.TLSMode
	switch strings.ToLower(f.mode) {
	case "":
		return scheme, nil
	case "none":
		mode = ftp.TLSNone
	case "explicit":
		mode = ftp.TLSExplicit
	case "implicit":
		mode = ftp.TLSImplicit
	case "opportunistic":
		mode = ftp.TLSOpportunisticUnsafe
	default:
		return scheme, fmt.Errorf("--tls %q is none of none, explicit, implicit and opportunistic", f.mode)
	}
	if scheme != ftp.TLSNone && mode != scheme {
		return scheme, fmt.Errorf("%s:// means --tls %s, which contradicts --tls %s; leave one of them out", schemeOf(scheme), scheme, mode)
	}
	return mode, nil
}

// set fills in what the library needs to know about encryption.
func (f *tlsFlags) set(o *ftp.Options, mode ftp.TLSMode, given func(string) bool) error {
	switch strings.ToUpper(f.prot) {
	case "P":
	case "C":
		o.DataProtection = ftp.DataClear
	default:
		return fmt.Errorf("--prot %q is neither P nor C", f.prot)
	}
	o.TLS, o.ClearControlUnsafe = mode, f.ccc
	config, err := f.config()
	if err != nil {
		return err
	}
	if mode != ftp.TLSNone {
		o.TLSConfig = config
		return nil
	}
	for _, name := range needTLS() {
		if given(name) {
			return fmt.Errorf("--%s has no meaning without TLS; write ftpes:// or --tls explicit, or ftps:// for implicit TLS", name)
		}
	}
	return nil
}

func (f *tlsFlags) config() (*tls.Config, error) {
	c, err := f.trust()
	if err != nil {
		return nil, err
	}
	if c.MinVersion, err = parseVersion("--tls-min", f.minVersion); err != nil {
		return nil, err
	}
	if c.MaxVersion, err = parseVersion("--tls-max", f.maxVersion); err != nil {
		return nil, err
	}
	switch {
	case c.MinVersion > c.MaxVersion && c.MaxVersion != 0:
		return nil, fmt.Errorf("--tls-min %s is newer than --tls-max %s", f.minVersion, f.maxVersion)
	case c.MinVersion == 0 && c.MaxVersion != 0 && c.MaxVersion < tls.VersionTLS12:
		return nil, fmt.Errorf("--tls-max %s is older than what is accepted by default; add --tls-min %s if it must be", f.maxVersion, f.maxVersion)
	}
	return c, f.addClientCertificate(c)
}

// trust says which server is believed: exactly one way can be chosen.
func (f *tlsFlags) trust() (*tls.Config, error) {
	ways := 0
	for _, chosen := range []bool{f.caFile != "", len(f.pins) > 0, f.insecure} {
		if chosen {
			ways++
		}
	}
	switch {
	case ways > 1:
		return nil, errors.New("--ca-file, --pin and --insecure-skip-verify exclude each other")
	case f.insecure:
		return &tls.Config{InsecureSkipVerify: true}, nil //nolint:gosec // asked for by a name that says so
	case len(f.pins) > 0:
		c, err := ftp.PinnedTLS(f.pins...)
		if err != nil {
			return nil, fmt.Errorf("--pin: %w", err)
		}
		return c, nil
	case f.caFile == "":
		return new(tls.Config), nil
	}
	text, err := os.ReadFile(f.caFile)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca-file: %s holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----", f.caFile)
	}
	return &tls.Config{RootCAs: pool}, nil
}

func (f *tlsFlags) addClientCertificate(c *tls.Config) error {
	if f.cert == "" {
		if f.key != "" {
			return errors.New("--key needs --cert")
		}
		return nil
	}
	certificate, err := os.ReadFile(f.cert)
	if err != nil {
		return fmt.Errorf("--cert: %w", err)
	}
	flag, name, key := "--cert", f.cert, certificate
	if f.key != "" {
		flag, name = "--key", f.key
		if key, err = os.ReadFile(f.key); err != nil {
			return fmt.Errorf("--key: %w", err)
		}
	}
	if !hasPEM(certificate, "CERTIFICATE") {
		return fmt.Errorf("--cert: %s holds no certificate in PEM", f.cert)
	}
	if !hasPEM(key, "PRIVATE KEY") {
		return fmt.Errorf("%s: %s holds no private key in PEM", flag, name)
	}
	if hasPEM(key, "ENCRYPTED PRIVATE KEY") || strings.Contains(string(key), "Proc-Type: 4,ENCRYPTED") {
		return fmt.Errorf("%s: the private key in %s is encrypted; give one without a passphrase", flag, name)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("--cert %s and the key in %s: %w", f.cert, name, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

// hasPEM tells whether there is a block whose type ends in kind: keys are
// "PRIVATE KEY", "RSA PRIVATE KEY" and so on.
func hasPEM(text []byte, kind string) bool {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, kind) {
			return true
		}
		text = rest
	}
}

func parseVersion(flag, s string) (uint16, error) {
	switch strings.TrimPrefix(strings.ToLower(s), "tlsv") {
	case "":
		return 0, nil
	case "1.0":
		return tls.VersionTLS10, nil
	case "1.1":
		return tls.VersionTLS11, nil
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("%s %q is none of 1.0, 1.1, 1.2 and 1.3", flag, s)
}
