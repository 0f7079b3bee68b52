package leaktest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

type binary int

func (b binary) Run() int { return int(b) }

func TestRun(t *testing.T) {
	require.Zero(t, Run(binary(0)))
	require.Equal(t, 2, Run(binary(2)))
	stop := make(chan struct{})
	go func() { <-stop }()
	require.Equal(t, 1, Run(binary(0)), "a goroutine is left")
	require.Equal(t, 2, Run(binary(2)), "the tests' own failure counts")
	close(stop)
}
