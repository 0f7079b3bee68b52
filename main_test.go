package ftp_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails when a goroutine of this module is left after the tests: a
// listener, a reader of the control connection, a server's session.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leaked(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines left after the tests:\n\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leaked gives goroutines that are about to end the time to do so.
func leaked() string {
	left := ""
	for range 100 {
		if left = goroutines(); left == "" {
			return ""
		}
		time.Sleep(20 * time.Millisecond)
	}
	return left
}

// goroutines returns the stacks of those that run code of this module, but for
// the one that asks.
func goroutines() string {
	buf := make([]byte, 4<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	var found []string
	for _, stack := range stacks[1:] {
		if strings.Contains(stack, "github.com/dualport/ftp") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
