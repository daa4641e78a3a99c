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
	pending map[uint64]chan I // closed without an answer where the stream broke
	cause   error
}

func newAsker[I interface{ GetId() uint64 }](takeBack func(id uint64) wireItem) *asker[I] {
	return &asker[I]{out: newOutbox(), takeBack: takeBack, pending: make(map[uint64]chan I)}
}

// question is what an asker knows of a question that is under way.
type question[I any] struct {
	head
	answer chan I
	frame  uint64 // that it is in
}

// ask sends the question that build makes and waits for its answer, and for
// grace longer where ctx ends first. The error is ErrUnsent, sdk.ErrModuleGone,
// ctx's, or that the question is too large.
func (a *asker[I]) ask(ctx context.Context, grace time.Duration, build func(h head) wireItem) (I, error) {
	q, err := a.begin(ctx)
	if err != nil {
		var none I
		return none, err
	}
	defer a.forget(q.id)
	if err := a.put(&q, build(q.head)); err != nil {
		var none I
		return none, err
	}
	return a.wait(ctx, grace, &q)
}

// begin registers a question; it must be forgotten.
func (a *asker[I]) begin(ctx context.Context) (question[I], error) {
	if err := ctx.Err(); err != nil {
		return question[I]{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cause != nil {
		return question[I]{}, ErrUnsent
	}
	a.last++
	answer := make(chan I, 1)
	a.pending[a.last] = answer
	return question[I]{head: head{id: a.last, timeoutUS: timeout(ctx)}, answer: answer}, nil
}

// put sends a question.
func (a *asker[I]) put(q *question[I], item wireItem) error {
	frame, err := a.out.put(item)
	if errors.Is(err, errOutboxClosed) {
		return ErrUnsent
	}
	q.frame = frame
	return err
}

// wait waits for the answer of a question that was sent.
func (a *asker[I]) wait(ctx context.Context, grace time.Duration, q *question[I]) (I, error) {
	select {
	case item, ok := <-q.answer:
		if !ok {
			return a.lost(q.frame)
		}
		return item, nil
	case <-ctx.Done():
		return a.abandon(ctx, q.id, q.answer, grace)
	}
}

func (a *asker[I]) forget(id uint64) {
	a.mu.Lock()
	delete(a.pending, id)
	a.mu.Unlock()
}

// lost decides what became of a question whose stream broke before its answer.
func (a *asker[I]) lost(frame uint64) (I, error) {
	var none I
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
	case item, ok := <-answer:
		if ok {
			return item, nil
		}
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
		for id, answer := range a.pending {
			delete(a.pending, id)
			close(answer)
		}
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
