package throttle

import "time"

// When says how long it takes until n further events have been allowed, if
// nobody else takes any. Nothing is taken.
func (l *Limiter) When(now time.Time, n int) time.Duration {
	if l == nil || n <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	paid := l.paidTo
	if paid.Before(now) {
		paid = now
	}
	return max(0, paid.Add(time.Duration(n)*l.each).Sub(now)-l.burst)
}
