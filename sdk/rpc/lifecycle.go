package rpc

import (
	"context"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

// Step is what may become of a prepared generation.
type Step uint8

// The steps.
const (
	StepCommit Step = iota
	StepAbort
	StepRetire
)

// Prepare has the module build a generation. Its questions on behalf of that
// generation go to host.
func (c *Client) Prepare(ctx context.Context, host sdk.Host, cfg sdk.Config) (sdk.Subscription, error) {
	c.host.add(cfg.Generation, host)
	item, err := c.ask(ctx, func(i *pb.Item) { i.Body = &pb.Item_Prepare{Prepare: configToPB(&cfg)} })
	if err != nil {
		c.host.remove(cfg.Generation)
		return sdk.Subscription{}, err
	}
	body, ok := item.Body.(*pb.Item_Subscription)
	if !ok {
		c.host.remove(cfg.Generation)
		return sdk.Subscription{}, unexpected(item.Body)
	}
	return (&decoder{}).subscription(body.Subscription), nil
}

// Settle takes a prepared generation a step further and waits until the module
// has done so. An error says that the module is gone or did not answer.
func (c *Client) Settle(ctx context.Context, step Step, generation uint64) error {
	item, err := c.ask(ctx, func(i *pb.Item) {
		switch step {
		case StepCommit:
			i.Body = &pb.Item_Commit{Commit: &pb.Commit{Generation: generation}}
		case StepAbort:
			i.Body = &pb.Item_Abort{Abort: &pb.Abort{Generation: generation}}
		case StepRetire:
			i.Body = &pb.Item_Retire{Retire: &pb.Retire{Generation: generation}}
		}
	})
	if step != StepCommit {
		c.host.remove(generation)
	}
	if err != nil {
		return err
	}
	return done(item)
}

func done(item *pb.Item) error {
	if _, ok := item.Body.(*pb.Item_Done); !ok {
		return unexpected(item.Body)
	}
	return nil
}

// settle has no error to give: a module that is gone is replayed or forgotten
// by whoever holds the Client, which sees Gone.
func (c *Client) settle(step Step, generation uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	_ = c.Settle(ctx, step, generation)
}

// Commit makes a prepared generation the current one.
func (c *Client) Commit(generation uint64) { c.settle(StepCommit, generation) }

// Abort drops a prepared generation.
func (c *Client) Abort(generation uint64) { c.settle(StepAbort, generation) }

// Retire drops a committed generation.
func (c *Client) Retire(generation uint64) { c.settle(StepRetire, generation) }

// Close has the module end in order, then breaks the connection.
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return c.Shutdown(ctx)
}

// Shutdown is Close with a deadline of the caller's. The connection is over
// when it returns, whatever the error.
func (c *Client) Shutdown(ctx context.Context) error {
	item, err := c.ask(ctx, func(i *pb.Item) { i.Body = &pb.Item_Close{Close: &pb.Close{}} })
	if err == nil {
		err = done(item)
	}
	if err == nil {
		c.calls.out.close()
		c.host.out.close()
		// The module ends its side when it has said everything.
		select {
		case <-c.gone:
		case <-ctx.Done():
		}
	}
	c.Drop()
	return err
}
