package memnet

import (
	"sync"
	"time"
)

// deadline wakes the waiters of a condition when its time comes. Its methods need the condition's lock.
type deadline struct {
	timer  *time.Timer
	serial int // tells a late timer of an earlier deadline from the present one
	passed bool
}

func (d *deadline) setLocked(mu *sync.Mutex, changed *sync.Cond, t time.Time) {
	d.stopLocked()
	d.passed = false
	defer changed.Broadcast()
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.passed = true
		return
	}
	serial := d.serial
	d.timer = time.AfterFunc(wait, func() {
		mu.Lock()
		defer mu.Unlock()
		if d.serial == serial {
			d.passed = true
			changed.Broadcast()
		}
	})
}

func (d *deadline) stopLocked() {
	d.serial++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
