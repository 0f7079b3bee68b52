package ftptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// maxFillers is how many connections it may take to fill an accept queue of length zero.
	maxFillers = 8
	// fillerWait is after how long a connection attempt on the loopback interface counts as swallowed.
	fillerWait = 100 * time.Millisecond
)

// blackHole is a listening socket whose accept queue is full: the kernel drops further connection attempts unanswered.
type blackHole struct {
	fd      int
	addr    netip.AddrPort
	fillers []net.Conn

	once   sync.Once
	closed chan struct{}
}

// BlackHole needs no privilege: it listens with a backlog of zero and fills the queue itself.
func (hostNetwork) BlackHole(ctx context.Context, network, address string) (net.Listener, error) {
	want, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("black hole on %q: use a literal address: %w", address, err)
	}
	fd, bound, err := listenNoBacklog(want)
	if err != nil {
		return nil, fmt.Errorf("black hole on %s: %w", want, err)
	}
	hole := &blackHole{fd: fd, addr: bound, closed: make(chan struct{})}
	if err := hole.fill(ctx, network); err != nil {
		_ = hole.Close()
		return nil, fmt.Errorf("black hole on %s: %w", bound, err)
	}
	return hole, nil
}

func listenNoBacklog(want netip.AddrPort) (int, netip.AddrPort, error) {
	family := syscall.AF_INET6
	var sa syscall.Sockaddr = &syscall.SockaddrInet6{Port: int(want.Port()), Addr: want.Addr().As16()}
	if want.Addr().Is4() {
		family = syscall.AF_INET
		sa = &syscall.SockaddrInet4{Port: int(want.Port()), Addr: want.Addr().As4()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, want, os.NewSyscallError("socket", err)
	}
	bound, err := bindNoBacklog(fd, sa, want.Addr())
	if err != nil {
		_ = syscall.Close(fd)
		return 0, want, err
	}
	return fd, bound, nil
}

func bindNoBacklog(fd int, sa syscall.Sockaddr, addr netip.Addr) (netip.AddrPort, error) {
	if err := syscall.Bind(fd, sa); err != nil {
		return netip.AddrPort{}, os.NewSyscallError("bind", err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		return netip.AddrPort{}, os.NewSyscallError("listen", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	switch name := name.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(addr, uint16(name.Port)), nil
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(addr, uint16(name.Port)), nil
	}
	return netip.AddrPort{}, errors.New("socket has no port")
}

// fill connects until an attempt is swallowed.
func (h *blackHole) fill(ctx context.Context, network string) error {
	dialer := net.Dialer{Timeout: fillerWait}
	for range maxFillers {
		conn, err := dialer.DialContext(ctx, network, h.addr.String())
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() && ctx.Err() == nil {
			return nil
		}
		if err != nil {
			return err
		}
		h.fillers = append(h.fillers, conn)
	}
	return errors.New("this system goes on accepting connections beyond the backlog")
}

// Accept waits for Close.
func (h *blackHole) Accept() (net.Conn, error) {
	<-h.closed
	return nil, net.ErrClosed
}

// Addr returns the address whose connection attempts are swallowed.
func (h *blackHole) Addr() net.Addr { return net.TCPAddrFromAddrPort(h.addr) }

// Close gives the address back.
func (h *blackHole) Close() error {
	err := net.ErrClosed
	h.once.Do(func() {
		close(h.closed)
		for _, conn := range h.fillers {
			reset(conn)
		}
		err = syscall.Close(h.fd)
	})
	return err
}

// keepUrgentInline makes the kernel leave an urgent byte (the Telnet data mark of an ABOR) in the stream.
func keepUrgentInline(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // without it the data mark is lost, which the reader can bear
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_OOBINLINE, 1)
	})
}
