package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

// server is the module's end of both streams. It serves one core, once.
type server struct {
	pb.UnimplementedModuleServer
	module  sdk.Module
	out     *outbox // Calls: answers and log records
	asks    *asker[*pb.HostItem]
	workers *workers[work]
	lane    *lane
	jobs    *jobs

	callsOpen, hostOpen atomic.Bool
	closing             sync.Once
	closeErr            error
	endOnce             sync.Once
	ended               chan struct{} // the core's Calls stream is over
}

func newServer(m sdk.Module) *server {
	s := &server{
		module: m,
		out:    newOutbox(),
		asks:   newAsker[*pb.HostItem](hostCancelItem),
		lane:   newLane(m.SessionsEnded),
		jobs:   newJobs(),
		ended:  make(chan struct{}),
	}
	s.workers = newWorkers(s.work)
	return s
}

func (s *server) register(r grpc.ServiceRegistrar) { pb.RegisterModuleServer(r, s) }

// end is the end of the core: everything under way is cancelled, then the
// module closes, and done is closed.
func (s *server) end() {
	s.endOnce.Do(func() {
		s.jobs.stop()
		s.asks.fail(errors.New("the core is gone"))
		s.out.close()
		s.lane.finish(func() { _ = s.closeModule() })
		close(s.ended)
	})
}

// done is closed when the core is gone and the module has closed.
func (s *server) done() <-chan struct{} { return s.lane.done }

func (s *server) closeModule() error {
	s.closing.Do(func() { s.closeErr = s.module.Close() })
	return s.closeErr
}

// Calls answers the core until its stream ends.
func (s *server) Calls(stream pb.Module_CallsServer) error {
	if !s.callsOpen.CompareAndSwap(false, true) {
		return status.Error(codes.FailedPrecondition, "this module has its core already")
	}
	written := make(chan error, 1)
	go func() { written <- s.out.run(stream.SendMsg) }()
	err := s.read(stream)
	s.out.close()
	<-written // nothing may be sent after the handler returned
	s.workers.stop()
	s.end()
	return err
}

// read gives nil for the core's orderly end.
func (s *server) read(stream pb.Module_CallsServer) error {
	for {
		frame, err := stream.Recv()
		if err != nil {
			return endOf(err)
		}
		for _, item := range frame.Items {
			s.take(item)
		}
	}
}

// take never blocks: what takes time goes to a worker or into the lane.
func (s *server) take(item *pb.Item) {
	switch body := item.Body.(type) {
	case *pb.Item_Call, *pb.Item_Query, *pb.Item_Control, *pb.Item_Auth:
		s.begin(item)
	case *pb.Item_Heartbeat:
		s.workers.urgent(s.job(item))
	case *pb.Item_Cancel:
		s.jobs.end(item.Id)
	case *pb.Item_SessionsEnded:
		s.lane.ended(body.SessionsEnded)
	case *pb.Item_InfoRequest:
		s.reply(item.Id, s.info)
	case *pb.Item_Prepare, *pb.Item_Commit, *pb.Item_Abort, *pb.Item_Retire, *pb.Item_Close:
		ctx := s.jobs.begin(item.Id, item.TimeoutUs)
		s.lane.run(func() {
			defer s.jobs.end(item.Id)
			s.reply(item.Id, func(out *pb.Item) error { return s.live(ctx, item, out) })
		})
	default:
		s.reply(item.Id, func(*pb.Item) error { return sdk.ErrNotSupported })
	}
}

// work is an item for a worker.
type work struct {
	ctx  *job
	item *pb.Item
}

func (s *server) job(item *pb.Item) work {
	return work{ctx: s.jobs.begin(item.Id, item.TimeoutUs), item: item}
}

// begin has a worker answer an item.
func (s *server) begin(item *pb.Item) {
	if !s.workers.run(s.job(item)) {
		s.jobs.end(item.Id)
		s.send(&pb.Item{Id: item.Id}, errBusy)
	}
}

// work answers an item. Thousands of hooks that wait have this on their stacks,
// so what lies between it and the module is kept short.
func (s *server) work(w work) {
	out := &pb.Item{Id: w.item.Id}
	var err error
	if body, ok := w.item.Body.(*pb.Item_Call); ok {
		w.item.Body = nil // a hook that waits does not hold the frame
		err = s.call(w.ctx, body.Call, out)
	} else {
		err = s.answer(w.ctx, w.item, out)
	}
	s.jobs.end(out.Id)
	s.send(out, err)
}

// reply sends what fill makes, or its error.
func (s *server) reply(id uint64, fill func(out *pb.Item) error) {
	out := &pb.Item{Id: id}
	s.send(out, fill(out))
}

// send sends an answer, or the error there is instead.
func (s *server) send(out *pb.Item, err error) {
	if err == nil {
		_, err = s.out.put(out)
		if !errors.Is(err, errTooLarge) {
			return
		}
	}
	// A core that is gone needs no answer.
	_, _ = s.out.put(&pb.Item{Id: out.Id, Body: &pb.Item_Failure{Failure: failureToPB(err)}})
}

func (s *server) info(out *pb.Item) error {
	info, err := infoToPB(s.module.Info())
	out.Body = &pb.Item_Info{Info: info}
	return err
}

// call runs a call's phases.
func (s *server) call(ctx context.Context, p *pb.Call, out *pb.Item) error {
	a, err := s.module.Call(ctx, decodeCall(p))
	switch {
	case err != nil:
		return err
	case a == nil:
		return fmt.Errorf("%w: the module gave no answer", errProtocol)
	}
	out.Body = &pb.Item_Answer{Answer: answerToPB(a)}
	return nil
}

// decodeCall takes a call apart for good.
func decodeCall(p *pb.Call) *sdk.Call {
	d := &decoder{}
	c := d.call(p)
	p.State.ReturnToVTPool()
	return c
}

// answer is what else a module does at any time, many at once.
func (s *server) answer(ctx context.Context, item, out *pb.Item) error {
	d := &decoder{}
	switch body := item.Body.(type) {
	case *pb.Item_Heartbeat:
		out.Body = &pb.Item_HeartbeatReply{HeartbeatReply: &pb.HeartbeatReply{}}
		if beating, ok := s.module.(sdk.Heartbeater); ok {
			return beating.Heartbeat(ctx)
		}
	case *pb.Item_Query:
		querier, ok := s.module.(sdk.Querier)
		if !ok {
			return sdk.ErrNotSupported
		}
		rows, err := querier.Query(ctx, d.query(body.Query))
		if err != nil {
			return err
		}
		out.Body = &pb.Item_Rows{Rows: rowsToPB(rows)}
	case *pb.Item_Control:
		controller, ok := s.module.(sdk.Controller)
		if !ok {
			return sdk.ErrNotSupported
		}
		text, err := controller.Control(ctx, d.texts(body.Control.Words))
		if err != nil {
			return err
		}
		out.Body = &pb.Item_ControlReply{ControlReply: &pb.ControlReply{Text: wire(text)}}
	case *pb.Item_Auth:
		return s.authenticate(ctx, body.Auth, out)
	}
	return nil
}

// live is what a module does one at a time, in order.
func (s *server) live(ctx context.Context, item, out *pb.Item) error {
	out.Body = &pb.Item_Done{Done: &pb.Done{}}
	switch body := item.Body.(type) {
	case *pb.Item_Prepare:
		cfg := (&decoder{}).config(body.Prepare)
		host := &hostClient{generation: cfg.Generation, asks: s.asks, calls: s.out}
		sub, err := s.module.Prepare(ctx, host, cfg)
		if err != nil {
			return err
		}
		out.Body = &pb.Item_Subscription{Subscription: subscriptionToPB(&sub)}
	case *pb.Item_Commit:
		s.module.Commit(body.Commit.Generation)
	case *pb.Item_Abort:
		s.module.Abort(body.Abort.Generation)
	case *pb.Item_Retire:
		s.module.Retire(body.Retire.Generation)
	case *pb.Item_Close:
		return s.closeModule()
	}
	return nil
}

// HostCalls carries the module's questions until the core ends the stream.
func (s *server) HostCalls(stream pb.Module_HostCallsServer) error {
	if !s.hostOpen.CompareAndSwap(false, true) {
		return status.Error(codes.FailedPrecondition, "this module has its core already")
	}
	written := make(chan error, 1)
	go func() { written <- s.asks.out.run(stream.SendMsg) }()
	err := s.readAnswers(stream)
	s.asks.fail(errors.New("the core ended its HostCalls stream"))
	<-written
	return err
}

func (s *server) readAnswers(stream pb.Module_HostCallsServer) error {
	for {
		frame, err := stream.Recv()
		if err != nil {
			return endOf(err)
		}
		for _, item := range frame.Items {
			s.asks.deliver(item)
		}
	}
}
