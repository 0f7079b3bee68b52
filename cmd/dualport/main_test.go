package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails when a goroutine is left after the tests.
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
	for range 50 {
		if left = ours(); left == "" {
			return ""
		}
		time.Sleep(20 * time.Millisecond)
	}
	return left
}

func ours() string {
	buf := make([]byte, 1<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	var found []string
	for _, stack := range stacks[1:] { // the first is this goroutine
		if strings.Contains(stack, "dualport/ftp") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
