package reception

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// replyTaken stands in the rejectlog for a message that policy kept for itself.
var replyTaken = smtp.NewReply(550, "5.7.0", "[internal] taken by core_ec_message_enqueue")

// pickBinding picks a binding out of the group that policy chose for a copy: the
// one that core_binding_group_choose_binding names, else any. nil where there is
// nothing to pick; a refusing outcome where policy failed.
func (d *Door) pickBinding(ctx context.Context, s *validate.Session, index int) *validate.Outcome {
	m := s.State.Copies[index]
	if m.Binding != "" || m.BindingGroup == "" {
		return nil
	}
	if s.Wants(sdk.CoreBindingGroupChooseBinding) {
		o := s.Run(ctx, sdk.Phase{Hook: sdk.CoreBindingGroupChooseBinding, Copy: index, Line: m.BindingGroup})
		if o.Failed || o.Reply().Refuses() {
			return o
		}
	}
	t := d.Bindings()
	if _, ok := t.Find(m.Binding); ok {
		return nil
	}
	if m.Binding != "" {
		d.Log.Panic(sdk.LogRecord{Level: sdk.LevelWarning, Source: "reception",
			Text: fmt.Sprintf("message %s: there is no binding %q; one of group %q is taken", m.ID, m.Binding, m.BindingGroup)})
		m.Binding = ""
	}
	if name := alike(s.State.Copies[:index], m); name != "" {
		m.Binding = name
	} else if b, ok := t.Choose(m.BindingGroup, d.Usable); ok {
		m.Binding = b.Name
	}
	return nil
}

// maxAlike bounds how far alike looks back.
const maxAlike = 100

// alike is the binding of a copy before that goes to the same domain out of the
// same group: they share a transaction if they leave the same way.
func alike(before []*sdk.Message, m *sdk.Message) string {
	for _, o := range slices.Backward(before[max(0, len(before)-maxAlike):]) {
		if o.BindingGroup == m.BindingGroup && o.RoutingDomain == m.RoutingDomain && strings.EqualFold(o.Recipient.Domain(), m.Recipient.Domain()) {
			return o.Binding
		}
	}
	return ""
}

// choose settles the binding of a copy whose group policy chose.
func (r *run) choose(ctx context.Context, index int) {
	if r.final != nil || r.refused[index] != nil || r.removed[index] {
		return
	}
	o := r.door.pickBinding(ctx, r.s, index)
	if o == nil {
		return
	}
	r.tarpit += o.Tarpit
	if o.Failed || o.Close {
		r.final, r.close = o.Reply(), o.Close
		r.reject(r.final)
		return
	}
	r.refused[index] = o.Reply()
}

// unbound refuses a copy that policy did not bind, where such mail is not taken
// (default_binding).
func (r *run) unbound(index int) {
	d := r.door
	if d.Unbound == nil || r.final != nil || r.refused[index] != nil || r.removed[index] || r.taken[index] {
		return
	}
	if d.bind(r.s.State.Copies[index]).Name != binding.Default {
		return
	}
	if reply := d.Unbound(); reply != nil {
		r.refused[index] = reply
	}
}

// errEnqueue refuses a copy that core_ec_message_enqueue would not have queued.
var errEnqueue = smtp.NewReply(451, "4.3.0", "temporary issue, please retry your message later")

// enqueueAnswers applies what core_ec_message_enqueue said of copies.
func (r *run) enqueueAnswers(o *validate.Outcome) {
	for _, a := range o.Answers {
		switch {
		case a.Phase.Hook != sdk.CoreECMessageEnqueue:
		case a.Number == sdk.EnqueueTaken:
			if r.taken == nil {
				r.taken = map[int]bool{}
			}
			r.taken[a.Phase.Copy] = true
		case a.Number == sdk.EnqueueError:
			r.refused[a.Phase.Copy] = errEnqueue
		}
	}
}
