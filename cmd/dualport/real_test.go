//go:build realserver

package main

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/internal/realserver"
)

// realShell is a shell with the password of srv's user, and srv's URL.
func realShell(t *testing.T, srv *realserver.Server) (s *shell, url string) {
	t.Helper()
	s = newShell(t)
	s.env["DUALPORT_PASSWORD"] = srv.Password
	return s, fmt.Sprintf("ftp://%s@%s", srv.User, srv.Addr)
}

func forEachServer(t *testing.T, test func(t *testing.T, srv *realserver.Server)) {
	for _, name := range realserver.Names() {
		for _, v6 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/v6=%t", name, v6), func(t *testing.T) {
				test(t, realserver.Start(t, realserver.Config{Name: name, IPv6: v6}))
			})
		}
	}
}

// refuses lists what a daemon is known not to speak over IPv6.
func refuses(srv *realserver.Server, method string) bool {
	return srv.IPv6 && (method == "port" || method == "pasv" && srv.Name != "vsftpd")
}

func TestRealTransfersByEveryMethod(t *testing.T) {
	big := make([]byte, 5<<20)
	_, err := rand.Read(big)
	require.NoError(t, err)
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		for _, method := range []string{"epsv", "pasv", "eprt", "port"} {
			t.Run(method, func(t *testing.T) {
				s, url := realShell(t, srv)
				write(t, "big.bin", string(big))
				write(t, "empty.bin", "")
				if refuses(srv, method) {
					start := time.Now()
					out := s.run("put", "big.bin", url+"/", "--data-command", method).wants(4)
					require.Less(t, time.Since(start), 10*time.Second)
					require.Contains(t, strings.ToLower(out.stderr), "no data connection")
					return
				}
				for _, name := range []string{"big.bin", "empty.bin"} {
					s.run("put", name, url+"/", "--data-command", method).wants(0)
					s.run("get", url+"/"+name, "back", "--data-command", method).wants(0)
					require.Equal(t, sum(t, name), sum(t, "back"))
					require.Equal(t, sum(t, name), sum(t, filepath.Join(srv.Root, name)))
				}
			})
		}
	})
}

func sum(t *testing.T, name string) [sha256.Size]byte {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return sha256.Sum256(data)
}

func TestRealManagement(t *testing.T) {
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		s, url := realShell(t, srv)
		s.run("mkdir", "-p", url+"/a/b").wants(0)
		s.stdin = strings.NewReader("streamed")
		s.run("put", "-", url+"/a/one.txt").wants(0)
		s.run("mv", url+"/a/one.txt", "/a/b/two.txt").wants(0)
		require.Equal(t, "two.txt\n", s.run("ls", "-1", url+"/a/b").wants(0).stdout)
		require.Equal(t, "streamed", s.run("get", url+"/a/b/two.txt", "-").wants(0).stdout)
		require.Contains(t, s.run("raw", url+"/", "SYST").wants(0).stdout, "UNIX")
		s.run("get", url+"/a/b/missing.txt").wants(5)
		s.run("rm", url+"/a/b/missing.txt").wants(5)
		s.run("rm", "-r", url+"/a").wants(0)
		require.NoDirExists(t, filepath.Join(srv.Root, "a"))
		s.env["DUALPORT_PASSWORD"] = "wrong"
		s.run("ls", url+"/").wants(3)
	})
}

func TestRealDoctor(t *testing.T) {
	forEachServer(t, func(t *testing.T, srv *realserver.Server) {
		s, url := realShell(t, srv)
		report := s.run("doctor", "--json", url+"/").wants(0).json()["doctor"].(map[string]any)
		works := map[string]bool{} // by at least one address policy
		for _, row := range report["rows"].([]any) {
			r := row.(map[string]any)
			method := strings.ToLower(r["method"].(string))
			works[method] = works[method] || r["outcome"] == "works"
		}
		require.Len(t, works, 4)
		for method, ok := range works {
			require.Equal(t, !refuses(srv, method), ok, method)
		}
	})
}
