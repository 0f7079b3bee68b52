package ftptest

import (
	"bufio"
	"net"
)

// recordHeader is the length of what precedes every TLS record: its type, version and length.
const recordHeader = 5

// recordLength is the length of the TLS record at the begin of b, with its header.
func recordLength(b []byte) int {
	if len(b) < recordHeader {
		return recordHeader
	}
	return recordHeader + (int(b[3])<<8 | int(b[4]))
}

// recordConn is a connection that never reads beyond the TLS record that is wanted. After CCC the client goes on in clear
// behind its close_notify, and crypto/tls, which reads ahead, would swallow that.
type recordConn struct {
	net.Conn
	in   *bufio.Reader
	left int // of the record
}

// Read is io.Reader.
func (c *recordConn) Read(b []byte) (int, error) {
	if c.left == 0 {
		header, err := c.in.Peek(recordHeader)
		if err != nil {
			return 0, err
		}
		c.left = recordLength(header)
	}
	n, err := c.in.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}
