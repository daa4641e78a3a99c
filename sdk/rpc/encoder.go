package rpc

import (
	"net/netip"
	"unsafe"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

// encoder turns a call into a pb message. It owns what the message consists of,
// so that the next call needs nothing new: a message is encoded and forgotten
// before that.
type encoder struct {
	item    pb.Item
	body    pb.Item_Call
	call    pb.Call
	state   pb.State
	conn    pb.Conn
	message pb.Message
	phases  []pb.Phase
	order   []*pb.Phase
	list    [][]byte // lists and dictionaries are cut from it
	text    []byte   // network addresses are cut from it
}

// keptEntries is the longest list that an encoder keeps for the next call.
const keptEntries = 4096

func callToPB(c *sdk.Call) *pb.Call { return new(encoder).fill(c) }

// question is a call as an item.
func (e *encoder) question(h head, c *sdk.Call) *pb.Item {
	e.body.Call = e.fill(c)
	e.item.Id, e.item.TimeoutUs, e.item.Body = h.id, h.timeoutUS, &e.body
	return &e.item
}

// clear lets go of the call.
func (e *encoder) clear() {
	if cap(e.list) > keptEntries {
		e.list = nil
	}
	clear(e.list)
	clear(e.phases)
	e.list, e.text = e.list[:0], e.text[:0]
	e.call.Reset()
	e.state.Reset()
	e.conn.Reset()
	e.message.Reset()
}

func (e *encoder) fill(c *sdk.Call) *pb.Call {
	out := &e.call
	out.Generation, out.Transaction, out.SplitIds = c.Generation, c.Transaction, c.SplitIDs
	out.Reply = replyToPB(c.Reply)
	out.Phases = e.phaseList(c.Phases)
	if c.State != nil {
		out.State = e.fillState(c.State)
	}
	return out
}

func (e *encoder) phaseList(list []sdk.Phase) []*pb.Phase {
	if cap(e.phases) < len(list) {
		e.phases, e.order = make([]pb.Phase, len(list)), make([]*pb.Phase, len(list))
	}
	e.phases, e.order = e.phases[:len(list)], e.order[:len(list)]
	for i := range list {
		p, q := &list[i], &e.phases[i]
		q.Hook, q.Copy, q.Line, q.Address, q.Number = pb.Hook(p.Hook), int32(p.Copy), wire(p.Line), wire(p.Address), p.Number
		q.Attempt = attemptToPB(p.Attempt)
		e.order[i] = q
	}
	return e.order
}

func (e *encoder) fillState(s *sdk.State) *pb.State {
	c := &e.conn
	c.Session, c.Id, c.Protocol = s.Conn.Session, s.Conn.ID, pb.Protocol(s.Conn.Protocol)
	c.Peer, c.Local = e.address(s.Conn.Peer), e.address(s.Conn.Local)
	c.Context = e.dict(s.Conn.Context)
	e.state.Conn = c
	if s.Message != nil {
		e.fillMessage(s.Message, &e.message)
		e.state.Message = &e.message
	}
	for _, m := range s.Copies {
		one := &pb.Message{}
		e.fillMessage(m, one)
		e.state.Copies = append(e.state.Copies, one)
	}
	return &e.state
}

func (e *encoder) fillMessage(m *sdk.Message, out *pb.Message) {
	out.Id, out.BatchId, out.ConnId = m.ID, m.BatchID, m.ConnID
	out.Sender, out.Recipient, out.Original = wire(m.Sender), wire(m.Recipient), wire(m.Original)
	from := len(e.list)
	for _, r := range m.Recipients {
		e.list = append(e.list, wire(r))
	}
	out.Recipients = e.cut(from)
	out.Context, out.ConnContext = e.dict(m.Context), e.dict(m.ConnContext)
	out.Header = m.Header
	out.BodySize, out.Body, out.BodyHandle, out.BodyChanged = m.Body.Size, inline(&m.Body), m.Body.Handle, m.Body.Changed
	out.Binding, out.BindingGroup, out.RoutingDomain = m.Binding, m.BindingGroup, wire(m.RoutingDomain)
	out.Priority, out.Retries, out.Bounce = int32(m.Priority), int32(m.Retries), m.Bounce
	out.Discard, out.Reply = replyToPB(m.Discard), replyToPB(m.Reply)
	out.Protocol = pb.Protocol(m.Protocol)
	out.RecvFrom, out.RecvVia = e.address(m.RecvFrom), e.address(m.RecvVia)
	out.Created = nanos(m.Created)
}

// dict makes a flat list of key and value.
func (e *encoder) dict(d sdk.Dict) [][]byte {
	from := len(e.list)
	for i := range d {
		e.list = append(e.list, wire(d[i].Key), wire(d[i].Value))
	}
	return e.cut(from)
}

func (e *encoder) cut(from int) [][]byte { return e.list[from:len(e.list):len(e.list)] }

// address is a as text, "" where there is none.
func (e *encoder) address(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	from := len(e.text)
	e.text = a.AppendTo(e.text)
	return unsafe.String(&e.text[from], len(e.text)-from)
}
