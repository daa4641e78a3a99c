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
