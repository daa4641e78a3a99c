package queue

import "container/list"

// rest is a worker that waits for mail with its connection open. Queue.mu guards
// it.
type rest struct {
	lane  *lane
	over  chan struct{} // closed when the wait is over
	close bool          // with the connection, which another lane needs
	place *list.Element // in Queue.resting
}

// rest has a worker of the lane wait.
func (l *lane) rest() *rest {
	r := &rest{lane: l, over: make(chan struct{})}
	r.place = l.q.resting.PushBack(r)
	l.idle = append(l.idle, r)
	return r
}

// forget takes the worker off the lists of those that wait.
func (r *rest) forget() {
	if r.place == nil {
		return
	}
	r.lane.q.resting.Remove(r.place)
	r.place = nil
	for i, other := range r.lane.idle {
		if other == r {
			r.lane.idle = append(r.lane.idle[:i], r.lane.idle[i+1:]...)
			return
		}
	}
}

// end ends the wait.
func (r *rest) end() {
	r.forget()
	close(r.over)
}
