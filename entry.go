package ftp

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/dualport/ftp/internal/listing"
)

// EntryType says what an entry of a directory is.
type EntryType uint8

const (
	// EntryUnknown is an entry of which the server did not say what it is.
	EntryUnknown EntryType = iota
	// EntryFile is a regular file.
	EntryFile
	// EntryDir is a directory.
	EntryDir
	// EntryLink is a symbolic link.
	EntryLink
	// EntryOther is a device, a pipe, a socket or the like.
	EntryOther
)

// String returns "file", "dir", "link", "other" or "unknown".
func (t EntryType) String() string {
	switch t {
	case EntryFile:
		return "file"
	case EntryDir:
		return "dir"
	case EntryLink:
		return "link"
	case EntryOther:
		return "other"
	case EntryUnknown:
		return "unknown"
	}
	return fmt.Sprintf("EntryType(%d)", uint8(t))
}

// MarshalText returns what String returns.
func (t EntryType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// TimePrecision says how finely a server told a time.
type TimePrecision uint8

const (
	// PrecisionNone means that no time was told.
	PrecisionNone TimePrecision = iota
	// PrecisionDay means that only the date was told.
	PrecisionDay
	// PrecisionMinute means that the seconds are unknown.
	PrecisionMinute
	// PrecisionSecond means a time in whole seconds.
	PrecisionSecond
	// PrecisionSubsecond means a time with a fraction of a second.
	PrecisionSubsecond
)

// Entry is one file, directory or link of a listing. It implements
// [fs.FileInfo] and [fs.DirEntry].
type Entry struct {
	l listing.Entry
}

// Interface checks.
var (
	_ fs.FileInfo = Entry{}
	_ fs.DirEntry = Entry{}
)

// Name is the name of the entry, the very bytes that the server sent. It comes
// from the server: do not use it as a local path unchecked.
func (e Entry) Name() string { return e.l.Name }

// Size is the size in bytes, or -1 where the server did not tell it.
func (e Entry) Size() int64 { return e.l.Size }

// ModTime is the time of the last modification; the zero time where the server
// did not tell it. TimePrecision says how exact it is. From MLSD it is in UTC,
// from LIST in Options.Location.
func (e Entry) ModTime() time.Time { return e.l.Time }

// TimePrecision says how finely ModTime is told.
func (e Entry) TimePrecision() TimePrecision { return TimePrecision(e.l.Precision) }

// EntryType says what the entry is.
func (e Entry) EntryType() EntryType {
	switch e.l.Kind {
	case listing.File:
		return EntryFile
	case listing.Dir, listing.CurrentDir, listing.ParentDir:
		return EntryDir
	case listing.Link:
		return EntryLink
	case listing.Other:
		return EntryOther
	case listing.Unknown:
	}
	return EntryUnknown
}

// IsDir tells whether the entry is a directory. A link to one is not.
func (e Entry) IsDir() bool { return e.EntryType() == EntryDir }

// Mode holds the type and, where the server told them, the permission bits.
func (e Entry) Mode() fs.FileMode { return e.Type() | e.l.Perm }

// HasMode tells whether the server told the permission bits of Mode.
func (e Entry) HasMode() bool { return e.l.HasPerm }

// Type holds the type bits of Mode.
func (e Entry) Type() fs.FileMode {
	switch e.EntryType() {
	case EntryDir:
		return fs.ModeDir
	case EntryLink:
		return fs.ModeSymlink
	case EntryOther, EntryUnknown:
		return fs.ModeIrregular
	case EntryFile:
	}
	return 0
}

// Info returns the entry itself; it never fails.
func (e Entry) Info() (fs.FileInfo, error) { return e, nil }

// Sys returns nil.
func (e Entry) Sys() any { return nil }

// LinkTarget is what a link points to, as the server wrote it; empty where it
// did not.
func (e Entry) LinkTarget() string { return e.l.Target }

// Owner and Group are as the server wrote them; empty where it did not.
func (e Entry) Owner() string { return e.l.Owner }

// Group is the group as the server wrote it; empty where it did not.
func (e Entry) Group() string { return e.l.Group }

// Fact returns a fact of an MLSD or MLST line, such as "unique" or "perm" (RFC
// 3659 section 7.5). Names are compared without regard to case.
func (e Entry) Fact(name string) (value string, ok bool) { return e.l.Fact(name) }

// Raw is the line of the listing as it came.
func (e Entry) Raw() string { return e.l.Raw }

// String formats the entry as [fs.FormatDirEntry] does.
func (e Entry) String() string { return fs.FormatDirEntry(e) }

// special tells whether the entry is the directory itself or its parent.
func (e Entry) special() bool {
	return e.l.Kind == listing.CurrentDir || e.l.Kind == listing.ParentDir
}
