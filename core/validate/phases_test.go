package validate

import (
	"context"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// smtpPhases is one phase of every hook that an SMTP client waits for.
func smtpPhases() []sdk.Phase {
	var out []sdk.Phase
	for _, info := range sdk.Hooks[1:] {
		if info.Waiting {
			out = append(out, sdk.Phase{Hook: info.Hook, Address: "a@x.test"})
		}
	}
	return out
}

// In every phase, with two modules: CONT asks the second, DONE does not, a
// refusal stands whatever the verdict, and nobody is asked twice.
func TestTwoModulesInEveryPhase(t *testing.T) {
	for _, p := range smtpPhases() {
		for name, tc := range map[string]struct {
			first  sdk.PhaseResult
			asked  int // how often the second module is
			refuse bool
		}{
			"CONT":            {sdk.PhaseResult{}, 1, false},
			"DONE":            {sdk.PhaseResult{Verdict: sdk.Done}, 0, false},
			"CONT and reject": {sdk.PhaseResult{Reply: smtp.NewReply(550, "5.7.1", "no")}, 1, true},
			"DONE and reject": {sdk.PhaseResult{Verdict: sdk.Done, Reply: smtp.NewReply(550, "5.7.1", "no")}, 0, true},
		} {
			mark := sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictConn, Name: "mark", Value: "1"}
			tc.first.Changes = []sdk.Change{mark}
			first := newCaller("first", func(sdk.Phase) sdk.PhaseResult { return tc.first }, p.Hook)
			second := newCaller("second", cont, p.Hook)
			s, _, problems := session(t, first, second)
			o := s.Run(context.Background(), p)
			if len(first.calls) != 1 || len(second.calls) != tc.asked {
				t.Errorf("%s %s: asked %d and %d times", p.Hook, name, len(first.calls), len(second.calls))
			}
			if o.Ran != 1 || o.Reply().Refuses() != tc.refuse || o.Failed || len(*problems) != 0 {
				t.Errorf("%s %s: %+v %v", p.Hook, name, o, *problems)
			}
			if v, _ := s.State.Conn.Context.Get("mark"); v != "1" {
				t.Errorf("%s %s: the side effect is lost", p.Hook, name)
			}
			s.Close()
			if len(first.ended) != 1 || len(second.ended) != tc.asked {
				t.Errorf("%s %s: told of the end %d and %d times", p.Hook, name, len(first.ended), len(second.ended))
			}
		}
	}
}
