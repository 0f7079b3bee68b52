package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// defaultNetrc is the value of --netrc without a file.
const defaultNetrc = "~/.netrc"

// maxNetrc bounds the file; a real one has a few lines.
const maxNetrc = 1 << 20

// netrcEntry is one machine of a .netrc file.
type netrcEntry struct {
	login, password, account string
}

// lookupNetrc returns the entry for host, and for user where one is known.
func lookupNetrc(file string, home func() (string, error), host, user string) (netrcEntry, bool, error) {
	if file == defaultNetrc {
		dir, err := home()
		if err != nil {
			return netrcEntry{}, false, fmt.Errorf("--netrc: %w", err)
		}
		file = filepath.Join(dir, ".netrc")
	}
	text, err := readBounded(file, maxNetrc)
	if err != nil {
		return netrcEntry{}, false, fmt.Errorf("--netrc: %w", err)
	}
	entry, found, err := parseNetrc(text, host, user)
	if err != nil {
		return netrcEntry{}, false, fmt.Errorf("--netrc: %s: %w", file, err)
	}
	return entry, found, nil
}

func readBounded(file string, limit int64) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", file, limit)
	}
	return string(text), err
}

// parseNetrc finds the first entry for host whose login is user, or any where
// user is empty. "default" stands for every host that has no entry above it.
// No error repeats a word of the file, which may be a password.
func parseNetrc(text, host, user string) (netrcEntry, bool, error) {
	words := netrcWords{text: text}
	var current netrcEntry
	inEntry, matches := false, false
	accepts := func() bool { return inEntry && matches && (user == "" || current.login == user || current.login == "") }
	for {
		word, ok, err := words.next()
		if err != nil {
			return netrcEntry{}, false, err
		}
		if !ok {
			return current, accepts(), nil
		}
		switch word {
		case "machine", "default":
			if accepts() {
				return current, true, nil
			}
			current, inEntry, matches = netrcEntry{}, true, true
			if word == "machine" {
				name, err := words.value(word)
				if err != nil {
					return netrcEntry{}, false, err
				}
				matches = strings.EqualFold(name, host)
			}
		case "macdef":
			words.skipMacro()
		default:
			if err := current.read(word, &words); err != nil {
				return netrcEntry{}, false, err
			}
		}
	}
}

func (e *netrcEntry) read(word string, words *netrcWords) error {
	fields := map[string]*string{"login": &e.login, "password": &e.password, "account": &e.account}
	field, known := fields[word]
	if !known {
		return fmt.Errorf("line %d holds a word that is none of machine, default, login, password, account and macdef", words.line())
	}
	value, err := words.value(word)
	*field = value
	return err
}

// netrcWords cuts the text into words. A word may be quoted, with backslashes
// before quotes in it, and # begins a comment where a word could begin.
type netrcWords struct {
	text string
	at   int
}

func (w *netrcWords) line() int { return 1 + strings.Count(w.text[:w.at], "\n") }

func (w *netrcWords) value(of string) (string, error) {
	word, ok, err := w.next()
	if err == nil && !ok {
		err = fmt.Errorf("the file ends after %q", of)
	}
	return word, err
}

func (w *netrcWords) next() (word string, ok bool, err error) {
	const blanks = " \t\r\n"
	for {
		for w.at < len(w.text) && strings.IndexByte(blanks, w.text[w.at]) >= 0 {
			w.at++
		}
		if w.at == len(w.text) {
			return "", false, nil
		}
		if w.text[w.at] != '#' || w.at > 0 && w.text[w.at-1] != '\n' {
			break
		}
		w.skipTo("\n")
	}
	if w.text[w.at] == '"' {
		word, err = w.quoted()
		return word, true, err
	}
	start := w.at
	for w.at < len(w.text) && strings.IndexByte(blanks, w.text[w.at]) < 0 {
		w.at++
	}
	return w.text[start:w.at], true, nil
}

func (w *netrcWords) quoted() (string, error) {
	var b strings.Builder
	for w.at++; w.at < len(w.text); w.at++ {
		switch c := w.text[w.at]; {
		case c == '"':
			w.at++
			return b.String(), nil
		case c == '\\' && w.at+1 < len(w.text):
			w.at++
			b.WriteByte(w.text[w.at])
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("a quoted word has no end")
}

// skipMacro skips a macro definition, which ends with an empty line.
func (w *netrcWords) skipMacro() {
	for w.at < len(w.text) {
		w.skipTo("\n")
		rest := w.text[w.at:]
		if strings.HasPrefix(rest, "\n") || strings.HasPrefix(rest, "\r\n") {
			return
		}
	}
}

// skipTo goes behind the next mark, or to the end.
func (w *netrcWords) skipTo(mark string) {
	i := strings.Index(w.text[w.at:], mark)
	if i < 0 {
		w.at = len(w.text)
		return
	}
	w.at += i + len(mark)
}
