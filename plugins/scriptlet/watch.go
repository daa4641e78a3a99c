package scriptlet

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// How often the watchdog looks at the heap while Lua runs, how often it has runs
// look at the clock while some script runs long, and after how many quiet looks it
// goes to sleep.
const (
	watchEvery = 5 * time.Millisecond
	pokeEvery  = time.Millisecond
	watchQuiet = 40
)

// watch is the memory watchdog of a module: while scripts run it follows the
// heap and pokes the run whose time on the interpreter saw it grow too far.
// That run then finds out by a collection whether the growth is alive.
type watch struct {
	procs *processors

	idle   atomic.Bool // nothing ran lately; acquire must kick
	recent atomic.Bool // something began since the last look
	kick   chan struct{}
	quit   chan struct{}
	done   sync.WaitGroup

	mu   sync.Mutex
	list []*interpreter

	last    int64 // heap at the last look
	heavy   bool  // a run took more than its limit since the last sleep
	samples []metrics.Sample
}

func startWatch(procs *processors) *watch {
	w := &watch{
		procs:   procs,
		kick:    make(chan struct{}, 1),
		quit:    make(chan struct{}),
		samples: []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}},
	}
	w.idle.Store(true)
	w.done.Go(w.loop)
	return w
}

func (w *watch) stop() {
	close(w.quit)
	w.done.Wait()
}

func (w *watch) add(in *interpreter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, in)
}

func (w *watch) remove(in *interpreter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, x := range w.list {
		if x == in {
			w.list = append(w.list[:i:i], w.list[i+1:]...)
			return
		}
	}
}

// began says that a run begins, or goes on after a wait in which the watchdog
// may have fallen asleep. It costs two loads where the watchdog is awake.
func (w *watch) began() {
	if !w.recent.Load() {
		w.recent.Store(true)
	}
	if w.idle.Load() && w.idle.CompareAndSwap(true, false) {
		select {
		case w.kick <- struct{}{}:
		default:
		}
	}
}

func (w *watch) loop() {
	for {
		select {
		case <-w.quit:
			return
		case <-w.kick:
		}
		if !w.follow() {
			return
		}
	}
}

// follow looks at the heap until all is quiet; false when the watchdog ends.
func (w *watch) follow() bool {
	timer := time.NewTimer(watchEvery)
	defer timer.Stop()
	w.last, _ = w.read()
	for quiet := 0; quiet < watchQuiet; quiet++ {
		if !w.pause(timer) {
			return false
		}
		if w.look() || w.recent.Swap(false) {
			quiet = 0
		}
		w.procs.look(false)
	}
	w.procs.look(true)
	if w.heavy {
		// Nothing runs, so the collector has no reason to: what a script took
		// too much of would stay with the process for minutes.
		w.heavy = false
		debug.FreeOSMemory()
	}
	w.idle.Store(true)
	if w.recent.Load() && w.idle.CompareAndSwap(true, false) {
		return w.follow()
	}
	return true
}

// pause lets watchEvery pass; false when the watchdog ends. An instruction may take
// long, as a comparison of long strings does, and steps know nothing of it.
func (w *watch) pause(timer *time.Timer) bool {
	for passed := time.Duration(0); passed < watchEvery; {
		wait := watchEvery
		if w.procs.extra.Load() {
			wait = pokeEvery
		}
		timer.Reset(wait)
		select {
		case <-w.quit:
			return false
		case <-timer.C:
		}
		if passed += wait; passed < watchEvery {
			w.each(func(r *run) { r.poked.Or(pokeClock) })
		}
	}
	return true
}

// each calls f for every run that has an interpreter now.
func (w *watch) each(f func(*run)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, in := range w.list {
		if r := in.running.Load(); r != nil {
			f(r)
		}
	}
}

// look charges the heap's growth to what runs now, and reports whether
// anything does.
func (w *watch) look() bool {
	now, live := w.read()
	growth := max(now-w.last, 0)
	w.last = now
	busy := false
	w.each(func(r *run) {
		busy = true
		if r.charge(growth, live) {
			w.heavy = true
		}
	})
	return busy
}

// charge adds heap growth to a run, and pokes it when that passes its limit. It
// has the run look at the clock in any case: steps are a guess, and what takes
// long in one instruction, as the length of a large table, may be far more.
func (r *run) charge(growth, live int64) (tooMuch bool) {
	r.liveBase.CompareAndSwap(0, live)
	if tooMuch = r.grown.Add(growth) > r.memory.Load(); tooMuch {
		r.poked.Or(pokeMemory)
	}
	r.poked.Or(pokeClock)
	return tooMuch
}

func (w *watch) read() (objects, live int64) {
	metrics.Read(w.samples)
	return int64(w.samples[0].Value.Uint64()), int64(w.samples[1].Value.Uint64())
}

// live is the heap that the last collection found alive.
func (w *watch) live() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}
