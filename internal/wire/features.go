package wire

import "strings"

// Features is what a server offers by its reply to FEAT (RFC 2389), in the order
// of the reply. The zero value is the empty set. It never changes after
// [ParseFeatures], so that copies may be shared.
type Features struct {
	names  []string
	params map[string][]string
}

// ParseFeatures reads the lines of a 211 reply. The first and the last line are
// words for people, unless they begin with a blank as feature lines should; the
// lines between are features with or without that blank. Empty lines, and lines
// that do not begin with a name, are skipped.
func ParseFeatures(lines []string) Features {
	var f Features
	for i, line := range lines {
		if (i == 0 || i == len(lines)-1) && !startsBlank(line) {
			continue
		}
		name, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !isFeatureName(name) {
			continue
		}
		name = strings.ToUpper(name)
		if f.params == nil {
			f.params = make(map[string][]string)
		}
		if _, seen := f.params[name]; !seen {
			f.names = append(f.names, name)
		}
		f.params[name] = append(f.params[name], strings.TrimSpace(params))
	}
	return f
}

func startsBlank(line string) bool {
	return line != "" && (line[0] == ' ' || line[0] == '\t')
}

// isFeatureName reports whether s is visible ASCII alone.
func isFeatureName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}

// Names returns the names in upper case, in the order of the reply.
func (f Features) Names() []string { return append([]string(nil), f.names...) }

// Has reports whether the server offers name, in any case.
func (f Features) Has(name string) bool {
	_, ok := f.params[strings.ToUpper(name)]
	return ok
}

// Params returns what follows name, such as "type*;size*;modify*;" for MLST, as
// the server wrote it. Where a name stands on several lines (AUTH TLS and AUTH
// SSL), their parameters are joined with ";".
func (f Features) Params(name string) string {
	var b strings.Builder
	for _, p := range f.params[strings.ToUpper(name)] {
		if p == "" {
			continue
		}
		if s := b.String(); s != "" && s[len(s)-1] != ';' {
			b.WriteByte(';')
		}
		b.WriteString(p)
	}
	return b.String()
}
