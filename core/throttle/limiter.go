package throttle

import (
	"sync"
	"time"

	"github.com/mtad/mtad/sdk/option"
)

// Limiter is a rate limit by the generic cell rate algorithm: it keeps the time
// at which everything taken so far will have been paid for, and lets a caller
// run ahead of it by one period's worth. The zero rate is no limit. It is safe
// for concurrent use.
type Limiter struct {
	mu     sync.Mutex
	each   time.Duration // one event's share of the period
	burst  time.Duration
	paidTo time.Time
}

// New makes a limiter for a rate; nil, which limits nothing, where the rate is
// unset or zero.
func New(rate option.Throttle) *Limiter {
	if rate.Count <= 0 || rate.Seconds <= 0 {
		return nil
	}
	period := time.Duration(rate.Seconds * float64(time.Second))
	return &Limiter{each: period / time.Duration(rate.Count), burst: period}
}

// Resume is New for a rate that takes the place of another one: what was taken
// under that one counts. The same rate goes on as it is.
func Resume(rate option.Throttle, old *Limiter) *Limiter {
	l := New(rate)
	if l == nil || old == nil {
		return l
	}
	if l.each == old.each && l.burst == old.burst {
		return old
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	l.paidTo = old.paidTo
	return l
}

// Take takes n events now, or takes nothing and says how long to wait.
func (l *Limiter) Take(now time.Time, n int) (wait time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paidTo.Before(now) {
		l.paidTo = now
	}
	cost := time.Duration(n) * l.each
	// More than a whole period's events at once can never fit: they go when
	// nothing is owed.
	room := max(l.burst, cost)
	if ahead := l.paidTo.Add(cost).Sub(now); ahead > room {
		return ahead - room, false
	}
	l.paidTo = l.paidTo.Add(cost)
	return 0, true
}

// Spent reports whether one event would be too many now. It takes nothing.
func (l *Limiter) Spent(now time.Time) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paidTo.Add(l.each).Sub(now) > max(l.burst, l.each)
}
