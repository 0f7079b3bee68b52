// Package listing reads what FTP servers send as the content of a directory: the machine-readable lines of
// MLSD and MLST (RFC 3659 section 7) and the free-form lines of LIST, which no standard describes.
//
// The parsers are pure functions of a line: no I/O, no clock, no panic on any bytes. Names are handed out
// byte for byte as they were sent, with no conversion, no cleaning and no trimming, so that they can be sent
// back. They may hold anything, escape sequences, ".." in a path or invalid UTF-8 included, except CR, LF and
// NUL: a line that holds one of those is refused with a [LineError], because such a name can be neither told
// from a broken line nor sent back in a command.
//
// A [Scanner] cuts a data connection into lines in constant memory. A [Parser] reads LIST lines, finding the
// format from each line; [ParseMLSx] reads the others.
package listing
