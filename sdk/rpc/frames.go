package rpc

import (
	"sync"

	"google.golang.org/grpc/mem"
)

const (
	// firstBuffer is the size of a new frame's buffer, in bytes.
	firstBuffer = 16 << 10
	// keptBuffers is how many are kept for other frames, none larger than
	// maxFrame.
	keptBuffers = 4
)

// packed is a frame that is being filled, or on its way.
type packed struct {
	bytes []byte
	pool  *framePool
}

// buffer hands the frame over to gRPC, which gives it back when it is sent.
func (p *packed) buffer() mem.Buffer { return mem.NewBuffer(&p.bytes, p.pool) }

// framePool keeps the buffers of frames that were sent. gRPC's own pool would
// clear a whole buffer whenever it gives it out, and gives out 1 MiB for any
// frame above 32 KiB.
type framePool struct {
	mu   sync.Mutex
	free [][]byte
}

var _ mem.BufferPool = (*framePool)(nil)

// get gives an empty frame with room for n bytes.
func (p *framePool) get(n int) *packed {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 && cap(p.free[last]) >= n {
		b := p.free[last]
		p.free = p.free[:last]
		return &packed{bytes: b, pool: p}
	}
	return &packed{bytes: make([]byte, 0, max(n, firstBuffer)), pool: p}
}

// grown gives f room for n bytes more.
func (p *framePool) grown(f *packed, n int) *packed {
	if cap(f.bytes)-len(f.bytes) >= n {
		return f
	}
	next := p.get(max(min(2*cap(f.bytes), maxFrame), len(f.bytes)+n))
	next.bytes = append(next.bytes, f.bytes...)
	p.Put(&f.bytes)
	return next
}

// Get is mem.BufferPool's.
func (p *framePool) Get(n int) *[]byte {
	f := p.get(n)
	f.bytes = f.bytes[:n]
	return &f.bytes
}

// Put is mem.BufferPool's.
func (p *framePool) Put(b *[]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cap(*b) <= maxFrame && len(p.free) < keptBuffers {
		p.free = append(p.free, (*b)[:0])
	}
}
