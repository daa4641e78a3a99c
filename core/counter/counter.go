package counter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/sdk"
)

// maxCounters bounds what scripts can create.
const maxCounters = 100_000

// Counters are all counters, by path. The zero value is not ready: use New.
type Counters struct {
	now      func() time.Time
	mu       sync.RWMutex
	all      map[string]*counter
	handles  uint64
	unlinked map[uint64]unlinked // by handle
}

type counter struct {
	handle  uint64
	value   atomic.Int64
	reset   atomic.Int64 // Unix seconds
	relaxed bool
}

// New makes an empty set.
func New(now func() time.Time) *Counters {
	return &Counters{now: now, all: map[string]*counter{}, unlinked: map[uint64]unlinked{}}
}

// Do carries out an operation and gives the counter's value, CounterOpen a
// handle. An unknown path is created, except by a read or an unlink.
func (c *Counters) Do(op sdk.CounterOp) (int64, error) {
	switch op.Kind {
	case sdk.CounterRead:
		if k := c.find(&op); k != nil {
			return k.value.Load(), nil
		}
		return 0, nil
	case sdk.CounterUnlink:
		c.unlink(op.Path)
		return 0, nil
	}
	k, err := c.open(op)
	if err != nil {
		return 0, err
	}
	switch op.Kind {
	case sdk.CounterAdd:
		return k.value.Add(op.Delta), nil
	case sdk.CounterOpen:
		return int64(k.handle), nil
	case sdk.CounterReset:
		k.value.Store(0)
		k.reset.Store(c.now().Unix())
	}
	return k.value.Load(), nil
}

func (c *Counters) find(op *sdk.CounterOp) *counter {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k := c.all[op.Path]
	if op.Handle != 0 && (k == nil || k.handle != op.Handle) {
		if old := c.held(op.Handle); old != nil {
			return old
		}
	}
	return k
}

func (c *Counters) open(op sdk.CounterOp) (*counter, error) {
	if k := c.find(&op); k != nil {
		return k, nil
	}
	if op.Path == "" {
		return nil, errors.New("a counter needs a path")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.all[op.Path]; k != nil {
		return k, nil
	}
	if len(c.all) >= maxCounters {
		return nil, fmt.Errorf("there are %d counters already", maxCounters)
	}
	c.handles++
	k := &counter{handle: c.handles, relaxed: op.Relaxed}
	k.reset.Store(c.now().Unix())
	c.all[op.Path] = k
	return k, nil
}

// Value is one counter as it stands.
type Value struct {
	Path    string
	Value   int64
	Reset   time.Time
	Relaxed bool
}

// List gives all counters by path.
func (c *Counters) List() []Value {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]Value, 0, len(c.all))
	for path, k := range c.all {
		out = append(out, Value{path, k.value.Load(), time.Unix(k.reset.Load(), 0), k.relaxed})
	}
	slices.SortFunc(out, func(a, b Value) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// Commands are the console's counter commands (reference/console.tsv).
func (c *Counters) Commands() []control.Command {
	named := func(kind sdk.CounterKind, delta int64) func(context.Context, *control.Call) error {
		return func(_ context.Context, call *control.Call) error {
			if len(call.Args) != 1 {
				return fmt.Errorf("%w: one name is needed", control.ErrUsage)
			}
			_, err := c.Do(sdk.CounterOp{Kind: kind, Path: call.Args[0], Delta: delta})
			return err
		}
	}
	return []control.Command{
		{Name: "counter list", Help: "List all named counters.", Run: c.list},
		{Name: "counter add", Usage: "NAME DELTA", Help: "Add to a counter.", Example: "counter add seen 5", Run: c.add},
		{Name: "counter increment", Usage: "NAME", Help: "Add one to a counter.", Example: "counter increment seen", Run: named(sdk.CounterAdd, 1)},
		{Name: "counter reset", Usage: "NAME", Help: "Set a counter to zero.", Example: "counter reset seen", Run: named(sdk.CounterReset, 0)},
		{Name: "counter unlink", Usage: "NAME", Help: "Delete a counter.", Example: "counter unlink seen", Run: named(sdk.CounterUnlink, 0)},
	}
}

func (c *Counters) list(_ context.Context, call *control.Call) error {
	all := c.List()
	fmt.Fprintf(call, "%12s %-20s %-9s %s\n", "VALUE", "RESET_TIME", "SEMANTICS", "COUNTER")
	for _, v := range all {
		semantics := "strict"
		if v.Relaxed {
			semantics = "relaxed"
		}
		fmt.Fprintf(call, "%12d %-20s %-9s %s\n", v.Value, v.Reset.Format("2006-01-02@15:04:05"), semantics, v.Path)
	}
	fmt.Fprintf(call, "%d counters listed.\n", len(all))
	return nil
}

func (c *Counters) add(_ context.Context, call *control.Call) error {
	if len(call.Args) != 2 {
		return fmt.Errorf("%w: a name and a number are needed", control.ErrUsage)
	}
	delta, err := strconv.ParseInt(call.Args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %q is not a number", control.ErrUsage, call.Args[1])
	}
	_, err = c.Do(sdk.CounterOp{Kind: sdk.CounterAdd, Path: call.Args[0], Delta: delta})
	return err
}
