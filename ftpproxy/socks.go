package ftpproxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"unicode"
)

// The numbers of RFC 1928 and RFC 1929.
const (
	socksVersion = 5
	authVersion  = 1

	methodNone     = 0x00
	methodPassword = 0x02
	methodRefused  = 0xff

	commandBind = 2

	typeIPv4 = 1
	typeName = 3
	typeIPv6 = 4
)

// greet agrees on a method of authentication and logs in.
func (p *Proxy) greet(conn io.ReadWriter) error {
	hello := []byte{socksVersion, 1, methodNone}
	if p.login != nil {
		hello = []byte{socksVersion, 2, methodNone, methodPassword}
	}
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	method, err := p.readMethod(conn)
	if err != nil || method == methodNone {
		return err
	}
	if _, err := conn.Write(p.login().request()); err != nil {
		return err
	}
	return readLogin(conn)
}

// request is the request of RFC 1929 section 2. Parse has checked the lengths.
func (c credentials) request() []byte {
	b := append([]byte{authVersion, byte(len(c.user))}, c.user...)
	b = append(b, byte(len(c.password)))
	return append(b, c.password...)
}

// readMethod reads the proxy's choice among the methods that it was offered.
func (p *Proxy) readMethod(r io.Reader) (byte, error) {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, err
	}
	if err := checkVersion(b[0]); err != nil {
		return 0, err
	}
	switch {
	case b[1] == methodNone, b[1] == methodPassword && p.login != nil:
		return b[1], nil
	case b[1] == methodRefused && p.login == nil:
		return 0, fmt.Errorf("%w: it wants a user and a password, put them into its URL; or this host is not among those it serves", ErrCredentials)
	case b[1] == methodRefused:
		return 0, fmt.Errorf("%w: it takes neither a user and a password nor clients without; ask its administrator", ErrCredentials)
	}
	return 0, fmt.Errorf("%w: it chose authentication method %d, which it was not offered", ErrCredentials, b[1])
}

func readLogin(r io.Reader) error {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return err
	}
	if b[0] != authVersion {
		return fmt.Errorf("the proxy answered the login with version %d; RFC 1929 has 1", b[0])
	}
	if b[1] != 0 {
		return fmt.Errorf("%w: it refused the user or the password; check both in its URL", ErrCredentials)
	}
	return nil
}

// request is a request of RFC 1928 section 4.
func request(command byte, to target) []byte {
	b := []byte{socksVersion, command, 0}
	addr, err := netip.ParseAddr(to.host)
	addr = addr.Unmap()
	switch {
	case err != nil:
		b = append(b, typeName, byte(len(to.host)))
		b = append(b, to.host...)
	case addr.Is4():
		b = append(append(b, typeIPv4), addr.AsSlice()...)
	default:
		b = append(append(b, typeIPv6), addr.AsSlice()...)
	}
	return binary.BigEndian.AppendUint16(b, to.port)
}

// readReply reads a reply (RFC 1928 section 6), and not a byte beyond it. The
// address of a refusal is left unread: some proxies send none.
func (p *Proxy) readReply(r io.Reader, op string) (net.Addr, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return nil, err
	}
	if err := checkVersion(head[0]); err != nil {
		return nil, err
	}
	if head[1] != 0 {
		return nil, &refusal{op: op, code: head[1], asUser: p.login != nil}
	}
	if _, err := io.ReadFull(r, head[2:]); err != nil {
		return nil, err
	}
	return readAddr(r, head[3])
}

func readAddr(r io.Reader, kind byte) (net.Addr, error) {
	size := 0
	switch kind {
	case typeIPv4:
		size = net.IPv4len
	case typeIPv6:
		size = net.IPv6len
	case typeName:
		var length [1]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return nil, err
		}
		size = int(length[0])
	default:
		return nil, fmt.Errorf("the proxy answered with an address of type %d, which RFC 1928 does not know", kind)
	}
	b := make([]byte, size+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	port := binary.BigEndian.Uint16(b[size:])
	if kind == typeName {
		if strings.ContainsFunc(string(b[:size]), unicode.IsControl) {
			return nil, errors.New("the proxy answered with a host name that holds control characters; check its port")
		}
		return hostAddr{target{string(b[:size]), port}}, nil
	}
	addr, _ := netip.AddrFromSlice(b[:size])
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr.Unmap(), port)), nil
}

// hostAddr is an address of which the proxy tells the name.
type hostAddr struct{ target }

// Network returns "tcp".
func (hostAddr) Network() string { return "tcp" }

func checkVersion(v byte) error {
	switch v {
	case socksVersion:
		return nil
	case 'H':
		return errors.New("the proxy answered in HTTP; write http:// in its URL")
	case 0, 4:
		return errors.New("the proxy speaks SOCKS version 4; version 5 is needed")
	}
	return fmt.Errorf("the proxy answered with version %d, which is not SOCKS5; check its port", v)
}

// lost says what it means that the proxy ended the connection.
func lost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the proxy closed the connection before it had answered; check its port and its log: %w", io.ErrUnexpectedEOF)
	}
	return err
}
