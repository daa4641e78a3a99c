package audit

import (
	"container/list"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
)

// Bounds of the gauge caches and of the keys of series.
const (
	maxCaches = 1000
	maxGauges = 1_000_000
	maxKey    = 1024 // bytes
)

var errKey = fmt.Errorf("a key may have %d bytes at most", maxKey)

// gauges are all gauge caches.
type gauges struct {
	mu     sync.Mutex
	caches map[string]*gaugeCache
}

// gaugeCache is one of them; age has its gauges, the one changed last in front.
type gaugeCache struct {
	gauges map[string]*list.Element
	age    list.List
}

type gauge struct {
	key     string
	value   int64
	expires time.Time
}

// do carries out an operation. A gauge that is absent is 0.
func (g *gauges) do(op *sdk.GaugeOp, now time.Time) (int64, error) {
	switch {
	case len(op.Key) > maxKey || len(op.Cache) > maxKey:
		return 0, errKey
	case op.Kind == sdk.GaugeAdd && (op.Max < 1 || op.Max > maxGauges || op.TTL <= 0):
		return 0, fmt.Errorf("a gauge cache has 1 to %d gauges and a positive time to live", maxGauges)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.caches[op.Cache]
	if c == nil && op.Kind == sdk.GaugeAdd {
		var err error
		if c, err = g.open(op.Cache, now); err != nil {
			return 0, err
		}
	}
	if c == nil {
		return 0, nil
	}
	c.expire(now)
	switch op.Kind {
	case sdk.GaugeGet:
		if e := c.gauges[op.Key]; e != nil {
			return e.Value.(*gauge).value, nil
		}
	case sdk.GaugeAdd:
		return c.add(op, now), nil
	case sdk.GaugeRemove:
		if e := c.gauges[op.Key]; e != nil {
			c.remove(e)
		}
	default:
		return 0, sdk.ErrNotSupported
	}
	return 0, nil
}

var errCaches = errors.New("there are too many gauge caches")

// open makes a cache. Where there are too many, those without gauges go.
func (g *gauges) open(name string, now time.Time) (*gaugeCache, error) {
	if g.caches == nil {
		g.caches = map[string]*gaugeCache{}
	}
	if len(g.caches) >= maxCaches {
		for other, c := range g.caches {
			if c.expire(now); len(c.gauges) == 0 {
				delete(g.caches, other)
			}
		}
	}
	if len(g.caches) >= maxCaches {
		return nil, errCaches
	}
	c := &gaugeCache{gauges: map[string]*list.Element{}}
	g.caches[name] = c
	return c, nil
}

func (c *gaugeCache) add(op *sdk.GaugeOp, now time.Time) int64 {
	e := c.gauges[op.Key]
	if e == nil {
		for len(c.gauges) >= op.Max {
			c.remove(c.age.Back())
		}
		e = c.age.PushFront(&gauge{key: op.Key})
		c.gauges[op.Key] = e
	}
	c.age.MoveToFront(e)
	v := e.Value.(*gauge)
	v.value += op.Delta
	v.expires = now.Add(op.TTL)
	return v.value
}

// expire drops the gauges whose time is over. A redefinition with another time
// to live leaves some out of order; they go when their turn comes.
func (c *gaugeCache) expire(now time.Time) {
	for e := c.age.Back(); e != nil && !now.Before(e.Value.(*gauge).expires); e = c.age.Back() {
		c.remove(e)
	}
}

func (c *gaugeCache) remove(e *list.Element) {
	c.age.Remove(e)
	delete(c.gauges, e.Value.(*gauge).key)
}
