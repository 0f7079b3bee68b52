package dialogue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Dialogue is a parsed dialogue. It does not change, and can be played any number of times.
type Dialogue struct {
	Comment  string // what stands before the first section
	controls [][]step
	sections []section
}

// kind is what a step does.
type kind int

const (
	expect kind = iota
	expectMaybe
	say
	dataSend
	dataExpect
	dataClose
	dataReset
	wait
	silence
	closeControl
	resetControl
)

// step is one line of a control section.
type step struct {
	kind     kind
	text     string // the line, for expect and say; the bytes, for data
	wildcard bool   // expect: anything may follow text
	raw      bool   // say: no placeholders and no line end
	pause    time.Duration
	line     int
	source   string
}

// Parse reads a dialogue. The error names the line.
func Parse(text string) (*Dialogue, error) {
	comment, sections := splitArchive(text)
	d := &Dialogue{Comment: comment, sections: sections}
	for {
		name := "control"
		if n := len(d.controls) + 1; n > 1 {
			name = fmt.Sprintf("control %d", n)
		}
		s, ok := d.find(name)
		if !ok {
			break
		}
		steps, err := d.parseControl(s)
		if err != nil {
			return nil, err
		}
		d.controls = append(d.controls, steps)
	}
	if len(d.controls) == 0 {
		return nil, errors.New(`a dialogue needs a section "-- control --"`)
	}
	return d, nil
}

// Section returns the text of a section.
func (d *Dialogue) Section(name string) (string, bool) {
	s, ok := d.find(name)
	return s.data, ok
}

func (d *Dialogue) find(name string) (section, bool) {
	for _, s := range d.sections {
		if s.name == name {
			return s, true
		}
	}
	return section{}, false
}

func (d *Dialogue) parseControl(s section) ([]step, error) {
	var steps []step
	number := s.line - 1
	for line := range strings.Lines(s.data) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		st, err := d.parseStep(line)
		if err != nil {
			return nil, fmt.Errorf("dialogue line %d: %w", number, err)
		}
		st.line, st.source = number, line
		steps = append(steps, st)
	}
	return steps, nil
}

func (d *Dialogue) parseStep(line string) (step, error) {
	mark, rest := line, ""
	if len(line) >= 2 {
		mark, rest = line[:2], strings.TrimPrefix(line[2:], " ")
	}
	switch mark {
	case "C:", "C?":
		text, wildcard := strings.CutSuffix(rest, "*")
		st := step{kind: expect, text: text, wildcard: wildcard}
		if mark == "C?" {
			st.kind = expectMaybe
		}
		return st, nil
	case "S:":
		return step{kind: say, text: rest}, nil
	case "C!":
		return quoted(step{kind: expect}, rest)
	case "S!":
		return quoted(step{kind: say, raw: true}, rest)
	case "D>":
		return d.payload(step{kind: dataSend}, rest)
	case "D<":
		return d.payload(step{kind: dataExpect}, rest)
	}
	return parseDirective(line)
}

func parseDirective(line string) (step, error) {
	if text, ok := strings.CutPrefix(line, "wait "); ok {
		pause, err := time.ParseDuration(text)
		if err != nil || pause < 0 {
			return step{}, fmt.Errorf("wait %q: write a duration such as 5s", text)
		}
		return step{kind: wait, pause: pause}, nil
	}
	switch strings.TrimSpace(line) {
	case "silence":
		return step{kind: silence}, nil
	case "close":
		return step{kind: closeControl}, nil
	case "reset":
		return step{kind: resetControl}, nil
	case "D close":
		return step{kind: dataClose}, nil
	case "D reset":
		return step{kind: dataReset}, nil
	}
	return step{}, fmt.Errorf("%q is none of C: C? C! S: S! D> D< D close, D reset, wait, silence, close, reset", line)
}

func quoted(st step, text string) (step, error) {
	plain, err := strconv.Unquote(text)
	if err != nil {
		return step{}, fmt.Errorf("%s: write it as a Go string, in quotes", text)
	}
	st.text = plain
	return st, nil
}

func (d *Dialogue) payload(st step, text string) (step, error) {
	name, isSection := strings.CutPrefix(text, "@")
	if !isSection {
		return quoted(st, text)
	}
	data, ok := d.Section(name)
	if !ok {
		return step{}, fmt.Errorf("there is no section %q", name)
	}
	st.text = data
	return st, nil
}

// keepsData reports whether the data connection stays open over the step.
func (st step) keepsData() bool { return st.kind >= dataSend && st.kind <= wait }

func (st step) matches(line string) bool {
	if st.wildcard {
		return strings.HasPrefix(line, st.text)
	}
	return line == st.text
}
