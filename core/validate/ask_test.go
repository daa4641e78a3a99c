package validate

import (
	"context"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// An answer of a hook's own comes with its phase, and ends the asking; nobody's
// hook is one look.
func TestAsk(t *testing.T) {
	first := newCaller("first", func(p sdk.Phase) sdk.PhaseResult {
		return sdk.PhaseResult{Verdict: sdk.Done, Changes: []sdk.Change{{Kind: sdk.AnswerSet, Number: p.Number + 1, Value: "v"}}}
	}, sdk.CoreGenerateBounces)
	second := newCaller("second", cont, sdk.CoreGenerateBounces)
	_, v, _ := session(t, first, second)
	if !v.Wants(sdk.CoreGenerateBounces) || v.Wants(sdk.CoreLogAttempt) {
		t.Error("Wants")
	}
	m := &sdk.Message{ConnID: "conn", ConnContext: sdk.Dict{{Key: "k", Value: "v"}}}
	st := &sdk.State{Conn: ConnOf(m), Message: m, Copies: []*sdk.Message{m}}
	o := v.Ask(context.Background(), st, sdk.Phase{Hook: sdk.CoreGenerateBounces, Number: 6})
	a, ok := o.Answer(sdk.CoreGenerateBounces)
	if !ok || a.Number != 7 || a.Value != "v" || len(second.calls) != 0 || len(first.ended) != 1 || st.Conn.ID != "conn" {
		t.Errorf("%+v, second asked %d times, first told of %d ends", o, len(second.calls), len(first.ended))
	}
	if _, ok := o.Answer(sdk.CoreECMessageEnqueue); ok {
		t.Error("an answer that nobody gave")
	}
}
