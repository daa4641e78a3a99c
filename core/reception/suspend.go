package reception

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// fate is what the hooks of a message without a client came to.
type fate uint8

const (
	fateBound     fate = iota
	fateSuspended      // policy failed: it waits until policy can say
	fateTaken          // core_ec_message_enqueue has it, or it was discarded
	fateRefused        // whoever injects it is told so
)

// errNotQueued is core_ec_message_enqueue's word to whoever injects.
var errNotQueued = errors.New("core_ec_message_enqueue refused the message")

// bindDetached runs the hooks of a message without a session. Policy that fails
// or puts off here does not lose the message: it waits in a suspended binding
// (design section 5). A refusal for good counts for nothing, since nobody waits
// for it, but in the paniclog.
func (d *Door) bindDetached(ctx context.Context, s *validate.Session, m *sdk.Message) (fate, error) {
	if d.PolicyTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.PolicyTime)
		defer cancel()
	}
	f := fateBound
	todo := bindPhases(s, 0, 1)
	if m.Protocol == sdk.ProtocolREST && s.Wants(sdk.MsgGenDataSpool) {
		todo = append([]sdk.Phase{{Hook: sdk.MsgGenDataSpool}}, todo...)
	}
	for len(todo) > 0 {
		o := s.Run(ctx, todo...)
		if o.Ran > 0 && !o.Failed && todo[o.Ran-1].Hook == sdk.MsgGenDataSpool && o.Reply().Refuses() {
			return fateRefused, o.Reply() // an HTTP client waits
		}
		if why := d.puttingOff(m, o); why != nil {
			return fateSuspended, why
		}
		if a, ok := o.Answer(sdk.CoreECMessageEnqueue); ok {
			f = fateTaken
			if a.Number == sdk.EnqueueError {
				f = fateRefused
			}
		}
		todo = todo[o.Ran:]
		if o := d.pickBinding(ctx, s, 0); o != nil {
			if why := d.puttingOff(m, o); why != nil {
				return fateSuspended, why
			}
		}
	}
	switch {
	case f == fateRefused:
		return f, errNotQueued
	case f == fateTaken:
		d.rejectDetached(s, m, replyTaken)
	case m.Discard != nil:
		d.rejectDetached(s, m, m.Discard)
		f = fateTaken
	}
	return f, nil
}

// rejectDetached writes the rejectlog record of a message that goes no further.
func (d *Door) rejectDetached(s *validate.Session, m *sdk.Message, reply *smtp.Reply) {
	d.Log.Rejection(&logs.Rejection{
		Now: d.Now(), Remote: m.RecvFrom, Local: m.RecvVia, ConnID: m.ConnID, Phase: logs.PhaseAsyncBody,
		Reply: reply, Module: s.LastModule(), Conn: m.ConnContext, Mess: m.Context,
	})
}

// puttingOff is why a message must wait, nil where it need not.
func (d *Door) puttingOff(m *sdk.Message, o *validate.Outcome) error {
	reply := o.Reply()
	switch {
	case o.Failed || o.Ran == 0:
		if reply != nil && reply.Cause != nil {
			return fmt.Errorf("policy failed: %w", reply.Cause)
		}
		return fmt.Errorf("policy failed: %v", reply)
	case reply.Refuses() && !reply.Permanent():
		return fmt.Errorf("policy put it off: %v", reply)
	case reply.Refuses():
		d.Log.Panic(sdk.LogRecord{Level: sdk.LevelWarning, Source: "reception",
			Text: fmt.Sprintf("message %s goes on though policy refuses it, since no client waits: %v", m.ID, reply)})
	}
	return nil
}

// suspend has a message wait for its binding, and says why.
func (c *contents) suspend(m *sdk.Message, why error) {
	if c.suspended == nil {
		c.suspended = map[*sdk.Message]string{}
	}
	c.suspended[m] = why.Error()
	c.door.Log.Panic(sdk.LogRecord{Level: sdk.LevelError, Source: "reception",
		Text: fmt.Sprintf("message %s waits in a suspended binding: %v", m.ID, why)})
}

// Rebind asks policy again about a suspended message. It gives the message as
// it goes on: m itself with other metadata, or, where policy replaced the body, a
// new durable one in its place; nil where core_ec_message_enqueue took it. An
// error says why it goes on waiting.
func (d *Door) Rebind(ctx context.Context, m *message.Message) (*message.Message, error) {
	loan, err := d.Lend(m)
	if err != nil {
		return nil, err
	}
	defer loan.Close()
	view := View(m)
	view.Header, view.Body = loan.Header, loan.Body
	s := d.Validator.Detached(view)
	defer s.Close() // at the end: what the session stored goes with it
	fate, why := d.bindDetached(ctx, s, view)
	switch fate {
	case fateSuspended, fateRefused:
		return nil, why
	case fateTaken:
		return nil, nil
	}
	env := Envelope{EightBit: m.EightBit, SMTPUTF8: m.SMTPUTF8, DSN: m.DSN}
	if view.Body.Changed {
		return d.replace(ctx, view, env)
	}
	content := m.Content
	if !bytes.Equal(view.Header, loan.Header) {
		content = withHeader(content, loan.Header, view.Header)
	}
	return d.toMessage(view, content, env), nil
}

// replace queues a suspended message anew, since policy changed its body.
func (d *Door) replace(ctx context.Context, view *sdk.Message, env Envelope) (*message.Message, error) {
	view.ID = d.NewID()
	c := contents{door: d}
	queued, err := d.commit(ctx, []*sdk.Message{view}, &c, env)
	if err != nil {
		c.drop()
		return nil, err
	}
	return queued[0], nil
}
