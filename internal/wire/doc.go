// Package wire is the byte level of the FTP control connection: it builds
// command lines, reads replies and reads what the texts of well-known replies
// mean. It knows nothing of sessions and does no I/O but the Read calls of
// [Reader].
//
// Everything that reads a server's bytes is bounded and total: hostile input
// costs linear time and limited memory, and ends in a value or in an error.
package wire
