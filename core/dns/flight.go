package dns

import (
	"context"
	"time"

	"github.com/mtad/mtad/sdk"
)

// flight is one question under way; all that ask the same wait for it.
type flight struct {
	done   chan struct{}
	answer *sdk.DNSAnswer // set before done closes
}

// wait gives the answer, or Timeout when the caller's own time is up first;
// the flight goes on for the others and for the cache.
func (f *flight) wait(ctx context.Context, limit time.Duration) *sdk.DNSAnswer {
	var late <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-f.done:
		return f.answer
	case <-ctx.Done():
	case <-late:
	}
	return &sdk.DNSAnswer{Error: Timeout}
}

// join finds the flight of a question or starts it; nil after Close.
func (c *Client) join(q question) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	if f, ok := c.flights[q]; ok {
		return f
	}
	f := &flight{done: make(chan struct{})}
	c.flights[q] = f
	c.wg.Go(func() { c.fly(q, f) })
	return f
}

// fly answers one question and keeps the answer. It ends by itself: every
// query in it has a timeout and the number of queries is bounded.
func (c *Client) fly(q question, f *flight) {
	out := outcome{answer: &sdk.DNSAnswer{Error: Timeout}}
	select {
	case c.slots <- struct{}{}:
		out = c.resolve(c.life, q)
		<-c.slots
	case <-c.life.Done():
	}
	f.answer = out.answer
	if out.ttl > 0 && c.life.Err() == nil {
		c.cache.put(q, entry{answer: out.answer, expires: c.Now().Add(out.ttl)})
	}
	c.mu.Lock()
	delete(c.flights, q)
	c.mu.Unlock()
	close(f.done)
}
