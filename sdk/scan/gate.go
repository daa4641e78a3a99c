package scan

import (
	"context"
	"sync"
)

// DefaultConcurrency is how many scans of one daemon are under way at a time
// where the configuration does not say (max_concurrency = 0).
const DefaultConcurrency = 50

// Gate bounds the scans that are under way at a time, by daemon. The zero Gate is
// ready; it may be used concurrently.
type Gate struct {
	mu    sync.Mutex
	doors map[door]chan struct{}
}

type door struct {
	address string
	most    int
}

// Enter waits, within the daemon's timeout, until fewer than most scans are under
// way (0: DefaultConcurrency). leave ends this one.
func (g *Gate) Enter(ctx context.Context, d Daemon, most int64) (leave func(), err error) {
	if most <= 0 {
		most = DefaultConcurrency
	}
	slots := g.slots(door{d.Address, int(most)})
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, errBusy
	}
}

func (g *Gate) slots(key door) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.doors == nil {
		g.doors = make(map[door]chan struct{})
	}
	if g.doors[key] == nil {
		g.doors[key] = make(chan struct{}, key.most)
	}
	return g.doors[key]
}
