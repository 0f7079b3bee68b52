package listing

// maxColumns is how many words of a line are looked at to find its columns. It leaves room for owners and
// groups with blanks in their names.
const maxColumns = 24

// row is a line cut into its first words; the words are parted by blanks or tabs.
type row struct {
	line string
	at   [maxColumns]struct{ start, end int }
	n    int
}

// cut finds the words of a line.
func (r *row) cut(line string) {
	r.line, r.n = line, 0
	for i := 0; i < len(line) && r.n < maxColumns; r.n++ {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		start := i
		for i < len(line) && !isBlank(line[i]) {
			i++
		}
		if start == i {
			return
		}
		r.at[r.n].start, r.at[r.n].end = start, i
	}
}

// col returns word i, or "" where the line has no such word.
func (r *row) col(i int) string {
	if i < 0 || i >= r.n {
		return ""
	}
	return r.line[r.at[i].start:r.at[i].end]
}

// span returns the words from first to last with what is between them, or "" where there are none.
func (r *row) span(first, last int) string {
	if first > last {
		return ""
	}
	return r.line[r.at[first].start:r.at[last].end]
}

// after returns what follows word i and exactly one blank: further blanks belong to a name.
func (r *row) after(i int) string {
	if i < 0 || i >= r.n || r.at[i].end == len(r.line) {
		return ""
	}
	return r.line[r.at[i].end+1:]
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
