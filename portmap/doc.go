// Package portmap asks the gateway of this network to forward ports to this
// host, and finds the address that the Internet sees it at, so that an FTP server
// can connect to a client behind a NAT.
//
//	var m portmap.Mapper
//	defer m.Close()
//	opts := &ftp.Options{Mode: ftp.ModeActive, Active: ftp.Active{Mapper: &m}}
//
// A [Mapper] speaks PCP (RFC 6887), NAT-PMP (RFC 6886) and UPnP (the
// WANIPConnection and WANPPPConnection services of an Internet gateway device,
// versions 1 and 2). It renews a mapping while it is held, and deletes it
// afterwards. [Mapper.External] and [STUN] are sources of the external address for
// a port range that is forwarded by hand.
//
// Mappings are for IPv4: a host with an IPv6 address needs none, but a firewall
// that lets the server in.
package portmap
