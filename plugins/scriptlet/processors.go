package scriptlet

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// processors is how many threads run Go code in a module's process. There are as
// many as interpreters: each one more costs wake-ups, a tenth of the processor
// time of a message. But a script that goes on and on would then keep the rest
// of the process waiting, up to 10 ms for each thing that comes from the core;
// so as long as there are such scripts there is one more.
type processors struct {
	set       func(n int)       // nil: they are not ours to decide on
	collector func(percent int) // the same

	extra atomic.Bool  // scripts run long
	quiet atomic.Int32 // looks of the watchdog since a script ran long

	mu           sync.Mutex
	interpreters int
	now          int
	setting      sync.WaitGroup
}

// quietLooks is for how many looks of the watchdog no script may have run long
// before the additional processor goes: 1 s.
const quietLooks = 200

// commit says how many interpreters there are from now on.
func (p *processors) commit(interpreters int) {
	p.mu.Lock()
	p.interpreters = interpreters
	p.mu.Unlock()
	p.apply()
}

// long says that a script has run for a whole slice, and lets the rest of the
// process run where it could not.
func (p *processors) long() {
	p.quiet.Store(0)
	if p.extra.Load() || !p.extra.CompareAndSwap(false, true) || p.set == nil {
		return
	}
	// On a goroutine of its own: it waits for a garbage collection that is
	// under way.
	p.setting.Go(p.apply)
	runtime.Gosched()
}

// look is called by the watchdog while scripts run, and when it goes to sleep.
func (p *processors) look(asleep bool) {
	if p.extra.Load() && (p.quiet.Add(1) > quietLooks || asleep) {
		p.extra.Store(false)
		p.apply()
	}
}

func (p *processors) apply() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.interpreters
	if n > 0 && p.extra.Load() {
		n++
	}
	if p.set != nil && n != 0 && n != p.now {
		p.now = n
		p.set(n)
		if p.collector != nil {
			p.collector(p.percent(n))
		}
	}
}

// The GC percent of the process. In the few MiB that scripts use one that fills
// memory would make the collector run all the time, and everybody help it; what a
// script may take is bounded by its own limit.
const (
	gcUsual = 100
	gcLong  = 400
)

func (p *processors) percent(n int) int {
	if n > p.interpreters {
		return gcLong
	}
	return gcUsual
}

// share is how many of the cores "auto" gives to interpreters of their own
// process: the core has more to do for a message than its scripts.
func (g *generation) share(cores int) int {
	if g.mod.deps.CPUs > 0 || g.options.Isolation == "core" {
		return cores
	}
	return (cores + 1) / 2
}
