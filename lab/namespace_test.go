//go:build lab && linux

package lab

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The namespace of the main thread is taken for that of the process, and it never ends.
func TestWithinLeavesTheMainThreadAlone(t *testing.T) {
	node := namespace{prefix + "0-main"}
	_, err := output(t.Context(), "", "ip", "netns", "add", node.name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.remove(context.WithoutCancel(t.Context()))) })
	before, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	for range 200 {
		require.NoError(t, node.within(func() error { return nil }))
	}
	after, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	require.Equal(t, before, after)
	pids, err := output(t.Context(), "", "ip", "netns", "pids", node.name)
	require.NoError(t, err)
	require.Empty(t, strings.TrimSpace(pids))
}
