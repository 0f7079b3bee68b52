// Package leaktest fails a test binary that leaves goroutines behind.
package leaktest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Run runs the tests and returns their exit code, or 1 where a goroutine of this
// module is left after them: a listener, a reader of a control connection, a
// server's session. It is for TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(leaktest.Run(m)) }
func Run(m interface{ Run() int }) int {
	code := m.Run()
	if left := leaked(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines left after the tests:\n\n%s\n", left)
		return 1
	}
	return code
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
