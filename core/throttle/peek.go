package throttle

import "time"

// When says how long it takes until all of these batches of events have been
// allowed, one after the other as Take allows them, if nobody else takes any.
// Nothing is taken.
func (l *Limiter) When(now time.Time, batches ...int) time.Duration {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	paid, at := l.paidTo, now
	for _, n := range batches {
		if paid.Before(at) {
			paid = at
		}
		cost := time.Duration(n) * l.each
		if free := paid.Add(cost - max(l.burst, cost)); free.After(at) {
			at = free
		}
		paid = paid.Add(cost)
	}
	return at.Sub(now)
}
