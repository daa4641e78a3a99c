package dns

import (
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/mtad/mtad/sdk"
)

// entry is one cached answer.
type entry struct {
	answer  *sdk.DNSAnswer
	expires time.Time
}

// cache keeps answers until their time is up, within a number of bytes. The
// time is checked here, against the client's clock; otter only bounds.
type cache struct {
	store *otter.Cache[question, entry]
}

func newCache(size int64) (*cache, error) {
	store, err := otter.New(&otter.Options[question, entry]{
		MaximumWeight: uint64(max(1, size)),
		Weigher:       weigh,
	})
	if err != nil {
		return nil, err
	}
	return &cache{store: store}, nil
}

// entryOverhead is about what an entry takes beside its texts, in bytes.
const entryOverhead = 256

func weigh(q question, e entry) uint32 {
	n := entryOverhead + len(q.name)
	for i := range e.answer.Records {
		n += 24 + len(e.answer.Records[i].Value)
	}
	return uint32(n)
}

func (c *cache) get(q question, now time.Time) (entry, bool) {
	e, ok := c.store.GetIfPresent(q)
	if !ok || !now.Before(e.expires) {
		return entry{}, false
	}
	return e, true
}

func (c *cache) put(q question, e entry) { c.store.Set(q, e) }

func (c *cache) flush() { c.store.InvalidateAll() }
