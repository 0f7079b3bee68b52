package ftp_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// The function of the README, to the letter.
func download(ctx context.Context, server, path string, w io.Writer) error {
	c, err := ftp.Dial(ctx, server, nil) // anonymous, passive
	if err != nil {
		return err
	}
	defer c.Close()
	result, err := c.Retrieve(ctx, path, w)
	if err != nil {
		return err
	}
	log.Printf("%d bytes by %s", result.Bytes, result.Negotiation.Method())
	return nil
}

func TestReadmeExampleIsThisFunction(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	_, block, found := strings.Cut(string(readme), "```go\n")
	require.True(t, found, "the README has a Go example")
	block, _, found = strings.Cut(block, "```")
	require.True(t, found)
	require.Contains(t, string(source), block)
}

func TestReadmeExampleWorks(t *testing.T) {
	srv := ftptest.NewServer(t)
	require.NoError(t, srv.Tree.WriteFile("/pub/a.txt", []byte("hello")))
	var got, logged bytes.Buffer
	log.SetOutput(&logged)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	require.NoError(t, download(t.Context(), srv.Addr, "pub/a.txt", &got))
	require.Equal(t, "hello", got.String())
	require.Contains(t, logged.String(), "5 bytes by EPSV")
}
