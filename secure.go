package ftp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/dualport/ftp/internal/wire"
)

// security is the encryption of one control connection and what its data
// connections inherit.
type security struct {
	config  *tls.Config // without a session cache, which differs by connection
	tickets *tickets
	info    *TLSInfo // of the control connection; nil while it is in clear
	settled bool     // PROT was answered as asked
	private bool     // data connections are encrypted
	lenient bool     // a data connection that resumed nothing was accepted

	handshakeFirst bool // this server waits for the handshake before its 1xx
}

// newSecurity returns what secures the next control connection; nil for plain
// FTP.
func (c *Client) newSecurity() *security {
	if c.opts.TLS == TLSNone {
		return nil
	}
	sessions := new(tickets)
	if c.ctl != nil && c.ctl.security != nil {
		sessions = c.ctl.security.tickets.successor()
	}
	return &security{config: c.opts.tlsConfig(c.host), tickets: sessions}
}

// handshake makes conn a TLS connection, as the client, within the limit.
func (s *security) handshake(ctx context.Context, conn net.Conn, p Purpose, limit time.Duration, trace *tracer) (*tls.Conn, error) {
	start := time.Now()
	bounded, cancel := withLimit(ctx, &TimeoutError{"end of the TLS handshake", limit, "Timeouts.TLSHandshake"})
	defer cancel()
	config := s.config.Clone()
	config.ClientSessionCache = s.tickets
	if p == PurposeData {
		config.ClientSessionCache = dataTickets{s.tickets}
	}
	secured := tls.Client(conn, config)
	err := secured.HandshakeContext(bounded)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case bounded.Err() != nil:
		err = fmt.Errorf("%w: %w", ErrTLS, context.Cause(bounded))
	default:
		err = tlsError(err)
	}
	state := secured.ConnectionState()
	trace.tls(TLSEvent{Purpose: p, Info: *newTLSInfo(state), State: state, Duration: since(start), Err: err})
	if err != nil {
		return nil, err
	}
	return secured, nil
}

// secure puts TLS under the control connection. What the server sent in clear
// and was not yet read can only come from someone on the way.
func (c *control) secure(ctx context.Context, limit time.Duration, opts *Options) error {
	if c.reader.Buffered() > 0 {
		return c.fail(fmt.Errorf("%w: the server sent more than its reply before TLS began; somebody may be tampering with the connection", ErrTLS))
	}
	s := c.security
	secured, err := s.handshake(ctx, c.raw, PurposeControl, limit, c.trace)
	if err != nil {
		_ = c.fail(err)
		return err
	}
	c.conn = secured
	c.reader = wire.NewReader(secured, opts.Limits.wire())
	state := secured.ConnectionState()
	s.tickets.established(state.Version)
	s.info = newTLSInfo(state)
	return nil
}

// authTLS sends AUTH TLS and starts TLS (RFC 4217 section 4). Where the server
// refuses, nothing follows in clear unless the mode says so.
func (c *Client) authTLS(ctx context.Context) error {
	r, err := c.ctl.roundTrip(ctx, "AUTH", "TLS")
	if err != nil {
		return err
	}
	if r.Code == 234 {
		c.hadTLS = true // a later login must not fall back to clear text
		return c.ctl.secure(ctx, c.opts.Timeouts.TLSHandshake, &c.opts)
	}
	if c.opts.TLS == TLSOpportunisticUnsafe && !c.hadTLS {
		c.trace.notice("", fmt.Sprintf("the server refuses TLS (%s); going on in clear", r))
		c.ctl.security = nil
		return nil
	}
	refused := refusal("AUTH", r)
	refused.Err = fmt.Errorf("%w: the server refuses explicit TLS; nothing was sent in clear; try TLSImplicit (ftps://, port 990)", ErrTLS)
	return refused
}

// protect settles how data connections are encrypted (RFC 4217 section 9): a
// refusal never leads to data in clear that was to be private.
func (c *Client) protect(ctx context.Context) error {
	s := c.ctl.security
	if s == nil {
		return nil
	}
	s.settled = false
	if _, err := c.ctl.roundTrip(ctx, "PBSZ", "0"); err != nil { // its reply is of no consequence to TLS
		return err
	}
	level := "P"
	if c.opts.DataProtection == DataClear {
		level = "C"
	}
	r, err := c.ctl.roundTrip(ctx, "PROT", level)
	if err != nil {
		return err
	}
	if !r.positive() {
		refused := refusal("PROT", r)
		refused.Err = fmt.Errorf("%w: the server refuses this protection of data connections; no data was sent", ErrTLS)
		return refused
	}
	s.settled, s.private = true, level == "P"
	if c.opts.ClearControlUnsafe {
		return c.clearControl(ctx)
	}
	return nil
}

// clearControl ends TLS on the control connection, so that a NAT that reads it
// can help again (CCC, RFC 4217 section 12). TLS ends on both sides before
// anything is said in clear.
func (c *Client) clearControl(ctx context.Context) error {
	if err := c.want2xx(ctx, "CCC"); err != nil {
		return err
	}
	secured, ok := c.ctl.conn.(*tls.Conn)
	if !ok {
		return errors.New("the control connection is not encrypted")
	}
	limit := &TimeoutError{"end of TLS", c.opts.Timeouts.TLSHandshake, "Timeouts.TLSHandshake"}
	done := interruptible(ctx, secured.SetDeadline, limit.start())
	err := secured.CloseWrite()
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(secured, 1<<16))
	}
	done()
	if err != nil {
		return c.ctl.fail(fmt.Errorf("%w: ending TLS after CCC: %w", ErrTLS, err))
	}
	c.ctl.conn, c.ctl.security.info = c.ctl.raw, nil
	c.ctl.reader = wire.NewReader(c.ctl.conn, c.opts.Limits.wire())
	return nil
}

// dataSecured refuses to open a data connection with less protection than was
// asked for: where PROT was not answered, because a login failed or was
// cancelled, and where reuse is demanded of what is not encrypted.
func (c *Client) dataSecured() error {
	s := c.ctl.security
	switch {
	case s != nil && !s.settled:
		return fmt.Errorf("%w: the protection of data connections is not settled (PROT); log in first", ErrTLS)
	case c.opts.RequireSessionReuse && (s == nil || !s.private):
		return fmt.Errorf("%w: Options.RequireSessionReuse is set, and data connections of this session are not encrypted", ErrTLS)
	}
	return nil
}

// clearForLogin refuses to send a password in clear over a session that was to
// be encrypted.
func (c *Client) clearForLogin() error {
	if s := c.ctl.security; s != nil && s.info == nil {
		return fmt.Errorf("%w: after CCC the control connection is in clear, and so would be the password; dial a second client", ErrTLS)
	}
	return nil
}

// TLS tells how the control connection is encrypted; false where it is not, as
// after CCC.
func (c *Client) TLS() (TLSInfo, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.ctl.security; s != nil && s.info != nil {
		return *s.info, true
	}
	return TLSInfo{}, false
}
