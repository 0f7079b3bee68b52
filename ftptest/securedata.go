package ftptest

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
)

// secureData carries out the handshake on a data connection. The refusal is the reply to give instead of the data.
func (s *session) secureData(t *transfer, conn net.Conn) (wrapped net.Conn, refusal string) {
	use := &ticketUse{family: s.family, data: true}
	ctx, cancel := context.WithTimeout(t.ctx, s.config.DataTimeout)
	defer cancel()
	secured, err := s.server.tls.handshake(ctx, conn, use)
	if err != nil {
		return nil, "425 Cannot secure the data connection: " + plain(err.Error())
	}
	state := secured.ConnectionState()
	t.plan.record.update(func(d *DataConn) { d.TLSVersion, d.Resumed = state.Version, state.DidResume })
	if s.config.TLS.RequireReuse && (!state.DidResume || use.taken.family != s.family) {
		_ = secured.Close()
		return nil, orDefault(s.config.TLS.ReuseRefusal, ReuseRefusalVsftpd)
	}
	return &secureConn{Conn: secured, carrier: use.conn}, ""
}

// secureConn is a data connection under TLS.
type secureConn struct {
	*tls.Conn
	carrier *carrier
}

// ended looks at how the client ended an upload.
func (p *dataPipe) ended(err error) error {
	secured, ok := p.Conn.(*secureConn)
	switch {
	case !ok:
		return err
	case secured.carrier.torn && p.lenient:
		return io.EOF
	case secured.carrier.torn:
		return io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF):
		p.record.update(func(d *DataConn) { d.CloseNotify = true })
	}
	return err
}

// end ends the data connection, in the way the fault asks for.
func (p *dataPipe) end() error {
	if p.fault.End == EndNoCloseNotify {
		return p.raw.Close()
	}
	err := p.Conn.Close()
	if _, secured := p.Conn.(*secureConn); secured && p.upload {
		return nil // the client said that all is there, and need not wait for our close_notify
	}
	return err
}
