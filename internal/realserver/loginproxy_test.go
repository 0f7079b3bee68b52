//go:build realserver

package realserver

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoginProxy(t *testing.T) {
	proxy := Start(t, Config{Name: "proftpd", Extra: LoginProxy(t.TempDir())})
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			server := Start(t, Config{Name: name})
			control, greeting := connect(t, proxy.Addr)
			require.Regexp(t, "^220", greeting)
			require.Regexp(t, "^331", control.command("USER "+server.User+"@"+server.Addr))
			require.Regexp(t, "^230", control.command("PASS "+server.Password))
			for _, method := range []string{"PASV", "EPSV", "PORT", "EPRT"} {
				t.Run(method, func(t *testing.T) {
					control := control.in(t)
					control.store(method, "STOR file", "sent by "+method)
					require.Equal(t, "sent by "+method, string(server.Get("file")))
					require.Equal(t, "sent by "+method, control.retrieve(method, "RETR file"))
					require.Contains(t, control.retrieve(method, "LIST"), "file")
				})
			}
		})
	}
}
