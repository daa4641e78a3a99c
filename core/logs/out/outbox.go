package out

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk/jlog"
)

// carrier hands records over. One goroutine uses it.
type carrier interface {
	// carry returns nil when all records have arrived, as far as anybody can
	// tell. Otherwise all of them are carried again.
	carry(ctx context.Context, batch []jlog.Record) error
	// drop ends what carry left open: a connection, a program.
	drop()
}

// Bounds of a batch, and of the wait after a failure. Records beside those that
// Write tells of are looked for each time idle is over.
const (
	batchRecords = 500
	batchBytes   = 1 << 20
	firstPause   = time.Second
	longestPause = time.Minute
	idle         = 10 * time.Second
	subscriber   = "mtad"
)

// outbox keeps records until they have arrived.
type outbox struct {
	c       *Config
	carrier carrier

	mu   sync.Mutex
	box  *kept
	wake chan struct{}

	reader  *jlog.Reader
	stop    context.CancelFunc
	running sync.WaitGroup
}

// boxName is the outbox of a log and its destination: another destination has
// another one, and finds what it had when it comes back.
func boxName(c *Config) string {
	sum := sha256.Sum256([]byte(c.Spec))
	return filepath.Join(c.Outbox, fmt.Sprintf("%s-%x", c.Log, sum[:6]))
}

func openOutbox(c *Config, carrier carrier) (*outbox, error) {
	c.Mode &= 0o700 // nobody else's business before it has arrived
	c.Mode |= 0o600
	box, err := keep(boxName(c), c, []string{subscriber})
	if err != nil {
		return nil, err
	}
	reader, err := jlog.Open(box.dir, subscriber)
	if err != nil {
		return nil, errors.Join(err, box.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	o := &outbox{c: c, carrier: carrier, box: box, reader: reader, stop: stop, wake: make(chan struct{}, 1)}
	o.running.Go(func() { o.run(ctx) })
	return o, nil
}

// Write is part of Destination.
func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	n, err := o.box.write(p)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return n, err
}

// Reopen is part of Destination: nothing here is rotated.
func (o *outbox) Reopen() error { return nil }

// Close is part of Destination. What has not arrived waits for the next Open.
func (o *outbox) Close() error {
	o.stop()
	o.running.Wait()
	return errors.Join(o.reader.Close(), o.box.Close())
}

// run hands over what there is, until ctx ends.
func (o *outbox) run(ctx context.Context) {
	defer o.carrier.drop()
	pause := time.Duration(0)
	for ctx.Err() == nil {
		n, err := o.forward(ctx)
		switch {
		case err == nil && pause > 0 && n > 0:
			o.c.Problem(o.c.Log + ": records are delivered again")
			pause = 0
		case err == nil && n > 0:
		case err == nil:
			o.wait(ctx, idle, o.wake)
		case ctx.Err() == nil:
			if pause == 0 {
				o.c.Problem(fmt.Sprintf("%s: records cannot be delivered and wait on the disk: %v", o.c.Log, err))
			}
			pause = min(max(2*pause, firstPause), longestPause)
			o.wait(ctx, pause, nil)
		}
	}
}

func (o *outbox) wait(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	select {
	case <-wake:
	case <-o.c.After(d):
	case <-ctx.Done():
	}
}

// forward hands a batch over.
func (o *outbox) forward(ctx context.Context) (n int, err error) {
	batch, err := o.next()
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	if err := o.carrier.carry(ctx, batch); err != nil {
		o.carrier.drop()
		return 0, errors.Join(err, o.reader.Rewind())
	}
	return len(batch), o.reader.Checkpoint(batch[len(batch)-1].ID)
}

func (o *outbox) next() (batch []jlog.Record, err error) {
	for size := 0; len(batch) < batchRecords && size < batchBytes; {
		r, err := o.reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(err, o.reader.Rewind())
		}
		batch = append(batch, r)
		size += len(r.Data)
	}
	return batch, nil
}
