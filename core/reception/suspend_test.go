package reception

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Injected mail whose policy fails waits in a suspended binding as it was before
// policy got halfway, and goes on once policy can say.
func TestAFailedPolicySuspendsAnInjectedMessage(t *testing.T) {
	answer := sdk.PhaseResult{Failed: true, Reply: smtp.NewReply(451, "4.3.0", "x").WithCause(errors.New("script.lua:1: boom"))}
	b := newBench(t, policy{
		sdk.ValidateSetBinding: func(*sdk.Call, sdk.Phase) sdk.PhaseResult {
			return sdk.PhaseResult{Changes: []sdk.Change{
				{Kind: sdk.BindingSet, Target: sdk.TargetCopy, Value: "b1"}, {Kind: sdk.HeaderAppend, Target: sdk.TargetCopy, Name: "X-Once", Values: []string{"1"}},
			}}
		},
		sdk.CoreFinalValidation: func(*sdk.Call, sdk.Phase) sdk.PhaseResult { return answer },
	})
	ids, err := b.Inject(context.Background(), &sdk.Injection{Recipients: []smtp.Address{"a@x.test"}, Header: []byte("A: b\r\n"), Body: sdk.Body{Inline: []byte("hi\r\n"), Size: 4}})
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	raw, m := b.spool.raw(t, 0)
	if raw != "A: b\r\n\r\nhi\r\n" || m.Binding != "" || m.Suspended != "policy failed: script.lua:1: boom" || m.ID != ids[0] {
		t.Errorf("%q %+v", raw, m)
	}
	if len(b.log.panics) == 0 || !strings.Contains(strings.Join(b.log.panics, "\n"), "suspended binding: policy failed: script.lua:1: boom") {
		t.Errorf("paniclog %q", b.log.panics)
	}
	m.Content.Body = b.spool.entries[0].Body
	if _, err := b.Rebind(context.Background(), m); err == nil || err.Error() != m.Suspended {
		t.Errorf("it goes on with %v", err)
	}
	answer = sdk.PhaseResult{}
	again, err := b.Rebind(context.Background(), m)
	if err != nil || again.Suspended != "" || again.Binding != "b1" || again.ID != m.ID || string(again.Content.Header) != "A: b\r\nX-Once: 1\r\n" || again.Content.Body != m.Content.Body {
		t.Fatalf("%v %+v", err, again)
	}
	answer = sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.BodyReplace, Target: sdk.TargetCopy, Data: []byte("other\r\n")}}}
	again, err = b.Rebind(context.Background(), m)
	if err != nil || again.ID == m.ID || len(b.spool.entries) != 2 {
		t.Fatalf("%v %+v", err, again)
	}
	if raw, _ := b.spool.raw(t, 1); raw != "A: b\r\nX-Once: 1\r\n\r\nother\r\n" {
		t.Errorf("%q", raw)
	}
}

// msg_gen_data_spool is asked for mail that came over HTTP, before set_binding
// in the same run, and may refuse it.
func TestGeneratedMail(t *testing.T) {
	var seen []string
	var refusal *smtp.Reply
	b := newBench(t, policy{
		sdk.MsgGenDataSpool: func(*sdk.Call, sdk.Phase) sdk.PhaseResult {
			return sdk.PhaseResult{Reply: refusal, Changes: []sdk.Change{{Kind: sdk.ContextSet, Target: sdk.TargetCopy, Dict: sdk.DictMess, Name: "binding_group", Value: "g"}}}
		},
		sdk.ValidateSetBinding: func(c *sdk.Call, p sdk.Phase) sdk.PhaseResult {
			group, _ := c.State.Copies[p.Copy].Context.Get("binding_group")
			seen = append(seen, group)
			return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.BindingGroupSet, Target: sdk.TargetCopy, Value: group}}}
		},
	})
	in := &sdk.Injection{Recipients: []smtp.Address{"a@x.test"}, Header: []byte("A: b\r\n"), Protocol: sdk.ProtocolREST}
	if _, err := b.Inject(context.Background(), in); err != nil || len(b.queued) != 1 || b.queued[0].Binding != "b1" || b.queued[0].Protocol != sdk.ProtocolREST || seen[0] != "g" {
		t.Fatalf("%v %+v %q", err, b.queued, seen)
	}
	refusal = smtp.NewReply(550, "5.7.1", "not this")
	if _, err := b.Inject(context.Background(), in); !errors.Is(err, refusal) || len(b.queued) != 1 {
		t.Errorf("%v", err)
	}
	in.Protocol = sdk.ProtocolXfer
	if _, err := b.Inject(context.Background(), in); err != nil || b.queued[1].Protocol != sdk.ProtocolInternal {
		t.Errorf("%v %+v", err, b.queued)
	}
}

// core_ec_message_enqueue keeps, refuses or passes on, and the binding of a group
// is there for the hooks behind validate_set_binding.
func TestEnqueueAndGroup(t *testing.T) {
	number, chosen := int64(sdk.EnqueueGoOn), ""
	b := newBench(t, policy{
		sdk.ValidateSetBinding: func(*sdk.Call, sdk.Phase) sdk.PhaseResult {
			return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.BindingGroupSet, Target: sdk.TargetCopy, Value: "g"}}}
		},
		sdk.CorePostValidateSetBinding: func(c *sdk.Call, p sdk.Phase) sdk.PhaseResult {
			chosen = c.State.Copies[p.Copy].Binding
			return sdk.PhaseResult{}
		},
		sdk.CoreECMessageEnqueue: func(*sdk.Call, sdk.Phase) sdk.PhaseResult {
			return sdk.PhaseResult{Verdict: sdk.Done, Changes: []sdk.Change{{Kind: sdk.AnswerSet, Target: sdk.TargetCopy, Number: number}}}
		},
	})
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "250")
	if len(b.queued) != 1 || chosen != "b1" || b.queued[0].Binding != "b1" {
		t.Fatalf("%+v, %q", b.queued, chosen)
	}
	number = sdk.EnqueueTaken
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "250")
	number = sdk.EnqueueError
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "451 4.3.0")
	if _, err := b.Inject(context.Background(), &sdk.Injection{Recipients: []smtp.Address{"a@x.test"}, Header: []byte("A: b\r\n")}); !errors.Is(err, errNotQueued) {
		t.Errorf("%v", err)
	}
	if len(b.queued) != 1 || len(b.log.rejected) != 2 {
		t.Errorf("%d queued, rejected %q", len(b.queued), b.log.rejected)
	}
}

// What is lent can be read after the record's message is gone, and a copy of it
// has a record of its own.
func TestLend(t *testing.T) {
	b := newBench(t, policy{})
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "250")
	l, err := b.Lend(b.queued[0])
	if err != nil {
		t.Fatal(err)
	}
	delete(b.spool.records, b.queued[0].Content.Body.Segment)
	body, err := b.ReadBody(l.Body.Handle, 0, 100)
	if err != nil || string(body) != "hello\r\n" || !strings.HasSuffix(string(l.Header), "Subject: t\r\n") {
		t.Errorf("%q %q %v", l.Header, body, err)
	}
	if _, err := b.Inject(context.Background(), &sdk.Injection{Recipients: []smtp.Address{"c@x.test"}, Header: []byte("X: y\r\n"), Body: l.Body}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if raw, _ := b.spool.raw(t, 1); raw != "X: y\r\n\r\nhello\r\n" {
		t.Errorf("%q", raw)
	}
	if _, err := b.ReadBody(l.Body.Handle, 0, 1); !errors.Is(err, errUnknownBody) {
		t.Errorf("the loan goes on: %v", err)
	}
	if l, err := b.Lend(&message.Message{}); err != nil || l.Body.Size != 0 {
		t.Errorf("%v %+v", err, l)
	}
}

func TestMailLoop(t *testing.T) {
	b := newBench(t, policy{})
	o := &LoopOptions{MaxReceived: 2, Code: 554, Enabled: true}
	b.Door.Loop = func() *LoopOptions { return o }
	hops := func(n int) string { return strings.Repeat("Received: from a\r\n by b\r\n", n) + simple }
	b.wantReply(b.send(hops(2), Envelope{Received: "from c by us"}, "a@x.test"), "250")
	b.wantReply(b.send(hops(3), Envelope{Received: "from c by us"}, "a@x.test"), "554 5.4.6 mail loop")
	o.Code = 250
	b.wantReply(b.send(hops(3), Envelope{}, "a@x.test"), "250")
	if v, _ := b.queued[1].ConnContext.Get("mail_loop_header_count"); v != "3" {
		t.Errorf("context %v", b.queued[1].ConnContext)
	}
	o.Code, o.UseIP, o.Own = 450, true, map[netip.Addr]bool{netip.MustParseAddr("192.0.2.1"): true}
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "450 4.4.6")
}
