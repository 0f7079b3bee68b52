// Package ftp is an FTP client whose main care is the data connection: FTP's
// second connection, which every NAT and firewall between client and server
// can send astray.
//
//	c, err := ftp.Dial(ctx, "ftp.example.net", nil)
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	_, err = c.Retrieve(ctx, "pub/a.txt", w)
//
// # The data connection
//
// In passive mode, the default, the client connects to an address that the
// server names (EPSV, PASV); in active mode the server connects to one that
// the client names (PORT, EPRT). [Options.Mode] chooses, or leaves it to the
// network with [ModeAuto]. [Passive] and [Active] hold the settings of each:
// the policy on addresses that a server behind a NAT gets wrong, a forced IP
// address, the external address and the local port range of a client behind
// one. Both are implementations of the interface [DataDialer], and so may be
// one of your own.
//
// A client behind a NAT finds its external address by an [ExternalFunc], or has
// the gateway forward a port with a [PortMapper]; package portmap, a module of its
// own, speaks PCP, NAT-PMP and UPnP. Package ftpproxy carries both connections
// through a SOCKS5 or HTTP proxy, and package doctor finds out what a network
// permits.
//
// A method that fails, by a refusal, a timeout or a 425, is followed by the
// next one. What was tried, at which addresses and with what outcome, is the
// [Negotiation], found in the [Result] of a transfer and in its [Error].
//
// # Encryption
//
// [Options.TLS] chooses explicit or implicit FTPS (RFC 4217); nothing else need
// be set. Data connections are encrypted too, are verified like the control
// connection, and resume its TLS session, which many servers demand. What was
// negotiated is in [Negotiation.TLS].
//
// # Sessions
//
// A [Client] is one session: one login and one transfer at a time. It either
// stays in step with the server or says that it is broken ([ErrBroken]); it
// never guesses which reply belongs to which command. Every method takes a
// context; cancelling a transfer breaks it off in order and leaves the client
// usable.
//
// A download's io.EOF, and the nil error of Retrieve, Store and Writer.Close,
// mean that the server has confirmed the transfer.
//
// # Standards
//
// RFC 959, 1123 section 4.1, 2389 (FEAT), 2428 (EPSV, EPRT), 2640 (UTF-8), 3659
// (MLSD, MLST, SIZE, MDTM, REST), 4217 (FTPS) and 7151 (HOST), and the drafts of PRET and
// MFMT. Not covered: TYPE E and L, STRU other than F, MODE other than S.
package ftp
