package rpc

import (
	"errors"
	"net/netip"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
	"github.com/mtad/mtad/sdk/smtp"
)

func callToPB(c *sdk.Call) *pb.Call {
	out := &pb.Call{
		Generation:  c.Generation,
		Transaction: c.Transaction,
		Phases:      make([]*pb.Phase, len(c.Phases)),
		Reply:       replyToPB(c.Reply),
		SplitIds:    c.SplitIDs,
	}
	phases := make([]pb.Phase, len(c.Phases))
	for i := range c.Phases {
		p := &c.Phases[i]
		q := &phases[i]
		q.Hook, q.Copy, q.Line, q.Address = pb.Hook(p.Hook), int32(p.Copy), wire(p.Line), wire(p.Address)
		out.Phases[i] = q
	}
	if c.State != nil {
		out.State = stateToPB(c.State)
	}
	return out
}

func (d *decoder) call(p *pb.Call) *sdk.Call {
	c := &sdk.Call{
		Generation:  p.Generation,
		Transaction: p.Transaction,
		Phases:      make([]sdk.Phase, len(p.Phases)),
		State:       &sdk.State{},
		Reply:       d.reply(p.Reply),
		SplitIDs:    d.strs(p.SplitIds),
	}
	for i, ph := range p.Phases {
		c.Phases[i] = sdk.Phase{Hook: enum[sdk.Hook](int32(ph.Hook)), Copy: int(ph.Copy), Line: d.text(ph.Line), Address: smtp.Address(d.text(ph.Address))}
	}
	if p.State != nil {
		d.state(p.State, c.State)
	}
	return c
}

func stateToPB(s *sdk.State) *pb.State {
	out := &pb.State{
		Conn: &pb.Conn{
			Session:  s.Conn.Session,
			Id:       s.Conn.ID,
			Protocol: pb.Protocol(s.Conn.Protocol),
			Peer:     addrText(s.Conn.Peer),
			Local:    addrText(s.Conn.Local),
			Context:  wireDict(s.Conn.Context),
		},
		Message: messageToPB(s.Message),
	}
	for _, m := range s.Copies {
		out.Copies = append(out.Copies, messageToPB(m))
	}
	return out
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

func messageToPB(m *sdk.Message) *pb.Message {
	if m == nil {
		return nil
	}
	return &pb.Message{
		Id:            m.ID,
		BatchId:       m.BatchID,
		ConnId:        m.ConnID,
		Sender:        wire(m.Sender),
		Recipient:     wire(m.Recipient),
		Recipients:    wires(m.Recipients),
		Context:       wireDict(m.Context),
		ConnContext:   wireDict(m.ConnContext),
		Header:        m.Header,
		BodySize:      m.Body.Size,
		Body:          inline(&m.Body),
		BodyHandle:    m.Body.Handle,
		BodyChanged:   m.Body.Changed,
		Binding:       m.Binding,
		BindingGroup:  m.BindingGroup,
		RoutingDomain: wire(m.RoutingDomain),
		Priority:      int32(m.Priority),
		Discard:       replyToPB(m.Discard),
		Reply:         replyToPB(m.Reply),
		Protocol:      pb.Protocol(m.Protocol),
		RecvFrom:      addrText(m.RecvFrom),
		RecvVia:       addrText(m.RecvVia),
		Created:       nanos(m.Created),
		Retries:       int32(m.Retries),
		Bounce:        m.Bounce,
		Original:      wire(m.Original),
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

func addrText(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
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
