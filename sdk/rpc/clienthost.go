package rpc

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

// maxBodyPart is how much of a body crosses at once, in bytes.
const maxBodyPart = 256 << 10

var errBusy = errors.New("too many questions under way")

// hostServer is the core's end of HostCalls: it answers what the module asks,
// with the Host of the generation on whose behalf it asks.
type hostServer struct {
	out     *outbox
	workers *workers[hostWork]
	jobs    *jobs
	lookups atomic.Int64 // under way without a worker

	mu    sync.Mutex
	base  sdk.Host
	hosts map[uint64]sdk.Host
}

func newHostServer(base sdk.Host) *hostServer {
	s := &hostServer{out: newOutbox(), jobs: newJobs(), base: base, hosts: make(map[uint64]sdk.Host)}
	s.workers = newWorkers(s.work)
	return s
}

func (s *hostServer) add(generation uint64, host sdk.Host) {
	s.mu.Lock()
	s.hosts[generation] = host
	s.mu.Unlock()
}

func (s *hostServer) remove(generation uint64) {
	s.mu.Lock()
	delete(s.hosts, generation)
	s.mu.Unlock()
}

// latest is the Host of the newest generation.
func (s *hostServer) latest() sdk.Host { return s.of(0) }

func (s *hostServer) of(generation uint64) sdk.Host {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := s.hosts[generation]; ok {
		return h
	}
	newest, host := uint64(0), s.base
	for g, h := range s.hosts {
		if g >= newest {
			newest, host = g, h
		}
	}
	return host
}

// drain waits for the questions under way, whose context has ended.
func (s *hostServer) drain() {
	s.workers.stop()
	s.workers.wg.Wait()
}

func (s *hostServer) read(stream pb.Module_HostCallsClient) error {
	for {
		frame, err := stream.Recv()
		if err != nil {
			return err
		}
		for _, item := range frame.Items {
			s.take(item)
		}
	}
}

func (s *hostServer) take(item *pb.HostItem) {
	if _, ok := item.Body.(*pb.HostItem_Cancel); ok {
		s.jobs.end(item.Id)
		return
	}
	if s.startDNS(item) {
		return
	}
	if !s.workers.run(hostWork{ctx: s.jobs.begin(item.Id, item.TimeoutUs), item: item}) {
		s.jobs.end(item.Id)
		s.reply(&pb.HostItem{Id: item.Id, Body: hostFailure(errBusy)})
	}
}

// startDNS answers a DNS question without a worker, where the Host can. One that
// is taken back is answered all the same; nobody waits for it then.
func (s *hostServer) startDNS(item *pb.HostItem) bool {
	body, ok := item.Body.(*pb.HostItem_Dns)
	if !ok {
		return false
	}
	host, ok := s.of(item.Generation).(sdk.DNSStarter)
	if !ok || s.lookups.Load() >= maxWorkers {
		return false
	}
	id := item.Id
	s.lookups.Add(1)
	host.StartDNS((&decoder{own: true}).dnsQuery(body.Dns), func(a *sdk.DNSAnswer, err error) {
		s.lookups.Add(-1)
		if err != nil {
			s.reply(&pb.HostItem{Id: id, Body: hostFailure(err)})
			return
		}
		s.reply(&pb.HostItem{Id: id, Body: &pb.HostItem_DnsAnswer{DnsAnswer: dnsAnswerToPB(a)}})
	})
	return true
}

// hostWork is a question for a worker.
type hostWork struct {
	ctx  *job
	item *pb.HostItem
}

func (s *hostServer) work(w hostWork) {
	defer s.jobs.end(w.item.Id)
	out := &pb.HostItem{Id: w.item.Id}
	if err := answerHost(w.ctx, s.of(w.item.Generation), w.item, out); err != nil {
		out.Body = hostFailure(err)
	}
	s.reply(out)
}

func (s *hostServer) reply(out *pb.HostItem) {
	if _, err := s.out.put(out); errors.Is(err, errTooLarge) {
		// This one is small.
		_, _ = s.out.put(&pb.HostItem{Id: out.Id, Body: hostFailure(err)})
	}
}

func hostFailure(err error) *pb.HostItem_Failure {
	return &pb.HostItem_Failure{Failure: failureToPB(err)}
}

// answerHost asks host what the item asks and puts the answer into out.
func answerHost(ctx context.Context, host sdk.Host, item, out *pb.HostItem) error {
	d := &decoder{}
	switch body := item.Body.(type) {
	case *pb.HostItem_Source:
		src, err := host.Source(ctx, d.str(body.Source.Name))
		if err != nil {
			return err
		}
		out.Body = &pb.HostItem_SourceFound{SourceFound: sourceToPB(src)}
	case *pb.HostItem_Dns:
		a, err := host.LookupDNS(ctx, d.dnsQuery(body.Dns))
		if err != nil {
			return err
		}
		out.Body = &pb.HostItem_DnsAnswer{DnsAnswer: dnsAnswerToPB(a)}
	case *pb.HostItem_Query:
		rows, err := host.Query(ctx, d.query(body.Query))
		if err != nil {
			return err
		}
		out.Body = &pb.HostItem_Rows{Rows: rowsToPB(rows)}
	case *pb.HostItem_ReadBody:
		r := body.ReadBody
		data, err := host.ReadBody(ctx, r.Handle, r.Offset, min(r.Length, maxBodyPart))
		if err != nil {
			return err
		}
		out.Body = &pb.HostItem_BodyPart{BodyPart: &pb.BodyPart{Data: data}}
	default:
		return answerHostMore(ctx, host, item, out)
	}
	return nil
}

// answerHostMore is answerHost for what changes something in the core.
func answerHostMore(ctx context.Context, host sdk.Host, item, out *pb.HostItem) error {
	d := &decoder{own: true}
	switch body := item.Body.(type) {
	case *pb.HostItem_Inject:
		ids, err := host.Inject(ctx, d.injection(body.Inject))
		if err != nil {
			return err
		}
		out.Body = &pb.HostItem_Injected{Injected: &pb.Injected{Ids: ids}}
	case *pb.HostItem_Counter:
		n, err := host.Counter(ctx, d.counter(body.Counter))
		if err != nil {
			return err
		}
		out.Body = &pb.HostItem_CounterValue{CounterValue: &pb.CounterValue{Value: n}}
	case *pb.HostItem_ConfigValue:
		text, err := host.ConfigValue(ctx, d.strs(body.ConfigValue.Words))
		if err != nil {
			return err
		}
		out.Body = &pb.HostItem_ConfigValueReply{ConfigValueReply: &pb.ConfigValueReply{Text: valid(text)}}
	case *pb.HostItem_DelayDomain:
		return answerDelay(ctx, host, d, body.DelayDomain, out)
	default:
		return answerHostAudit(ctx, host, item, out)
	}
	return nil
}
