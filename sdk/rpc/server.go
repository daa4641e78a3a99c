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
	workers *workers
	lane    *lane
	jobs    *jobs

	callsOpen, hostOpen atomic.Bool
	closing             sync.Once
	closeErr            error
	endOnce             sync.Once
	ended               chan struct{} // the core's Calls stream is over
}

func newServer(m sdk.Module) *server {
	return &server{
		module:  m,
		out:     newOutbox(),
		asks:    newAsker[*pb.HostItem](hostCancelItem),
		workers: newWorkers(),
		lane:    newLane(m.SessionsEnded),
		jobs:    newJobs(),
		ended:   make(chan struct{}),
	}
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
	case *pb.Item_Call, *pb.Item_Query, *pb.Item_Control:
		s.work(item, s.answer)
	case *pb.Item_Heartbeat:
		s.heartbeat(item)
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

// work answers an item on a worker.
func (s *server) work(item *pb.Item, answer func(ctx context.Context, item, out *pb.Item) error) {
	ctx := s.jobs.begin(item.Id, item.TimeoutUs)
	started := s.workers.run(func() {
		defer s.jobs.end(item.Id)
		s.reply(item.Id, func(out *pb.Item) error { return answer(ctx, item, out) })
	})
	if !started {
		s.jobs.end(item.Id)
		s.reply(item.Id, func(*pb.Item) error { return errBusy })
	}
}

// reply sends what fill makes, or its error.
func (s *server) reply(id uint64, fill func(out *pb.Item) error) {
	out := &pb.Item{Id: id}
	err := fill(out)
	if err == nil {
		_, err = s.out.put(out)
		if !errors.Is(err, errTooLarge) {
			return
		}
	}
	// A core that is gone needs no answer.
	_, _ = s.out.put(&pb.Item{Id: id, Body: &pb.Item_Failure{Failure: failureToPB(err)}})
}

func (s *server) info(out *pb.Item) error {
	info, err := infoToPB(s.module.Info())
	out.Body = &pb.Item_Info{Info: info}
	return err
}

func (s *server) heartbeat(item *pb.Item) {
	beating, ok := s.module.(sdk.Heartbeater)
	answer := func(ctx context.Context, _, out *pb.Item) error {
		out.Body = &pb.Item_HeartbeatReply{HeartbeatReply: &pb.HeartbeatReply{}}
		if !ok {
			return nil
		}
		return beating.Heartbeat(ctx)
	}
	if ok {
		s.work(item, answer)
		return
	}
	s.reply(item.Id, func(out *pb.Item) error { return answer(context.Background(), item, out) })
}

// answer is what a module does at any time, many at once.
func (s *server) answer(ctx context.Context, item, out *pb.Item) error {
	d := &decoder{}
	switch body := item.Body.(type) {
	case *pb.Item_Call:
		call := d.call(body.Call)
		body.Call.State.ReturnToVTPool()
		item.Body = nil // a hook that waits does not hold the frame
		a, err := s.module.Call(ctx, call)
		if err != nil {
			return err
		}
		if a == nil {
			return fmt.Errorf("%w: the module gave no answer", errProtocol)
		}
		out.Body = &pb.Item_Answer{Answer: answerToPB(a)}
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
