package ftpproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"

	"golang.org/x/net/proxy"
)

// connectSOCKS asks for a connection (RFC 1928 section 4) by x/net/proxy. That
// tells a refusal in words only, so what the proxy said is kept, and read again
// for the code. The deadline of conn, which the context sets, ends the dialogue.
func (p *Proxy) connectSOCKS(conn net.Conn, to target) error {
	var auth *proxy.Auth
	if p.login != nil {
		c := p.login()
		auth = &proxy.Auth{User: c.user, Password: c.password}
	}
	heard := &transcript{Conn: conn}
	dialer, err := proxy.SOCKS5("tcp", p.address(), auth, ready{heard})
	if err != nil {
		return err
	}
	if _, err = dialer.Dial("tcp", to.String()); err == nil {
		return nil
	}
	if refused := p.verdict(heard.said); refused != nil {
		return refused
	}
	var op *net.OpError
	if errors.As(err, &op) { // it names the proxy and the target once more
		err = op.Err
	}
	return lost(err)
}

// ready is the forward dialer of x/net/proxy with the connection that is there.
type ready struct{ conn net.Conn }

func (r ready) Dial(string, string) (net.Conn, error) { return r.conn, nil }

func (r ready) DialContext(context.Context, string, string) (net.Conn, error) { return r.conn, nil }

// transcript keeps what is read from a connection. A negotiation is a few
// hundred bytes at most.
type transcript struct {
	net.Conn
	said []byte
}

func (t *transcript) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.said = append(t.said, b[:n]...)
	return n, err
}

// verdict reads in the proxy's side of a negotiation why it refused; nil where
// it did not, or broke off.
func (p *Proxy) verdict(said []byte) error {
	r := bytes.NewReader(said)
	method, err := p.readMethod(r)
	if err == nil && method == methodPassword {
		err = readLogin(r)
	}
	if err == nil {
		_, err = p.readReply(r, opConnect)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
