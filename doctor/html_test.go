package doctor

import (
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/dualport/ftp"
)

// examplePage is a server behind a NAT that it does not know of, and a client behind
// another one.
func examplePage() *Report {
	return &Report{
		Host: "ftp.example.com", Local: "192.168.1.20:41512", Remote: "203.0.113.5:21",
		Greeting: "Welcome\nto <Example> & Co", System: "UNIX Type: L8", Features: []string{"MDTM", "SIZE"},
		SeenAs: "198.51.100.7", SeenBy: "STAT", NAT: Present, Works: true, PassivePorts: "50004-50010",
		Rewrites: []Rewrite{{What: "PORT", Said: "192.168.1.20:36001", Arrived: "198.51.100.7:61044", Evidence: "it was seen"}},
		TLS:      TLS{Mode: "none", Explicit: Refused, Implicit: Skipped, Private: Skipped, Clear: Skipped},
		Rows: []Row{
			{Family: "IPv4", Security: "none", Method: ftp.EPSV, Outcome: Refused, Error: "EPSV: 500 What?"},
			{Family: "IPv4", Security: "none", Method: ftp.PASV, Policy: "auto", Outcome: Works, Advertised: "10.0.0.5:50004", Dialled: "203.0.113.5:50004", Duration: 5 * time.Millisecond},
			{Family: "IPv4", Security: "none", Method: ftp.PASV, Policy: "control", Outcome: Works, Advertised: "10.0.0.5:50007", Dialled: "203.0.113.5:50007", Duration: 5 * time.Millisecond},
			{Family: "IPv4", Security: "none", Method: ftp.PASV, Policy: "server", Outcome: TimedOut, Advertised: "10.0.0.5:50010", Dialled: "10.0.0.5:50010", Duration: 5 * time.Second, Error: "no connection within 5s"},
			{Family: "IPv4", Security: "none", Method: ftp.PORT, Outcome: TimedOut, Advertised: "192.168.1.20:36001", Listened: "192.168.1.20:36001", Duration: 5 * time.Second, Error: "no connection within 5s"},
			{Family: "IPv4", Security: "none", Method: ftp.EPRT, Outcome: Skipped, Error: "the time for the examination was over"},
		},
		Advice: []Advice{{
			Text: "Tell the server its address.", Flags: "--passive-address control", Options: "ftp.Options{}",
			Commands: []Command{{For: "vsftpd", Text: "pasv_address=203.0.113.5\npasv_min_port=50000"}},
		}},
		Duration: 11 * time.Second,
	}
}

func pageOf(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.WriteHTML(&b))
	return b.String()
}

// TestPageGolden compares a page, less its style sheet, with testdata/page.html;
// where UPDATE_GOLDEN is set, it writes that anew.
func TestPageGolden(t *testing.T) {
	const golden = "testdata/page.html"
	require.Equal(t, pageOf(t, examplePage()), pageOf(t, examplePage()), "the same report gives the same bytes")
	style, err := pageFiles.ReadFile("page/page.css")
	require.NoError(t, err)
	before, after, found := strings.Cut(pageOf(t, examplePage()), string(style))
	require.True(t, found)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(before+after), 0o644))
	}
	file, err := os.ReadFile(golden)
	require.NoError(t, err)
	want, got := strings.Split(string(file), "\n"), strings.Split(before+after, "\n")
	for i, line := range got[:min(len(got), len(want))] {
		require.Equal(t, want[i], line, "line %d", i+1)
	}
	require.Len(t, got, len(want))
}

// TestPageOfNothing: a report with nothing in it is a page too.
func TestPageOfNothing(t *testing.T) {
	require.Contains(t, pageOf(t, new(Report)), "No session with the server came about.")
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestPageErrorIsTheWriters(t *testing.T) {
	require.ErrorIs(t, examplePage().WriteHTML(brokenPipe{}), io.ErrClosedPipe)
}

// TestHostilePage puts each string into every field that a server might have a say
// in, and some it has none in.
func TestHostilePage(t *testing.T) {
	for _, hostile := range []string{
		`"><script>alert(1)</script>`,
		`' onload='alert(1)' x="`,
		`</title></style></desc></text></svg></pre></code><script>alert(1)</script>`,
		`<img src=x onerror=alert(1)>`,
		`<!--`, `--><script>alert(1)</script>`, `]]>`, `<![CDATA[`,
		`javascript:alert(1)`, `{{.Host}}`, `&lt;script&gt;`,
		"\x1b[2J\x00\u202e\u2028\xff\r\n",
		strings.Repeat("w", 5000),
	} {
		r := new(Report)
		fill(reflect.ValueOf(r).Elem(), hostile, new(int))
		got := pageOf(t, r)
		requireHarmless(t, got)
		text := strings.ReplaceAll(hostile, "\r\n", `\x0d`)
		require.Contains(t, textOf(t, got), strings.ReplaceAll(Visible(text), `\x00`, "\ufffd"))
	}
}

// fill sets every string in v, makes as many as there are outcomes of whatever there
// may be several of, and gives each its own.
func fill(v reflect.Value, s string, next *int) {
	outcomes := []Outcome{Works, Refused, Failed, TimedOut, NotApplicable, Skipped, TLSFailed, Outcome(99)}
	switch {
	case v.Type() == reflect.TypeFor[Outcome]():
		v.Set(reflect.ValueOf(outcomes[*next%len(outcomes)]))
		*next++
	case v.Type() == reflect.TypeFor[time.Time]():
	case v.Kind() == reflect.String:
		v.SetString(s)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), s, next)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), len(outcomes), len(outcomes)))
		for i := range outcomes {
			fill(v.Index(i), s, next)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), s, next)
			}
		}
	}
}

// requireHarmless: only elements and attributes of the templates, nothing that
// loads or runs, and nothing that the eye does not see.
func requireHarmless(t *testing.T, page string) {
	t.Helper()
	elements := strings.Fields(`html head meta title style body header main section footer figure figcaption h1 h2 h3 p div span b dl dt dd
		ol li pre code table thead tbody tr th td details summary svg desc g rect line circle polygon path text tspan`)
	attributes := strings.Fields(`lang charset name content http-equiv class id role scope colspan aria-hidden aria-labelledby viewbox viewBox
		x y x1 y1 x2 y2 cx cy r rx width height d points transform`)
	for _, n := range nodes(t, page) {
		switch n.Type {
		case html.ElementNode:
			require.Contains(t, elements, n.Data)
			for _, a := range n.Attr {
				require.Contains(t, attributes, a.Key, "of %s", n.Data)
			}
		case html.CommentNode:
			require.Fail(t, "a comment", n.Data)
		}
	}
	require.Equal(t, 1, strings.Count(page, "<style>"))
	require.NotContains(t, page, "url(")
	require.NotContains(t, page, "@import")
	hidden := strings.IndexFunc(page, func(c rune) bool { return !unicode.IsPrint(c) && c != '\n' && c != '\t' })
	require.Equal(t, -1, hidden, "a character that cannot be seen")
}

func nodes(t *testing.T, page string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	return slices.Collect(root.Descendants())
}

func textOf(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	for _, n := range nodes(t, page) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return b.String()
}

// TestPageIsSelfContained: it may be read where there is no network.
func TestPageIsSelfContained(t *testing.T) {
	got := pageOf(t, examplePage())
	requireHarmless(t, got)
	require.NotContains(t, got, "http:")
	require.NotContains(t, got, "https:")
	require.Contains(t, got, `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`)
}

func TestVerdict(t *testing.T) {
	works := Row{Family: "IPv4", Security: "none", Method: ftp.EPSV, Outcome: Works}
	fails := Row{Family: "IPv6", Security: "none", Method: ftp.EPSV, Outcome: TimedOut}
	server := Row{Family: "IPv4", Security: "none", Method: ftp.PASV, Policy: "server", Outcome: Works}
	tests := []struct {
		name   string
		report Report
		want   verdict
	}{
		{"works", Report{Works: true, Rows: []Row{works}}, verdict{"good", "✓", "Data connections work, with nothing to set for them.", "", ""}},
		{"over one family", Report{Works: true, Rows: []Row{works, fails}}, verdict{"good", "✓", "Data connections work, with nothing to set for them.", "", "There are none with IPv6, in clear."}},
		{"with settings", Report{Works: true, Rows: []Row{server}, Advice: []Advice{{Text: "so"}, {Flags: "--passive-address server"}}}, verdict{"warn", "!", "Data connections work only with these settings:", "--passive-address server", ""}},
		{"not at all", Report{Rows: []Row{fails}}, verdict{"bad", "✗", "No data connection is possible: nothing can be listed or transferred.", "", ""}},
		{"not examined", Report{Rows: []Row{{Family: "IPv4", Security: "none", Method: ftp.EPSV, Outcome: Skipped}, {Family: "IPv6", Security: "none", Outcome: Failed}}},
			verdict{"warn", "!", "Not examined: no way to a data connection was tried.", "", ""}},
		{"without TLS", Report{TLS: TLS{Error: "no"}}, verdict{"bad", "✗", "No session with the server came about: TLS failed.", "", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, tt.report.verdict()) })
	}
}

// TestStations tells who is on the path.
func TestStations(t *testing.T) {
	const private, public, server = "192.168.1.20:40000", "198.51.100.7:40000", "203.0.113.5:21"
	pasv := func(outcome Outcome, advertised, dialled string) []Row {
		return []Row{{Family: "IPv4", Method: ftp.PASV, Policy: "auto", Outcome: outcome, Advertised: advertised, Dialled: dialled}}
	}
	tests := []struct {
		name   string
		report Report
		want   string
	}{
		{"no NAT", Report{Local: public, Remote: server, NAT: Absent}, "client 198.51.100.7, network, server 203.0.113.5"},
		{"NAT", Report{Local: private, Remote: server, NAT: Present, SeenAs: "198.51.100.7"}, "client 192.168.1.20, NAT 198.51.100.7, network, server 203.0.113.5"},
		{"perhaps a NAT", Report{Local: private, Remote: server}, "client 192.168.1.20, NAT?, network, server 203.0.113.5"},
		{"one network", Report{Local: private, Remote: "192.168.1.5:21"}, "client 192.168.1.20, network, server 192.168.1.5"},
		{"NAT at the server", Report{Local: public, Remote: server, Rows: pasv(Works, "10.0.0.5:50000", "203.0.113.5:50000")},
			"client 198.51.100.7, network, NAT 203.0.113.5, server 10.0.0.5"},
		{"perhaps a NAT at the server", Report{Local: public, Remote: server, Rows: pasv(TimedOut, "203.0.113.9:50000", "203.0.113.9:50000")},
			"client 198.51.100.7, network, NAT? 203.0.113.5, server 203.0.113.9"},
		{"data elsewhere", Report{Local: public, Remote: server, Rows: pasv(Works, "203.0.113.9:50000", "203.0.113.9:50000")},
			"client 198.51.100.7, network, server 203.0.113.5"},
		{"the other family", Report{Local: public, Remote: server, NAT: Present, Rows: []Row{
			{Family: "IPv6", Method: ftp.EPSV, Advertised: ":50000", Dialled: "[2001:db8::5]:50000", Outcome: Works},
			{Family: "IPv6", Method: ftp.EPRT, Advertised: "[2001:db8::7]:50000", Listened: "[::]:50000", Outcome: Works},
		}}, "client 2001:db8::7, network, server 2001:db8::5"},
		{"no connection", Report{Host: "ftp.example.com"}, "client, network, server ftp.example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var names []string
			for _, s := range tt.report.groups()[0].path().stations {
				names = append(names, strings.TrimSpace(s.Name+" "+s.Address))
			}
			require.Equal(t, tt.want, strings.Join(names, ", "))
		})
	}
}

// TestWhereItBreaks tells at which station the cross stands.
func TestWhereItBreaks(t *testing.T) {
	const near, far, seen, listened = "203.0.113.5:50000", "10.0.0.5:50000", "198.51.100.7:40000", "192.168.1.20:40000"
	tests := []struct {
		name string
		row  Row
		want string
	}{
		{"works", Row{Method: ftp.EPSV, Outcome: Works, Dialled: near}, "client to server"},
		{"active works", Row{Method: ftp.PORT, Outcome: Works, Advertised: seen, Listened: listened}, "server to client"},
		{"nobody answers", Row{Method: ftp.EPSV, Outcome: TimedOut, Dialled: near}, "client to network, broken"},
		{"refused by the server's host", Row{Method: ftp.EPSV, Outcome: Failed, Dialled: near}, "client to server, broken"},
		{"an address that leads nowhere", Row{Method: ftp.PASV, Outcome: Failed, Dialled: far}, "client to network, broken"},
		{"the command is refused", Row{Method: ftp.EPRT, Outcome: Refused, Advertised: seen, Listened: listened}, "client to server, broken, asked"},
		{"the command is not answered", Row{Method: ftp.PASV, Outcome: TimedOut}, "client to network, broken, asked"},
		{"active at a NAT", Row{Method: ftp.EPRT, Outcome: TimedOut, Advertised: seen, Listened: listened}, "server to NAT, broken"},
		{"active to a private address", Row{Method: ftp.PORT, Outcome: TimedOut, Advertised: listened, Listened: listened}, "server to server, broken"},
		{"active to a public address that is not ours", Row{Method: ftp.PORT, Outcome: TimedOut, Advertised: "198.51.100.99:40000", Listened: listened}, "server to NAT, broken"},
		{"the reply makes no sense", Row{Method: ftp.PASV, Outcome: Failed, replyCode: 227}, "client to server, broken, asked"},
		{"the session breaks", Row{Method: ftp.PASV, Outcome: Failed}, "client to network, broken, asked"},
		{"TLS", Row{Method: ftp.EPSV, Outcome: TLSFailed, Dialled: near}, "client to server, broken"},
		{"TLS in active mode", Row{Method: ftp.PORT, Outcome: TLSFailed, Advertised: seen, Listened: listened}, "server to client, broken"},
		{"skipped", Row{Method: ftp.PORT, Outcome: Skipped}, "client to server, asked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Report{Local: "192.168.1.20:41512", Remote: "203.0.113.5:21", NAT: Present, SeenAs: "198.51.100.7", Rows: []Row{tt.row}}
			p := r.groups()[0].path()
			c := p.connections()[1]
			got := p.stations[c.From].Name + " to " + p.stations[c.To].Name
			if c.Broken {
				got += ", broken"
			}
			if c.Asked {
				got += ", asked"
			}
			require.Equal(t, tt.want, got)
		})
	}
}

// TestWhereItBreaksForARewriter: what a NAT rewrites the server was not told.
func TestWhereItBreaksForARewriter(t *testing.T) {
	for what, want := range map[string]string{"PORT": "NAT", "EPRT": "server"} {
		r := Report{
			Local: "192.168.1.20:41512", Remote: "203.0.113.5:21", NAT: Present, SeenAs: "198.51.100.7", Rewrites: []Rewrite{{What: what}},
			Rows: []Row{{Method: ftp.PORT, Security: "none", Outcome: TimedOut, Advertised: "192.168.1.20:40000", Listened: "192.168.1.20:40000"}},
		}
		p := r.groups()[0].path()
		require.Equal(t, want, p.stations[p.connections()[1].To].Name)
	}
}

// TestWhereItBreaksByAProxy: what it fails at it answers itself.
func TestWhereItBreaksByAProxy(t *testing.T) {
	r := Report{
		Host: "ftp.example.com", Local: "192.168.1.20:41512", Proxied: true, Via: "192.168.1.1:3128",
		Rows: []Row{{Method: ftp.EPSV, Outcome: Failed, Dialled: "ftp.example.com:40000"}, {Method: ftp.PASV, Outcome: TimedOut, Dialled: "ftp.example.com:40000"}},
	}
	p := r.groups()[0].path()
	require.Equal(t, "proxy", p.stations[p.connections()[1].To].Name)
	require.Equal(t, "network", p.stations[p.connections()[2].To].Name)
}

// TestControlConnection: it stands for whether there was a session at all.
func TestControlConnection(t *testing.T) {
	session := func(o Outcome) []Row {
		return []Row{{Family: "IPv4", Method: ftp.EPSV, Outcome: Works}, {Family: "IPv6", Outcome: o, Dialled: "[2001:db8::5]:21"}}
	}
	tests := []struct {
		name   string
		report Report
		want   string
	}{
		{"works", Report{Rows: session(Works)[:1]}, "works at server"},
		{"the other family is not there", Report{Rows: session(Failed)}, "failed at network"},
		{"the other family was not tried", Report{Rows: session(Skipped)}, "skipped at server"},
		{"the other session is refused", Report{Rows: session(Refused)}, "refused at server"},
		{"TLS failed", Report{TLS: TLS{Error: "no"}}, "TLS failed at server"},
		{"nothing came about", Report{}, "failed at network"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.report.Local, tt.report.Remote = "198.51.100.7:40000", "203.0.113.5:21"
			groups := tt.report.groups()
			p := groups[len(groups)-1].path()
			c := p.connections()[0]
			require.Equal(t, tt.want, c.Outcome.String()+" at "+p.stations[c.To].Name)
			if len(groups) == 2 {
				require.Len(t, p.connections(), 1)
				require.Equal(t, "2001:db8::5", p.stations[p.server()].Address)
			}
		})
	}
}

// TestMergedRows: one line of the drawing for policies that came to the same.
func TestMergedRows(t *testing.T) {
	var names, addresses []string
	for _, c := range examplePage().groups()[0].path().connections() {
		names = append(names, c.Name)
		addresses = append(addresses, strings.Join(c.Details, "; "))
	}
	require.Equal(t, []string{"control connection", "EPSV", "PASV (auto, control)", "PASV (server)", "PORT", "EPRT"}, names)
	require.Equal(t, "server named 10.0.0.5:50004, 50007; dialled 203.0.113.5:50004, 50007", addresses[2])
}

func TestWrap(t *testing.T) {
	tests := []struct {
		name, text string
		room       int
		want       []string
	}{
		{"empty", "", 10, nil},
		{"short", "192.0.2.1", 10, []string{"192.0.2.1"}},
		{"IPv4", "192.168.100.200", 11, []string{"192.168.", "100.200"}},
		{"IPv6", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:f001", 11, []string{"2001:db8:", "aaaa:bbbb:", "cccc:dddd:", "eeee:f001"}},
		{"nowhere to break", strings.Repeat("w", 100), 10, []string{"wwwwwwwwww", "wwwwwwwwww", "wwwwwwwwww", "wwwwwwwwww", "wwwwwwwwww", "wwwwwwwww…"}},
		{"escaped before it is measured", "a\x1bb", 4, []string{`a\x1`, "bb"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, wrap(tt.text, tt.room, " .:")) })
	}
}
