package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dualport/ftp"
)

// localFile is where a download goes.
type localFile struct {
	name    string
	special bool   // a device or a pipe
	suffix  string // of the name while data comes
}

// The names behind which data waits to be complete. Only what begins at byte 0
// and is as the server has it may be continued, so that only this has the name
// that --resume looks for; no name with another of the suffixes ends in it.
const (
	partSuffix  = ".part"
	rangeSuffix = ".part.range"
	asciiSuffix = ".part.ascii"
)

// chooseLocal decides on the local file: arg as the user gave it, or name, the
// last element of the URL that the user typed.
func chooseLocal(arg, name string) (localFile, error) {
	if arg == "" {
		if err := checkName(name); err != nil {
			return localFile{}, err
		}
		return placeFile(name)
	}
	info, err := os.Stat(arg)
	if err == nil && info.IsDir() {
		if err := checkName(name); err != nil {
			return localFile{}, err
		}
		return placeFile(filepath.Join(arg, name))
	}
	if strings.HasSuffix(arg, string(filepath.Separator)) || strings.HasSuffix(arg, "/") {
		return localFile{}, fmt.Errorf("there is no directory %s", arg)
	}
	return placeFile(arg)
}

// checkName refuses a name that would lead out of the directory.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the URL ends in a directory; name a file, or the local file to write")
	case name == "." || name == ".." || strings.ContainsAny(name, `/\`) || strings.ContainsRune(name, filepath.Separator) || filepath.VolumeName(name) != "":
		return fmt.Errorf("%q is no name for a local file; name one behind the URL", name)
	}
	return nil
}

// placeFile looks at what is there. A symbolic link stays, and the file it
// leads to is the one that is replaced.
func placeFile(name string) (localFile, error) {
	if resolved, err := filepath.EvalSymlinks(name); err == nil {
		name = resolved
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return localFile{}, fmt.Errorf("%s is a directory", name)
	case err == nil:
		return localFile{name: name, special: !info.Mode().IsRegular(), suffix: partSuffix}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return localFile{}, err
	}
	if dir, err := os.Stat(filepath.Dir(name)); err != nil || !dir.IsDir() {
		return localFile{}, fmt.Errorf("there is no directory %s", filepath.Dir(name))
	}
	return localFile{name: name, suffix: partSuffix}, nil
}

func (f localFile) partName() string { return f.name + f.suffix }

// partSize is the size of what an earlier download has left; 0 where it left
// nothing.
func (f localFile) partSize() (int64, error) {
	info, err := os.Lstat(f.partName())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%s is in the way: it is no regular file", f.partName())
	}
	return info.Size(), nil
}

// finish gives the complete file its name, and the permissions of the one that
// it replaces.
func (f localFile) finish() error {
	if old, err := os.Stat(f.name); err == nil {
		_ = os.Chmod(f.partName(), old.Mode().Perm()) // where that is not permitted, the new file has the usual ones
	}
	if err := os.Rename(f.partName(), f.name); err != nil {
		return &ftp.Error{Op: "rename", Path: f.partName(), Err: err}
	}
	return nil
}

func (f localFile) openSpecial() (*os.File, error) {
	return os.OpenFile(f.name, os.O_WRONLY, 0)
}

// partWriter writes NAME.part or its like, which it opens with the first byte: a
// download that the server refuses leaves nothing behind.
type partWriter struct {
	file localFile
	keep bool // append to what is there
	f    *os.File
}

// Write implements io.Writer.
func (w *partWriter) Write(p []byte) (int, error) {
	if err := w.open(); err != nil {
		return 0, err
	}
	return w.f.Write(p)
}

func (w *partWriter) open() error {
	if w.f != nil {
		return nil
	}
	how := os.O_TRUNC
	if w.keep {
		how = os.O_APPEND
	}
	var err error
	w.f, err = os.OpenFile(w.file.partName(), os.O_WRONLY|os.O_CREATE|how, 0o666)
	return err
}

// close ends the writing. An empty file that is complete is a file too.
func (w *partWriter) close(complete bool) error {
	if complete {
		if err := w.open(); err != nil {
			return err
		}
	}
	if w.f == nil {
		return nil
	}
	return w.f.Close()
}
