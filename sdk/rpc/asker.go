package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
)

// ErrUnsent is what a call gets that was never given to the transport: the
// module has not seen it, so it may go to the module's successor. It wraps
// sdk.ErrModuleGone.
var ErrUnsent = fmt.Errorf("not sent: %w", sdk.ErrModuleGone)

// cancelGrace is how long a question that was taken back is waited for. The
// module promises to answer soon, and until then the session is still its.
const cancelGrace = time.Second

// head is what every question begins with.
type head struct{ id, timeoutUS uint64 }

// asker is the asking end of a stream.
type asker[I interface{ GetId() uint64 }] struct {
	out      *outbox
	takeBack func(id uint64) wireItem

	mu      sync.Mutex
	last    uint64
	pending map[uint64]chan I
	cause   error
	gone    chan struct{}
}

func newAsker[I interface{ GetId() uint64 }](takeBack func(id uint64) wireItem) *asker[I] {
	return &asker[I]{out: newOutbox(), takeBack: takeBack, pending: make(map[uint64]chan I), gone: make(chan struct{})}
}

// ask puts a question, by the function put, and waits for its answer, and for
// grace longer where ctx ends first. The error is ErrUnsent, sdk.ErrModuleGone,
// ctx's, or that the question is too large.
func (a *asker[I]) ask(ctx context.Context, grace time.Duration, put func(o *outbox, h head) (frame uint64, err error)) (I, error) {
	var none I
	if err := ctx.Err(); err != nil {
		return none, err
	}
	id, answer, err := a.register()
	if err != nil {
		return none, err
	}
	defer a.forget(id)
	frame, err := put(a.out, head{id: id, timeoutUS: timeout(ctx)})
	switch {
	case errors.Is(err, errOutboxClosed):
		return none, ErrUnsent
	case err != nil:
		return none, err
	}
	select {
	case item := <-answer:
		return item, nil
	case <-a.gone:
		return a.lost(answer, frame)
	case <-ctx.Done():
		return a.abandon(ctx, id, answer, grace)
	}
}

func (a *asker[I]) register() (uint64, chan I, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cause != nil {
		return 0, nil, ErrUnsent
	}
	a.last++
	answer := make(chan I, 1)
	a.pending[a.last] = answer
	return a.last, answer, nil
}

func (a *asker[I]) forget(id uint64) {
	a.mu.Lock()
	delete(a.pending, id)
	a.mu.Unlock()
}

// lost decides what became of a question whose stream broke. Answers that came
// before the end were delivered before gone was closed.
func (a *asker[I]) lost(answer chan I, frame uint64) (I, error) {
	var none I
	select {
	case item := <-answer:
		return item, nil
	default:
	}
	if frame >= a.out.sent() {
		return none, ErrUnsent
	}
	return none, a.reason()
}

// abandon takes a question back and waits a little for its answer.
func (a *asker[I]) abandon(ctx context.Context, id uint64, answer chan I, grace time.Duration) (I, error) {
	var none I
	if _, err := a.out.put(a.takeBack(id)); err != nil {
		return none, ctx.Err()
	}
	limit := time.NewTimer(grace)
	defer limit.Stop()
	select {
	case item := <-answer:
		return item, nil
	case <-a.gone:
	case <-limit.C:
	}
	return none, ctx.Err()
}

// deliver gives an answer to whoever waits for it; nobody may.
func (a *asker[I]) deliver(item I) {
	a.mu.Lock()
	answer := a.pending[item.GetId()]
	delete(a.pending, item.GetId())
	a.mu.Unlock()
	if answer != nil {
		answer <- item
	}
}

// fail ends everything that waits. The first cause counts.
func (a *asker[I]) fail(cause error) {
	a.mu.Lock()
	if a.cause == nil {
		a.cause = cause
		close(a.gone)
	}
	a.mu.Unlock()
	a.out.close()
}

func (a *asker[I]) reason() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Errorf("%w: %w", sdk.ErrModuleGone, a.cause)
}

// timeout is what is left of ctx, in microseconds; 0 where it has no deadline.
func timeout(ctx context.Context) uint64 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return uint64(max(time.Until(deadline).Microseconds(), 1))
}
