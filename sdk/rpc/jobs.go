package rpc

import (
	"context"
	"sync"
	"time"
)

// maxTimeoutUS is a day, in microseconds; a longer timeout is none.
const maxTimeoutUS = 24 * 3600 * 1e6

// jobs are the questions that one side works on, so that they can be taken
// back.
type jobs struct {
	mu   sync.Mutex
	open map[uint64]*job
	over bool
}

func newJobs() *jobs { return &jobs{open: make(map[uint64]*job)} }

// begin gives the context of a question. The reader calls it, so that a Cancel
// that follows finds the question.
func (j *jobs) begin(id, timeoutUS uint64) *job {
	one := &job{}
	if timeoutUS > 0 && timeoutUS < maxTimeoutUS {
		one.deadline = time.Now().Add(time.Duration(timeoutUS) * time.Microsecond)
	}
	j.mu.Lock()
	over := j.over
	if !over {
		j.open[id] = one
	}
	j.mu.Unlock()
	if over {
		one.end(context.Canceled)
	}
	return one
}

// end is both the end of a question and its being taken back.
func (j *jobs) end(id uint64) {
	j.mu.Lock()
	one := j.open[id]
	delete(j.open, id)
	j.mu.Unlock()
	if one != nil {
		one.end(context.Canceled)
	}
}

// stop takes everything back, and whatever else begins.
func (j *jobs) stop() {
	j.mu.Lock()
	all := j.open
	j.open, j.over = nil, true
	j.mu.Unlock()
	for _, one := range all {
		one.end(context.Canceled)
	}
}

// job is a question being worked on, as the context of that work. Those of
// package context have a timer each from the start; few jobs ever wait, so this
// one is armed when somebody asks for Done.
type job struct {
	deadline time.Time // zero: none

	mu    sync.Mutex
	err   error
	done  chan struct{}
	timer *time.Timer
	after []*func()
}

var _ context.Context = (*job)(nil)

// Deadline is context.Context's.
func (j *job) Deadline() (time.Time, bool) { return j.deadline, !j.deadline.IsZero() }

// Value is context.Context's; a job carries none.
func (j *job) Value(any) any { return nil }

// Done is context.Context's.
func (j *job) Done() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.done != nil {
		return j.done
	}
	j.done = make(chan struct{})
	switch {
	case j.err != nil:
		close(j.done)
	case !j.deadline.IsZero():
		j.timer = time.AfterFunc(time.Until(j.deadline), func() { j.end(context.DeadlineExceeded) })
	}
	return j.done
}

// Err is context.Context's.
func (j *job) Err() error {
	if !j.deadline.IsZero() && !time.Now().Before(j.deadline) {
		j.end(context.DeadlineExceeded)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// AfterFunc has package context do without a goroutine for each context that is
// derived from a job.
func (j *job) AfterFunc(f func()) (stop func() bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		go f()
		return func() bool { return false }
	}
	entry := &f
	j.after = append(j.after, entry)
	return func() bool { return j.forget(entry) }
}

func (j *job) forget(entry *func()) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, e := range j.after {
		if e == entry {
			j.after = append(j.after[:i:i], j.after[i+1:]...)
			return true
		}
	}
	return false
}

// end ends the context, once.
func (j *job) end(err error) {
	j.mu.Lock()
	if j.err != nil {
		j.mu.Unlock()
		return
	}
	j.err = err
	if j.timer != nil {
		j.timer.Stop()
	}
	if j.done != nil {
		close(j.done)
	}
	after := j.after
	j.after = nil
	j.mu.Unlock()
	for _, f := range after {
		go (*f)()
	}
}
