package modules

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc"
)

// ErrNoCommand is what Control gives for words that no module took.
var ErrNoCommand = errors.New("no module has this command")

// Options are what a Manager needs.
type Options struct {
	// Host makes the Host that a module sees. It may not be nil.
	Host func(module string) sdk.Host
	// Log takes what is to be said about modules (paniclog), and what they write
	// to stdout and stderr: a panic. Records of a module's own go to its Host.
	// nil: nothing is said.
	Log func(sdk.LogRecord)
	// SocketDir is where the private directory for the modules' sockets is made;
	// "" is the system's directory for temporary files. It must be short.
	SocketDir string
	Timing    Timing
	Now       func() time.Time // nil: time.Now
}

// Manager holds the modules of all generations. Its methods may be called
// concurrently, but Prepare, Commit and Abort belong to one reload at a time.
type Manager struct {
	options      Options
	sockets      string
	incarnations atomic.Uint64
	background   sync.WaitGroup

	mu          sync.Mutex
	units       map[string]*holding
	generations map[uint64]*generation
	current     *generation // committed last
	newest      *generation // prepared last, or being prepared
	closed      bool
}

// holding is a unit and the generations that use it.
type holding struct {
	unit unit
	spec Spec
	uses int
}

// generation is what one Prepare made.
type generation struct {
	number  uint64
	members []*member // in order of preparation
}

// member is one module in one generation.
type member struct {
	*holding
	instance string
	sub      sdk.Subscription
	prepared bool
}

// New makes a Manager without modules.
func New(o Options) (*Manager, error) {
	o.Timing = o.Timing.withDefaults()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = func(sdk.LogRecord) {}
	}
	dir, err := makeSocketDir(o.SocketDir)
	if err != nil {
		return nil, err
	}
	return &Manager{
		options: o, sockets: dir,
		units: make(map[string]*holding), generations: make(map[uint64]*generation),
	}, nil
}

// hold finds the unit for a spec, or starts one, and counts a use of it.
func (m *Manager) hold(spec Spec) (*holding, error) {
	m.mu.Lock()
	h := m.units[spec.key()]
	if h != nil {
		h.uses++
	}
	closed := m.closed
	m.mu.Unlock()
	switch {
	case h != nil:
		return h, nil
	case closed:
		return nil, errors.New("the core is ending")
	}
	u, err := m.start(spec)
	if err != nil {
		return nil, err
	}
	h = &holding{unit: u, spec: spec, uses: 1}
	m.mu.Lock()
	m.units[spec.key()] = h
	m.mu.Unlock()
	return h, nil
}

func (m *Manager) start(spec Spec) (unit, error) {
	host := m.options.Host(spec.Name)
	if spec.InCore {
		if spec.New == nil {
			return nil, fmt.Errorf("module %q cannot run inside the core", spec.Name)
		}
		return newLocal(spec.New(), host, m.incarnations.Add(1), m.options.Now()), nil
	}
	if len(spec.Command) == 0 {
		return nil, fmt.Errorf("module %q has no executable", spec.Name)
	}
	l := launcher{spec: &spec, host: host, socketDir: m.sockets, timing: m.options.Timing}
	l.say = func(level sdk.Level, text string) {
		m.options.Log(sdk.LogRecord{Level: level, Source: spec.Name, Text: text})
	}
	return newProcess(l, m.options.Now, func() uint64 { return m.incarnations.Add(1) })
}

// release gives a use back; the last one's unit is stopped.
func (m *Manager) release(h *holding) {
	m.mu.Lock()
	h.uses--
	last := h.uses == 0
	if last {
		delete(m.units, h.spec.key())
	}
	m.mu.Unlock()
	if last {
		h.unit.stop()
	}
}

// Retire ends a generation after its last transaction: each module drops it,
// and those that no other generation uses are stopped. It does not wait.
func (m *Manager) Retire(number uint64) {
	m.mu.Lock()
	g := m.generations[number]
	delete(m.generations, number)
	if g != nil && !m.closed {
		m.background.Add(1)
	}
	closed := m.closed
	m.mu.Unlock()
	if g == nil || closed {
		return // Close has it
	}
	go func() {
		defer m.background.Done()
		m.drop(g, rpc.StepRetire)
	}()
}

// drop takes the last step in every module, in reverse.
func (m *Manager) drop(g *generation, step rpc.Step) {
	for _, mem := range slices.Backward(g.members) {
		if mem.prepared {
			mem.unit.settle(step, g.number)
		}
		m.release(mem.holding)
	}
}

// Close ends every module, in reverse order of preparation: deinit runs, and
// what does not end is killed.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	rest := make([]*holding, 0, len(m.units))
	for _, h := range m.units {
		rest = append(rest, h)
	}
	clear(m.units)
	clear(m.generations)
	m.mu.Unlock()
	m.background.Wait()
	slices.SortStableFunc(rest, func(a, b *holding) int { return int(b.spec.Rank) - int(a.spec.Rank) })
	for _, h := range rest {
		h.unit.stop()
	}
	return os.RemoveAll(m.sockets)
}
