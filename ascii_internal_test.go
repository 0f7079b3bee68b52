package ftp

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/quick"

	"github.com/stretchr/testify/require"
)

// nvt is a text as it is in memory and as it is on the wire.
type nvt struct{ name, text, wire string }

func nvts() []nvt {
	return []nvt{
		{"empty", "", ""},
		{"one line", "a\n", "a\r\n"},
		{"no end of line", "a\nb", "a\r\nb"},
		{"empty lines", "\n\n\n", "\r\n\r\n\r\n"},
		{"lone CR", "a\rb\n", "a\rb\r\n"},
		{"CR at the end", "a\r", "a\r"},
		{"two CRs in a row", "a\r\rb", "a\r\rb"},
		{"other bytes", "\x00\xff\x1a\n", "\x00\xff\x1a\r\n"},
	}
}

// chunked is a reader that returns the data in two parts.
func chunked(data string, split int) io.Reader {
	return io.MultiReader(strings.NewReader(data[:split]), strings.NewReader(data[split:]))
}

func TestFromNVTAtEverySplit(t *testing.T) {
	for _, tt := range nvts() {
		for split := range len(tt.wire) + 1 {
			got, err := io.ReadAll(&fromNVT{bufio.NewReader(chunked(tt.wire, split))})
			require.NoError(t, err)
			require.Equal(t, tt.text, string(got), "%s at %d", tt.name, split)
		}
		for _, slow := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader, iotest.HalfReader} {
			got, err := io.ReadAll(iotest.OneByteReader(&fromNVT{bufio.NewReader(slow(strings.NewReader(tt.wire)))}))
			require.NoError(t, err)
			require.Equal(t, tt.text, string(got), tt.name)
		}
	}
}

func TestFromNVTAtTheEndOfItsBuffer(t *testing.T) {
	for pad := 4096 - 3; pad <= 4096+1; pad++ {
		text := strings.Repeat("x", pad)
		got, err := io.ReadAll(&fromNVT{bufio.NewReader(strings.NewReader(text + "\r\ny\rz"))})
		require.NoError(t, err)
		require.Equal(t, text+"\ny\rz", string(got))
	}
}

func TestFromNVTKeepsTheError(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("a\r"), iotest.ErrReader(io.ErrUnexpectedEOF))
	got, err := io.ReadAll(&fromNVT{bufio.NewReader(broken)})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "a\r", string(got), "what came before the error is delivered")
}

func TestToNVTAtEverySplit(t *testing.T) {
	cases := append(nvts(),
		nvt{"CR LF stays", "a\r\nb\r\n", "a\r\nb\r\n"},
		nvt{"CR LF after a CR", "\r\r\n", "\r\r\n"},
		nvt{"LF after CR LF", "\r\n\n", "\r\n\r\n"})
	for _, tt := range cases {
		for split := range len(tt.text) + 1 {
			var out bytes.Buffer
			w := &toNVT{dst: &out}
			for _, part := range []string{tt.text[:split], tt.text[split:]} {
				n, err := io.WriteString(w, part)
				require.NoError(t, err)
				require.Equal(t, len(part), n, "the count is of the caller's bytes")
			}
			require.Equal(t, tt.wire, out.String(), "%s at %d", tt.name, split)
		}
	}
}

func TestToNVTReportsAFailedWrite(t *testing.T) {
	w := &toNVT{dst: failingWriter{}}
	n, err := w.Write([]byte("a\n"))
	require.Zero(t, n)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Text without CR LF comes back as it was, whatever the parts in which it is
// written and read.
func TestNVTRoundTrip(t *testing.T) {
	roundTrip := func(raw []byte, split uint8) bool {
		for i := range raw { // make ends of lines likely
			if raw[i] < 64 {
				raw[i] = "\r\n\n\r"[raw[i]%4]
			}
		}
		text := strings.ReplaceAll(string(raw), "\r\n", "\n")
		for strings.Contains(text, "\r\n") {
			text = strings.ReplaceAll(text, "\r\n", "\n")
		}
		cut := min(int(split), len(text))
		var wire bytes.Buffer
		w := &toNVT{dst: &wire}
		_, _ = io.WriteString(w, text[:cut])
		_, _ = io.WriteString(w, text[cut:])
		if bare := strings.ReplaceAll(wire.String(), "\r\n", ""); strings.Contains(bare, "\n") {
			return false // a bare LF on the wire
		}
		back, err := io.ReadAll(&fromNVT{bufio.NewReader(iotest.HalfReader(&wire))})
		return err == nil && string(back) == text
	}
	require.NoError(t, quick.Check(roundTrip, &quick.Config{MaxCount: 2000}))
}
