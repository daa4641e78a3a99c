package rpc

import (
	"sync"
	"sync/atomic"
)

const (
	// idleWorkers is how many goroutines stay when there is nothing to do.
	idleWorkers = 64
	// maxWorkers bounds what one stream may have under way.
	maxWorkers = 16 << 10
)

// workers does tasks on goroutines that live long: a hook's stack, once grown,
// is not grown again for the next.
type workers[T any] struct {
	do    func(T)
	tasks chan T
	quit  chan struct{}
	wg    sync.WaitGroup
	all   atomic.Int64
	idle  atomic.Int64
}

func newWorkers[T any](do func(T)) *workers[T] {
	return &workers[T]{do: do, tasks: make(chan T), quit: make(chan struct{})}
}

// run starts a task at once; false where too much is under way.
func (w *workers[T]) run(task T) bool {
	if w.all.Load() >= maxWorkers {
		return false
	}
	w.urgent(task)
	return true
}

// urgent starts a task however much is under way.
func (w *workers[T]) urgent(task T) {
	select {
	case w.tasks <- task:
		return
	default:
	}
	w.all.Add(1)
	w.wg.Add(1)
	go w.work(task)
}

func (w *workers[T]) work(task T) {
	defer w.wg.Done()
	defer w.all.Add(-1)
	for {
		w.do(task)
		if w.idle.Add(1) > idleWorkers {
			w.idle.Add(-1)
			return
		}
		select {
		case task = <-w.tasks:
			w.idle.Add(-1)
		case <-w.quit:
			return
		}
	}
}

// stop ends idle workers at once and busy ones after what they do. It does not
// wait; run must not be called any more.
func (w *workers[T]) stop() { close(w.quit) }
