package doctor

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// drawing is a group as shapes with coordinates. It is made twice, for wide
// windows and for narrow ones, because text that shrinks with its picture cannot
// be read on a telephone.
type drawing struct {
	ID, Class       string
	Width, Height   int
	Title, Desc     string
	Boxes           []box
	Top             int // where the lifelines begin
	Wires           []wire
	Notes           []note
	Mono, Sans, Gap int // sizes of letters, and the way from one line to the next
}

// box is a station: its frame and the text in it, around X.
type box struct {
	station
	Left, Y, W, H int
	X             int // its middle, and its lifeline
	IconX, NameY  int
	Lines         []label
	NextLeft      int // where the box after it begins; 0 for the last
	LinkY         int
}

// label is a line of text, or a part of one.
type label struct {
	X, Y int
	Text string
	Mono bool
}

// wire is a connection: what got through runs from X1 to X2, and what did not
// from there to X3.
type wire struct {
	Class, Mark, Name, Outcome string
	X1, X2, X3, Y              int
	Head                       label
	Details                    []label
	Arrow                      string // the points of its tip; empty where it does not arrive
	Cross                      bool
	Asked                      bool
	Passes                     []int // NATs on the way, where addresses change
}

// note is a rewriting, at the station that does it.
type note struct {
	X, Y  int
	Text  string
	Lines []label
}

// scale holds the measures of a drawing, in units that are pixels where the
// window is as wide as the drawing.
type scale struct {
	class                      string
	width                      int
	host, nat, network, spread int // widths of boxes, and by how much they may grow
	edge                       int // between boxes, at least
	mono, sans, line           int // sizes of letters, and from one line to the next
	indent                     int // of the text from the client's lifeline; zero puts it at the left edge
}

func wideScale() scale {
	return scale{
		class: "wide", width: 880, host: 176, nat: 140, network: 104, spread: 24, edge: 24,
		mono: 12, sans: 13, line: 17, indent: 14,
	}
}

func narrowScale() scale {
	return scale{
		class: "narrow", width: 350, host: 76, nat: 62, network: 56, spread: 38, edge: 4,
		mono: 10, sans: 11, line: 14,
	}
}

// Drawings are the wide and the narrow one.
func (p page) Drawings(i int) []drawing {
	s := p.Groups[i]
	return []drawing{s.draw(wideScale(), i), s.draw(narrowScale(), i)}
}

func (g group) draw(m scale, number int) drawing {
	p := g.path()
	d := drawing{
		ID: fmt.Sprintf("%s-%d", m.class, number), Class: m.class, Width: m.width,
		Title: "The path to " + g.report.Host + ": " + g.Title(), Mono: m.mono, Sans: m.sans, Gap: m.line,
	}
	d.Boxes = m.boxes(p)
	d.Top = d.Boxes[0].Y + d.Boxes[0].H
	y := d.Top + m.line/2
	if g.asked() {
		for _, w := range g.report.Rewrites {
			d.Notes = append(d.Notes, m.note(w, d.Boxes[0], d.Boxes[p.place(w)], &y))
			y += m.line / 2
		}
	}
	connections := p.connections()
	for _, c := range connections {
		d.Wires = append(d.Wires, m.wire(c, d.Boxes, &y))
	}
	d.Height = y + m.line/2
	d.Desc = describe(p, connections)
	return d
}

// describe is the drawing in words, for who cannot see it.
func describe(p path, connections []connection) string {
	var parts []string
	for _, s := range p.stations {
		parts = append(parts, strings.TrimSpace(s.Name+" "+s.Address))
	}
	text := "From " + strings.Join(parts, " to ") + "."
	for _, c := range connections {
		text += " " + c.Name + ": " + strings.Join(append([]string{c.Outcome.String()}, c.Details...), ", ")
		if c.Broken {
			text += ", broken off at the " + p.stations[c.To].Name
		}
		text += "."
	}
	return text
}

// boxes lays the stations out from the left to the right edge, all of one height.
func (m scale) boxes(p path) []box {
	free := m.width - 2
	for _, s := range p.stations {
		free -= m.breadth(s)
	}
	gaps := len(p.stations) - 1
	grow := max(0, min(m.spread, (free-gaps*m.edge)/gaps))
	free -= gaps * grow // every box but the network's
	boxes, x, height := make([]box, len(p.stations)), 1, 0
	for i, s := range p.stations {
		b := box{station: s, Left: x, Y: 1, W: m.breadth(s)}
		if s.Kind != "network" {
			b.W += grow
		}
		b.X = b.Left + b.W/2
		b.IconX, b.NameY = b.X-12, b.Y+32+m.sans
		m.fill(&b)
		height = max(height, b.NameY+len(b.Lines)*m.line+m.line/2)
		x += b.W + free/gaps
		boxes[i] = b
	}
	for i := range boxes {
		boxes[i].H, boxes[i].LinkY = height, 1+height/2
		if i > 0 {
			boxes[i-1].NextLeft = boxes[i].Left
		}
	}
	return boxes
}

// breadth is that of a station's box, before it grows.
func (m scale) breadth(s station) int {
	switch s.Kind {
	case "nat", "proxy":
		return m.nat
	case "network":
		return m.network
	}
	return m.host
}

// fill writes into a box what its station is.
func (m scale) fill(b *box) {
	y := b.NameY
	add := func(text string, mono bool) {
		for _, line := range wrap(text, m.letters(b.W-6), " .:") {
			y += m.line
			b.Lines = append(b.Lines, label{b.X, y, line, mono})
		}
	}
	add(b.Note, false)
	add(b.Address, true)
}

// letters is how many of them surely fit into a width. The widest of the usual
// fonts with letters of one width take 0.61 of their size for each.
func (m scale) letters(width int) int { return width * 100 / (m.mono * 61) }

// textAt is where the text of wires begins.
func (m scale) textAt(client box) int {
	if m.indent == 0 {
		return 4
	}
	return client.X + m.indent
}

// wire draws a connection below y, which it moves on.
func (m scale) wire(c connection, boxes []box, y *int) wire {
	from, to, end := boxes[c.From].X, boxes[c.To].X, boxes[0].X
	if c.From == 0 {
		end = boxes[len(boxes)-1].X
	}
	w := wire{
		Class: c.Outcome.class(), Mark: c.Outcome.mark(), Name: c.Name, Outcome: c.Outcome.String(),
		X1: from, X2: to, X3: end, Cross: c.Broken, Asked: c.Asked,
	}
	x := m.textAt(boxes[0])
	*y += m.line + m.line/2
	w.Head = label{X: x, Y: *y, Text: clip(c.Name, m.letters(m.width-x)-18)}
	*y += m.line/2 + 2
	w.Y = *y
	*y += 3 // a cross may stand on the line
	for _, line := range pack(c.Details, m.letters(m.width-x-4)) {
		*y += m.line
		w.Details = append(w.Details, label{x, *y, line, true})
	}
	m.finish(&w, c, boxes)
	*y += m.line / 2
	return w
}

// finish ends a wire: with a tip where it arrives, with a cross where it does not.
func (m scale) finish(w *wire, c connection, boxes []box) {
	way := 1
	if w.X3 < w.X1 {
		way = -1
	}
	atEnd := w.X2 == w.X3
	switch {
	case w.Cross && w.X2 == w.X1:
		w.X2 += way * 12 // it did not leave its station
	case w.Cross && atEnd:
		w.X2 -= way * 12 // the cross stands before the lifeline, not on it
	case !w.Cross && w.Class != "none":
		w.Arrow = fmt.Sprintf("%d,%d %d,%d %d,%d", w.X2, w.Y, w.X2-way*9, w.Y-5, w.X2-way*9, w.Y+5)
		w.X2 -= way * 8
	}
	for i, b := range boxes {
		between := min(w.X1, w.X2) < b.X && b.X < max(w.X1, w.X2)
		if boxes[i].Kind == "nat" && between && !c.Asked && w.Class != "none" {
			w.Passes = append(w.Passes, b.X)
		}
	}
}

// note draws a rewriting below y, which it moves on. Where there is little room to
// the right of its station, the addresses begin where those of wires do.
func (m scale) note(w Rewrite, client, station box, y *int) note {
	*y += m.line + m.line/2
	text, x := w.What+" is rewritten here", station.X+10
	n := note{X: station.X, Y: *y - m.sans/3}
	length := width(Visible(text)) * m.sans * 65 / 100 // it is bold
	if x+length > m.width {
		x = max(4, station.X-10-length)
	}
	n.Lines = []label{{X: x, Y: *y, Text: clip(text, m.letters(m.width-x))}}
	var parts []string
	if w.Said != "" {
		parts = append(parts, "sent as "+w.Said)
	}
	if w.Arrived != "" {
		parts = append(parts, "arrived as "+w.Arrived)
	}
	if tooLong(parts, m.letters(m.width-x-4)) {
		x = m.textAt(client)
	}
	for _, line := range pack(parts, m.letters(m.width-x-4)) {
		*y += m.line
		n.Lines = append(n.Lines, label{x, *y, line, true})
	}
	return n
}

// tooLong tells whether one of the parts does not fit on a line.
func tooLong(parts []string, room int) bool {
	return slices.ContainsFunc(parts, func(s string) bool { return width(Visible(s)) > room })
}

// pack puts the parts on as few lines as hold them; one that is longer than a line
// is broken.
func pack(parts []string, room int) []string {
	var lines []string
	for _, part := range parts {
		last := len(lines) - 1
		if last >= 0 && width(lines[last])+3+width(Visible(part)) <= room {
			lines[last] += " · " + Visible(part)
			continue
		}
		lines = append(lines, wrap(part, room, " ")...)
	}
	return lines
}

func width(s string) int { return utf8.RuneCountInString(s) }

// clip cuts s, as it is seen, to so many letters.
func clip(s string, room int) string {
	letters := []rune(Visible(s))
	if room < 1 || len(letters) <= room {
		return string(letters)
	}
	return string(letters[:room-1]) + "…"
}

// maxLines bounds the text in a box, and that of a part at a wire.
const maxLines = 6

// wrap breaks s, as it is seen, into lines of at most so many letters: after one of
// the given letters where there is one.
func wrap(s string, room int, after string) []string {
	letters := []rune(Visible(s))
	var lines []string
	for len(letters) > room && len(lines) < maxLines-1 {
		at := room
		for i := room; i > room/8; i-- {
			if strings.ContainsRune(after, letters[i-1]) {
				at = i
				break
			}
		}
		lines = append(lines, strings.TrimSpace(string(letters[:at])))
		letters = letters[at:]
	}
	if len(letters) == 0 {
		return lines
	}
	return append(lines, clip(string(letters), room))
}
