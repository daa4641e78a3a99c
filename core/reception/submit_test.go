package reception

import (
	"context"
	"net/netip"
	"testing"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// submit takes a message through the door as HTTP does.
func (b *bench) submit(raw string, rcpts ...smtp.Address) Submission {
	b.t.Helper()
	s := b.Validator.NewSession(sdk.Conn{ID: "conn", Protocol: sdk.ProtocolREST, Peer: netip.MustParseAddrPort("192.0.2.1:99"),
		Context: sdk.Dict{{Key: "pathway", Value: "web"}, {Key: "pathway_group", Value: "sites"}}})
	defer s.Close()
	s.Begin(&sdk.Message{Sender: "s@y.test", Recipients: rcpts})
	dr := b.NewDraft(Envelope{MayRelay: true, Received: "from a by b"})
	_, _ = dr.Write([]byte(raw)) // the draft keeps the error for Submit
	return b.Submit(context.Background(), s, dr)
}

// generated refuses and discards by recipient, and says which hooks it saw.
func generated(seen *[]sdk.Hook, refuse map[smtp.Address]*smtp.Reply, discard map[smtp.Address]string) policy {
	note := func(c *sdk.Call, p sdk.Phase) sdk.PhaseResult {
		*seen = append(*seen, p.Hook)
		return sdk.PhaseResult{}
	}
	return policy{
		sdk.ValidateData: note, sdk.ValidateDataSpool: note, sdk.ValidateDataSpoolEachRcpt: note,
		sdk.ValidateSetBinding: note, sdk.CoreFinalValidation: note,
		sdk.MsgGenDataSpool: func(c *sdk.Call, p sdk.Phase) sdk.PhaseResult {
			note(c, p)
			to := c.State.Copies[p.Copy].Recipient
			r := sdk.PhaseResult{Reply: refuse[to]}
			if text := discard[to]; text != "" {
				r.Changes = []sdk.Change{{Kind: sdk.DiscardSet, Target: sdk.TargetCopy, Copy: p.Copy, Number: 550, Value: text}}
			}
			return r
		},
	}
}

func TestSubmitMeetsTheHooksOfHTTP(t *testing.T) {
	var seen []sdk.Hook
	b := newBench(t, generated(&seen, nil, nil))
	sub := b.submit(simple, "a@x.test", "b@x.test")
	if sub.Reply.Code != 250 || len(sub.Copies) != 2 || len(b.queued) != 2 || len(b.spool.entries) != 2 {
		t.Fatalf("%+v, %d queued", sub, len(b.queued))
	}
	want := []sdk.Hook{sdk.MsgGenDataSpool, sdk.MsgGenDataSpool, sdk.ValidateSetBinding, sdk.CoreFinalValidation, sdk.ValidateSetBinding, sdk.CoreFinalValidation}
	if len(seen) != len(want) {
		t.Fatalf("hooks %v", seen)
	}
	for i := range want {
		if seen[i] != want[i] {
			t.Errorf("hook %d is %s, want %s", i, seen[i], want[i])
		}
	}
	for i, c := range sub.Copies {
		if c.Refused != nil || c.Kept || c.ID != b.queued[i].ID || b.queued[i].BatchID != sub.BatchID || b.queued[i].Protocol != sdk.ProtocolREST {
			t.Errorf("copy %+v, queued %+v", c, b.queued[i])
		}
	}
	if raw, _ := b.spool.raw(t, 0); raw != "Received: from a by b\r\n"+simple {
		t.Errorf("stored %q", raw)
	}
}

// What policy says of one recipient is told, and no bounce is sent; the
// rejectlog has the recipient's own context.
func TestSubmitTellsOfRefusedRecipients(t *testing.T) {
	var seen []sdk.Hook
	no := smtp.NewReply(451, "4.7.1", "later")
	b := newBench(t, generated(&seen, map[smtp.Address]*smtp.Reply{"b@x.test": no}, map[smtp.Address]string{"c@x.test": "5.7.1 never"}))
	rejections := &records{logger: b.log}
	b.Log = rejections
	sub := b.submit(simple, "a@x.test", "b@x.test", "c@x.test")
	if sub.Reply.Code != 250 || len(sub.Copies) != 3 || len(b.queued) != 1 {
		t.Fatalf("%+v", sub)
	}
	if sub.Copies[1].Refused != no || sub.Copies[2].Refused.String() != "550 5.7.1 never" {
		t.Errorf("%v, %v", sub.Copies[1].Refused, sub.Copies[2].Refused)
	}
	if len(b.told) != 0 {
		t.Errorf("bounces to %q", b.told)
	}
	if len(rejections.list) != 2 {
		t.Fatalf("%d rejections", len(rejections.list))
	}
	for i, want := range []string{"b", "c"} {
		r := rejections.list[i]
		if local, _ := r.Mess.Get("rcptto_localpart"); local != want || r.Pathway != "web" || r.Group != "sites" {
			t.Errorf("rejection %d is of %q, pathway %q, group %q", i, local, r.Pathway, r.Group)
		}
	}
	if sub = b.submit(simple, "b@x.test"); sub.Reply != no || len(sub.Copies) != 0 {
		t.Errorf("%+v", sub)
	}
	if sub = b.submit(simple, "c@x.test"); sub.Copies[0].Refused.Code != 550 || len(b.queued) != 1 {
		t.Errorf("%+v", sub)
	}
}

type records struct {
	*logger
	list []logs.Rejection
}

func (r *records) Rejection(one *logs.Rejection) { r.list = append(r.list, *one) }

// Nothing is said to be there that is not on the disk.
func TestSubmitFailsWithTheSpool(t *testing.T) {
	var seen []sdk.Hook
	b := newBench(t, generated(&seen, nil, nil))
	b.spool.err = errFull
	if sub := b.submit(simple, "a@x.test"); sub.Reply.Code != 452 || len(sub.Copies) != 0 || len(b.queued) != 0 {
		t.Errorf("%+v", sub)
	}
	b.spool.err = nil
	if sub := b.submit("no header\r\n", "a@x.test"); sub.Reply.Code != 550 || len(b.queued) != 0 {
		t.Errorf("%+v", sub)
	}
}

// What core_ec_message_enqueue keeps has no id of ours.
func TestSubmitAndEnqueue(t *testing.T) {
	b := newBench(t, policy{sdk.CoreECMessageEnqueue: func(*sdk.Call, sdk.Phase) sdk.PhaseResult {
		return sdk.PhaseResult{Verdict: sdk.Done, Changes: []sdk.Change{{Kind: sdk.AnswerSet, Target: sdk.TargetCopy, Number: sdk.EnqueueTaken}}}
	}})
	if sub := b.submit(simple, "a@x.test"); sub.Reply.Code != 250 || !sub.Copies[0].Kept || len(b.queued) != 0 {
		t.Errorf("%+v", sub)
	}
}
