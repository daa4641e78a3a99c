package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

const (
	// settleTimeout bounds Commit, Abort and Retire where the caller sets no
	// deadline of its own.
	settleTimeout = 30 * time.Second
	// closeTimeout bounds a module's deinit.
	closeTimeout = 5 * time.Second
)

// Client is a module on the other side of a connection: the core's end of both
// streams. Once the connection broke, every method fails at once; a Client is
// not used again.
type Client struct {
	info  sdk.Info
	calls *asker[*pb.Item]
	host  *hostServer

	encoders sync.Pool // of *encoder

	cancel context.CancelFunc
	wg     sync.WaitGroup
	once   sync.Once
	gone   chan struct{}
	cause  error
}

var (
	_ sdk.Module      = (*Client)(nil)
	_ sdk.Querier     = (*Client)(nil)
	_ sdk.Controller  = (*Client)(nil)
	_ sdk.Heartbeater = (*Client)(nil)
)

// Connect opens both streams and asks the module what it is. base is the Host
// for what the module says before its first Prepare. ctx bounds the opening
// only.
func Connect(ctx context.Context, conn grpc.ClientConnInterface, base sdk.Host) (*Client, error) {
	life, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	stub := pb.NewModuleClient(conn)
	calls, err := stub.Calls(life, callOptions()...)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open the Calls stream: %w", err)
	}
	asks, err := stub.HostCalls(life, callOptions()...)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open the HostCalls stream: %w", err)
	}
	c := &Client{
		calls:  newAsker[*pb.Item](cancelItem),
		host:   newHostServer(base),
		cancel: cancel,
		gone:   make(chan struct{}),
	}
	c.encoders.New = func() any { return new(encoder) }
	c.start(calls, asks)
	if err := c.askInfo(ctx); err != nil {
		c.Drop()
		return nil, err
	}
	return c, nil
}

// cancelItem takes a question back.
func cancelItem(id uint64) wireItem {
	return &pb.Item{Id: id, Body: &pb.Item_Cancel{Cancel: &pb.Cancel{}}}
}

func (c *Client) start(calls pb.Module_CallsClient, asks pb.Module_HostCallsClient) {
	c.wg.Go(func() { c.write(c.calls.out, calls) })
	c.wg.Go(func() { c.write(c.host.out, asks) })
	c.wg.Go(func() { c.fail(c.readCalls(calls)) })
	c.wg.Go(func() {
		c.fail(c.host.read(asks))
		c.host.drain()
	})
}

// write ends a stream's sending side in order where everything was sent.
func (c *Client) write(out *outbox, stream grpc.ClientStream) {
	if err := out.run(stream.SendMsg); err != nil {
		c.fail(err)
		return
	}
	// The error would be the stream's own, which its reader reports.
	_ = stream.CloseSend()
}

func (c *Client) readCalls(stream pb.Module_CallsClient) error {
	for {
		frame, err := stream.Recv()
		if err != nil {
			return err
		}
		for _, item := range frame.Items {
			if l, ok := item.Body.(*pb.Item_Log); ok {
				c.host.latest().Log((&decoder{}).log(l.Log))
				continue
			}
			c.calls.deliver(item)
		}
	}
}

// fail is the end of the connection, whoever saw it first.
func (c *Client) fail(cause error) {
	if errors.Is(cause, io.EOF) {
		cause = errors.New("the module closed its stream")
	}
	c.once.Do(func() {
		c.cause = cause
		c.calls.fail(cause)
		c.host.out.close()
		c.host.jobs.stop()
		c.cancel()
		close(c.gone)
	})
}

// Gone is closed when the connection is over; Cause says why.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// Cause is why the connection is over; only valid once Gone is closed.
func (c *Client) Cause() error { return c.cause }

// Drop breaks the connection and waits until everything that belonged to it
// has ended. The module's process exits on its own.
func (c *Client) Drop() {
	c.fail(errors.New("the core dropped the connection"))
	c.wg.Wait()
}

func (c *Client) askInfo(ctx context.Context) error {
	item, err := c.ask(ctx, func(i *pb.Item) { i.Body = &pb.Item_InfoRequest{InfoRequest: &pb.InfoRequest{}} })
	if err != nil {
		return fmt.Errorf("ask the module what it is: %w", err)
	}
	body, ok := item.Body.(*pb.Item_Info)
	if !ok {
		return unexpected(item.Body)
	}
	c.info, err = (&decoder{}).info(body.Info)
	return err
}

// ask sends one item and turns a Failure into an error.
func (c *Client) ask(ctx context.Context, fill func(i *pb.Item)) (*pb.Item, error) {
	return c.askFor(ctx, cancelGrace, fill)
}

func (c *Client) askFor(ctx context.Context, grace time.Duration, fill func(i *pb.Item)) (*pb.Item, error) {
	item, err := c.calls.ask(ctx, grace, func(h head) wireItem {
		i := &pb.Item{Id: h.id, TimeoutUs: h.timeoutUS}
		fill(i)
		return i
	})
	if err != nil {
		return nil, err
	}
	return item, failed(ctx, item)
}

// failed is the error that an answer is.
func failed(ctx context.Context, item *pb.Item) error {
	if f, ok := item.Body.(*pb.Item_Failure); ok {
		return inContext(ctx, (&decoder{}).failure(f.Failure))
	}
	return nil
}

// Info is what the module said when it was connected.
func (c *Client) Info() sdk.Info { return c.info }

// Call asks for phases. The error is ErrUnsent where the module has not seen
// the call, another that wraps sdk.ErrModuleGone where it died with it, ctx's
// where it took too long, else a failure of the module.
func (c *Client) Call(ctx context.Context, call *sdk.Call) (*sdk.Answer, error) {
	q, err := c.calls.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer c.calls.forget(q.id)
	if err := c.put(&q, call); err != nil {
		return nil, err
	}
	item, err := c.calls.wait(ctx, cancelGrace, &q)
	if err == nil {
		err = failed(ctx, item)
	}
	if err != nil {
		return nil, err
	}
	body, ok := item.Body.(*pb.Item_Answer)
	if !ok {
		return nil, unexpected(item.Body)
	}
	if len(body.Answer.Results) > len(call.Phases) {
		return nil, fmt.Errorf("%w: %d results for %d phases", errProtocol, len(body.Answer.Results), len(call.Phases))
	}
	return (&decoder{own: true}).answer(body.Answer), nil
}

// put sends a call. It is on its way when put returns, so that thousands of
// sessions that wait do not each hold the stack that encoding takes.
func (c *Client) put(q *question[*pb.Item], call *sdk.Call) error {
	e := c.encoders.Get().(*encoder)
	err := c.calls.put(q, e.question(q.head, call))
	e.clear()
	c.encoders.Put(e)
	return err
}

// SessionsEnded tells the module with whatever is sent next, at the latest with
// the next heartbeat: nobody waits for it.
func (c *Client) SessionsEnded(ends []sdk.SessionEnd) {
	// A module that is gone has nothing to forget.
	_ = c.calls.out.putLazily(&pb.Item{Body: &pb.Item_SessionsEnded{SessionsEnded: endsToPB(ends)}})
}

// Query asks a module with sdk.CanQuery.
func (c *Client) Query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	item, err := c.ask(ctx, func(i *pb.Item) { i.Body = &pb.Item_Query{Query: queryToPB(q)} })
	if err != nil {
		return nil, err
	}
	body, ok := item.Body.(*pb.Item_Rows)
	if !ok {
		return nil, unexpected(item.Body)
	}
	return (&decoder{own: true}).rows(body.Rows), nil
}

// Control runs a console command of a module with sdk.CanControl.
func (c *Client) Control(ctx context.Context, words []string) (string, error) {
	item, err := c.ask(ctx, func(i *pb.Item) { i.Body = &pb.Item_Control{Control: &pb.Control{Words: wires(words)}} })
	if err != nil {
		return "", err
	}
	body, ok := item.Body.(*pb.Item_ControlReply)
	if !ok {
		return "", unexpected(item.Body)
	}
	return string(body.ControlReply.Text), nil
}

// Heartbeat asks whether the module is alive.
func (c *Client) Heartbeat(ctx context.Context) error {
	item, err := c.askFor(ctx, 0, func(i *pb.Item) { i.Body = &pb.Item_Heartbeat{Heartbeat: &pb.Heartbeat{}} })
	if err != nil {
		return err
	}
	if _, ok := item.Body.(*pb.Item_HeartbeatReply); !ok {
		return unexpected(item.Body)
	}
	return nil
}
