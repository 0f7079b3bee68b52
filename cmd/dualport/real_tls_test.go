//go:build realserver

package main

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/internal/realserver"
)

// strictest is the configuration of a daemon that demands the most of clients.
func strictest(name string, implicit bool) realserver.Config {
	for _, settings := range []realserver.TLS{{RequireReuse: true, Strict: true}, {RequireReuse: true}, {}} {
		settings.Implicit = implicit
		cfg := realserver.Config{Name: name, TLS: &settings}
		if cfg.Validate() == nil {
			return cfg
		}
	}
	return realserver.Config{}
}

// secureShell is a shell beside a daemon with TLS, with its URL and the file of
// the certificate to trust.
func secureShell(t *testing.T, srv *realserver.Server, certificate realserver.Certificate, scheme string) (s *shell, url, ca string) {
	t.Helper()
	s, url = realShell(t, srv)
	block, _ := pem.Decode(certificate.PEM)
	require.NotNil(t, block)
	return s, scheme + url[len("ftp"):], write(t, "ca.pem", string(pem.EncodeToMemory(block)))
}

func forEachSecureServer(t *testing.T, test func(t *testing.T, srv *realserver.Server, certificate realserver.Certificate, scheme string)) {
	for _, name := range realserver.Names() {
		for _, implicit := range []bool{false, true} {
			cfg, scheme := strictest(name, implicit), "ftpes"
			if cfg.Name == "" {
				continue // pure-ftpd has no implicit TLS
			}
			if implicit {
				scheme = "ftps"
			}
			t.Run(name+"/"+scheme, func(t *testing.T) {
				cfg.TLS.Certificate = realserver.SelfSigned(t)
				test(t, realserver.Start(t, cfg), cfg.TLS.Certificate, scheme)
			})
		}
	}
}

func TestRealTransfersOverTLS(t *testing.T) {
	big := make([]byte, 5<<20)
	_, err := rand.Read(big)
	require.NoError(t, err)
	forEachSecureServer(t, func(t *testing.T, srv *realserver.Server, certificate realserver.Certificate, scheme string) {
		for _, version := range []struct{ flag, value, name string }{{"--tls-max", "1.2", "TLS 1.2"}, {"--tls-min", "1.3", "TLS 1.3"}} {
			for _, mode := range []string{"passive", "active"} {
				t.Run(fmt.Sprintf("%s/%s", version.name, mode), func(t *testing.T) {
					s, url, ca := secureShell(t, srv, certificate, scheme)
					flags := []string{"--ca-file", ca, version.flag, version.value, "--mode", mode, "--json"}
					write(t, "big.bin", string(big))
					write(t, "empty.bin", "")
					for _, name := range []string{"big.bin", "empty.bin"} {
						v := s.run(append([]string{"put", name, url + "/"}, flags...)...).wants(0).json()
						require.Equal(t, version.name, v["tls"].(map[string]any)["version"])
						require.Equal(t, version.name, v["negotiation"].(map[string]any)["tls"].(map[string]any)["version"])
						s.run(append([]string{"get", url + "/" + name, "back"}, flags...)...).wants(0)
						require.Equal(t, sum(t, name), sum(t, "back"))
						require.Equal(t, sum(t, name), sum(t, filepath.Join(srv.Root, name)))
					}
					s.run(append([]string{"ls", url + "/"}, flags...)...).wants(0)
					s.run(append([]string{"get", url + "/missing"}, flags...)...).wants(5)
				})
			}
		}
		s, url, _ := secureShell(t, srv, certificate, scheme)
		s.run("ls", url).wants(7)
		s.run("ls", url, "--insecure-skip-verify").wants(0)
	})
}

func TestRealDoctorOverTLS(t *testing.T) {
	forEachSecureServer(t, func(t *testing.T, srv *realserver.Server, certificate realserver.Certificate, scheme string) {
		for _, version := range []string{"1.2", "1.3"} {
			t.Run(version, func(t *testing.T) {
				s, url, ca := secureShell(t, srv, certificate, scheme)
				o := s.run("doctor", "--json", url, "--ca-file", ca, "--tls-min", version, "--tls-max", version).wants(0)
				report := o.json()["doctor"].(map[string]any)
				security := report["tls"].(map[string]any)
				want := "not demanded"
				if cfg := strictest(srv.Name, scheme == "ftps"); cfg.TLS.RequireReuse {
					want = "demanded"
				}
				require.Equal(t, want, security["session_reuse"], o.stdout)
				require.Equal(t, "works", security["prot_p"])
				require.Equal(t, "TLS "+version, security["version"])
				require.Equal(t, true, security["certificate"].(map[string]any)["verifies"])
				for _, row := range report["rows"].([]any) {
					require.Equal(t, "works", row.(map[string]any)["outcome"], o.stdout)
				}
			})
		}
	})
}

func TestRealTLSRefused(t *testing.T) {
	for _, name := range realserver.Names() {
		t.Run(name, func(t *testing.T) {
			plain := realserver.Start(t, realserver.Config{Name: name})
			secure := realserver.Start(t, realserver.Config{Name: name, TLS: &realserver.TLS{MaxVersion: tls.VersionTLS12}})
			s, url := realShell(t, plain)
			s.run("ls", "--tls", "explicit", url).wants(7)
			s.run("ls", "ftps"+url[len("ftp"):]).wants(7)

			s, url = realShell(t, secure)
			o := s.run("ls", url)
			require.Contains(t, []int{2, 3, 5}, o.code, o.stderr)
			require.Contains(t, o.stderr, "try: ftpes:// or --tls explicit")
			s.run("ls", "ftpes"+url[len("ftp"):], "--insecure-skip-verify", "--tls-min", "1.3").wants(7)
			s.run("ls", "ftpes"+url[len("ftp"):], "--insecure-skip-verify").wants(0)
		})
	}
}
