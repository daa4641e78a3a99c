package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller answers each phase with what the test says, and keeps what it was
// asked.
type caller struct {
	name   string
	hooks  sdk.HookSet
	calls  []string // one line a call: its phases
	ended  []uint64
	answer func(p sdk.Phase) sdk.PhaseResult
	err    error
}

func newCaller(name string, answer func(p sdk.Phase) sdk.PhaseResult, hooks ...sdk.Hook) *caller {
	c := &caller{name: name, answer: answer}
	for _, h := range hooks {
		c.hooks.Add(h)
	}
	return c
}

func (c *caller) Name() string                        { return c.name }
func (c *caller) Hooks() sdk.HookSet                  { return c.hooks }
func (c *caller) SessionEnded(session uint64, _ Seat) { c.ended = append(c.ended, session) }
func (c *caller) Call(_ context.Context, call *sdk.Call, seat *Seat) (*sdk.Answer, error) {
	seat.Incarnation = 1
	var phases []string
	ans := &sdk.Answer{}
	for _, p := range call.Phases {
		phases = append(phases, fmt.Sprintf("%s/%d", strings.TrimPrefix(p.Hook.String(), "validate_"), p.Copy))
		if len(ans.Results) > 0 && ans.Results[len(ans.Results)-1].EndsRun() {
			continue
		}
		ans.Results = append(ans.Results, c.answer(p))
	}
	c.calls = append(c.calls, strings.Join(phases, " "))
	if c.err != nil {
		return nil, c.err
	}
	return ans, nil
}

func cont(sdk.Phase) sdk.PhaseResult { return sdk.PhaseResult{} }

func refuse(code int) sdk.PhaseResult {
	return sdk.PhaseResult{Reply: smtp.NewReply(code, "", "no")}
}

// session makes one over the callers, with two recipients in a transaction.
func session(t *testing.T, callers ...Caller) (*Session, *Validator, *[]string) {
	t.Helper()
	var problems []string
	id := 0
	v := &Validator{CallTimeout: time.Minute, Problem: func(s string) { problems = append(problems, s) },
		NewID: func() string { id++; return fmt.Sprintf("id%d", id) },
		After: func(time.Duration) <-chan time.Time { c := make(chan time.Time, 1); c <- time.Time{}; return c }}
	v.SetChain(NewChain(1, callers, nil))
	s := v.NewSession(sdk.Conn{ID: "conn"})
	s.Begin(&sdk.Message{Recipients: []smtp.Address{"a@x.test", "b@x.test"}})
	return s, v, &problems
}

func dataPhases() []sdk.Phase {
	return []sdk.Phase{{Hook: sdk.ValidateData}, {Hook: sdk.ValidateDataSpool},
		{Hook: sdk.ValidateDataSpoolEachRcpt, Copy: 0}, {Hook: sdk.ValidateDataSpoolEachRcpt, Copy: 1},
		{Hook: sdk.ValidateSetBinding, Copy: 0}, {Hook: sdk.ValidateSetBinding, Copy: 1}}
}

var dataHooks = []sdk.Hook{sdk.ValidateData, sdk.ValidateDataSpool, sdk.ValidateDataSpoolEachRcpt, sdk.ValidateSetBinding}

func TestOneModuleAloneIsOneCall(t *testing.T) {
	m := newCaller("m", cont, dataHooks...)
	s, _, _ := session(t, m)
	o := s.Run(context.Background(), dataPhases()...)
	want := []string{"data/0 data_spool/0 data_spool_each_rcpt/0 data_spool_each_rcpt/1 set_binding/0 set_binding/1"}
	if !slices.Equal(m.calls, want) || o.Ran != 6 || len(o.Replies) != 6 {
		t.Errorf("calls %q, ran %d", m.calls, o.Ran)
	}
	if len(s.State.Copies) != 2 || s.State.Copies[0].ID == s.State.Copies[1].ID || s.State.Copies[1].Recipient != "b@x.test" {
		t.Errorf("copies %+v", s.State.Copies)
	}
}

func TestTwoModulesAreACallForEachPhase(t *testing.T) {
	first := newCaller("first", cont, sdk.ValidateData, sdk.ValidateSetBinding)
	second := newCaller("second", cont, dataHooks...)
	s, _, _ := session(t, first, second)
	if o := s.Run(context.Background(), dataPhases()...); o.Ran != 6 {
		t.Errorf("ran %d", o.Ran)
	}
	if want := []string{"data/0", "set_binding/0", "set_binding/1"}; !slices.Equal(first.calls, want) {
		t.Errorf("first: %q", first.calls)
	}
	if want := []string{"data/0", "data_spool/0 data_spool_each_rcpt/0 data_spool_each_rcpt/1", "set_binding/0", "set_binding/1"}; !slices.Equal(second.calls, want) {
		t.Errorf("second: %q", second.calls)
	}
}

func TestNobodyWantsAPhase(t *testing.T) {
	m := newCaller("m", cont, sdk.ValidateSetBinding)
	s, _, _ := session(t, m)
	o := s.Run(context.Background(), dataPhases()...)
	if want := []string{"set_binding/0 set_binding/1"}; !slices.Equal(m.calls, want) || o.Ran != 6 {
		t.Errorf("calls %q, ran %d", m.calls, o.Ran)
	}
	if o := s.Run(context.Background(), sdk.Phase{Hook: sdk.ValidateConnect}); o.Ran != 1 || o.Reply() != nil {
		t.Errorf("%+v", o)
	}
}

func TestDoneSkipsTheOtherModulesOfThePhase(t *testing.T) {
	done := func(sdk.Phase) sdk.PhaseResult { return sdk.PhaseResult{Verdict: sdk.Done} }
	first := newCaller("first", done, sdk.ValidateData, sdk.ValidateDataSpool)
	second := newCaller("second", cont, sdk.ValidateData, sdk.ValidateDataSpool, sdk.ValidateSetBinding)
	s, _, _ := session(t, first, second)
	s.Run(context.Background(), dataPhases()...)
	if want := []string{"set_binding/0 set_binding/1"}; !slices.Equal(second.calls, want) || len(first.calls) != 2 {
		t.Errorf("first %q, second %q", first.calls, second.calls)
	}
}

func TestARefusalStandsWhateverTheVerdict(t *testing.T) {
	first := newCaller("first", func(p sdk.Phase) sdk.PhaseResult { return refuse(550) }, sdk.ValidateData)
	second := newCaller("second", cont, sdk.ValidateData)
	s, _, _ := session(t, first, second)
	o := s.Run(context.Background(), dataPhases()...)
	if o.Reply().Code != 550 || o.Ran != 1 || len(second.calls) != 1 {
		t.Errorf("reply %v, ran %d, second asked %d times", o.Reply(), o.Ran, len(second.calls))
	}
}

func TestARefusedCopyEndsTheRunAndTheRestGoesOn(t *testing.T) {
	m := newCaller("m", func(p sdk.Phase) sdk.PhaseResult {
		if p.Hook == sdk.ValidateDataSpoolEachRcpt && p.Copy == 0 {
			return refuse(550)
		}
		return sdk.PhaseResult{}
	}, dataHooks...)
	s, _, _ := session(t, m)
	phases := dataPhases()
	o := s.Run(context.Background(), phases...)
	if o.Ran != 3 || o.Reply().Code != 550 {
		t.Fatalf("ran %d, reply %v", o.Ran, o.Reply())
	}
	if o = s.Run(context.Background(), phases[3:]...); o.Ran != 3 || o.Reply() != nil {
		t.Errorf("ran %d, reply %v", o.Ran, o.Reply())
	}
}

func TestChangesAreApplied(t *testing.T) {
	m := newCaller("m", func(p sdk.Phase) sdk.PhaseResult {
		return sdk.PhaseResult{Changes: []sdk.Change{
			{Kind: sdk.ContextSet, Target: sdk.TargetTxn, Dict: sdk.DictMess, Name: "k", Value: "v"},
			{Kind: sdk.TarpitSet, Number: 1500},
			{Kind: sdk.CapabilitySet, Name: "XFOO"},
			{Kind: sdk.PrioritySet, Target: sdk.TargetTxn, Number: 7},
		}}
	}, sdk.ValidateData)
	s, _, problems := session(t, m)
	o := s.Run(context.Background(), sdk.Phase{Hook: sdk.ValidateData})
	if v, _ := s.State.Message.Context.Get("k"); v != "v" || o.Tarpit != 1500*time.Millisecond || len(o.Capabilities) != 1 {
		t.Errorf("context %v, outcome %+v", s.State.Message.Context, o)
	}
	if len(*problems) != 1 || !strings.Contains((*problems)[0], "priority 7") {
		t.Errorf("problems %q", *problems)
	}
}

func TestAChangedListEndsTheRun(t *testing.T) {
	m := newCaller("m", func(p sdk.Phase) sdk.PhaseResult {
		return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.RecipientReplace, Target: sdk.TargetTxn, Values: []string{"n@x.test"}}}}
	}, dataHooks...)
	s, _, _ := session(t, m)
	o := s.Run(context.Background(), dataPhases()...)
	if o.Ran != 1 || !o.ListChanged || !slices.Equal(s.State.Message.Recipients, []smtp.Address{"n@x.test"}) {
		t.Errorf("ran %d, changed %v, list %v", o.Ran, o.ListChanged, s.State.Message.Recipients)
	}
}

func TestAgainAsksTheSameModuleOnceMore(t *testing.T) {
	asked := 0
	first := newCaller("first", func(sdk.Phase) sdk.PhaseResult {
		if asked++; asked < 3 {
			return sdk.PhaseResult{Verdict: sdk.Again}
		}
		return sdk.PhaseResult{}
	}, sdk.ValidateData, sdk.ValidateDataSpool)
	second := newCaller("second", cont, sdk.ValidateData)
	s, _, _ := session(t, first, second)
	o := s.Run(context.Background(), sdk.Phase{Hook: sdk.ValidateData})
	if asked != 3 || len(second.calls) != 1 || o.Reply() != nil || o.Ran != 1 {
		t.Errorf("asked %d times, second %d, %+v", asked, len(second.calls), o)
	}
	asked = 0
	second.hooks = 0
	alone, _, _ := session(t, first)
	if o := alone.Run(context.Background(), dataPhases()[:2]...); o.Ran != 2 || asked != 4 {
		t.Errorf("in a run: ran %d, asked %d times", o.Ran, asked)
	}
}

func TestAgainHasAnEnd(t *testing.T) {
	m := newCaller("m", func(sdk.Phase) sdk.PhaseResult { return sdk.PhaseResult{Verdict: sdk.Again} }, sdk.ValidateMailFrom)
	s, _, problems := session(t, m)
	o := s.Run(context.Background(), sdk.Phase{Hook: sdk.ValidateMailFrom})
	if !o.Failed || !o.Close || o.Reply().Code != 421 || len(*problems) != 1 {
		t.Errorf("%+v, problems %q", o, *problems)
	}
}

func TestAModuleThatIsGone(t *testing.T) {
	for hook, code := range map[sdk.Hook]int{sdk.ValidateMailFrom: 421, sdk.ValidateData: 451} {
		m := newCaller("m", cont, hook)
		m.err = sdk.ErrModuleGone
		s, _, problems := session(t, m)
		o := s.Run(context.Background(), sdk.Phase{Hook: hook})
		if !o.Failed || o.Reply().Code != code || o.Close != (code == 421) || !errors.Is(o.Reply(), sdk.ErrModuleGone) || len(*problems) != 1 {
			t.Errorf("%s: %+v, problems %q", hook, o, *problems)
		}
		if strings.Contains(string(o.Reply().Append(nil)), "gone") {
			t.Error("the cause is in the reply")
		}
	}
}

func TestPipelinedRecipientsAreOneCall(t *testing.T) {
	m := newCaller("m", func(p sdk.Phase) sdk.PhaseResult {
		if p.Address == "bad@x.test" {
			return refuse(550)
		}
		return sdk.PhaseResult{}
	}, sdk.ValidateMailFrom, sdk.ValidateRcptTo)
	s, _, _ := session(t, m)
	s.Begin(&sdk.Message{})
	phases := []sdk.Phase{{Hook: sdk.ValidateMailFrom, Address: "s@y.test", Line: "MAIL FROM:<s@y.test>"}}
	for _, a := range []smtp.Address{"a@x.test", "bad@x.test", "c@x.test"} {
		phases = append(phases, sdk.Phase{Hook: sdk.ValidateRcptTo, Address: a, Line: "RCPT TO:" + a.Path()})
	}
	o := s.Run(context.Background(), phases...)
	if o.Ran != 3 || len(m.calls) != 1 {
		t.Fatalf("ran %d, calls %q", o.Ran, m.calls)
	}
	s.Run(context.Background(), phases[3:]...)
	if !slices.Equal(s.State.Message.Recipients, []smtp.Address{"a@x.test", "c@x.test"}) || s.State.Message.Sender != "s@y.test" {
		t.Errorf("message %+v", s.State.Message)
	}
	if v, _ := s.State.Message.Context.Get("rcptto_localpart"); v != "c" {
		t.Errorf("context %v", s.State.Message.Context)
	}
}

func TestGenerations(t *testing.T) {
	old, young := newCaller("m", cont, sdk.ValidateMailFrom), newCaller("m", cont, sdk.ValidateMailFrom)
	retired := false
	s, v, _ := session(t)
	v.SetChain(NewChain(2, []Caller{old}, func() { retired = true }))
	s.Move()
	s.State.Conn.Context.Set("kept", "1")
	s.Run(context.Background(), sdk.Phase{Hook: sdk.ValidateMailFrom})
	v.SetChain(NewChain(3, []Caller{young}, nil))
	s.Run(context.Background(), sdk.Phase{Hook: sdk.ValidateMailFrom})
	if len(young.calls) != 0 || retired {
		t.Fatal("a transaction changed its generation")
	}
	s.Begin(&sdk.Message{})
	if len(old.ended) != 1 || !retired || s.Generation() != 3 {
		t.Fatalf("ended %v, retired %v, generation %d", old.ended, retired, s.Generation())
	}
	if v, _ := s.State.Conn.Context.Get("kept"); v != "1" {
		t.Error("the connection context was lost")
	}
	s.Close()
	if len(young.ended) != 0 {
		t.Error("a module that never saw the session was told of its end")
	}
}

func TestInjectionsGoThroughTheDoor(t *testing.T) {
	m := newCaller("m", func(sdk.Phase) sdk.PhaseResult {
		return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.InjectMessage, Injection: &sdk.Injection{Sender: "x@y.test"}}}}
	}, sdk.ValidateData)
	s, v, _ := session(t, m)
	var got []smtp.Address
	v.Inject = func(_ context.Context, in *sdk.Injection) ([]string, error) {
		got = append(got, in.Sender)
		return nil, nil
	}
	if o := s.Run(context.Background(), sdk.Phase{Hook: sdk.ValidateData}); o.Failed || len(got) != 1 {
		t.Errorf("%+v, injected %v", o, got)
	}
	v.Inject = func(context.Context, *sdk.Injection) ([]string, error) { return nil, errors.New("disk is full") }
	if o := s.Run(context.Background(), sdk.Phase{Hook: sdk.ValidateData}); !o.Failed || o.Reply().Code != 451 {
		t.Errorf("%+v", o)
	}
}
