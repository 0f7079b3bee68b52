//go:build realserver

package realserver

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// versions are those that the daemons speak by default.
func versions() []uint16 {
	return []uint16{tls.VersionTLS12, tls.VersionTLS13}
}

// forEachTLS runs test for every daemon that can do it, limited to one version of TLS.
func forEachTLS(t *testing.T, settings TLS, test func(t *testing.T, server *Server, version uint16)) {
	t.Helper()
	for _, name := range Names() {
		for _, version := range versions() {
			limited := settings
			limited.MinVersion, limited.MaxVersion = version, version
			cfg := Config{Name: name, TLS: &limited}
			if cfg.Validate() == nil {
				t.Run(name+"/"+tls.VersionName(version), func(t *testing.T) { test(t, Start(t, cfg), version) })
			}
		}
	}
}

// expected is how many sessions a client is given: at once on the control connection, and
// on each resumed data connection.
type expected struct {
	control, upload, download int
}

func expectedTickets(name string, version uint16) expected {
	switch {
	case version == tls.VersionTLS12:
		return expected{control: 1}
	case name == "pure-ftpd":
		return expected{}
	case name == "proftpd":
		return expected{control: 2, download: 1}
	}
	return expected{control: 2, upload: 1, download: 1}
}

func TestTLSTransfersResume(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		t.Run(fmt.Sprintf("implicit=%v", implicit), func(t *testing.T) {
			forEachTLS(t, TLS{Implicit: implicit}, func(t *testing.T, server *Server, version uint16) {
				store := &tickets{}
				want := expectedTickets(server.Name, version)
				control := dialTLS(t, server, implicit, clientConfig(server, 0, store))
				require.Equal(t, version, control.conn.(*tls.Conn).ConnectionState().Version)
				require.Equal(t, want.control, store.taken(), "sessions on the control connection")

				upload := control.transfer("EPSV", "STOR file").(*tls.Conn)
				require.Equal(t, want.control > 0, upload.ConnectionState().DidResume)
				_, err := io.WriteString(upload, "sent in secret")
				require.NoError(t, err)
				finish(t, upload)
				require.Regexp(t, "^226", control.reply())
				require.Equal(t, "sent in secret", string(server.Get("file")))
				require.Equal(t, want.upload, store.taken(), "sessions on the upload")

				download := control.transfer("EPSV", "RETR file").(*tls.Conn)
				require.Equal(t, want.control > 0, download.ConnectionState().DidResume)
				content, err := io.ReadAll(download)
				require.NoError(t, err, "without close_notify it were io.ErrUnexpectedEOF")
				require.Equal(t, "sent in secret", string(content))
				require.Equal(t, want.download, store.taken(), "sessions on the download")
				requireReplyAfterClose(t, control, download, server.Name == "vsftpd" || server.Name == "proftpd")
			})
		})
	}
}

// requireReplyAfterClose ends a download, and checks whether the reply waited for that.
func requireReplyAfterClose(t *testing.T, control *session, download *tls.Conn, waits bool) {
	t.Helper()
	if waits {
		require.NoError(t, control.conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		_, err := control.reader.Peek(1)
		var late net.Error
		require.ErrorAs(t, err, &late)
		require.True(t, late.Timeout())
		require.NoError(t, control.conn.SetReadDeadline(time.Now().Add(10*time.Second)))
		require.NoError(t, download.Close())
	}
	require.Regexp(t, "^226", control.reply())
}

func TestTLSOneTicketManyTimes(t *testing.T) {
	forEachTLS(t, TLS{}, func(t *testing.T, server *Server, version uint16) {
		store := &tickets{keepOne: true}
		control := dialTLS(t, server, false, clientConfig(server, 0, store))
		want := expectedTickets(server.Name, version).control > 0
		for range 3 {
			upload := control.transfer("EPSV", "STOR file").(*tls.Conn)
			require.Equal(t, want, upload.ConnectionState().DidResume)
			finish(t, upload)
			require.Regexp(t, "^226", control.reply())
		}
		another := secure(t, server, false, clientConfig(server, 0, store))
		require.Equal(t, want, another.conn.(*tls.Conn).ConnectionState().DidResume)
	})
}

func TestTLSRequiresReuse(t *testing.T) {
	forEachTLS(t, TLS{RequireReuse: true}, func(t *testing.T, server *Server, _ uint16) {
		resuming := dialTLS(t, server, false, clientConfig(server, 0, &tickets{}))
		for i := range 10 {
			resuming.store("EPSV", "STOR file", fmt.Sprint("upload ", i))
			require.Equal(t, fmt.Sprint("upload ", i), resuming.retrieve("EPSV", "RETR file"))
		}
		fresh := dialTLS(t, server, false, clientConfig(server, 0, nil))
		upload := fresh.transfer("EPSV", "STOR refused")
		_, err := io.ReadAll(upload)
		require.NoError(t, err)
		require.NoError(t, upload.Close())
		if server.Name == "vsftpd" {
			require.Regexp(t, "^522 SSL connection failed: session reuse required", fresh.reply())
			_, err = fresh.reader.ReadByte()
			require.ErrorIs(t, err, io.EOF)
		} else {
			require.Regexp(t, "^425 Unable to build data connection: Operation not permitted", fresh.reply())
			require.Regexp(t, "^200", fresh.command("NOOP"))
		}
	})
}

func TestTLSOtherVersionIsRefused(t *testing.T) {
	forEachTLS(t, TLS{}, func(t *testing.T, server *Server, version uint16) {
		other := tls.VersionTLS12 + tls.VersionTLS13 - version
		control, _ := connect(t, server.Addr)
		require.Regexp(t, "^234", control.command("AUTH TLS"))
		require.Error(t, tls.Client(control.conn, clientConfig(server, other, nil)).Handshake())
	})
}

func TestTLSOldVersions(t *testing.T) {
	for _, name := range Names() {
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
			cfg := Config{Name: name, TLS: &TLS{MinVersion: version, MaxVersion: version}}
			if cfg.Validate() != nil {
				continue
			}
			t.Run(name+"/"+tls.VersionName(version), func(t *testing.T) {
				server := Start(t, cfg)
				control := dialTLS(t, server, false, clientConfig(server, version, nil))
				control.store("EPSV", "STOR file", "old")
				require.Equal(t, "old", string(server.Get("file")))
			})
		}
	}
}

func TestTLSIsRequired(t *testing.T) {
	login := map[string]string{"vsftpd": "530", "proftpd": "550", "pure-ftpd": "421", "pyftpdlib": "550"}
	data := map[string]string{"vsftpd": "522", "proftpd": "522", "pure-ftpd": "521", "pyftpdlib": "550"}
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			server := Start(t, Config{Name: name, TLS: &TLS{}})
			plain, _ := connect(t, server.Addr)
			require.Regexp(t, "^"+login[name], plain.command("USER "+server.User))

			control := secure(t, server, false, clientConfig(server, 0, nil))
			control.login(server)
			reply := control.command("EPSV")
			if name != "pyftpdlib" { // which refuses that already
				require.Regexp(t, "^229", reply)
				reply = control.command("STOR file")
			}
			require.Regexp(t, "^"+data[name], reply)
		})
	}
}

func TestTLSNextToPlain(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			server := Start(t, Config{Name: name, TLS: &TLS{AllowPlain: true}})
			control := dial(t, server)
			control.store("EPSV", "STOR one", "all plain")
			control = secure(t, server, false, clientConfig(server, 0, nil))
			control.login(server)
			control.store("EPSV", "STOR two", "data plain")
			require.Equal(t, "all plain", string(server.Get("one")))
			require.Equal(t, "data plain", string(server.Get("two")))
		})
	}
}

// TestTLSUploadEndsWithoutCloseNotify keeps what daemons say to a connection that just ends.
func TestTLSUploadEndsWithoutCloseNotify(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("strict=%v", strict), func(t *testing.T) {
			forEachTLS(t, TLS{Strict: strict}, func(t *testing.T, server *Server, _ uint16) {
				control := dialTLS(t, server, false, clientConfig(server, 0, nil))
				upload := control.transfer("EPSV", "STOR file").(*tls.Conn)
				_, err := io.WriteString(upload, "cut off")
				require.NoError(t, err)
				require.NoError(t, upload.NetConn().(*net.TCPConn).CloseWrite())
				_, err = io.ReadAll(upload)
				require.ErrorContains(t, err, "error decoding message", "OpenSSL's word for a missing close_notify")
				switch {
				case strict:
					require.Regexp(t, "^426 Failure reading network stream", control.reply())
				case server.Name == "pyftpdlib":
					require.Regexp(t, "^200", control.command("NOOP"), "no reply to the upload")
				default:
					require.Regexp(t, "^226", control.reply())
				}
			})
		})
	}
}

func TestTLSCertificates(t *testing.T) {
	for name, test := range map[string]struct {
		cert    Certificate
		problem string // "": none
	}{
		"issued":     {Issued(t), ""},
		"RSA":        {rsaCertificate(t), ""},
		"expired":    {Expired(t), "certificate has expired"},
		"wrong name": {WrongName(t), "certificate is valid for elsewhere.invalid, not localhost"},
	} {
		for _, daemon := range Names() {
			t.Run(daemon+"/"+name, func(t *testing.T) {
				server := Start(t, Config{Name: daemon, TLS: &TLS{Certificate: test.cert}})
				require.Equal(t, test.cert.RootCAs, server.RootCAs)
				control, _ := connect(t, server.Addr)
				require.Regexp(t, "^234", control.command("AUTH TLS"))
				err := tls.Client(control.conn, clientConfig(server, 0, nil)).Handshake()
				if test.problem == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, test.problem)
				}
			})
		}
	}
}
