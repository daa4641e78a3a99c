package rpc

import (
	"errors"
	"net/netip"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
	"github.com/mtad/mtad/sdk/smtp"
)

func (d *decoder) call(p *pb.Call) *sdk.Call {
	d.reserve(callText(p))
	both := &struct {
		call  sdk.Call
		state sdk.State
	}{}
	c := &both.call
	*c = sdk.Call{
		Generation:  p.Generation,
		Transaction: p.Transaction,
		Phases:      make([]sdk.Phase, len(p.Phases)),
		State:       &both.state,
		Reply:       d.reply(p.Reply),
		SplitIDs:    d.strs(p.SplitIds),
	}
	for i, ph := range p.Phases {
		c.Phases[i] = sdk.Phase{Hook: enum[sdk.Hook](int32(ph.Hook)), Copy: int(ph.Copy), Line: d.text(ph.Line), Address: smtp.Address(d.text(ph.Address)), Number: ph.Number, Attempt: d.attempt(ph.Attempt)}
	}
	if p.State != nil {
		d.state(p.State, c.State)
	}
	return c
}

// callText is about how many bytes of text a call has. A module keeps little of
// it, and then for as long as the session, so the copies are no larger.
func callText(p *pb.Call) int {
	n := 0
	for _, ph := range p.Phases {
		n += len(ph.Line) + len(ph.Address)
	}
	for _, id := range p.SplitIds {
		n += len(id)
	}
	if p.State == nil {
		return n
	}
	if c := p.State.Conn; c != nil {
		n += len(c.Id) + sum(c.Context)
	}
	n += messageText(p.State.Message)
	for _, m := range p.State.Copies {
		n += messageText(m)
	}
	return n
}

func messageText(m *pb.Message) int {
	if m == nil {
		return 0
	}
	return len(m.Id) + len(m.BatchId) + len(m.ConnId) + len(m.Sender) + len(m.Recipient) + len(m.Original) +
		len(m.Binding) + len(m.BindingGroup) + len(m.RoutingDomain) + sum(m.Recipients) + sum(m.Context) + sum(m.ConnContext)
}

func sum(list [][]byte) int {
	n := 0
	for _, p := range list {
		if len(p) <= longText {
			n += len(p)
		}
	}
	return n
}

func (d *decoder) state(p *pb.State, s *sdk.State) {
	if c := p.Conn; c != nil {
		s.Conn = sdk.Conn{
			Session:  c.Session,
			ID:       d.str(c.Id),
			Protocol: enum[sdk.Protocol](int32(c.Protocol)),
			Peer:     addrFrom(c.Peer),
			Local:    addrFrom(c.Local),
			Context:  d.dict(c.Context),
		}
	}
	s.Message = d.message(p.Message)
	for _, m := range p.Copies {
		s.Copies = append(s.Copies, d.message(m))
	}
}

// inline leaves out a body that the other side can read by its handle.
func inline(b *sdk.Body) []byte {
	if len(b.Inline) > sdk.MaxInlineBody && b.Handle != 0 {
		return nil
	}
	return b.Inline
}

func (d *decoder) message(p *pb.Message) *sdk.Message {
	if p == nil {
		return nil
	}
	return &sdk.Message{
		ID:            d.str(p.Id),
		BatchID:       d.str(p.BatchId),
		ConnID:        d.str(p.ConnId),
		Sender:        smtp.Address(d.text(p.Sender)),
		Recipient:     smtp.Address(d.text(p.Recipient)),
		Recipients:    d.addresses(p.Recipients),
		Context:       d.dict(p.Context),
		ConnContext:   d.dict(p.ConnContext),
		Header:        d.blob(p.Header),
		Body:          sdk.Body{Size: p.BodySize, Inline: d.blob(p.Body), Handle: p.BodyHandle, Changed: p.BodyChanged},
		Binding:       d.str(p.Binding),
		BindingGroup:  d.str(p.BindingGroup),
		RoutingDomain: d.text(p.RoutingDomain),
		Priority:      int(p.Priority),
		Discard:       d.reply(p.Discard),
		Reply:         d.reply(p.Reply),
		Protocol:      enum[sdk.Protocol](int32(p.Protocol)),
		RecvFrom:      addrFrom(p.RecvFrom),
		RecvVia:       addrFrom(p.RecvVia),
		Created:       timeFrom(p.Created),
		Retries:       int(p.Retries),
		Bounce:        p.Bounce,
		Original:      smtp.Address(d.text(p.Original)),
	}
}

func replyToPB(r *smtp.Reply) *pb.Reply {
	if r == nil {
		return nil
	}
	out := &pb.Reply{Code: int32(r.Code), Enhanced: valid(r.Enhanced), Text: wire(r.Text)}
	if r.Cause != nil {
		out.Cause = valid(r.Cause.Error())
	}
	return out
}

func (d *decoder) reply(p *pb.Reply) *smtp.Reply {
	if p == nil {
		return nil
	}
	r := smtp.NewReply(int(p.Code), d.str(p.Enhanced), d.text(p.Text))
	if p.Cause != "" {
		r.Cause = errors.New(d.str(p.Cause))
	}
	return r
}

func addrFrom(s string) netip.AddrPort {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return a
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeFrom(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
