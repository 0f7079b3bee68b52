package listing

import (
	"io/fs"
	"time"
)

// Kind is what an entry of a directory is. The zero value is Unknown.
type Kind uint8

// The kinds of entry.
const (
	Unknown    Kind = iota // the listing does not tell, or in words not known here
	File                   // a regular file
	Dir                    // a directory
	Link                   // a symbolic link, a Windows junction
	Other                  // a device, pipe, socket and the like
	CurrentDir             // the directory listed: type=cdir, or the name "."
	ParentDir              // its parent: type=pdir, or the name ".."
)

// String returns the kind as a word, for messages.
func (k Kind) String() string {
	switch k {
	case File:
		return "file"
	case Dir:
		return "directory"
	case Link:
		return "link"
	case Other:
		return "other"
	case CurrentDir:
		return "current directory"
	case ParentDir:
		return "parent directory"
	default:
		return "unknown"
	}
}

// Precision says how finely the listing told a time; what is finer is zero in the Time. The zero value means
// that no time was told. Greater is finer.
type Precision uint8

// The precisions of a time.
const (
	Day       Precision = iota + 1 // a date alone: "Jan  2  2006"
	Minute                         // "Jan  2 15:04"
	Second                         // modify=20060102150405
	Subsecond                      // modify=20060102150405.123
)

// String returns the precision as a word, for messages.
func (p Precision) String() string {
	switch p {
	case Day:
		return "day"
	case Minute:
		return "minute"
	case Second:
		return "second"
	case Subsecond:
		return "subsecond"
	default:
		return "none"
	}
}

// Entry is one line of a listing. All its strings are parts of Raw.
type Entry struct {
	// Name is byte-exact as sent, never empty and without CR, LF and NUL. It may be a whole path (MLST sends
	// one) and is in no way safe to use as a local name.
	Name string
	// Kind is CurrentDir or ParentDir for the names "." and "..", whatever the line says they are.
	Kind Kind
	// Target is where a link points to, as sent; empty where the listing does not tell.
	Target string
	// Size is in bytes, or -1 where the listing does not tell, tells it rounded ("1.5K"), negative, or greater
	// than an int64 holds. For directories it is whatever the server counts.
	Size int64
	// Time is the time of modification: of MLSx in UTC, of LIST in the parser's location. It is zero
	// where no time was told, which Precision says.
	Time time.Time
	// Precision is how finely Time was told; zero where it was not.
	Precision Precision
	// Perm holds permission, setuid, setgid and sticky bits, from the mode column or the UNIX.mode fact. It
	// means something only where HasPerm is set.
	Perm    fs.FileMode
	HasPerm bool
	// Links is the number of hard links; 0 where not told.
	Links int
	// Owner and Group are names or numbers as sent; empty where not told.
	Owner, Group string
	// Facts is the fact list of an MLSx line; empty for LIST lines.
	Facts Facts
	// Raw is the line as it came, without its ending.
	Raw string
}

// Fact returns the value of a fact of an MLSx line as sent; see [Facts.Get].
func (e Entry) Fact(name string) (value string, ok bool) { return e.Facts.Get(name) }

// nameDots gives the names "." and ".." the kind they have on every server, so that nobody walks into them
// because a server calls them plain directories.
func (e *Entry) nameDots() {
	switch e.Name {
	case ".":
		e.Kind = CurrentDir
	case "..":
		e.Kind = ParentDir
	}
}
