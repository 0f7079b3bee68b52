package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSystem215(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"UNIX Type: L8", "UNIX"},
		{"Windows_NT", "WINDOWS_NT"},
		{"VMS OpenVMS V8.4", "VMS"},
		{`"MVS" is the operating system of this server.`, "MVS"},
		{"OS/400 is the remote operating system.", "OS/400"},
		{"UNIX, Type: L8", "UNIX"},
	} {
		got, err := ParseSystem215(tt.text)
		require.NoError(t, err, tt.text)
		require.Equal(t, tt.want, got)
	}
	for _, text := range []string{"", "  \n ", `"" ()`, "\x01 \xff"} {
		_, err := ParseSystem215(text)
		require.Error(t, err, text)
	}
}

func FuzzParseSystem215(f *testing.F) {
	f.Add("UNIX Type: L8")
	f.Add("\"MVS\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := ParseSystem215(text); err == nil {
			require.True(t, isFeatureName(got), "%q", got)
		}
	})
}
