package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// byteRange is the value of --range. The zero byteRange is the whole file.
type byteRange struct {
	set      bool
	from, to int64 // both included; to is math.MaxInt64 for "up to the end"
}

func parseRange(s string) (byteRange, error) {
	if s == "" {
		return byteRange{}, nil
	}
	wrong := errors.New("--range: write FROM-TO or FROM-, with 0 <= FROM <= TO")
	first, last, found := strings.Cut(s, "-")
	from, err := strconv.ParseUint(first, 10, 63)
	if err != nil || !found {
		return byteRange{}, wrong
	}
	to := uint64(math.MaxInt64)
	if last != "" {
		if to, err = strconv.ParseUint(last, 10, 63); err != nil || to < from || to == math.MaxInt64 {
			return byteRange{}, wrong
		}
	}
	return byteRange{set: true, from: int64(from), to: int64(to)}, nil
}

// limited tells whether the range ends before the file may.
func (r byteRange) limited() bool { return r.set && r.to != math.MaxInt64 }

func (r byteRange) length() int64 { return r.to - r.from + 1 }
