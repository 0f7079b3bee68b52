// Package ftpproxy carries both connections of an FTP session through a SOCKS5
// or an HTTP proxy.
//
// A [Proxy] fills the two hooks of package ftp: [Proxy.DialContext] makes the
// connections that the client opens, and [Proxy.Listener] has a SOCKS5 proxy
// accept the one that the server opens in active mode:
//
//	p, err := ftpproxy.Parse("socks5://user:secret@proxy.example.net", nil)
//	...
//	c, err := ftp.Dial(ctx, server, &ftp.Options{
//		DialContext: p.DialContext,
//		Active:      ftp.Active{ListenFunc: p.Listener(server)},
//	})
//
// Host names go to the proxy as they are: it resolves them, and this host never
// asks its own name server.
package ftpproxy
