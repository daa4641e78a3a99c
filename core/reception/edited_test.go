package reception

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
)

const editedHead = "Date: x\r\nMessage-ID: <y>\r\nSubject: t\r\n\r\n"

// edit makes a body's first ten bytes "new" and leaves the others.
func edit(m *sdk.Message) sdk.PhaseResult {
	data := sdk.EncodePieces([]sdk.BodyPiece{{Data: []byte("new")}, {Offset: 10, Length: m.Body.Size - 10}})
	return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.BodyPieces, Target: sdk.TargetTxn, Number: int64(m.Body.Handle), Data: data}}}
}

func largeBody() string { return strings.Repeat("0123456789abcdef\r\n", 2*sdk.MaxInlineBody/18) }

func TestEditedBodyIsStored(t *testing.T) {
	b := newBench(t, policy{sdk.ValidateDataSpool: func(c *sdk.Call, _ sdk.Phase) sdk.PhaseResult { return edit(c.State.Message) }})
	body := largeBody()
	b.wantReply(b.send(editedHead+body, Envelope{}, "a@x.test", "b@x.test"), "250")
	for i := range b.spool.entries {
		if raw, _ := b.spool.raw(t, i); raw != editedHead+"new"+body[10:] {
			t.Errorf("copy %d has %d bytes, begins %q", i, len(raw), raw[:80])
		}
	}
	if b.spool.entries[0].Body != b.spool.entries[1].Body {
		t.Error("the copies do not share the edited body")
	}
	if len(b.spool.dropped) != 1 || b.spool.dropped[0] != 1 {
		t.Errorf("dropped %v, wanted the record that nobody names any more", b.spool.dropped)
	}
}

func TestEditedBodyIsSettledForTheNextModule(t *testing.T) {
	edited := policy{sdk.ValidateDataSpool: func(c *sdk.Call, _ sdk.Phase) sdk.PhaseResult { return edit(c.State.Message) }}
	body := largeBody()
	var b *bench
	seen := ""
	reads := policy{sdk.ValidateDataSpool: func(c *sdk.Call, _ sdk.Phase) sdk.PhaseResult {
		data, err := b.ReadBody(c.State.Message.Body.Handle, 0, 20)
		if err != nil {
			t.Error(err)
		}
		seen = string(data)
		return edit(c.State.Message)
	}}
	for _, refused := range []bool{false, true} {
		b = newBench(t, edited)
		last := policy{sdk.ValidateDataSpoolEachRcpt: func(*sdk.Call, sdk.Phase) sdk.PhaseResult {
			if refused {
				return reply(550, "5.7.1", "no")
			}
			return sdk.PhaseResult{}
		}}
		b.Validator.Settle = b.Settle
		b.Validator.SetChain(validate.NewChain(2, []validate.Caller{edited, reads, last}, nil))
		want, dropped := "250", 2
		if refused {
			want, dropped = "550", 3
		}
		b.wantReply(b.send(editedHead+body, Envelope{}, "a@x.test"), want)
		if !strings.HasPrefix(seen, "newabcdef\r\n") {
			t.Errorf("the second module read %q", seen)
		}
		if len(b.spool.dropped) != dropped {
			t.Errorf("refused %v: dropped %v of %d records", refused, b.spool.dropped, len(b.spool.records))
		}
		if refused {
			continue
		}
		if raw, _ := b.spool.raw(t, 0); raw != editedHead+"new"+("new" + body[10:])[10:] {
			t.Errorf("stored %.80q", raw)
		}
	}
}

func TestEditOfAnothersBodyIsRefused(t *testing.T) {
	b := newBench(t, policy{sdk.ValidateDataSpool: func(c *sdk.Call, _ sdk.Phase) sdk.PhaseResult {
		r := edit(c.State.Message)
		r.Changes[0].Number += 7
		return r
	}})
	r := b.send(editedHead+largeBody(), Envelope{}, "a@x.test")
	b.wantReply(r, "451")
}
