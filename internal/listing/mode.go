package listing

import "io/fs"

// modeLength is the length of the mode column of ls: a letter for the kind and nine permissions.
const modeLength = 10

// mode is a mode column as ls prints it: "drwxr-sr-t+".
type mode struct {
	kind  Kind
	perm  fs.FileMode
	told  bool // false for "d?????????", of a file that ls could not look at
	links int  // a count of links that ran into the column: "drwxr-xr-x1024"
}

// parseMode reads a mode column with the mark of an access list (+), a security context (.) or extended
// attributes (@) that may follow it.
func parseMode(word string) (m mode, ok bool) {
	if len(word) < modeLength {
		return mode{}, false
	}
	if m.kind, ok = kindOfLetter(word[0]); !ok {
		return mode{}, false
	}
	if word[1:modeLength] != "?????????" {
		if m.perm, ok = permissions(word[1:modeLength]); !ok {
			return mode{}, false
		}
		m.told = true
	}
	rest := word[modeLength:]
	if rest != "" && (rest[0] == '+' || rest[0] == '.' || rest[0] == '@') {
		rest = rest[1:]
	}
	if rest != "" {
		m.links, ok = number(rest, 0, mostLinks)
	}
	return m, ok
}

// kindOfLetter reads the first letter of a mode column.
func kindOfLetter(c byte) (Kind, bool) {
	switch c {
	case '-', 'C', 'M': // regular, contiguous, migrated to tape
		return File, true
	case 'd':
		return Dir, true
	case 'l':
		return Link, true
	case 'b', 'c', 'p', 's', 'D', 'P', 'n', 'w': // devices, pipe, socket, door, event port, network, whiteout
		return Other, true
	case '?':
		return Unknown, true
	}
	return Unknown, false
}

// permissions reads the nine permissions of a mode column, three for each of owner, group and others.
func permissions(word string) (perm fs.FileMode, ok bool) {
	for who, special := range [...]fs.FileMode{fs.ModeSetuid, fs.ModeSetgid, fs.ModeSticky} {
		r, w, x := word[3*who], word[3*who+1], word[3*who+2]
		if (r != 'r' && r != '-') || (w != 'w' && w != '-') {
			return 0, false
		}
		shift := 6 - 3*who
		if r == 'r' {
			perm |= 4 << shift
		}
		if w == 'w' {
			perm |= 2 << shift
		}
		switch x {
		case '-':
		case 'x':
			perm |= 1 << shift
		case 's', 't':
			perm |= 1<<shift | special
		case 'S', 'T', 'l', 'L': // l is mandatory locking, which is setgid without execution
			perm |= special
		default:
			return 0, false
		}
	}
	return perm, true
}
