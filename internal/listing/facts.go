package listing

import (
	"iter"
	"strings"
)

// Facts is the fact list of an MLSx line as it was sent: "type=file;size=12;". It is read on demand, which
// spares a map for each line. The zero value is a list without facts.
type Facts string

// Get returns the value of the named fact as sent, whatever the case of its name, and whether the list holds
// it. Of a fact that is there twice the first counts.
func (f Facts) Get(name string) (value string, ok bool) {
	for rest := string(f); rest != ""; {
		var key, val string
		if key, val, rest, ok = nextFact(rest); ok && equalFold(key, name) {
			return val, true
		}
	}
	return "", false
}

// All yields name, with its ASCII letters in lower case, and value, as sent, of every fact in the order of the list.
func (f Facts) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for rest := string(f); rest != ""; {
			var key, val string
			var ok bool
			if key, val, rest, ok = nextFact(rest); ok && !yield(lowerWord(key), val) {
				return
			}
		}
	}
}

// nextFact cuts the first fact from a list. It reports false for what is no fact, a piece without "=" or with
// no name in front of it; the list goes on behind it.
func nextFact(list string) (key, value, rest string, ok bool) {
	fact, rest, _ := strings.Cut(list, ";")
	key, value, ok = strings.Cut(fact, "=")
	return key, value, rest, ok && key != ""
}

// equalFold compares two words without regard to the case of ASCII letters. The words of the protocol are
// ASCII; Unicode folding would take a Kelvin sign for a "k".
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// lower returns the small letter of an ASCII letter and any other byte as it is.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowerWord returns a word with small ASCII letters, and its other bytes as they are.
func lowerWord(word string) string {
	small := []byte(word)
	for i, c := range small {
		small[i] = lower(c)
	}
	return string(small)
}
