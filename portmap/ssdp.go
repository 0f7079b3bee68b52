package portmap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"time"

	"golang.org/x/net/ipv4"
)

// What is on the wire, UPnP Device Architecture section 1.3.
const (
	searchPort = 1900
	searchWait = 1 // seconds at most until a device answers: MX
)

// searchRepeats is when the search is sent again: UDP may lose it.
const searchRepeats = 700 * time.Millisecond

func searchGroup() netip.Addr { return netip.AddrFrom4([4]byte{239, 255, 255, 250}) }

// searchTargets are what gateways answer to; some know the service and not the
// device.
func searchTargets() []string {
	return []string{
		"urn:schemas-upnp-org:device:InternetGatewayDevice:1",
		"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
		"urn:schemas-upnp-org:service:WANIPConnection:1",
		"urn:schemas-upnp-org:service:WANPPPConnection:1",
	}
}

// search yields where the gateway describes its devices, each once, until ctx ends.
// It asks the multicast group and the gateway itself, since a firewall or a bridge
// may not let the former through. The search of github.com/huin/goupnp is not used:
// it waits out its time after the answer, believes any host, and logs.
func search(ctx context.Context, at place, port uint16) iter.Seq2[*url.URL, error] {
	return func(yield func(*url.URL, error) bool) {
		conn, err := listenUDP(ctx, at.local)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = conn.Close() }()
		stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		defer stop()
		seen := make(map[string]bool)
		for ctx.Err() == nil {
			if err := sendSearch(conn, at, port); err != nil {
				yield(nil, err)
				return
			}
			if !hear(ctx, conn, at, seen, yield) {
				return
			}
		}
	}
}

// listenUDP opens the socket of a search, whose multicast leaves by the interface
// of the local address whatever the routing table says.
func listenUDP(ctx context.Context, local netip.Addr) (net.PacketConn, error) {
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp4", netip.AddrPortFrom(local, 0).String())
	if err != nil {
		return nil, err
	}
	if iface := interfaceOf(local); iface != nil {
		p := ipv4.NewPacketConn(conn)
		_ = p.SetMulticastInterface(iface) // else as the routing table has it
		_ = p.SetMulticastTTL(2)
	}
	return conn, nil
}

func interfaceOf(local netip.Addr) *net.Interface {
	interfaces, _ := net.Interfaces()
	for _, iface := range interfaces {
		addrs, _ := iface.Addrs()
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Unmap() == local {
				return &iface
			}
		}
	}
	return nil
}

// sendSearch fails where neither the group nor the gateway can be sent to.
func sendSearch(conn net.PacketConn, at place, port uint16) error {
	var failed error
	sent := false
	for _, to := range []netip.Addr{searchGroup(), at.gateway} {
		for _, target := range searchTargets() {
			_, err := conn.WriteTo(encodeSearch(target), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, port)))
			if err != nil {
				failed = err
			}
			sent = sent || err == nil
		}
	}
	if sent {
		return nil
	}
	return failed
}

func encodeSearch(target string) []byte {
	return fmt.Appendf(nil, "M-SEARCH * HTTP/1.1\r\nHOST: %s:%d\r\nMAN: \"ssdp:discover\"\r\nMX: %d\r\nST: %s\r\n\r\n", searchGroup(), searchPort, searchWait, target)
}

// hear yields what the gateway answers until it is time to repeat the search. It
// returns false where the search is over.
func hear(ctx context.Context, conn net.PacketConn, at place, seen map[string]bool, yield func(*url.URL, error) bool) bool {
	if conn.SetReadDeadline(time.Now().Add(searchRepeats)) != nil || ctx.Err() != nil {
		return false
	}
	buf := make([]byte, maxDatagram)
	for ignored := 0; ignored <= maxIgnored; ignored++ {
		n, from, err := conn.ReadFrom(buf)
		if portClosed(err) { // on Windows, of what was sent to the gateway itself
			continue
		}
		if err != nil {
			return ctx.Err() == nil && errors.Is(err, os.ErrDeadlineExceeded)
		}
		sender, err := netip.ParseAddrPort(from.String())
		if err != nil || sender.Addr().Unmap() != at.gateway {
			continue
		}
		location, err := decodeSearch(buf[:n], at.gateway)
		if location == nil && err == nil || location != nil && seen[location.String()] {
			continue
		}
		if location != nil {
			seen[location.String()] = true
		}
		if !yield(location, err) {
			return false
		}
	}
	yield(nil, errFlood)
	return false
}

// decodeSearch reads an answer to a search. Of other datagrams it returns neither a
// location nor an error.
func decodeSearch(b []byte, gateway netip.Addr) (*url.URL, error) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
	if err != nil {
		return nil, nil
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Location") == "" {
		return nil, nil
	}
	location, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return nil, nil
	}
	return location, onGateway(location, gateway)
}

// onGateway refuses what a device could send this host to elsewhere: it would make
// requests in another host's name.
func onGateway(u *url.URL, gateway netip.Addr) error {
	addr, err := netip.ParseAddr(u.Hostname())
	if u.Scheme != "http" || err != nil || addr.Unmap() != gateway {
		return fmt.Errorf("the gateway %s names %.100q, which is not itself by its address: set Mapper.Gateway to the address that it calls itself", gateway, u.Redacted())
	}
	return nil
}
