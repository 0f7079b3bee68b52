package realserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// locate finds the folder .servers above the working directory, which for a test is its
// package's, and the version of the named program in it.
func locate(name string) (servers, version string, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", "", err
	}
	for {
		servers = filepath.Join(dir, ".servers")
		stamp, err := os.ReadFile(filepath.Join(servers, name, "VERSION"))
		if err == nil {
			return servers, strings.TrimSpace(string(stamp)), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", "", errors.New("not there: run scripts/fetch-servers, or scripts/fetch-lab for what is no FTP server")
		}
		dir = parent
	}
}

// libraryPath lists the folders with shared libraries under the given ones, in the form
// of LD_LIBRARY_PATH.
func libraryPath(under ...string) (string, error) {
	var found []string
	for _, top := range under {
		err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && strings.Contains(entry.Name(), ".so") {
				if dir := filepath.Dir(path); !slices.Contains(found, dir) {
					found = append(found, dir)
				}
			}
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return strings.Join(found, ":"), nil
}

// findOne returns the path of the file with the given name somewhere under top: packages
// put libraries into a folder named after the machine's architecture.
func findOne(top, name string) (string, error) {
	found := ""
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == name {
			found = path
			return fs.SkipAll
		}
		return err
	})
	if err == nil && found == "" {
		err = fmt.Errorf("%s not found: remove .servers and run scripts/fetch-servers", name)
	}
	return found, err
}
