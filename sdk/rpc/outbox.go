package rpc

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// itemsField is the number of the repeated items in Frame and HostFrame.
	itemsField = 1
	// logRoom is how much may wait, in bytes, before a log record waits too.
	logRoom = 4 << 20
)

var (
	errOutboxClosed = errors.New("the stream is closed")
	errTooLarge     = errors.New("too large to cross the process boundary")
)

// wireItem is what the generated items have.
type wireItem interface {
	SizeVT() int
	MarshalToSizedBufferVT(b []byte) (int, error)
}

// outbox is one direction of one stream. Whoever has something to say encodes
// it into the frame that waits; a single writer sends frame after frame.
// Frames are numbered, so that one can tell what was sent from what was not.
type outbox struct {
	frames framePool

	mu      sync.Mutex
	room    sync.Cond // on mu: something was sent, or closed
	waiting []*packed
	first   uint64 // number of waiting[0]: all before it were given to the transport
	bytes   int
	closed  bool
	wake    chan struct{}
}

func newOutbox() *outbox {
	o := &outbox{wake: make(chan struct{}, 1)}
	o.room.L = &o.mu
	return o
}

// put encodes an item and wakes the writer. It gives the number of the frame
// that the item is in.
func (o *outbox) put(item wireItem) (frame uint64, err error) {
	o.mu.Lock()
	frame, err = o.add(item)
	o.mu.Unlock()
	o.nudge()
	return frame, err
}

// putLazily encodes an item that may wait until something else is sent.
func (o *outbox) putLazily(item wireItem) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := o.add(item)
	return err
}

// putPatiently waits while too much waits already.
func (o *outbox) putPatiently(item wireItem) error {
	o.mu.Lock()
	for o.bytes > logRoom && !o.closed {
		o.room.Wait()
	}
	_, err := o.add(item)
	o.mu.Unlock()
	o.nudge()
	return err
}

// nudge never blocks: one token is enough, since the writer takes all there is.
func (o *outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) add(item wireItem) (uint64, error) {
	size := item.SizeVT()
	if o.closed {
		return 0, errOutboxClosed
	}
	if size > maxItem {
		return 0, fmt.Errorf("%w: %d bytes", errTooLarge, size)
	}
	total := protowire.SizeTag(itemsField) + protowire.SizeBytes(size)
	frame := o.frame(total)
	b := protowire.AppendTag(frame.bytes, itemsField, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	end := len(b) + size
	if _, err := item.MarshalToSizedBufferVT(b[len(b):end]); err != nil {
		return 0, err
	}
	frame.bytes = b[:end]
	o.bytes += total
	return o.first + uint64(len(o.waiting)-1), nil
}

// frame finds or begins a frame that has room for n bytes more.
func (o *outbox) frame(n int) *packed {
	if last := len(o.waiting) - 1; last >= 0 && len(o.waiting[last].bytes)+n <= maxFrame {
		o.waiting[last] = o.frames.grown(o.waiting[last], n)
		return o.waiting[last]
	}
	f := o.frames.get(n)
	o.waiting = append(o.waiting, f)
	return f
}

// sent is the number of the first frame that was not given to the transport.
func (o *outbox) sent() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.first
}

func (o *outbox) take() (frame *packed, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return nil, o.closed
	}
	frame = o.waiting[0]
	o.waiting[0] = nil
	o.waiting = o.waiting[1:]
	o.first++
	o.bytes -= len(frame.bytes)
	o.room.Broadcast()
	return frame, false
}

// run is the writer. It returns when the outbox is closed and empty, or with
// the error of send; nothing can be put afterwards.
func (o *outbox) run(send func(frame any) error) error {
	defer o.close()
	for range o.wake {
		// Those who are about to say something get to say it in this frame.
		runtime.Gosched()
		for {
			frame, closed := o.take()
			if frame == nil && closed {
				return nil
			}
			if frame == nil {
				break
			}
			if err := send(frame); err != nil {
				return err
			}
		}
	}
	return nil
}

// close lets the writer send what waits and end.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.room.Broadcast()
	o.mu.Unlock()
	o.nudge()
}
