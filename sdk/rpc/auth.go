package rpc

import (
	"context"
	"maps"
	"slices"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

var _ sdk.Authenticator = (*Client)(nil)

// Authenticate asks a module with sdk.CanAuthenticate.
func (c *Client) Authenticate(ctx context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error) {
	item, err := c.ask(ctx, func(i *pb.Item) { i.Body = &pb.Item_Auth{Auth: authRequestToPB(r)} })
	if err != nil {
		return nil, err
	}
	body, ok := item.Body.(*pb.Item_AuthAnswer)
	if !ok {
		return nil, unexpected(item.Body)
	}
	return (&decoder{own: true}).authAnswer(body.AuthAnswer), nil
}

// authenticate is the module's side.
func (s *server) authenticate(ctx context.Context, p *pb.AuthRequest, out *pb.Item) error {
	m, ok := s.module.(sdk.Authenticator)
	if !ok {
		return sdk.ErrNotSupported
	}
	answer, err := m.Authenticate(ctx, (&decoder{}).authRequest(p))
	if err != nil {
		return err
	}
	out.Body = &pb.Item_AuthAnswer{AuthAnswer: authAnswerToPB(answer)}
	return nil
}

func authRequestToPB(r *sdk.AuthRequest) *pb.AuthRequest {
	out := &pb.AuthRequest{
		Question: pb.AuthQuestion(r.Question), Generation: r.Generation, Scheme: valid(r.Scheme),
		File: wire(r.File), User: wire(r.User), Password: wire(r.Password),
	}
	for _, key := range slices.Sorted(maps.Keys(r.Params)) {
		out.Params = append(out.Params, wire(key), wire(r.Params[key]))
	}
	return out
}

func (d *decoder) authRequest(p *pb.AuthRequest) *sdk.AuthRequest {
	r := &sdk.AuthRequest{
		Question: enum[sdk.AuthQuestion](int32(p.Question)), Generation: p.Generation, Scheme: d.str(p.Scheme),
		File: d.text(p.File), User: d.text(p.User), Password: d.text(p.Password),
	}
	for _, pair := range d.dict(p.Params) {
		if r.Params == nil {
			r.Params = make(map[string]string)
		}
		r.Params[pair.Key] = pair.Value
	}
	return r
}

func authAnswerToPB(a *sdk.AuthAnswer) *pb.AuthAnswer {
	return &pb.AuthAnswer{Status: pb.AuthStatus(a.Status), Groups: wires(a.Groups)}
}

// authAnswer takes a status that this version does not know for an error.
func (d *decoder) authAnswer(p *pb.AuthAnswer) *sdk.AuthAnswer {
	a := &sdk.AuthAnswer{Groups: d.texts(p.Groups)}
	if p.Status == pb.AuthStatus_AUTH_STATUS_FAIL || p.Status == pb.AuthStatus_AUTH_STATUS_OK {
		a.Status = sdk.AuthStatus(p.Status)
	}
	return a
}
