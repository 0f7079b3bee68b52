package ftptest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
)

// TLS describes a server's TLS, RFC 4217. The zero value is a normal server with explicit TLS: AUTH TLS is there for who wants
// it, and the client decides on the data connections with PROT. The server is the TLS server of every data connection, the
// active ones too.
//
// What is refused, and what is refused now and then, is left to the rest of Config:
//
//	Config.Disable{"AUTH": "500 No such thing."}              // an old server; FEAT does not list it
//	Fault{On: "AUTH", Nth: 1, Reply: "504 TLS? Try SSL."}      // listed, and refused once
//	Fault{On: "PROT", Reply: "536 Not that level."}            // no protected data connections
//	Fault{On: "data", Data: DataFault{End: EndNoCloseNotify}}  // a connection that ends without TLS having ended
type TLS struct {
	// Implicit has the handshake before the greeting, as on port 990, and data connections protected without a PROT.
	// Otherwise there is AUTH, and data connections are in clear until PROT P.
	Implicit bool

	// Authority issued the certificates that the test trusts: Server.RootCAs is its pool. Nil means one made for this server.
	Authority *Authority

	// Certificate is presented on the control connection. Zero means one that the Authority issues for localhost, 127.0.0.1, ::1
	// and the address the server listens on.
	Certificate tls.Certificate

	// DataCertificate is presented on data connections. Nil means the one of the control connection.
	DataCertificate *tls.Certificate

	// ClientCAs, if set, makes the server require a client certificate that one of these has issued, on every connection.
	ClientCAs *x509.CertPool

	// MinVersion and MaxVersion are as in tls.Config; zero means what that package has as its default.
	MinVersion, MaxVersion uint16

	// Required refuses USER, PASS and ACCT with 530 on a control connection in clear, and transfers with 522 before PROT P.
	Required bool

	// Inject is sent in clear right behind the 234 of AUTH, in the same segment: what a man in the middle would put there.
	Inject string

	// HandshakeFirst has the handshake of a data connection before the 150; otherwise it comes after.
	HandshakeFirst bool

	// RequireReuse refuses a data connection that did not resume a TLS session of its own control connection, that is of a
	// ticket which was given on that control connection or on a data connection of it. The 150 and the handshake come first;
	// then the connection is closed, and the final reply is ReuseRefusal.
	RequireReuse bool

	// ReuseRefusal is the final reply of a transfer that RequireReuse refused. Empty means ReuseRefusalVsftpd.
	ReuseRefusal string

	// Tickets says how sessions can be resumed.
	Tickets Tickets

	// LenientEnd takes an upload for complete that ended without close_notify, as several servers do; otherwise it is 426.
	LenientEnd bool
}

// Replies to a data connection that did not resume the session of its control connection, as they are known from servers.
const (
	ReuseRefusalVsftpd  = "522 SSL connection failed; session reuse required: see require_ssl_reuse option in vsftpd.conf man page"
	ReuseRefusalProFTPD = "425 Unable to build data connection: Operation not permitted"
)

// tlsLayer is what a server with TLS has.
type tlsLayer struct {
	settings TLS
	roots    *x509.CertPool
	host     string      // what a client verifies
	control  *tls.Config // for control connections
	data     *tls.Config // for data connections; both have the same ticket keys
	tickets  ticketBook
}

// newTLSLayer makes what the settings leave out, for a server that listens on host.
func newTLSLayer(settings TLS, host netip.Addr) *tlsLayer {
	if settings.Authority == nil {
		settings.Authority = NewAuthority()
	}
	if len(settings.Certificate.Certificate) == 0 {
		names := loopbackNames()
		if host.IsValid() && !host.IsUnspecified() {
			names = append(names, host.WithZone("").String())
		}
		settings.Certificate = settings.Authority.Issue(names...)
	}
	layer := &tlsLayer{settings: settings, roots: settings.Authority.RootCAs(), host: host.WithZone("").String()}
	if host.IsUnspecified() {
		layer.host = "localhost"
	}
	layer.control = settings.serverConfig(settings.Certificate)
	layer.data = settings.serverConfig(*orDefault(settings.DataCertificate, &settings.Certificate))
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	layer.control.SetSessionTicketKeys([][32]byte{key})
	layer.data.SetSessionTicketKeys([][32]byte{key})
	return layer
}

func (t *TLS) serverConfig(certificate tls.Certificate) *tls.Config {
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: t.MinVersion, MaxVersion: t.MaxVersion,
		SessionTicketsDisabled: t.Tickets.None,
	}
	if t.ClientCAs != nil {
		config.ClientCAs, config.ClientAuth = t.ClientCAs, tls.RequireAndVerifyClientCert
	}
	return config
}

// handshake puts TLS around a connection. Where it fails, the connection is closed.
func (l *tlsLayer) handshake(ctx context.Context, conn net.Conn, use *ticketUse) (*tls.Conn, error) {
	base := l.control
	if use.data {
		base = l.data
	}
	use.book, use.rules, use.keys, use.conn = &l.tickets, l.settings.Tickets, base, &carrier{Conn: conn}
	config := base.Clone()
	config.WrapSession, config.UnwrapSession = use.wrap, use.unwrap
	secured := tls.Server(use.conn, config)
	err := secured.HandshakeContext(ctx)
	if err == nil && !use.rules.Late {
		err = use.conn.release()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// RootCAs returns the pool that verifies the server's certificates, unless the test brought others than TLS.Authority issued. It is
// nil for a server without TLS, and before Start.
func (s *Server) RootCAs() *x509.CertPool {
	if s.tls == nil {
		return nil
	}
	return s.tls.roots.Clone()
}

// ClientTLS returns a configuration for a client of this server, with RootCAs and with the server's address as the name to
// verify; there is no session cache in it. It is nil for a server without TLS, and before Start.
func (s *Server) ClientTLS() *tls.Config {
	if s.tls == nil {
		return nil
	}
	return &tls.Config{RootCAs: s.RootCAs(), ServerName: s.tls.host}
}
