// Package dialogue reads and plays written FTP dialogues: what a server says, what it expects to hear, and what passes over
// the data connection.
//
// A dialogue is a text in the txtar form: a comment, which says what server it speaks like, and then sections that begin with
// a line "-- name --". The section "control" is the control connection; where it stands alone every connection plays it, and
// with "control 2", "control 3" and so on beside it, the nth connection plays the nth. All other sections are data, for the
// dialogue or for the test that reads them.
//
// A line of a control section is one of
//
//	C: RETR a.txt        the client sends exactly this; a trailing * stands for anything
//	C? QUIT              the client may send this; otherwise it and the lines up to the next C are passed over
//	C! "\xff\xf4ABOR"    the client sends this line, written as a Go string
//	S: 229 (|||{port}|)  the server says this; {pasv} and {port} open a port and stand for it
//	S! "220 odd\n"       the server sends these bytes, written as a Go string
//	D> "bytes"           the server sends this on the data connection
//	D> @name             the server sends the section of that name
//	D< "bytes"           the client sends exactly this on the data connection, and ends it
//	D< @name             the same with a section
//	D close, D reset     the server ends the data connection
//	wait 5s              the server does nothing for that time
//	silence              the server does nothing any more, until the client closes
//	close, reset         the server ends the control connection
//	# remark             nothing
//
// D uses the port that {pasv} or {port} opened last, or connects to where PORT or EPRT said. The data connection ends with the
// first line that does not begin with D.
package dialogue

import "strings"

// section is a part of a dialogue, with its line number.
type section struct {
	name string
	data string
	line int // of the first line of data, from 1
}

// splitArchive takes a text in the txtar form apart.
func splitArchive(text string) (comment string, sections []section) {
	var (
		body    strings.Builder
		current *section
		number  = 0
	)
	flush := func() {
		if current == nil {
			comment = body.String()
		} else {
			current.data = body.String()
			sections = append(sections, *current)
		}
		body.Reset()
	}
	for line := range strings.Lines(text) {
		number++
		if name, ok := marker(line); ok {
			flush()
			current = &section{name: name, line: number + 1}
			continue
		}
		body.WriteString(line)
	}
	flush()
	return comment, sections
}

// marker reads a line "-- name --".
func marker(line string) (name string, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	inner, ok := strings.CutPrefix(line, "-- ")
	if !ok {
		return "", false
	}
	inner, ok = strings.CutSuffix(inner, " --")
	name = strings.TrimSpace(inner)
	return name, ok && name != ""
}
