package datasource

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/mtad/mtad/sdk"
)

// staleWait is how long a query with an old result at hand waits for a new one.
const staleWait = 2 * time.Second

// cache keeps the results of a datasource, and has one query answer all who want
// the same at the same time.
type cache struct {
	kept        *otter.Cache[string, *result]
	life, stale time.Duration
	patience    time.Duration // staleWait
	now         func() time.Time
	counts      counts

	mu      sync.Mutex
	flights map[string]*flight
}

// result is what was kept of a query.
type result struct {
	rows  *sdk.Rows
	at    time.Time
	stamp string       // of the file it came from
	retry atomic.Int64 // Unix nanoseconds: not asked for anew before, as that failed
}

// counts are what happened since the start.
type counts struct{ hits, misses, pending, stale, inserts, flushed, expired, evicted atomic.Int64 }

func newCache(o *options, now func() time.Time) *cache {
	c := &cache{life: o.CacheLife, stale: o.StaleIfError, patience: staleWait, now: now, flights: map[string]*flight{}}
	c.kept = otter.Must(&otter.Options[string, *result]{
		MaximumSize:      int(o.CacheSize),
		ExpiryCalculator: otter.ExpiryWriting[string, *result](o.CacheLife + o.StaleIfError),
		OnAtomicDeletion: func(e otter.DeletionEvent[string, *result]) {
			switch e.Cause {
			case otter.CauseExpiration:
				c.counts.expired.Add(1)
			case otter.CauseOverflow:
				c.counts.evicted.Add(1)
			}
		},
	})
	return c
}

// get answers from what is kept, else by load. With rows and an error they are
// old ones, and the error is why.
func (c *cache) get(ctx context.Context, key, stamp string, load func(context.Context) (*sdk.Rows, error)) (*sdk.Rows, error) {
	old, there := c.kept.GetIfPresent(key)
	now := c.now()
	switch {
	case !there:
	case old.stamp == stamp && now.Sub(old.at) < c.life:
		c.counts.hits.Add(1)
		return old.rows, nil
	case now.UnixNano() < old.retry.Load():
		c.counts.stale.Add(1)
		return old.rows, nil // why was told when it was tried
	case now.Sub(old.at) >= c.life+c.stale, c.stale <= 0:
		there = false
	}
	f := c.join(ctx, key, stamp, load)
	if !there {
		return f.wait(ctx)
	}
	soon, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	rows, err := f.wait(soon)
	switch {
	case err == nil:
		return rows, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err() // nobody wants it any more
	case soon.Err() != nil:
		err = fmt.Errorf("no answer within %s", c.patience)
	}
	old.retry.Store(now.Add(deadFor).UnixNano())
	c.counts.stale.Add(1)
	return old.rows, err
}

// join gives the query that is under way for a key, or begins it. It does not end
// with the caller that began it: others may wait for it.
func (c *cache) join(ctx context.Context, key, stamp string, load func(context.Context) (*sdk.Rows, error)) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[key]; f != nil {
		c.counts.pending.Add(1)
		return f
	}
	c.counts.misses.Add(1)
	f := &flight{done: make(chan struct{})}
	c.flights[key] = f
	go f.run(context.WithoutCancel(ctx), func(ctx context.Context) (*sdk.Rows, error) { // it ends with the query's own time-out, in ask
		rows, err := load(ctx)
		c.land(key, stamp, f, rows, err)
		return rows, err
	})
	return f
}

// land keeps the result, unless the cache was flushed meanwhile.
func (c *cache) land(key, stamp string, f *flight, rows *sdk.Rows, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[key] != f {
		return
	}
	delete(c.flights, key)
	if err == nil {
		c.counts.inserts.Add(1)
		c.kept.Set(key, &result{rows: rows, at: c.now(), stamp: stamp})
	}
}

// flush empties the cache, and says how many results there were.
func (c *cache) flush() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flights = map[string]*flight{} // those under way answer who waits for them
	c.kept.CleanUp()                 // what expired is no entry
	n := c.kept.EstimatedSize()
	c.kept.InvalidateAll()
	c.counts.flushed.Add(int64(n))
	return n
}

// flight is a query under way.
type flight struct {
	done chan struct{}
	rows *sdk.Rows
	err  error
}

func (f *flight) run(ctx context.Context, load func(context.Context) (*sdk.Rows, error)) {
	defer close(f.done)
	f.rows, f.err = load(ctx)
}

// wait waits no longer than its caller may, whatever the database does.
func (f *flight) wait(ctx context.Context) (*sdk.Rows, error) {
	select {
	case <-f.done:
		return f.rows, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
