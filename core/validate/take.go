package validate

import (
	"context"
	"fmt"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// take carries out one phase's result. The phase's place in o.Replies is there
// already.
func (s *Session) take(ctx context.Context, p sdk.Phase, r *sdk.PhaseResult, o *Outcome) {
	s.apply(r.Changes)
	for i := range r.Changes {
		if r.Changes[i].Kind == sdk.AnswerSet {
			o.Answers = append(o.Answers, Answer{p, r.Changes[i].Number, r.Changes[i].Value})
		}
		if err := s.effect(ctx, &r.Changes[i], o); err != nil {
			s.setReply(o, s.failure(p, err))
			o.Failed = true
			return
		}
	}
	if r.Reply != nil {
		s.setReply(o, r.Reply)
	}
	if r.Failed {
		o.Failed = true
		o.Close = o.Close || p.Hook.Info().PreData
	}
}

func (s *Session) setReply(o *Outcome, r *smtp.Reply) { o.Replies[len(o.Replies)-1] = r }

func (s *Session) apply(changes []sdk.Change) {
	for i := range changes {
		if err := sdk.Apply(s.State, &changes[i]); err != nil {
			s.v.Problem(fmt.Sprintf("%s: %v", s.lastMod, err))
		}
	}
}

// effect does what is no state.
func (s *Session) effect(ctx context.Context, c *sdk.Change, o *Outcome) error {
	switch c.Kind {
	case sdk.DisconnectSet:
		o.Close = true
		if c.Number != 0 {
			s.setReply(o, smtp.ParseReplyText(int(c.Number), c.Value))
		}
	case sdk.TarpitSet:
		o.Tarpit += time.Duration(c.Number) * time.Millisecond
	case sdk.CapabilitySet, sdk.CapabilityDelete:
		o.Capabilities = append(o.Capabilities, *c)
	case sdk.RecipientAdd, sdk.RecipientRemove, sdk.RecipientReplace:
		o.ListChanged = true
	case sdk.BindingGroupSet:
		o.Grouped = true
	case sdk.InjectMessage:
		_, err := s.v.Inject(ctx, c.Injection)
		return err
	}
	return nil
}

// fail records a call that got no answer as the outcome of phase p.
func (s *Session) fail(p sdk.Phase, err error, o *Outcome) {
	o.Ran++
	o.Replies = append(o.Replies, s.failure(p, err))
	o.Failed = true
	o.Close = o.Close || p.Hook.Info().PreData
}

// failure is the reply of design section 5: 421 and close before DATA, 451
// after it. What went wrong is for the operator alone.
func (s *Session) failure(p sdk.Phase, err error) *smtp.Reply {
	if err == nil {
		err = fmt.Errorf("no result for %s", p.Hook)
	}
	s.v.Problem(fmt.Sprintf("%s: %s failed: %v", s.lastMod, p.Hook, err))
	return TemporaryFailure(p.Hook).WithCause(err)
}

// TemporaryFailure is what a client gets when policy could not decide: the
// original's text (reference/lua-api-notes.md 19).
func TemporaryFailure(h sdk.Hook) *smtp.Reply {
	code := 451
	if h.Info().PreData {
		code = 421
	}
	return smtp.NewReply(code, "4.3.0", "temporary issue, please retry your message later")
}
