package rpc

import (
	"context"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

// DelayDomain puts off a domain's mail.
func (h *hostClient) DelayDomain(ctx context.Context, domain, note string) (int, error) {
	item, err := h.ask(ctx, func(i *pb.HostItem) {
		i.Body = &pb.HostItem_DelayDomain{DelayDomain: &pb.DelayDomain{Domain: valid(domain), Note: wire(note)}}
	})
	if err != nil {
		return 0, err
	}
	body, ok := item.Body.(*pb.HostItem_DomainDelayed)
	if !ok {
		return 0, unexpected(item.Body)
	}
	return int(body.DomainDelayed.Messages), nil
}

// answerDelay answers DelayDomain on the core's side.
func answerDelay(ctx context.Context, host sdk.Host, d *decoder, in *pb.DelayDomain, out *pb.HostItem) error {
	n, err := host.DelayDomain(ctx, d.str(in.Domain), d.text(in.Note))
	if err != nil {
		return err
	}
	out.Body = &pb.HostItem_DomainDelayed{DomainDelayed: &pb.DomainDelayed{Messages: int64(n)}}
	return nil
}
