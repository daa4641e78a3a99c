package queue

import (
	"time"
)

// Mail that waits expires, too, whatever it waits for: nothing may keep a message
// for ever. It is looked for every expireEvery. lastChance is how long after its
// lifetime a message may still wait for its last attempt: a retry that is due at
// the very end, or all mail after a long stop.
const (
	expireEvery = time.Minute
	lastChance  = 10 * time.Minute
)

// watchExpiry looks for expired mail again and again until the queue stops.
func (q *Queue) watchExpiry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.accept.Err() != nil {
		return
	}
	q.expiry = q.Clock.AfterFunc(expireEvery, func() {
		q.mu.Lock()
		if q.accept.Err() != nil {
			q.mu.Unlock()
			return
		}
		q.running.Add(1) // under mu: Stop has not begun to wait
		q.mu.Unlock()
		defer q.running.Done()
		q.expire()
		q.watchExpiry()
	})
}

// expire fails what has waited for too long.
func (q *Queue) expire() {
	var failed bool
	for _, l := range q.oldLanes() {
		found := l.expired()
		for len(found) > 0 && q.accept.Err() == nil {
			n := min(len(found), delayBatch)
			claimed := q.claim(found[:n])
			q.sweepBatch(q.accept, claimed, func(w *worker, e *entry) bool { return w.failNow(e, replyExpired, Bounce) })
			failed, found = true, found[n:]
		}
		if failed {
			q.mu.Lock()
			l.wake()
			l.tidy()
			q.mu.Unlock()
		}
	}
	if failed {
		if err := q.sync(); err != nil {
			q.troubled("expired mail may expire again after a crash", err)
		}
	}
}

// oldLanes are the lanes whose mail lives shorter than the oldest message is old.
func (q *Queue) oldLanes() []*lane {
	oldest, _ := q.Ages()
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*lane
	if q.Clock.Now().Sub(q.started) < lastChance {
		return out
	}
	for _, l := range q.lanes {
		if oldest >= l.opts().Expiration+lastChance {
			out = append(out, l)
		}
	}
	return out
}

// expired are the entries that wait past their lifetime.
func (l *lane) expired() []*entry {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	before := l.q.Clock.Now().Add(-l.opts().Expiration - lastChance).Unix()
	var out []*entry
	for _, list := range [][]*entry{l.high.items[l.high.head:], l.normal.items[l.normal.head:], l.delayed} {
		for _, e := range list {
			if e.received <= before {
				out = append(out, e)
			}
		}
	}
	return out
}
