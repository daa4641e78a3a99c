package validate

import (
	"context"

	"github.com/mtad/mtad/sdk"
)

// Answer is what a hook answered that has answers of its own (sdk.Returns):
// the Number and Value of its AnswerSet.
type Answer struct {
	Phase  sdk.Phase
	Number int64
	Value  string
}

// Answer is the answer to one hook; false where nobody gave one.
func (o *Outcome) Answer(h sdk.Hook) (Answer, bool) {
	for _, a := range o.Answers {
		if a.Phase.Hook == h {
			return a, true
		}
	}
	return Answer{}, false
}

// Wants reports whether any module of the current generation asked for a hook.
// It is what a hook costs that nobody registered.
func (v *Validator) Wants(h sdk.Hook) bool {
	c := v.current.Load()
	return c != nil && c.Wants(h)
}

// Ask runs one phase outside of any session, on a state of the caller's making,
// which has the changes when Ask returns. Whoever asks on a message's way out
// gives ctx a deadline.
func (v *Validator) Ask(ctx context.Context, st *sdk.State, p sdk.Phase) *Outcome {
	st.Conn.Session = v.sessions.Add(1)
	s := v.session(st)
	defer s.Close()
	return s.Run(ctx, p)
}

// ConnOf is what a message knows of the connection it came over.
func ConnOf(m *sdk.Message) sdk.Conn {
	return sdk.Conn{ID: m.ConnID, Protocol: m.Protocol, Peer: m.RecvFrom, Local: m.RecvVia, Context: m.ConnContext.Clone()}
}
