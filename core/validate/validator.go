package validate

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/sdk"
)

// Validator makes sessions and knows the current generation. It is safe for
// concurrent use.
type Validator struct {
	// CallTimeout bounds one call to a module. It is longer than a script's
	// own wall limit, because tarpit and sleep do not count there.
	CallTimeout time.Duration
	// NewID makes a message id.
	NewID func() string
	// Inject queues a message that policy created inside a call.
	Inject func(ctx context.Context, in *sdk.Injection) ([]string, error)
	// Settle stores an edited body as one of its own, which b names then. drop
	// gives it up unless a commit names it meanwhile. nil: no body is edited.
	Settle func(b *sdk.Body) (drop func(), err error)
	// Problem logs a failure of a module or of a change (paniclog).
	Problem func(text string)
	// Scripts is told how long the scripts of a phase took; nil: nobody is.
	Scripts func(h sdk.Hook, times []sdk.ScriptTime)
	// Called is told of each call of a module; nil: nobody is.
	Called func(module string, took time.Duration, failed bool)
	// After waits, for AGAIN; time.After but for tests.
	After func(d time.Duration) <-chan time.Time

	current  atomic.Pointer[Chain]
	sessions atomic.Uint64
}

// SetChain makes c the current generation and lets go of the one before it.
func (v *Validator) SetChain(c *Chain) {
	if old := v.current.Swap(c); old != nil {
		old.Release()
	}
}

// Current is the current generation's chain.
func (v *Validator) Current() *Chain { return v.current.Load() }

// acquire pins the current chain. A chain found empty has just been replaced.
func (v *Validator) acquire() *Chain {
	for {
		if c := v.current.Load(); c.Acquire() {
			return c
		}
	}
}

// NewSession starts the validation context of a connection. conn.Session is
// assigned here.
func (v *Validator) NewSession(conn sdk.Conn) *Session {
	conn.Session = v.sessions.Add(1)
	return v.session(&sdk.State{Conn: conn})
}

// Detached makes a session for a message behind its reception, or that no client
// brought: its state has the one copy, and what the message knows of its
// connection. Close it like any other.
func (v *Validator) Detached(m *sdk.Message) *Session {
	st := &sdk.State{Message: m, Copies: []*sdk.Message{m}}
	st.Conn = ConnOf(m)
	st.Conn.Session = v.sessions.Add(1)
	return v.session(st)
}

func (v *Validator) session(st *sdk.State) *Session {
	c := v.acquire()
	return &Session{v: v, chain: c, State: st, seats: make([]Seat, len(c.modules))}
}
