package logs

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/core/logs/out"
	"github.com/mtad/mtad/sdk"
)

// guard is what happens where records cannot be written: the disk is full, or
// what waits for another machine takes all it may. They are lost and counted, or
// (log_full = "refuse") whoever logs an outcome of mail waits until it is
// written, so that the message stays in the spool, and new mail is refused.
type guard struct {
	refuse  atomic.Bool
	waiting atomic.Int64 // writers that wait
	problem func(text string)
	after   func(time.Duration) <-chan time.Time
	yield   chan struct{} // closed when nobody may wait any more
	once    sync.Once
}

// writeAgain is how often a record that waits is tried.
const writeAgain = time.Second

// trouble is a stream's state.
type trouble struct {
	mu   sync.Mutex
	lost int64 // since start
	told int64 // of them, when it last recovered
	down bool
}

// failed says whether to try once more.
func (s *stream) failed(err error) (again bool) {
	wait := s.holds && s.guard.refuse.Load() && !s.guard.yielded()
	s.trouble.mu.Lock()
	first := !s.down
	s.down = true
	if !wait {
		s.lost++
	}
	s.trouble.mu.Unlock()
	if first {
		s.guard.report(s, fmt.Sprintf("%s cannot be written: %v; %s", s.name, err, map[bool]string{
			true: "mail is refused until it can", false: "its records are lost until it can"}[wait]))
	}
	if !wait {
		return false
	}
	s.guard.waiting.Add(1)
	defer s.guard.waiting.Add(-1)
	select {
	case <-s.guard.after(writeAgain):
	case <-s.guard.yield:
	}
	return true
}

// recovered is told of every record that was written.
func (s *stream) recovered() {
	s.trouble.mu.Lock()
	was, lost := s.down, s.lost-s.told
	s.down = false
	if was {
		s.told = s.lost
	}
	s.trouble.mu.Unlock()
	if was {
		s.guard.report(s, fmt.Sprintf("%s is written again; %d of its records were lost", s.name, lost))
	}
}

func (g *guard) yielded() bool {
	select {
	case <-g.yield:
		return true
	default:
		return false
	}
}

// report tells of a stream's trouble, unless it is where that would be written.
func (g *guard) report(s *stream, text string) {
	if s.name != "paniclog" {
		g.problem(text)
	}
}

// guardStreams names the streams and says which hold.
func (l *Logs) guardStreams() {
	l.guard = &guard{after: time.After, yield: make(chan struct{}), problem: func(text string) {
		l.Panic(sdk.LogRecord{Level: sdk.LevelCritical, Source: "logs", Text: text})
	}}
	for s, name := range map[*streamCore]string{
		&l.main: "mainlog", &l.reject: "rejectlog", &l.panics: "paniclog", &l.bounce: "bouncelog",
		&l.acct: "acctlog", &l.http: "httplog", &l.json: "jsonlog", &l.adaptive: "adaptive", &l.fbl: "fbllog",
	} {
		s.name = name
	}
	for _, s := range l.streams() {
		s.guard = l.guard
		if s.name == "" {
			s.name = "log"
		}
	}
	for _, s := range []*streamCore{&l.main, &l.bounce, &l.json, &l.fbl} {
		s.holds = true
	}
}

// destination is where a stream goes.
func (l *Logs) destination(s *streamCore, spec string, o *Options) out.Config {
	return out.Config{
		Spec: spec, Log: s.name, Mode: o.Mode, Outbox: o.Outbox, Budget: o.Budget, Hostname: o.Hostname,
		Problem: func(text string) { l.guard.report(&s.stream, text) },
	}
}

// Held reports that an outcome waits to be written: new mail is to be refused.
func (l *Logs) Held() bool { return l.guard.waiting.Load() > 0 }

// Yield ends all waiting, at a shutdown: a record that cannot be written then is
// lost and counted.
func (l *Logs) Yield() { l.guard.once.Do(func() { close(l.guard.yield) }) }

// Loss is what a log could not write since start.
type Loss struct {
	Log  string
	Lost int64
	Down bool // its last record could not be written
}

// Losses lists every log that goes somewhere.
func (l *Logs) Losses() (list []Loss) {
	for _, s := range l.streams() {
		if !s.isOpen() {
			continue
		}
		s.trouble.mu.Lock()
		list = append(list, Loss{s.name, s.lost, s.down})
		s.trouble.mu.Unlock()
	}
	return list
}
