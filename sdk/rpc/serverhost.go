package rpc

import (
	"context"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

// hostClient is the Host that a module sees for one generation: it asks the
// core over HostCalls, and logs on the Calls stream so that a record comes
// before the verdict that follows it.
type hostClient struct {
	generation uint64
	asks       *asker[*pb.HostItem]
	calls      *outbox
}

var _ sdk.Host = (*hostClient)(nil)

func hostCancelItem(id uint64) wireItem {
	return &pb.HostItem{Id: id, Body: &pb.HostItem_Cancel{Cancel: &pb.Cancel{}}}
}

func (h *hostClient) ask(ctx context.Context, fill func(i *pb.HostItem)) (*pb.HostItem, error) {
	q, err := h.asks.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer h.asks.forget(q.id)
	i := &pb.HostItem{Id: q.id, TimeoutUs: q.timeoutUS, Generation: h.generation}
	fill(i)
	if err := h.asks.put(&q, i); err != nil {
		return nil, err
	}
	item, err := h.asks.wait(ctx, 0, &q)
	if err != nil {
		return nil, err
	}
	if f, ok := item.Body.(*pb.HostItem_Failure); ok {
		return nil, inContext(ctx, (&decoder{}).failure(f.Failure))
	}
	return item, nil
}

// Source asks for a script.
func (h *hostClient) Source(ctx context.Context, name string) (*sdk.Source, error) {
	item, err := h.ask(ctx, func(i *pb.HostItem) {
		i.Body = &pb.HostItem_Source{Source: &pb.SourceRequest{Name: valid(name)}}
	})
	if err != nil {
		return nil, err
	}
	body, ok := item.Body.(*pb.HostItem_SourceFound)
	if !ok {
		return nil, unexpected(item.Body)
	}
	return (&decoder{}).source(body.SourceFound), nil
}

// LookupDNS asks the core's resolver.
func (h *hostClient) LookupDNS(ctx context.Context, q sdk.DNSQuery) (*sdk.DNSAnswer, error) {
	item, err := h.ask(ctx, func(i *pb.HostItem) { i.Body = &pb.HostItem_Dns{Dns: dnsQueryToPB(&q)} })
	if err != nil {
		return nil, err
	}
	body, ok := item.Body.(*pb.HostItem_DnsAnswer)
	if !ok {
		return nil, unexpected(item.Body)
	}
	return (&decoder{}).dnsAnswer(body.DnsAnswer), nil
}

// Query asks the datasource module through the core.
func (h *hostClient) Query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	item, err := h.ask(ctx, func(i *pb.HostItem) { i.Body = &pb.HostItem_Query{Query: queryToPB(q)} })
	if err != nil {
		return nil, err
	}
	body, ok := item.Body.(*pb.HostItem_Rows)
	if !ok {
		return nil, unexpected(item.Body)
	}
	return (&decoder{}).rows(body.Rows), nil
}

// ReadBody reads in parts, until it has all or the body ends.
func (h *hostClient) ReadBody(ctx context.Context, handle uint64, offset, length int64) ([]byte, error) {
	var out []byte
	for length > 0 {
		part, err := h.readPart(ctx, &pb.ReadBody{Handle: handle, Offset: offset, Length: min(length, maxBodyPart)})
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = make([]byte, 0, max(min(length, 4*maxBodyPart), int64(len(part))))
		}
		out = append(out, part...)
		if int64(len(part)) < min(length, maxBodyPart) {
			break
		}
		offset += int64(len(part))
		length -= int64(len(part))
	}
	return out, nil
}

func (h *hostClient) readPart(ctx context.Context, r *pb.ReadBody) ([]byte, error) {
	item, err := h.ask(ctx, func(i *pb.HostItem) { i.Body = &pb.HostItem_ReadBody{ReadBody: r} })
	if err != nil {
		return nil, err
	}
	body, ok := item.Body.(*pb.HostItem_BodyPart)
	if !ok {
		return nil, unexpected(item.Body)
	}
	return body.BodyPart.Data, nil
}

// Inject queues a new message.
func (h *hostClient) Inject(ctx context.Context, in *sdk.Injection) ([]string, error) {
	item, err := h.ask(ctx, func(i *pb.HostItem) { i.Body = &pb.HostItem_Inject{Inject: injectionToPB(in)} })
	if err != nil {
		return nil, err
	}
	body, ok := item.Body.(*pb.HostItem_Injected)
	if !ok {
		return nil, unexpected(item.Body)
	}
	return (&decoder{}).strs(body.Injected.Ids), nil
}

// Counter works on a named counter.
func (h *hostClient) Counter(ctx context.Context, op sdk.CounterOp) (int64, error) {
	item, err := h.ask(ctx, func(i *pb.HostItem) { i.Body = &pb.HostItem_Counter{Counter: counterToPB(&op)} })
	if err != nil {
		return 0, err
	}
	body, ok := item.Body.(*pb.HostItem_CounterValue)
	if !ok {
		return 0, unexpected(item.Body)
	}
	return body.CounterValue.Value, nil
}

// ConfigValue looks up a configuration value.
func (h *hostClient) ConfigValue(ctx context.Context, words []string) (string, error) {
	item, err := h.ask(ctx, func(i *pb.HostItem) {
		i.Body = &pb.HostItem_ConfigValue{ConfigValue: &pb.ConfigValue{Words: words}}
	})
	if err != nil {
		return "", err
	}
	body, ok := item.Body.(*pb.HostItem_ConfigValueReply)
	if !ok {
		return "", unexpected(item.Body)
	}
	return (&decoder{}).str(body.ConfigValueReply.Text), nil
}

// Log waits where the core cannot keep up: a script that prints without end
// must not fill the memory.
func (h *hostClient) Log(r sdk.LogRecord) {
	// Without a core there is nobody to tell.
	_ = h.calls.putPatiently(&pb.Item{Body: &pb.Item_Log{Log: logToPB(r)}})
}
