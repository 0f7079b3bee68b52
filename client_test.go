package ftp_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

func TestSmoke(t *testing.T) {
	srv := ftptest.NewServer(t)
	srv.Tree.WriteFile("/a.txt", []byte("hello"))
	ctx := context.Background()
	c, err := ftp.Dial(ctx, srv.Addr, nil)
	require.NoError(t, err)
	defer c.Close()
	var b bytes.Buffer
	r, err := c.Retrieve(ctx, "a.txt", &b)
	require.NoError(t, err)
	t.Log(r, r.Negotiation.Rungs, b.String())
	_, err = c.Store(ctx, "b.txt", bytes.NewReader(make([]byte, 1<<20)))
	require.NoError(t, err)
	for e, err := range c.List(ctx, "") {
		require.NoError(t, err)
		t.Log(e)
	}
	t.Log(srv.Commands())
	_, err = c.Size(ctx, "nope")
	t.Log(err)
	_, err = c.Retrieve(ctx, "nope", &b)
	t.Log(err)
}
