package realserver

import (
	"crypto/tls"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		name string
		cfg  Config
		want string // "": valid
	}{
		{"plain", Config{Name: "pure-ftpd"}, ""},
		{"explicit", Config{Name: "pure-ftpd", TLS: &TLS{}}, ""},
		{"all of TLS", Config{Name: "vsftpd", TLS: &TLS{Implicit: true, RequireReuse: true, Strict: true}}, ""},
		{"place", Config{Name: "proftpd", Place: &Place{Addr: netip.MustParseAddrPort("[::]:21")}}, ""},
		{"place without a port", Config{Name: "proftpd", Place: &Place{Addr: netip.MustParseAddrPort("10.0.0.2:0")}}, "no port"},
		{"place nowhere", Config{Name: "proftpd", Place: &Place{}}, "no address"},
		{"place mapped", Config{Name: "proftpd", Place: &Place{Addr: netip.MustParseAddrPort("[::ffff:10.0.0.2]:21")}}, "unmap it"},
		{"no name", Config{}, "want one of vsftpd, proftpd, pure-ftpd, pyftpdlib"},
		{"implicit", Config{Name: "pure-ftpd", TLS: &TLS{Implicit: true}}, "without implicit TLS"},
		{"reuse", Config{Name: "pyftpdlib", TLS: &TLS{RequireReuse: true}}, "cannot require the reuse"},
		{"strict", Config{Name: "proftpd", TLS: &TLS{Strict: true}}, "no strict end of uploads"},
		{"old", Config{Name: "pure-ftpd", TLS: &TLS{MaxVersion: tls.VersionTLS11}}, "before version 1.2"},
		{"no version", Config{Name: "vsftpd", TLS: &TLS{MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS12}}, "no TLS version left"},
		{"negative rate", Config{Name: "vsftpd", UploadRate: -1}, "negative rate"},
		{"two rates", Config{Name: "proftpd", UploadRate: 1, DownloadRate: 2}, ""},
		{"one rate of two", Config{Name: "vsftpd", DownloadRate: 2}, ""},
		{"two rates in one", Config{Name: "vsftpd", UploadRate: 1, DownloadRate: 2}, "one rate for uploads and downloads"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.want == "" {
				require.NoError(t, test.cfg.Validate())
			} else {
				require.ErrorContains(t, test.cfg.Validate(), test.want)
			}
		})
	}
}

func TestOpenSSLConf(t *testing.T) {
	const start = "openssl_conf = modules\n[modules]\nssl_conf = contexts\n[contexts]\nsystem_default = versions\n[versions]\n"
	for _, test := range []struct {
		name     string
		min, max uint16
		want     string
	}{
		{"defaults", 0, 0, start},
		{"at least", tls.VersionTLS13, 0, start + "MinProtocol = TLSv1.3\n"},
		{"at most", 0, tls.VersionTLS12, start + "MaxProtocol = TLSv1.2\n"},
		{"old", tls.VersionTLS10, tls.VersionTLS11, start + "MinProtocol = TLSv1\nMaxProtocol = TLSv1.1\nCipherString = DEFAULT@SECLEVEL=0\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := opensslConf(test.min, test.max)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	_, err := opensslConf(0x0300, 0)
	require.ErrorContains(t, err, "unknown TLS version 0x0300")
}
