package audit

import "slices"

// shape says how much history a record keeps: a number of figures, each over
// count windows of interval seconds. Windows begin at multiples of interval since
// the epoch. An interval of 0 is one window without end.
type shape struct {
	interval int64
	count    int
	figures  int
}

// window is the number of the window that a time, in Unix seconds, lies in.
func (s *shape) window(now int64) int64 {
	if s.interval == 0 {
		return 0
	}
	return now / s.interval
}

// record is what one network or key has counted. values holds a ring of windows
// for each figure; newest is the number of the last window written.
type record struct {
	newest int64
	values []int64
}

func (s *shape) record(window int64) record {
	return record{newest: window, values: make([]int64, s.figures*s.count)}
}

// turn makes window the newest one. A clock that went back changes nothing.
func (s *shape) turn(r *record, window int64) {
	if window <= r.newest {
		return
	}
	if window-r.newest >= int64(s.count) {
		clear(r.values)
		r.newest = window
		return
	}
	for r.newest < window {
		r.newest++
		for f := range s.figures {
			r.values[s.at(f, r.newest)] = 0
		}
	}
}

// at is where a window of a figure is kept.
func (s *shape) at(figure int, window int64) int {
	return figure*s.count + int(window%int64(s.count))
}

// sum adds up the windows from start to end, both counted back from window.
func (s *shape) sum(r *record, figure int, window int64, start, end int) int64 {
	total := int64(0)
	for i := max(start, 0); i <= min(end, s.count-1); i++ {
		if w := window - int64(i); w <= r.newest && w > r.newest-int64(s.count) && w >= 0 {
			total += r.values[s.at(figure, w)]
		}
	}
	return total
}

// expired reports a record all of whose windows are over.
func (s *shape) expired(r *record, window int64) bool {
	return s.interval != 0 && window-r.newest >= int64(s.count)
}

// subtract takes away what o has counted.
func (s *shape) subtract(r, o *record) {
	window := max(r.newest, o.newest)
	s.turn(r, window)
	s.turn(o, window)
	for i := range r.values {
		r.values[i] -= o.values[i]
	}
}

// equal reports two records with the same counts.
func (s *shape) equal(r, o *record) bool {
	window := max(r.newest, o.newest)
	s.turn(r, window)
	s.turn(o, window)
	return slices.Equal(r.values, o.values)
}

// zero reports a record without counts.
func (r *record) zero() bool {
	return !slices.ContainsFunc(r.values, func(v int64) bool { return v != 0 })
}
