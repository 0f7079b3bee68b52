// Package ftptest is an FTP server for tests, as net/http/httptest is an HTTP server for tests.
//
//	srv := ftptest.NewServer(t)
//	srv.Tree.WriteFile("/pub/a.txt", []byte("hello\n"))
//	// log in at srv.Addr as "anonymous", or as "user" with the password "secret"
//
// The server runs in the test's own process, listens on a loopback address, keeps its files in memory and ends with the
// test. It is a complete server: passive and active mode over IPv4 and IPv6, MLSD and LIST, restarts, ABOR in mid-transfer.
// By itself it behaves well. What it is made for is to behave badly on request: Config describes servers behind a
// misconfigured NAT, ports that swallow connections, replies that never come, transfers that stall or are cut short, the
// several ways servers answer ABOR, and so on, and every one of these can be had alone or combined.
//
// Config.TLS adds TLS, explicit or implicit, with certificates that Server.RootCAs verifies, or with bad ones that an Authority
// makes; with servers that insist on session reuse, tickets that work once, connections that end without close_notify, and
// bytes injected before the handshake:
//
//	srv := ftptest.NewUnstartedServer(t)
//	srv.Config.TLS = &ftptest.TLS{RequireReuse: true}
//	srv.Start()
//	// dial srv.Addr, send AUTH TLS, and use srv.ClientTLS()
//
// Script goes one step further: it plays a written dialogue line by line and fails the test where the client departs from it.
//
// A test sees what happened through Server.Commands, Server.Sessions and Server.DataConns.
//
// With Config.Network the server runs on another network than the host's, for example one that lives in memory and works
// in a testing/synctest bubble.
//
// The package shares no code with any client, so that the two cannot share a mistake.
package ftptest
