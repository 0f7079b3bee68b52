package ftpproxy

import "net"

// withRemote makes conn tell who is at its far end, behind the proxy. A TCP
// connection keeps all of its methods.
func withRemote(conn net.Conn, remote net.Addr) net.Conn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &acceptedTCP{tcp, remote}
	}
	if half, ok := conn.(halfCloser); ok {
		return &acceptedHalf{half, remote}
	}
	return &accepted{conn, remote}
}

type halfCloser interface {
	net.Conn
	CloseWrite() error
}

type accepted struct {
	net.Conn
	remote net.Addr
}

type acceptedHalf struct {
	halfCloser
	remote net.Addr
}

type acceptedTCP struct {
	*net.TCPConn
	remote net.Addr
}

func (c *accepted) RemoteAddr() net.Addr     { return c.remote }
func (c *acceptedHalf) RemoteAddr() net.Addr { return c.remote }
func (c *acceptedTCP) RemoteAddr() net.Addr  { return c.remote }
