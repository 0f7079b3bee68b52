package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadReply(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     Reply
	}{
		{"one line", "220 Hello\r\n", Reply{220, []string{"Hello"}}},
		{"no text", "200 \r\n", Reply{200, []string{""}}},
		{"code alone", "226\r\n", Reply{226, []string{""}}},
		{"hyphen in the text", "220 a-b 220-c\r\n", Reply{220, []string{"a-b 220-c"}}},
		{"leading blank of the text kept", "220  x\r\n", Reply{220, []string{" x"}}},
		{"LF alone", "220 Hello\n", Reply{220, []string{"Hello"}}},
		{"CR CR LF", "220 Hello\r\r\n", Reply{220, []string{"Hello"}}},
		{"stray CR", "220 He\rllo\r\n", Reply{220, []string{"He\rllo"}}},
		{"CR NUL", "257 \"a\r\x00b\"\r\n", Reply{257, []string{"\"a\rb\""}}},
		{"CR NUL before the line end", "250 a\r\x00\r\n", Reply{250, []string{"a\r"}}},
		{"NUL alone kept", "250 a\x00b\r\n", Reply{250, []string{"a\x00b"}}},
		{"two lines", "220-Hi\r\n220 there\r\n", Reply{220, []string{"Hi", "there"}}},
		{"middle line of text", "220-Hi\r\nplain\r\n220 end\r\n", Reply{220, []string{"Hi", "plain", "end"}}},
		{"middle line with its code and a hyphen", "220-Hi\r\n220-mid\r\n220 end\r\n", Reply{220, []string{"Hi", "mid", "end"}}},
		{"middle line with another code", "220-Hi\r\n331 x\r\n331-y\r\n220 end\r\n", Reply{220, []string{"Hi", "331 x", "331-y", "end"}}},
		{"middle line with a longer number", "220-Hi\r\n2200 x\r\n220x\r\n220 end\r\n", Reply{220, []string{"Hi", "2200 x", "220x", "end"}}},
		{"middle line with a blank before the code", "220-Hi\r\n 220 x\r\n220 end\r\n", Reply{220, []string{"Hi", " 220 x", "end"}}},
		{"middle line empty", "220-Hi\r\n\r\n220 end\r\n", Reply{220, []string{"Hi", "", "end"}}},
		{"middle line short", "220-Hi\r\n22\r\n220 end\r\n", Reply{220, []string{"Hi", "22", "end"}}},
		{"last line without text", "211-Features\r\n SIZE\r\n211\r\n", Reply{211, []string{"Features", " SIZE", ""}}},
		{"last line with blank alone", "211-Features\r\n SIZE\r\n211 \r\n", Reply{211, []string{"Features", " SIZE", ""}}},
		{"hyphen alone", "211-\r\n211 End\r\n", Reply{211, []string{"", "End"}}},
		{"mixed line ends", "211-a\n b\r\n211 c\n", Reply{211, []string{"a", " b", "c"}}},
		{"blank lines before", "\r\n\n \t\r\n220 x\r\n", Reply{220, []string{"x"}}},
		{"lowest code", "100 x\r\n", Reply{100, []string{"x"}}},
		{"protected reply", "631 AAAA\r\n", Reply{631, []string{"AAAA"}}},
		{"IAC IAC", "220 a\xff\xffb\r\n", Reply{220, []string{"a\xffb"}}},
		{"IAC WILL before the code", "\xff\xfb\x01220 x\r\n", Reply{220, []string{"x"}}},
		{"IAC within the code", "2\xff\xf12\xff\xfd\x180 x\r\n", Reply{220, []string{"x"}}},
		{"IAC DO, DONT, WONT", "220 a\xff\xfd\x06b\xff\xfe\x06c\xff\xfc\x06d\r\n", Reply{220, []string{"abcd"}}},
		{"IAC NOP and IAC SB", "220 a\xff\xf1b\xff\xfac\r\n", Reply{220, []string{"abc"}}},
		{"IAC before a letter stays", "257 \"/\xffa\"\r\n", Reply{257, []string{"\"/\xffa\""}}},
		{"IAC before the line end stays", "257 x\xff\r\n", Reply{257, []string{"x\xff"}}},
		{"option never swallows the line end", "257 x\xff\xfb\n", Reply{257, []string{"x"}}},
		{"option never swallows CR LF", "257 x\xff\xfb\r\n", Reply{257, []string{"x"}}},
		{"IAC CR NUL", "257 x\xff\r\x00y\r\n", Reply{257, []string{"x\xff\ry"}}},
		{"Latin-1", "257 \"/\xe9t\xe9\"\r\n", Reply{257, []string{"\"/\xe9t\xe9\""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, src := range []io.Reader{
				strings.NewReader(tt.in),
				iotest.OneByteReader(strings.NewReader(tt.in)),
				iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				r := NewReader(src, Limits{})
				got, err := r.ReadReply()
				require.NoError(t, err)
				require.Equal(t, tt.want, got)
				require.Zero(t, r.Buffered())
				_, err = r.ReadReply()
				require.Equal(t, io.EOF, err)
			}
		})
	}
}

func TestReadReplyRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in, quote, looks string
		eof                    bool
	}{
		{"text", "hello\r\n", `"hello"`, "", false},
		{"two digits", "22 x\r\n", `"22 x"`, "", false},
		{"four digits", "2200 x\r\n", `"2200 x"`, "", false},
		{"code below 100", "099 x\r\n", `"099 x"`, "", false},
		{"code 640", "640 x\r\n", `"640 x"`, "", false},
		{"code 999", "999-x\r\n", `"999-x"`, "", false},
		{"letter behind the code", "220x\r\n", `"220x"`, "", false},
		{"blank before the code", " 220 x\r\n", `" 220 x"`, "", false},
		{"long line is cut", strings.Repeat("a", 500) + "\r\n", `"` + strings.Repeat("a", 64) + `"...`, "", false},
		{"control bytes are escaped", "\x1b[2Jx\xfe\r\n", `"\x1b[2Jx\xfe"`, "", false},
		{"TLS alert, no line end", "\x15\x03\x01\x00\x02\x02\x16", `"\x15\x03"`, "a TLS record", false},
		{"TLS handshake", "\x16\x03\x03\x00", `"\x16\x03"`, "a TLS record", false},
		{"SSH", "SSH-2.0-OpenSSH_9.9\r\n", `"SSH-2.0-OpenSSH_9.9"`, "an SSH server", false},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n", `"HTTP/1.1 400 Bad Request"`, "an HTTP server", false},
		{"HTML", "<html>\r\n", `"<html>"`, "an HTTP server", false},
		{"POP3", "+OK ready\r\n", `"+OK ready"`, "a POP3 server", false},
		{"IMAP", "* OK ready\r\n", `"* OK ready"`, "an IMAP server", false},
		{"VNC", "RFB 003.008\n", `"RFB 003.008"`, "a VNC server", false},
		{"rsync", "@RSYNCD: 31.0\n", `"@RSYNCD: 31.0"`, "an rsync server", false},
		{"text without line end", "Go away", `"Go away"`, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.in), Limits{})
			_, err := r.ReadReply()
			var p *ProtocolError
			require.ErrorAs(t, err, &p)
			require.Equal(t, tt.quote, p.Quote)
			require.Equal(t, tt.looks, p.Looks)
			require.Contains(t, err.Error(), tt.quote)
			require.Contains(t, err.Error(), tt.looks)
			require.Equal(t, tt.eof, errors.Is(err, io.ErrUnexpectedEOF))
		})
	}
}

func TestReadReplyStaysLostAfterProtocolError(t *testing.T) {
	r := NewReader(strings.NewReader("what\r\n220 fine\r\n"), Limits{})
	_, first := r.ReadReply()
	require.Error(t, first)
	_, second := r.ReadReply()
	require.Same(t, first, second)
}

func TestReadReplyEndOfConnection(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"nothing", "", io.EOF},
		{"blank line alone", "\r\n", io.EOF},
		{"CR alone", "\r", io.EOF},
		{"within the code", "22", io.ErrUnexpectedEOF},
		{"without a line end", "221 Bye", io.ErrUnexpectedEOF},
		{"within many lines", "220-a\r\n", io.ErrUnexpectedEOF},
		{"within the last line", "220-a\r\n220 b\r", io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.in), Limits{})
			for range 2 {
				_, err := r.ReadReply()
				require.Equal(t, tt.want, err)
			}
		})
	}
}

func TestReadReplyLimits(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		lim      Limits
		want     *LimitError // nil: the reply is read
	}{
		{"line at the limit", "220 456\r\n", Limits{Line: 7}, nil},
		{"line over the limit", "220 4567\r\n", Limits{Line: 7}, &LimitError{"reply line length", 7}},
		{"line over the limit, LF alone", "220 4567\n", Limits{Line: 7}, &LimitError{"reply line length", 7}},
		{"line that never ends", strings.Repeat("x", 1<<20), Limits{}, &LimitError{"reply line length", DefaultLineLimit}},
		{"line of CRs", strings.Repeat("\r", 1<<16), Limits{}, &LimitError{"reply line length", DefaultLineLimit}},
		{"lines at the limit", "220-a\r\nb\r\n220 c\r\n", Limits{Lines: 3}, nil},
		{"lines over the limit", "220-a\r\nb\r\n220 c\r\n", Limits{Lines: 2}, &LimitError{"lines in a reply", 2}},
		{"blank lines count", "\n\n\n220 c\r\n", Limits{Lines: 3}, &LimitError{"lines in a reply", 3}},
		{"endless blank lines", strings.Repeat("\n", 1<<16), Limits{}, &LimitError{"lines in a reply", DefaultLinesLimit}},
		{"total at the limit", "220-a\r\n220 c\r\n", Limits{Total: 14}, nil},
		{"total over the limit", "220-a\r\n220 c\r\n", Limits{Total: 13}, &LimitError{"reply size", 13}},
		{"dropped bytes count", strings.Repeat("\xff\xf1", 1<<20), Limits{}, &LimitError{"reply size", DefaultTotalLimit}},
		{"negative means the default", "220 " + strings.Repeat("x", 5000) + "\r\n", Limits{-1, -1, -1}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.in), tt.lim)
			_, err := r.ReadReply()
			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			var got *LimitError
			require.ErrorAs(t, err, &got)
			require.Equal(t, tt.want, got)
			require.Contains(t, err.Error(), tt.want.Name)
			_, again := r.ReadReply()
			require.Same(t, err, again)
		})
	}
}

// The total is one of a reply, not of the connection.
func TestReadReplyLimitsStartAfresh(t *testing.T) {
	r := NewReader(strings.NewReader(strings.Repeat("\r\n220-a\r\n220 b\r\n", 1000)), Limits{Lines: 3, Total: 16})
	for range 1000 {
		_, err := r.ReadReply()
		require.NoError(t, err)
	}
	_, err := r.ReadReply()
	require.Equal(t, io.EOF, err)
}

// interruptedReader fails before every byte it gives.
type interruptedReader struct {
	data  []byte
	ready bool
}

func (i *interruptedReader) Read(p []byte) (int, error) {
	if i.ready = !i.ready; i.ready {
		return 0, os.ErrDeadlineExceeded
	}
	if len(i.data) == 0 {
		return 0, io.EOF
	}
	p[0] = i.data[0]
	i.data = i.data[1:]
	return 1, nil
}

func TestReadReplyResumesAtEveryByte(t *testing.T) {
	const in = "\r\n\xff\xfb\x01220-a\xff\xff\r\x00\r\nb\xff\xf1\r\n220 c\r\n331 d\r\n"
	r := NewReader(&interruptedReader{data: []byte(in)}, Limits{})
	var got []Reply
	interrupted := 0
	for {
		reply, err := r.ReadReply()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			interrupted++
			continue
		}
		if err != nil {
			require.Equal(t, io.EOF, err)
			break
		}
		got = append(got, reply)
	}
	require.Equal(t, []Reply{{220, []string{"a\xff\r", "b", "c"}}, {331, []string{"d"}}}, got)
	require.Equal(t, len(in)+1, interrupted)
}

func TestReadReplyResumesAfterDeadlineOnConnection(t *testing.T) {
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	r := NewReader(client, Limits{})

	sent := make(chan error, 1)
	write := func(s string) { go func() { _, err := server.Write([]byte(s)); sent <- err }() }
	write("150-abc\r\nde")
	require.NoError(t, readUntilBlocked(t, client, r, sent))
	require.Equal(t, len("150-abc\r\nde"), r.Buffered())

	require.NoError(t, client.SetReadDeadline(time.Time{}))
	write("f\r\n150 ghi\r\n")
	got, err := r.ReadReply()
	require.NoError(t, err)
	require.NoError(t, <-sent)
	require.Equal(t, Reply{150, []string{"abc", "def", "ghi"}}, got)
	require.Zero(t, r.Buffered())
}

// readUntilBlocked reads what the running write sends, then interrupts the wait.
func readUntilBlocked(t *testing.T, conn net.Conn, r *Reader, sent <-chan error) error {
	t.Helper()
	read := make(chan error, 1)
	go func() { _, err := r.ReadReply(); read <- err }()
	err := <-sent
	require.NoError(t, conn.SetReadDeadline(time.Unix(1, 0)))
	require.ErrorIs(t, <-read, os.ErrDeadlineExceeded)
	return err
}

func TestReadReplyPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("cable cut")
	_, err := NewReader(iotest.ErrReader(broken), Limits{}).ReadReply()
	require.ErrorIs(t, err, broken)

	_, err = NewReader(io.MultiReader(strings.NewReader("220-a\r\n"), iotest.ErrReader(broken)), Limits{}).ReadReply()
	require.ErrorIs(t, err, broken)
}

// An error that arrives together with bytes is not lost, and does not lose them.
func TestReadReplyUsesBytesThatComeWithAnError(t *testing.T) {
	r := NewReader(iotest.DataErrReader(strings.NewReader("220 a\r\n221 b")), Limits{})
	got, err := r.ReadReply()
	require.NoError(t, err)
	require.Equal(t, 220, got.Code)
	_, err = r.ReadReply()
	require.Equal(t, io.ErrUnexpectedEOF, err)
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

type lyingReader struct{ n int }

func (l lyingReader) Read([]byte) (int, error) { return l.n, nil }

func TestReadReplySurvivesBrokenReaders(t *testing.T) {
	_, err := NewReader(idleReader{}, Limits{}).ReadReply()
	require.ErrorIs(t, err, io.ErrNoProgress)
	for _, n := range []int{-1, 1 << 20} {
		_, err := NewReader(lyingReader{n}, Limits{}).ReadReply()
		require.ErrorContains(t, err, "impossible count")
	}
}

func TestBufferedCountsWhatFollowsTheReply(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     int
	}{
		{"nothing", "234 go\r\n", 0},
		{"another reply", "234 go\r\n230 in\r\n", 8},
		{"a blank line", "234 go\r\n\r\n", 2},
		{"one byte", "234 go\r\nx", 1},
		{"Telnet", "234 go\r\n\xff\xf1", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.in), Limits{})
			_, err := r.ReadReply()
			require.NoError(t, err)
			require.Equal(t, tt.want, r.Buffered())
		})
	}
}

func TestReplyText(t *testing.T) {
	require.Equal(t, "a\n\nb", Reply{220, []string{"a", "", "b"}}.Text())
	require.Empty(t, Reply{}.Text())
}

func TestReplyLooksLike(t *testing.T) {
	for _, tt := range []struct {
		text string
		code int
		want string
	}{
		{"mail.example.org ESMTP Postfix", 220, "an SMTP server"},
		{"mx SMTP; ready", 220, "an SMTP server"},
		{"mx ESMTP no service", 554, "an SMTP server"},
		{"ProFTPD Server ready", 220, ""},
		{"FTP and SMTP gateway", 220, ""},
		{"ESMTP", 331, ""},
		{"", 220, ""},
	} {
		require.Equal(t, tt.want, Reply{tt.code, []string{tt.text}}.LooksLike(), tt.text)
	}
}

func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{
		"220 Hello\r\n", "220-a\r\n220 b\r\n", "211-F\r\n SIZE\r\n211\r\n", "\r\n\n221 x\n", "\x15\x03\x01", "\xff\xfb\x01220 x\r\n",
		"257 \"a\r\x00b\xff\xff\"\r\n", "226", "220-a\r\n220-b\r\n", "999 x\r\n", "220 a\r\n220 b\r\nxyz",
	} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		lim := Limits{Line: 64, Lines: 8, Total: 256}
		whole := readAll(t, bytes.NewReader(in), lim, len(in))
		pieces := readAll(t, &steppedReader{data: in, step: int(step)%7 + 1}, lim, len(in))
		require.Equal(t, whole, pieces, "replies depend on how the bytes arrive")
	})
}

type steppedReader struct {
	data    []byte
	step    int
	waiting bool
}

func (s *steppedReader) Read(p []byte) (int, error) {
	if s.waiting = !s.waiting; s.waiting {
		return 0, os.ErrDeadlineExceeded
	}
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.data[:min(s.step, len(s.data))])
	s.data = s.data[n:]
	return n, nil
}

// readAll reads replies to the first error that is no interruption, and returns
// them with its text.
func readAll(t *testing.T, src io.Reader, lim Limits, size int) []string {
	r := NewReader(src, lim)
	var all []string
	for {
		reply, err := r.ReadReply()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return append(all, err.Error())
		}
		require.GreaterOrEqual(t, reply.Code, 100)
		require.LessOrEqual(t, reply.Code, 639)
		require.NotEmpty(t, reply.Lines)
		require.LessOrEqual(t, len(reply.Lines), lim.Lines)
		require.LessOrEqual(t, len(reply.Text()), lim.Total)
		require.GreaterOrEqual(t, r.Buffered(), 0)
		require.NotContains(t, strings.Join(reply.Lines, ""), "\n")
		all = append(all, reply.Text())
		require.LessOrEqual(t, len(all), size)
	}
}

func BenchmarkReadReply(b *testing.B) {
	in := []byte("211-Features:\r\n MDTM\r\n MLST type*;size*;modify*;\r\n SIZE\r\n UTF8\r\n211 End\r\n")
	src := bytes.NewReader(nil)
	r := NewReader(src, Limits{})
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(in)
		if _, err := r.ReadReply(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPending(t *testing.T) {
	for _, tt := range []struct {
		name, behind string
		want         bool
	}{
		{"nothing", "", false},
		{"blank lines", "\r\n \t\r\n", false},
		{"another reply", "421 bye\r\n", true},
		{"blank lines and another reply", "\r\n421 bye\r\n", true},
		{"the start of a reply", "42", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader("200 ok\r\n"+tt.behind), Limits{})
			_, err := r.ReadReply()
			require.NoError(t, err)
			require.Equal(t, tt.want, r.Pending())
		})
	}
}
