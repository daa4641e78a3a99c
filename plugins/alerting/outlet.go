package alerting

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
)

// target is somebody who is told.
type target interface {
	String() string
	send(ctx context.Context, n *notice) error
}

// lasting is an error that would come again.
type lasting struct{ error }

// The bounds of an outlet.
const (
	maxWaiting = 100 // notices
	firstPause = time.Second
	maxPause   = time.Minute
	maxRetries = 10
)

// outlet tells one target, one notice after the other, in a goroutine of its own:
// a target that is slow delays nobody.
type outlet struct {
	target
	retries int
	timeout time.Duration // of one attempt
	queue   chan *notice

	mu      sync.Mutex
	told    int
	lost    int
	problem string // of the last attempt
}

func newOutlet(t target, retries int64, timeout time.Duration) *outlet {
	return &outlet{target: t, retries: int(retries), timeout: timeout, queue: make(chan *notice, maxWaiting)}
}

// tell hands a notice over; where too many wait it is lost, and counted.
func (o *outlet) tell(n *notice) {
	select {
	case o.queue <- n:
	default:
		o.done(errors.New("too many notices wait"))
	}
}

// run sends until the queue is closed.
func (o *outlet) run(ctx context.Context, host sdk.Host, after func(time.Duration) <-chan time.Time) {
	for n := range o.queue {
		err := o.attempts(ctx, n, after)
		if o.done(err); err != nil {
			host.Log(sdk.LogRecord{Level: sdk.LevelError, Source: "alerting", Text: fmt.Sprintf("alert %q did not reach %s: %v", n.Rule, o, err)})
		}
	}
}

// attempts sends one notice, and again after a pause where that may help.
func (o *outlet) attempts(ctx context.Context, n *notice, after func(time.Duration) <-chan time.Time) error {
	pause := firstPause
	for try := 0; ; try++ {
		err := o.attempt(ctx, n)
		var forGood lasting
		if err == nil || try >= o.retries || errors.As(err, &forGood) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-after(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

func (o *outlet) attempt(ctx context.Context, n *notice) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	return o.send(ctx, n)
}

func (o *outlet) done(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.problem = ""; err == nil {
		o.told++
		return
	}
	o.lost++
	o.problem = err.Error()
}

// status is the outlet's line on the console.
func (o *outlet) status() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := fmt.Sprintf("%s: %d told, %d lost, %d waiting", o, o.told, o.lost, len(o.queue))
	if o.problem != "" {
		text += "; the last: " + oneLine(o.problem)
	}
	return text
}
