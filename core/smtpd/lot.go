package smtpd

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// A session that waits for a command needs a goroutine with its stack and two
// buffers. One that has waited for a while is parked: it keeps neither, until
// its peer says something, its idle time is over or it gets a notice.
const (
	sweepEvery = 50 * time.Millisecond
	// parkAfter is how long a session waits before it is parked, parkSoon
	// where many are live.
	parkAfter = 2 * time.Second
	parkSoon  = 100 * time.Millisecond
	many      = 256
)

// waker tells when a parked session's socket has something to read. Each watch
// is good for one wake.
type waker interface {
	watch(s *session) error
	stop()
}

// lot is the parked sessions. A session belongs to whoever took it out.
type lot struct {
	srv    *Server
	waker  waker
	ended  chan struct{}
	once   sync.Once // ends it
	mu     sync.Mutex
	parked map[uint64]*session // by sdk.Conn.Session
	since  int                 // sessions parked since memory was given back

	peak  int       // most sessions since then
	seen  [2]int    // since, and the live sessions, at the last look
	freed time.Time // when memory was given back
}

// A burst of sessions leaves stacks and buffers behind that nobody needs once
// they are parked or gone, and an idle process collects no garbage: it is seen to
// when things are quiet again, at most every freeEvery.
const freeEvery = 10 * time.Second

// startSweeps begins to look for sessions to park, once.
func (s *Server) startSweeps() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lot != nil {
		return
	}
	l := &lot{srv: s, ended: make(chan struct{}), parked: map[uint64]*session{}}
	var err error
	if l.waker, err = newWaker(l); err != nil {
		s.Problem("esmtp_listener: idle sessions keep their buffers: " + err.Error())
	}
	s.lot = l
	s.sweeper.Go(l.sweep)
}

// stopSweeps is called when no session is left.
func (s *Server) stopSweeps() {
	s.mu.Lock()
	l := s.lot
	s.mu.Unlock()
	if l == nil {
		return
	}
	l.once.Do(func() {
		close(l.ended)
		if l.waker != nil {
			l.waker.stop()
		}
	})
	s.sweeper.Wait()
}

// park puts a session away; false where that cannot be. On true it is no longer
// the caller's.
func (l *lot) park(s *session) bool {
	if l.waker == nil {
		return false
	}
	s.wire.giveBack()
	id := s.entry.info.Session
	l.mu.Lock()
	l.parked[id] = s
	l.since++
	l.mu.Unlock()
	// A notice from before this found nobody to wake.
	if l.waker.watch(s) == nil && s.wire.notice.Load() == nil {
		return true
	}
	if l.take(id) == nil {
		return true // somebody was faster
	}
	s.wire.borrow()
	s.wire.armed = time.Time{}
	return false
}

// take takes a session out; nil where it is not parked.
func (l *lot) take(id uint64) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.parked[id]
	delete(l.parked, id)
	return s
}

// wake has a parked session go on, with err where it is to end.
func (l *lot) wake(id uint64, err error) {
	if s := l.take(id); s != nil {
		go s.resume(err)
	}
}

func (s *session) resume(err error) {
	s.wire.borrow()
	s.wire.armed = time.Time{}
	s.converse(err)
}

// poke gives the session a notice and wakes it where it waits for input.
func (s *session) poke(n *notice) {
	s.wire.poke(n)
	s.srv.lot.wake(s.entry.info.Session, nil)
}

// sweep looks at the waiting sessions from time to time.
func (l *lot) sweep() {
	ticks := l.srv.Sweeps
	if ticks == nil {
		t := time.NewTicker(sweepEvery)
		defer t.Stop()
		ticks = t.C
	}
	for {
		select {
		case now := <-ticks:
			l.look(now)
		case <-l.ended:
			return
		}
	}
}

// look ends what was idle for too long, and asks others to be parked.
func (l *lot) look(now time.Time) {
	for _, id := range l.idle(now) {
		l.wake(id, errIdle)
	}
	after := parkAfter
	if l.peak = max(l.peak, l.srv.live.count()); l.srv.live.count() > many {
		after = parkSoon
	}
	l.srv.live.each(func(s *session) {
		if s.wire.calm.Load() && now.Sub(time.Unix(0, s.wire.waiting.Load())) >= after {
			s.wire.snooze()
		}
	})
	if now.Sub(l.freed) >= freeEvery && l.settled() {
		l.freed = now
		runtime.GC() // pools keep what they have over one collection
		debug.FreeOSMemory()
	}
}

// settled reports that many were parked or went away, and none since the last
// look.
func (l *lot) settled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	live := l.srv.live.count()
	now := [2]int{l.since, live}
	quiet := now == l.seen
	l.seen = now
	if !quiet || l.since < many && l.peak-live < many {
		return false
	}
	l.since, l.seen[0], l.peak = 0, 0, live
	return true
}

func (l *lot) idle(now time.Time) (ids []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, s := range l.parked {
		if w := &s.wire; w.idle > 0 && now.Sub(time.Unix(0, w.waiting.Load())) > w.idle+w.slack {
			ids = append(ids, id)
		}
	}
	return ids
}

// snooze asks a session that waits to be parked.
func (w *wire) snooze() {
	w.nap.Store(true)
	_ = w.raw.SetReadDeadline(time.Unix(1, 0)) // it fails at its next read anyway
}
