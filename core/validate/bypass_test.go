package validate

import (
	"context"
	"slices"
	"testing"

	"github.com/mtad/mtad/sdk"
)

func TestBypass(t *testing.T) {
	first, second := newCaller("first", cont, dataHooks...), newCaller("second", cont, dataHooks...)
	s, _, _ := session(t, first, second)
	s.State.Conn.Context.Set("__bypass_second", "true")
	s.State.Conn.Context.Set("__bypass_first", "")
	if o := s.Run(context.Background(), dataPhases()...); o.Ran != 6 || len(second.calls) != 0 || len(first.calls) != 6 {
		t.Errorf("ran %d, calls %q and %q", o.Ran, first.calls, second.calls)
	}
}

func TestBypassOfTheOnlyModule(t *testing.T) {
	m := newCaller("m", func(sdk.Phase) sdk.PhaseResult { return refuse(550) }, dataHooks...)
	s, _, _ := session(t, m)
	s.State.Conn.Context.Set("__bypass_m", "true")
	if o := s.Run(context.Background(), dataPhases()...); o.Ran != 6 || len(m.calls) != 0 || o.Reply().Refuses() {
		t.Errorf("ran %d, calls %q", o.Ran, m.calls)
	}
	s.State.Copies[1].ConnContext.Delete("__bypass_m")
	phases := []sdk.Phase{{Hook: sdk.ValidateSetBinding, Copy: 0}, {Hook: sdk.ValidateSetBinding, Copy: 1}}
	if s.Run(context.Background(), phases...); !slices.Equal(m.calls, []string{"set_binding/1"}) {
		t.Errorf("one copy's context counts: %q", m.calls)
	}
}
