package ftptest

import (
	"errors"
	"io"
	"net"
	"slices"
)

// carrier is the connection beneath TLS.
//
// It holds the TLS record of a ticket back until the next one is written or release is called: crypto/tls sends it together
// with the server's part of the handshake, where a client reads it in passing. And it tells an end without close_notify
// from one with: crypto/tls says io.EOF to both.
type carrier struct {
	net.Conn
	due  bool // the next write has the ticket as its last record
	held []byte
	torn bool // the client has closed without a close_notify; for the goroutine that reads
}

// Read is io.Reader. After a close_notify crypto/tls does not come to the end of what is beneath it.
func (c *carrier) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n == 0 && errors.Is(err, io.EOF) {
		c.torn = true
	}
	return n, err
}

// Write is io.Writer. As with any layer beneath TLS, one goroutine at a time calls it.
func (c *carrier) Write(b []byte) (int, error) {
	now := append(c.held, b...)
	c.held = nil
	if c.due {
		c.due = false
		at := lastRecord(now)
		now, c.held = now[:at:at], slices.Clone(now[at:])
	}
	if len(now) > 0 {
		if _, err := c.Conn.Write(now); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// release sends what is held back. It is for the end of the handshake, when nobody else writes.
func (c *carrier) release() error {
	_, err := c.Write(nil)
	return err
}

// lastRecord is where the last of several TLS records begins.
func lastRecord(b []byte) int {
	at := 0
	for {
		next := at + recordLength(b[at:])
		if next >= len(b) {
			return at
		}
		at = next
	}
}
