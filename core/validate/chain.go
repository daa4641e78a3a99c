package validate

import (
	"context"
	"sync"

	"github.com/mtad/mtad/sdk"
)

// Caller is one module in one generation, as core/modules gives it.
type Caller interface {
	// Name is the module's name for logs (rejectlog M=).
	Name() string
	// Hooks is what the module subscribed to in this generation.
	Hooks() sdk.HookSet
	// Call runs phases. The callee must not change c.State: where it runs the
	// module in process it gives it a clone. seat is this session's place in
	// this module; the callee fills it at the first call, and answers
	// sdk.ErrModuleGone when the module that held the session's state died.
	Call(ctx context.Context, c *sdk.Call, seat *Seat) (*sdk.Answer, error)
	// SessionEnded tells the module, one way, that the session is over here.
	SessionEnded(session uint64, seat Seat)
}

// Seat is a session's place in a module: which run of the module's process
// holds its state. 0 means that the module has not seen the session.
type Seat struct{ Incarnation uint64 }

// Chain is the modules of one generation in declaration order, with a count of
// the sessions pinned to it.
type Chain struct {
	Generation uint64
	modules    []Caller
	wanted     [sdk.HookCount][]int // for each hook, who wants it

	mu      sync.Mutex
	users   int
	closed  bool
	onEmpty func()
}

// NewChain builds a chain. The caller holds the first use; Release it when the
// next generation takes over. onEmpty runs once, when the last user left.
func NewChain(generation uint64, modules []Caller, onEmpty func()) *Chain {
	c := &Chain{Generation: generation, modules: modules, users: 1, onEmpty: onEmpty}
	for i, m := range modules {
		for _, h := range m.Hooks().List() {
			c.wanted[h] = append(c.wanted[h], i)
		}
	}
	return c
}

// Wants reports whether any module asked for h.
func (c *Chain) Wants(h sdk.Hook) bool { return len(c.wanted[h]) > 0 }

// Acquire adds a user; false when the chain has been emptied already.
func (c *Chain) Acquire() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.users++
	return true
}

// Release gives a use back.
func (c *Chain) Release() {
	c.mu.Lock()
	c.users--
	last := c.users == 0 && !c.closed
	c.closed = c.closed || last
	c.mu.Unlock()
	if last && c.onEmpty != nil {
		c.onEmpty()
	}
}

// sole returns the only module that wants h, or -1.
func (c *Chain) sole(h sdk.Hook) int {
	if w := c.wanted[h]; len(w) == 1 {
		return w[0]
	}
	return -1
}
