package rpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// idleWorkers is how many goroutines stay when there is nothing to do.
	idleWorkers = 64
	// maxWorkers bounds what one stream may have under way.
	maxWorkers = 16 << 10
	// maxTimeoutUS is a day, in microseconds; a longer timeout is none.
	maxTimeoutUS = 24 * 3600 * 1e6
)

// workers runs functions on goroutines that live long: a hook's stack, once
// grown, is not grown again for the next.
type workers struct {
	tasks chan func()
	quit  chan struct{}
	wg    sync.WaitGroup
	all   atomic.Int64
	idle  atomic.Int64
}

func newWorkers() *workers {
	return &workers{tasks: make(chan func()), quit: make(chan struct{})}
}

// run starts f at once; false where too much is under way.
func (w *workers) run(f func()) bool {
	select {
	case w.tasks <- f:
		return true
	default:
	}
	if w.all.Add(1) > maxWorkers {
		w.all.Add(-1)
		return false
	}
	w.wg.Add(1)
	go w.work(f)
	return true
}

func (w *workers) work(f func()) {
	defer w.wg.Done()
	defer w.all.Add(-1)
	for {
		f()
		if w.idle.Add(1) > idleWorkers {
			w.idle.Add(-1)
			return
		}
		select {
		case f = <-w.tasks:
			w.idle.Add(-1)
		case <-w.quit:
			return
		}
	}
}

// stop ends idle workers at once and busy ones after what they do. It does not
// wait; run must not be called any more.
func (w *workers) stop() { close(w.quit) }

// jobs are the questions that one side works on, so that they can be taken
// back.
type jobs struct {
	base    context.Context
	mu      sync.Mutex
	cancels map[uint64]context.CancelFunc
}

func newJobs(base context.Context) *jobs {
	return &jobs{base: base, cancels: make(map[uint64]context.CancelFunc)}
}

// begin gives the context of a question. The reader calls it, so that a Cancel
// that follows finds the question.
func (j *jobs) begin(id, timeoutUS uint64) context.Context {
	var ctx context.Context
	var cancel context.CancelFunc
	if timeoutUS > 0 && timeoutUS < maxTimeoutUS {
		ctx, cancel = context.WithTimeout(j.base, time.Duration(timeoutUS)*time.Microsecond)
	} else {
		ctx, cancel = context.WithCancel(j.base)
	}
	j.mu.Lock()
	j.cancels[id] = cancel
	j.mu.Unlock()
	return ctx
}

// end is both the end of a question and its being taken back.
func (j *jobs) end(id uint64) {
	j.mu.Lock()
	cancel := j.cancels[id]
	delete(j.cancels, id)
	j.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}
