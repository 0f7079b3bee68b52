package ftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dualport/ftp/internal/wire"
)

// Client is one session with one FTP server: one login, one transfer at a
// time. It is not safe for concurrent use, except that Close may be called
// from anywhere: a call made while a transfer is open returns [ErrBusy], and a
// session that has fallen out of step returns [ErrBroken] from then on.
type Client struct {
	opts    Options
	host    string // as Dial was given it
	address string // host:port
	dialer  DataDialer
	trace   *tracer

	busy atomic.Bool // a call or an open transfer has the control connection

	mu     sync.Mutex
	closed bool
	ctl    *control // replaced by relogin; read without mu by the call that is busy
	cut    func()   // closes the data connection of the open transfer

	hadTLS bool // a login of this client was encrypted

	features wire.Features    // written with mu held, for Feature and Features
	wanted   Type             // what SetType asked for
	typ      Type             // what the server was last told; 0 where not known
	dirs     []string         // the arguments of CWD since the login, to repeat them
	refused  map[Method]Reply // methods that this server does not know, and what it said
	silent   map[Method]bool  // methods that it never answered
}

// Dial connects to address, which is "host" or "host:port" (default port 21),
// waits for the greeting, logs in and learns what the server can do. opts may
// be nil. ctx bounds Dial alone, not the session.
//
// A refused login matches [ErrLogin], a server that is full
// [ErrTooManyConnections].
func Dial(ctx context.Context, address string, opts *Options) (*Client, error) {
	fail := func(err error) (*Client, error) { return nil, wrap("dial", "", address, err) }
	o, err := opts.resolve()
	if err != nil {
		return fail(err)
	}
	host, port, err := splitAddress(address, o.defaultPort())
	if err != nil {
		return fail(err)
	}
	c := &Client{
		opts:    o,
		host:    host,
		address: net.JoinHostPort(host, port),
		dialer:  o.dataDialer(),
		trace:   newTracer(o.Trace),
		refused: make(map[Method]Reply),
		silent:  make(map[Method]bool),
		wanted:  TypeImage,
	}
	if err := c.connect(ctx); err != nil {
		return fail(err)
	}
	return c, nil
}

func (o *Options) dataDialer() DataDialer {
	switch {
	case o.DataDialer != nil:
		return o.DataDialer
	case o.Mode == ModeActive:
		return o.Active
	case o.Mode == ModeAuto:
		return Auto{o.Passive, o.Active}
	}
	return o.Passive
}

// connect makes the session: greet, name the virtual host, log in, learn.
func (c *Client) connect(ctx context.Context) error {
	ctl, greeting, err := c.greet(ctx)
	if err != nil {
		return err
	}
	if err := c.adopt(ctl); err != nil {
		return err
	}
	c.typ = 0
	err = c.enter(ctx, greeting)
	if err != nil {
		_ = ctl.raw.Close()
	}
	return err
}

func (c *Client) greet(ctx context.Context) (*control, Reply, error) {
	limit := c.opts.Timeouts.Dial
	dialCtx, cancel := withLimit(ctx, &TimeoutError{"connection to " + c.address, limit, "Timeouts.Dial"})
	defer cancel()
	conn, err := c.dialTCP(dialCtx, PurposeControl, c.address)
	if err != nil {
		return nil, Reply{}, err
	}
	ctl := newControl(conn, c.peerOf(conn), &c.opts, c.trace)
	ctl.security = c.newSecurity()
	if c.opts.TLS == TLSImplicit {
		if err := ctl.secure(ctx, c.opts.Timeouts.TLSHandshake, &c.opts); err != nil {
			return nil, Reply{}, err
		}
	}
	greeting, err := ctl.greet(ctx, limit)
	if err != nil {
		_ = conn.Close()
		return nil, Reply{}, c.explainGreeting(err)
	}
	return ctl, greeting, nil
}

// explainGreeting says what the failure to get a greeting may mean. That the
// session is broken, which never was one, is left out.
func (c *Client) explainGreeting(err error) error {
	var broken *brokenError
	if errors.As(err, &broken) {
		err = broken.reason
	}
	var malformed *wire.ProtocolError
	switch {
	case c.opts.TLS == TLSImplicit:
		return err
	case isTimeout(err), errors.Is(err, errHungUp):
		return fmt.Errorf("%w; a server that expects TLS at once (port 990) sends no greeting: try TLSImplicit (ftps://)", err)
	case errors.As(err, &malformed) && strings.Contains(malformed.Looks, "TLS"):
		return fmt.Errorf("%w: %w: use TLSImplicit (ftps://)", ErrTLS, err)
	}
	return err
}

// adopt makes ctl the session's control connection, unless Close came first.
func (c *Client) adopt(ctl *control) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = ctl.conn.Close()
		return ErrClosed
	}
	c.ctl = ctl
	return nil
}

func (c *Client) enter(ctx context.Context, greeting Reply) error {
	if c.opts.TLS == TLSExplicit || c.opts.TLS == TLSOpportunisticUnsafe {
		if err := c.authTLS(ctx); err != nil {
			return err
		}
	}
	if c.opts.VirtualHost != "" {
		if err := c.want2xx(ctx, "HOST", c.opts.VirtualHost); err != nil {
			return err
		}
	}
	if c.opts.SkipLogin {
		return nil
	}
	if greeting.Code != 230 || c.ctl.security != nil { // AUTH takes back what the greeting gave
		if err := c.login(ctx, c.opts.User, c.opts.Password); err != nil {
			return err
		}
	}
	return c.prepare(ctx)
}

// prepare makes a session that is logged in ready for transfers.
func (c *Client) prepare(ctx context.Context) error {
	if err := c.protect(ctx); err != nil {
		return err
	}
	return c.learn(ctx)
}

// Login logs in as user. Dial has done so already, unless Options.SkipLogin is
// set; some servers permit a second login in the same session. A login that is
// refused leaves the session without one.
func (c *Client) Login(ctx context.Context, user, password string) error {
	return c.call("login", "", func() error {
		if err := c.clearForLogin(); err != nil {
			return err
		}
		if err := sendable(user, password); err != nil {
			return err
		}
		c.ctl.learnSecret("PASS", []string{password})
		if err := c.login(ctx, user, password); err != nil {
			return err
		}
		c.opts.User, c.opts.Password, c.opts.SkipLogin = user, password, false
		c.typ, c.dirs = 0, nil
		return c.prepare(ctx)
	})
}

// login sends USER and, as far as the server asks for them, PASS and ACCT
// (RFC 959 section 5.4).
func (c *Client) login(ctx context.Context, user, password string) error {
	r, err := c.ctl.roundTrip(ctx, "USER", user)
	verb := "USER"
	if err == nil && r.Code == 331 {
		verb = "PASS"
		r, err = c.ctl.roundTrip(ctx, verb, password)
	}
	if err == nil && r.Code == 332 {
		if c.opts.Account == "" {
			return &Error{Command: verb, Reply: r, Err: errors.New("the server wants an account; set Options.Account")}
		}
		verb = "ACCT"
		r, err = c.ctl.roundTrip(ctx, verb, c.opts.Account)
	}
	if err != nil {
		return err
	}
	if r.positive() {
		return nil
	}
	refused := refusal(verb, r)
	if refused.Reply.meaning(verb) != ErrTooManyConnections { //nolint:errorlint // meaning returns the sentinel itself
		refused.Err = ErrLogin
	}
	return refused
}

// learn asks once for what every later transfer builds on: the features, names
// in UTF-8 (RFC 2640), and the type in which bytes stay as they are.
func (c *Client) learn(ctx context.Context) error {
	r, err := c.ctl.roundTrip(ctx, "FEAT")
	if err != nil {
		return err
	}
	var features wire.Features
	if r.positive() && len(r.Lines) > 0 {
		features = wire.ParseFeatures(r.Lines)
	}
	c.mu.Lock()
	c.features = features
	c.mu.Unlock()
	if c.features.Has("UTF8") {
		if _, err := c.ctl.roundTrip(ctx, "OPTS", "UTF8 ON"); err != nil { // many servers answer 202 or 504 and speak UTF-8 all the same
			return err
		}
	}
	return c.ensureType(ctx, c.wanted)
}

// relogin replaces a session that fell out of step by a new one in the same
// working directory.
func (c *Client) relogin(ctx context.Context) error {
	_ = c.ctl.fail(errors.New("replaced by a new login"))
	if err := c.connect(ctx); err != nil {
		return err
	}
	for _, dir := range c.dirs {
		if err := c.want2xx(ctx, "CWD", dir); err != nil {
			return c.ctl.fail(fmt.Errorf("returning to the working directory after a new login: %w", err))
		}
	}
	return nil
}

// quitLimit is how long Close waits for the reply to QUIT.
const quitLimit = time.Second

// Close ends the session: QUIT, where the server answers it promptly, and then
// the connection. An open transfer is cut off. A second Close returns nil.
func (c *Client) Close() error {
	idle := c.busy.CompareAndSwap(false, true)
	ctl, first := c.retire(!idle)
	if first && idle && ctl.broken == nil {
		ctx, cancel := context.WithTimeout(context.Background(), quitLimit)
		defer cancel()
		_, _ = ctl.roundTrip(ctx, "QUIT") // a courtesy: a server that does not answer loses nothing
		_ = ctl.conn.Close()
	}
	return nil
}

// retire marks the client closed; cut says whether to close its connections
// under the feet of the call that uses them.
func (c *Client) retire(cut bool) (ctl *control, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, c.closed = !c.closed, true
	if first && cut {
		_ = c.ctl.raw.Close()
		if c.cut != nil {
			c.cut()
		}
	}
	return c.ctl, first
}

// acquire takes the control connection for one call or one transfer that is
// about path. A path that cannot be sent is refused before anything is.
func (c *Client) acquire(path string) error {
	if err := sendable(path); err != nil {
		return err
	}
	free := c.busy.CompareAndSwap(false, true)
	if c.isClosed() {
		return ErrClosed
	}
	if !free {
		return ErrBusy
	}
	if broken := c.ctl.broken; broken != nil { // for good: only a transfer that breaks the session itself may make it anew
		c.release()
		return broken
	}
	return nil
}

func (c *Client) release() { c.busy.Store(false) }

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// call runs one operation that has the control connection for itself.
func (c *Client) call(op, path string, f func() error) error {
	if err := c.acquire(path); err != nil {
		return c.wrap(op, path, err)
	}
	defer c.release()
	return c.wrap(op, path, f())
}

// want2xx sends a command and fails unless it is answered with a 2xx.
func (c *Client) want2xx(ctx context.Context, verb string, args ...string) error {
	_, err := c.positive(ctx, verb, args...)
	return err
}

func (c *Client) positive(ctx context.Context, verb string, args ...string) (Reply, error) {
	r, err := c.ctl.roundTrip(ctx, verb, args...)
	if err != nil {
		return r, err
	}
	if !r.positive() {
		return r, refusal(verb, r)
	}
	return r, nil
}

func (c *Client) wrap(op, path string, err error) error {
	if err != nil && !errors.Is(err, ErrClosed) && c.isClosed() {
		err = ErrClosed // what the cut connection says is of no interest
	}
	return wrap(op, path, c.address, err)
}

// wrap gives an error its operation, path and host. An error that says so
// itself already is left alone.
func wrap(op, path, host string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok { //nolint:errorlint // only the outermost error may be completed
		if e.Op != "" {
			return e
		}
		full := *e
		full.Op, full.Path, full.Host = op, path, host
		return &full
	}
	return &Error{Op: op, Path: path, Host: host, Err: err}
}

// PassivePorts returns the smallest range that holds every port which servers
// have named for passive connections so far: what a firewall must let out.
func (c *Client) PassivePorts() PortRange { return c.opts.Memory.PassivePorts() }

// Feature tells whether FEAT listed name, and the parameters that stood behind
// it (RFC 2389).
func (c *Client) Feature(name string) (params string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.features.Params(name), c.features.Has(name)
}

// Features returns the names that FEAT listed, in its order.
func (c *Client) Features() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.features.Names()
}
