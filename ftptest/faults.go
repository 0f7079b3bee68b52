package ftptest

import (
	"sync"
	"time"
)

// Fault is one thing that goes wrong. Several faults may name the same event; the first of the list that is due is taken.
type Fault struct {
	// On is the event: a verb in capitals ("EPSV"); "greeting"; "150", the preliminary reply of a transfer; "226", its final
	// reply, whatever that is; or "data", the bytes on the data connection.
	On string

	// Nth is the occurrence of the event that is hit, counted over the whole server (or over Session, if that is set); the first is
	// 1. Zero means every one.
	Nth int

	// Session limits the fault to the nth control connection; the first is 1. Zero means all.
	Session int

	// Delay is waited before anything else.
	Delay time.Duration

	// Before and After are extra replies before and after the normal one, or the one that replaces it.
	Before, After string

	// Reply replaces the normal reply. The command is not carried out, unless Execute is set.
	Reply string

	// Silent leaves the normal reply out. The command is not carried out, unless Execute is set.
	Silent bool

	// Close and Reset end the control connection, after Reply if there is one, and in place of the normal reply otherwise.
	Close, Reset bool

	// Execute carries the command out, although its reply is replaced, left out or lost with the connection.
	Execute bool

	// Early is for "226" alone: the final reply is sent before the data connection is closed, right after the 150.
	Early bool

	// Data is for "data" alone.
	Data DataFault
}

// DataFault is what happens on a data connection.
type DataFault struct {
	Action DataAction
	After  int64 // bytes that pass before it happens
	Pace   int64 // bytes per second, sent or read; 0 means as fast as it goes
	End    DataEnd

	// ReadBuffer is the size of the kernel's receive buffer, in bytes, as far as the kernel heeds it; zero means what it has by
	// itself. Together with a Pace it leaves most of an upload with the client's kernel when the client has written it all.
	// A few kilobytes make the kernel throw away what came before, and the upload takes seconds.
	ReadBuffer int
}

// DataEnd is how the server ends a data connection when all has passed, or when DataCloses is due.
type DataEnd int

// The first is the right one.
const (
	EndClean         DataEnd = iota // with TLS a close_notify, then the connection is closed
	EndNoCloseNotify                // with TLS the connection is closed without a close_notify
	EndResets                       // when all has passed the final reply is sent first, and then the connection is reset
)

// DataAction is what a DataFault does.
type DataAction int

// The final reply after a cut is 426, unless a fault on "226" says otherwise.
const (
	DataFlows  DataAction = iota // nothing but the pace
	DataCloses                   // the connection is closed as at the end of a file
	DataResets                   // the connection is reset
	DataStalls                   // nothing moves any more, until the client closes the connection or aborts
)

// replaces reports whether the fault takes the place of the normal reply.
func (f *Fault) replaces() bool { return f.Reply != "" || f.Silent || f.Close || f.Reset }

// faultBook counts events and says which fault is due.
type faultBook struct {
	faults []Fault

	mu     sync.Mutex
	counts []int
}

func newFaultBook(faults []Fault) *faultBook {
	return &faultBook{faults: faults, counts: make([]int, len(faults))}
}

// due counts the event and returns the fault it sets off, or nil.
func (b *faultBook) due(event string, session int) *Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	var hit *Fault
	for i := range b.faults {
		f := &b.faults[i]
		if f.On != event || f.Session != 0 && f.Session != session {
			continue
		}
		b.counts[i]++
		if hit == nil && (f.Nth == 0 || f.Nth == b.counts[i]) {
			hit = f
		}
	}
	return hit
}

// perform carries an event out, with what goes wrong with it. With muted set, normal must send nothing.
func (s *session) perform(event string, normal func()) {
	s.performFault(s.server.faults.due(event, s.id), normal)
}

func (s *session) performFault(f *Fault, normal func()) {
	if f == nil {
		normal()
		return
	}
	s.pause(f.Delay)
	s.send(f.Before)
	if !f.replaces() {
		normal()
	} else if f.Execute {
		s.muted(normal)
	}
	s.send(f.Reply)
	s.send(f.After)
	switch {
	case f.Reset:
		reset(s.raw)
		s.quit.Store(true)
	case f.Close:
		s.hangUp()
	}
}
