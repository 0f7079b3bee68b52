package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/ftptest"
)

// heapWatcher is a standard output that keeps nothing, and looks at the heap
// now and then.
type heapWatcher struct {
	bytes, peak uint64
	next        uint64
	last        []byte
}

func (w *heapWatcher) Write(p []byte) (int, error) {
	w.bytes += uint64(len(p))
	w.last = append(w.last[:0], p[max(0, len(p)-100):]...)
	if w.bytes >= w.next {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.peak, w.next = max(w.peak, m.HeapInuse+m.StackInuse), w.bytes+1<<20
	}
	return len(p), nil
}

// TestEndlessListingTakesLittleMemory: what a server sends without end goes out
// as it comes.
func TestEndlessListingTakesLittleMemory(t *testing.T) {
	const most = 64 << 20
	tests := []struct {
		name, flag string
		entries    int
		length     int    // of a name
		least      uint64 // that goes out
	}{
		{"short lines, JSON", "--json", 120_000, 20, 9 << 20},
		{"lines of 8 KB, JSON", "--json", 6_000, 8000, 45 << 20},
		{"lines of 8 KB, long format", "-q", 6_000, 8000, 45 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			long := strings.Repeat("n", tt.length)
			srv := serve(t, func(c *ftptest.Config) {
				require.NoError(t, c.Tree.AddGeneratedDir("/endless", -1, func(i int64) ftptest.Entry {
					return ftptest.Entry{Name: fmt.Sprintf("%s%d", long, i), Size: i, Mode: 0o644, ID: uint64(i) + 1<<32}
				}))
			})
			s := newShell(t)
			w := &heapWatcher{}
			s.stdout, s.maxEntries = w, tt.entries
			runtime.GC() // what other tests have left is not this one's
			s.run("ls", tt.flag, srv.URL+"/endless").wants(6)
			require.Greater(t, w.bytes, tt.least)
			require.Less(t, w.peak, uint64(most))
			if tt.flag == "--json" {
				require.True(t, bytes.HasSuffix(w.last, []byte("\n}\n")), "%q", w.last)
			}
		})
	}
}

// TestStreamedListingIsOneObject: also where the listing fails in its midst, or
// before its first entry.
func TestStreamedListingIsOneObject(t *testing.T) {
	srv := serve(t, func(c *ftptest.Config) { require.NoError(t, c.Tree.AddGeneratedDir("/endless", -1, nil)) })
	s := newShell(t)
	for _, tt := range []struct {
		path    string
		code    int
		entries int
	}{
		{"/endless", 6, 998}, // "." and ".." are lines too,
		{"/pub", 0, 1},
		{"/in", 0, 0},
		{"/nowhere", 5, 0},
		{"/pub/a.txt", 0, 1},
	} {
		o := s.run("ls", "--json", srv.URL+tt.path).wants(tt.code)
		d := json.NewDecoder(strings.NewReader(o.stdout))
		var v map[string]any
		require.NoError(t, d.Decode(&v), o.stdout)
		require.False(t, d.More(), "more than one object")
		require.Equal(t, "ls", v["command"])
		require.Equal(t, srv.URL+tt.path, v["url"])
		require.InDelta(t, tt.code, v["exit_code"], 0)
		entries, _ := v["entries"].([]any)
		require.NotNil(t, entries)
		require.Equal(t, tt.entries, len(entries)) // Len would show a thousand of them
		require.Equal(t, tt.code != 0, v["error"] != nil)
	}
}
