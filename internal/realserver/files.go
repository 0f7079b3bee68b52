package realserver

import (
	"os"
	"path"
	"path/filepath"
)

// makeDirs makes, in a test's temporary directory, the daemon's own directory and the
// user's root. Daemons change to the user before they enter the root, so the way to it
// must be open to others, which the parent that testing makes is not.
func makeDirs(temp string) (state, root string, err error) {
	for _, dir := range []string{filepath.Dir(temp), temp} {
		if err := os.Chmod(dir, 0o755); err != nil {
			return "", "", err
		}
	}
	state, root = filepath.Join(temp, "state"), filepath.Join(temp, "root")
	for _, dir := range []string{state, root} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", "", err
		}
	}
	return state, root, os.Chown(root, loginID, loginID)
}

// Put writes a file under Root, and the directories on the way to it, as if the user had
// uploaded it: the session may overwrite, rename and delete it. The name has slashes and
// is relative to Root.
func (s *Server) Put(name string, data []byte) {
	s.tb.Helper()
	if err := s.put(name, data); err != nil {
		s.tb.Fatalf("realserver: put %s: %v", name, err)
	}
}

func (s *Server) put(name string, data []byte) error {
	root, err := os.OpenRoot(s.Root)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.WriteFile(name, data, 0o644); err != nil {
		return err
	}
	for ; name != "."; name = path.Dir(name) {
		if err := root.Chown(name, loginID, loginID); err != nil {
			return err
		}
	}
	return nil
}

// Get returns the content of a file under Root, named as in Put.
func (s *Server) Get(name string) []byte {
	s.tb.Helper()
	data, err := s.get(name)
	if err != nil {
		s.tb.Fatalf("realserver: get %s: %v", name, err)
	}
	return data
}

func (s *Server) get(name string) ([]byte, error) {
	root, err := os.OpenRoot(s.Root)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return root.ReadFile(name)
}

// writeFiles writes a daemon's configuration, by name under dir.
func writeFiles(dir string, files map[string]string) error {
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		// ProFTPD refuses password files which others can read.
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}
