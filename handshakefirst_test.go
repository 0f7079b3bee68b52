package ftp_test

import (
	"io"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
	"github.com/dualport/ftp/internal/memnet"
)

// A server that is slow to refuse a transfer looks like one that waits for the
// handshake. The refusal must come out as what it is.
func TestLateRefusalIsNoFailureOfTLS(t *testing.T) {
	inMemory(t, func(t *testing.T, network *memnet.Network) {
		c, _ := secured(t, ftptest.Config{Network: network, Faults: []ftptest.Fault{
			{On: "RETR", Nth: 1, Delay: 3 * time.Second, Reply: "550 No such file."},
		}}, nil)
		start := time.Now()
		_, err := c.Retrieve(t.Context(), "/missing", io.Discard)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NotErrorIs(t, err, ftp.ErrTLS)
		require.Equal(t, 550, ftp.ReplyCode(err))
		require.Less(t, time.Since(start), 4*time.Second)
		requireAlive(t, c)
	})
}
