package reception

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

// Accept runs the hooks after the final dot on s's transaction, and queues what
// they leave. A 250 means that every queued copy is durable.
func (d *Door) Accept(ctx context.Context, s *validate.Session, dr *Draft) Result {
	defer dr.release()
	defer s.Reset()
	r := d.newRun(s, dr)
	r.toTheEnd(ctx)
	return Result{Reply: r.final, Close: r.close, Tarpit: r.tarpit}
}

func (d *Door) newRun(s *validate.Session, dr *Draft) *run {
	return &run{door: d, s: s, dr: dr, refused: map[int]*smtp.Reply{}, removed: map[int]bool{}}
}

// toTheEnd takes a transaction from its last octet to its final reply.
func (r *run) toTheEnd(ctx context.Context) {
	if r.final = r.unfit(); r.final != nil {
		r.reject(r.final)
		return
	}
	r.hooks(ctx)
	if r.final == nil {
		r.store(ctx)
	}
}

// unfit is why a message is refused before policy sees it; nil where it is not.
func (r *run) unfit() *smtp.Reply {
	d, st := r.door, r.s.State
	if err := r.dr.finish(); err != nil {
		r.dr.Abort()
		return d.asReply(err)
	}
	d.describe(st, r.dr)
	if missing, _ := st.Message.Context.Get("rfc2822_date_missing"); missing != "" && r.dr.options().Date == "pedantic" {
		r.dr.Abort()
		return errNoDate
	}
	return d.loops(st, r.dr)
}

// asReply makes an error fit for the peer; its cause goes to the paniclog here
// and nowhere else.
func (d *Door) asReply(err error) *smtp.Reply {
	var r *smtp.Reply
	if !errors.As(err, &r) {
		r = errDurable.WithCause(err)
	}
	if r.Cause != nil {
		d.Log.Panic(sdk.LogRecord{Level: sdk.LevelError, Source: "reception", Text: r.Cause.Error()})
	}
	return r
}

// describe gives the transaction what is known once its content is there, and
// the fields a sender should have set (RFC 5322 §3.6; RFC 6409 §8 allows them
// to be added).
func (d *Door) describe(st *sdk.State, dr *Draft) {
	m, o := st.Message, dr.options()
	if m.BatchID == "" { // else it stands in the Received field already
		m.BatchID = d.NewID()
	}
	if m.Created.IsZero() {
		m.Created = d.Now()
	}
	m.ID, m.ConnID, m.Protocol = m.BatchID, st.Conn.ID, st.Conn.Protocol
	m.RecvFrom, m.RecvVia = st.Conn.Peer, st.Conn.Local
	m.Header, m.Body = dr.header, dr.sdkBody()
	if dr.eight {
		m.Context.Set("#8bitmime", "1")
	}
	if len(mail.RawHeader(m.Header, "Date")) == 0 {
		m.Context.Set("rfc2822_date_missing", "true")
	}
	if len(mail.RawHeader(m.Header, "Date")) == 0 && o.Date == "ifneeded" {
		m.Header = mail.AppendHeader(m.Header, "Date", []string{d.Now().Format(time.RFC1123Z)})
	}
	if len(mail.RawHeader(m.Header, "Message-ID")) == 0 && o.MessageID == "ifneeded" {
		id := fmt.Sprintf("<%s@%s>", messageIDLocal(m.ID), d.Hostname())
		m.Header = mail.AppendHeader(m.Header, "Message-ID", []string{id})
	}
}

// messageIDLocal makes an id a dot-atom (RFC 5322 §3.6.4).
func messageIDLocal(id string) string {
	b := []byte(id)
	for i := range b {
		if b[i] == '/' {
			b[i] = '.'
		}
	}
	return string(b)
}

// run is one transaction behind the final dot.
type run struct {
	door    *Door
	s       *validate.Session
	dr      *Draft
	refused map[int]*smtp.Reply // by copy
	removed map[int]bool        // copies whose recipient was taken off the list
	taken   map[int]bool        // copies that core_ec_message_enqueue kept for itself
	queued  []*message.Message  // durable, and on their way
	final   *smtp.Reply         // set: the transaction ends here
	ok      *smtp.Reply         // a positive reply that policy chose
	close   bool
	tarpit  time.Duration
}

// hooks runs steps 6 to 8 of the message's way (docs/flow.md).
func (r *run) hooks(ctx context.Context) {
	todo := r.phases()
	for len(todo) > 0 && r.final == nil {
		o := r.s.Run(ctx, todo...)
		done := todo[:o.Ran]
		todo = todo[o.Ran:]
		if len(done) == 0 {
			r.final = validate.TemporaryFailure(sdk.ValidateData)
			return
		}
		r.tarpit += o.Tarpit
		todo = r.judge(o, done[len(done)-1], todo)
		r.enqueueAnswers(o)
		if o.Grouped && r.final == nil {
			r.choose(ctx, done[len(done)-1].Copy)
		}
	}
}

// phases are what the origin of a transaction has policy asked about
// (docs/flow.md, "Which mail meets which hooks").
func (r *run) phases() []sdk.Phase {
	if r.s.State.Conn.Protocol == sdk.ProtocolREST {
		return r.generatedPhases()
	}
	var out []sdk.Phase
	for _, h := range [...]sdk.Hook{sdk.ValidateData, sdk.ValidateDataSpool} {
		if r.s.Wants(h) {
			out = append(out, sdk.Phase{Hook: h})
		}
	}
	return append(out, r.copyPhases(0, len(r.s.State.Message.Recipients))...)
}

// copyPhases are the phases of the copies from first up to count, as far as any
// module wants them.
func (r *run) copyPhases(first, count int) []sdk.Phase {
	var out []sdk.Phase
	for _, h := range [...]sdk.Hook{
		sdk.CorePreMsgEachRcpt, sdk.ValidateDataSpoolEachRcpt, sdk.CoreValidateDataSpoolEachRcpt,
		sdk.CorePostValidateDataSpoolEachRcpt, sdk.CorePostMsgEachRcpt,
	} {
		for i := first; i < count && r.s.Wants(h); i++ {
			out = append(out, sdk.Phase{Hook: h, Copy: i})
		}
	}
	return append(out, bindPhases(r.s, first, count)...)
}

// bindPhases are the hooks that every message meets, whatever its origin
// (design section 3, the table of origins), as far as any module wants them.
func bindPhases(s *validate.Session, first, count int) []sdk.Phase {
	var out []sdk.Phase
	for i := first; i < count; i++ {
		for _, h := range [...]sdk.Hook{
			sdk.ValidateSetBinding, sdk.CorePostValidateSetBinding, sdk.CoreFinalValidation2, sdk.CoreFinalValidation,
			sdk.CorePostFinalValidation, sdk.CoreConfigGetMessageRoutingDomain, sdk.CoreECMessageEnqueue,
		} {
			if s.Wants(h) {
				out = append(out, sdk.Phase{Hook: h, Copy: i})
			}
		}
	}
	return out
}

// judge decides what the phase that ended a run means for the rest.
func (r *run) judge(o *validate.Outcome, last sdk.Phase, todo []sdk.Phase) []sdk.Phase {
	reply := o.Reply()
	r.accept(o.Replies)
	switch {
	case o.Failed, o.Close:
		r.final, r.close = reply, o.Close
		if reply == nil {
			r.final = smtp.NewReply(421, "4.3.0", "closing connection")
		}
		r.reject(r.final)
	case reply.Refuses() && last.Hook.Info().Target == sdk.TargetCopy:
		r.refused[last.Copy] = reply
		return withoutCopy(todo, last.Copy)
	case reply.Refuses():
		r.final = reply
		r.reject(reply)
	case o.ListChanged:
		return r.relist(todo)
	}
	return todo
}

// accept keeps the last positive reply of a run: later phases of the same run
// may have set none.
func (r *run) accept(replies []*smtp.Reply) {
	for _, reply := range replies {
		if reply != nil && !reply.Refuses() {
			r.ok = reply
		}
	}
}

func withoutCopy(todo []sdk.Phase, index int) []sdk.Phase {
	kept := todo[:0:0]
	for _, p := range todo {
		if p.Hook.Info().Target != sdk.TargetCopy || p.Copy != index {
			kept = append(kept, p)
		}
	}
	return kept
}

// relist makes the rest fit a recipient list that changed. Once the transaction
// is split, added recipients get copies of their own, which skip each_rcpt: the
// script that added one from there would otherwise add it again.
func (r *run) relist(todo []sdk.Phase) []sdk.Phase {
	st := r.s.State
	if st.Copies == nil {
		kept := todo[:0:0]
		for _, p := range todo {
			if p.Hook.Info().Target == sdk.TargetTxn {
				kept = append(kept, p)
			}
		}
		return append(kept, r.copyPhases(0, len(st.Message.Recipients))...)
	}
	for i, c := range st.Copies {
		if !contains(st.Message.Recipients, c.Original) {
			todo = withoutCopy(todo, i)
			r.removed[i] = true
		}
	}
	for _, rcpt := range st.Message.Recipients {
		if st.HasCopy(rcpt) {
			continue
		}
		st.AddCopy(rcpt, r.door.NewID())
		todo = append(todo, bindPhases(r.s, len(st.Copies)-1, len(st.Copies))...)
	}
	return todo
}

func contains(list []smtp.Address, a smtp.Address) bool {
	for _, x := range list {
		if x == a {
			return true
		}
	}
	return false
}

// reject writes the rejectlog record of a refused transaction or copy.
func (r *run) reject(reply *smtp.Reply) { r.rejectOne(r.s.State.Message, reply) }

// rejectOne is reject for a message: the transaction's or a copy.
func (r *run) rejectOne(m *sdk.Message, reply *smtp.Reply) {
	st := r.s.State
	rec := &logs.Rejection{
		Now: r.door.Now(), Remote: st.Conn.Peer, Local: st.Conn.Local, ConnID: st.Conn.ID,
		Phase: logs.PhaseAsyncBody, Reply: reply, Module: r.s.LastModule(), Conn: st.Conn.Context,
	}
	if m != nil {
		rec.Mess = m.Context
	}
	rec.Pathway, _ = st.Conn.Context.Get("pathway")
	rec.Group, _ = st.Conn.Context.Get("pathway_group")
	r.door.Log.Rejection(rec)
}
