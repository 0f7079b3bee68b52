package doctor

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
)

func said(line string, code int, text string) saying {
	return saying{line, ftp.Reply{Code: code, Lines: strings.Split(text, "\n")}}
}

// TestClientAddressInTexts: what servers say of the client's address, and what
// they say of other addresses.
func TestClientAddressInTexts(t *testing.T) {
	const port = "PORT 192,168,1,10,200,1"
	tests := []struct {
		name, line string
		code       int
		text       string
		seen, by   string
	}{
		{"Pure-FTPd", port, 501, "I won't open a connection to 192.168.1.10 (only to 203.0.113.7)", "203.0.113.7", "the answer to PORT"},
		{"Pure-FTPd, EPRT", "EPRT |2|fd00::10|51201|", 501, "I won't open a connection to fd00::10 (only to 2001:db8::7)", "2001:db8::7", "the answer to EPRT"},
		{"Pure-FTPd on this host", "EPRT |2|fd00::10|51201|", 500, "I won't open a connection to fd00::10%3810006798 (only to ::1)", "::1", "the answer to EPRT"},
		{"a full stop", port, 500, "Your address is 203.0.113.7: use that.", "203.0.113.7", "the answer to PORT"},
		{"vsftpd", port, 500, "Illegal PORT command.", "", ""},
		{"pyftpdlib", port, 501, "Rejected data connection to foreign address 192.168.1.10:51201.", "", ""},
		{"pyftpdlib behind a helper", port, 501, "Rejected data connection to foreign address 203.0.113.7:51201.", "203.0.113.7", "the address that arrived in PORT"},
		{"an echo as it was sent", port, 200, "PORT 192.168.1.10:51201 is fine", "", ""},
		{"an echo of something else", port, 200, "PORT command successful (203,0,113,7,200,1)", "203.0.113.7", "the address that arrived in PORT"},
		{"a greeting", "", 220, "Hello\nYou are connected from 203.0.113.7.", "203.0.113.7", "the greeting"},
		{"a greeting with the host's name", "", 220, "your address is gw.example.net [203.0.113.7]", "203.0.113.7", "the greeting"},
		{"the server's own address", "", 220, "ProFTPD Server (Debian) [198.51.100.21]", "", ""},
		{"the server's internal address", "", 220, "ProFTPD Server (Debian) [::ffff:10.0.0.5]", "", ""},
		{"the server's internal address again", "PASS", 230, "logged in; you are on 10.0.0.5", "", ""},
		{"a mirror", "", 220, "synchronised from 198.51.100.99 daily", "", ""},
		{"a login", "PASS", 230, "User joe logged in from 203.0.113.7", "203.0.113.7", "the answer to PASS"},
		{"words that are far away", "", 220, "You are welcome to all of the many files of the mirror at 198.51.100.99", "", ""},
		{"garbage", port, 200, "(1,2,3,4,5) 999.1.2.3 [:::] ,,,,, 0.0.0.0", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &section{local: "192.168.1.10:40000", remote: "198.51.100.21:21", sayings: []saying{said(tt.line, tt.code, tt.text)}}
			if strings.HasPrefix(tt.line, "EPRT") {
				s.local, s.remote = "[fd00::10]:40000", "[2001:db8::21]:21"
			}
			if strings.Contains(tt.name, "on this host") {
				s.local, s.remote = "[::1]:40000", "[::1]:21"
			}
			addr, by := s.seenInSayings()
			require.Equal(t, tt.by, by)
			if tt.seen != "" {
				require.Equal(t, tt.seen, addr.String())
			}
		})
	}
}

func FuzzMentions(f *testing.F) {
	for _, seed := range []string{"227 (10,0,0,1,4,5)", "only to 203.0.113.7:21)", "[2001:db8::1]:21", "|||5|", "\xff1.2.3.4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range mentions(text) {
			require.True(t, m.addr.IsValid())
			require.LessOrEqual(t, len(m.before), maxBefore)
		}
	})
}

func TestLongTextsAreCut(t *testing.T) {
	require.Empty(t, mentions(strings.Repeat(" ", maxSaying)+"203.0.113.7"))
	require.Equal(t, netip.MustParseAddr("203.0.113.7"), mentions("x 203.0.113.7")[0].addr)
	require.Len(t, mentions(strings.Repeat("1.2.3.4 ", maxSaying)), maxSaying/8)
}
