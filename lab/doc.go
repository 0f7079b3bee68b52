// Package lab proves on real networks what the other tests prove on loopback. It
// builds them out of Linux network namespaces, virtual cables and nftables: a
// client behind a router, an internet, and servers behind another router, with
// NATs, firewalls and FTP helpers as a scenario wants them. The dualport command
// and the library run in the client's namespace, against vsftpd, ProFTPD, Pure-FTPd
// or a scripted odd server, and every connection attempt that leaves the client is
// seen on its cable.
//
// A scenario is a file in testdata/scenarios; type [Scenario] says what may stand in
// it. "make lab" runs all of them, as root; "go test -tags lab -run
// TestScenarios/NAME" in this folder runs one.
//
// The cables:
//
//	client ─┐                                                  ┌─ server
//	        ├─ client_router ── internet ── server_router ─────┤
//	neighbour┘                    │                            └─ (more addresses)
//	                           stranger
package lab
