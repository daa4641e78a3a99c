package reception

import (
	"context"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Submission is what Submit came to. Reply is what SMTP would have answered;
// Close and Tarpit mean nothing to HTTP.
type Submission struct {
	Result
	BatchID string
	Copies  []CopyResult // one for each recipient; none where the message as a whole was refused
}

// CopyResult is what became of one recipient's copy. Without Refused it is
// durable, or policy has kept it (core_ec_message_enqueue); then ID names
// nothing that is queued.
type CopyResult struct {
	Recipient smtp.Address
	ID        string
	Refused   *smtp.Reply
	Kept      bool
}

// Submit is Accept for a message that came over HTTP: s is a session of
// sdk.ProtocolREST. It meets msg_gen_data_spool and the hooks that every message
// meets. Its client waits for an answer and is known, so it is told of each
// recipient that policy refused or discarded, and no bounce is sent. Every copy
// that has an ID and was not kept is durable.
func (d *Door) Submit(ctx context.Context, s *validate.Session, dr *Draft) Submission {
	defer dr.release()
	defer s.Reset()
	r := d.newRun(s, dr)
	r.toTheEnd(ctx)
	out := Submission{Result: Result{Reply: r.final}, BatchID: s.State.Message.BatchID}
	if whole := s.State.Message.Discard; whole != nil && !r.final.Refuses() {
		out.Reply = told(whole)
	}
	if len(r.queued) > 0 || !out.Reply.Refuses() {
		out.Copies = r.copyResults()
	}
	return out
}

// generatedPhases are the phases of mail that came over HTTP (design section 3,
// the table of origins).
func (r *run) generatedPhases() []sdk.Phase {
	count := len(r.s.State.Message.Recipients)
	var out []sdk.Phase
	for i := 0; i < count && r.s.Wants(sdk.MsgGenDataSpool); i++ {
		out = append(out, sdk.Phase{Hook: sdk.MsgGenDataSpool, Copy: i})
	}
	return append(out, bindPhases(r.s, 0, count)...)
}

// copyResults says what became of each copy.
func (r *run) copyResults() []CopyResult {
	durable := make(map[string]bool, len(r.queued))
	for _, m := range r.queued {
		durable[m.ID] = true
	}
	out := make([]CopyResult, 0, len(r.s.State.Copies))
	for i, m := range r.s.State.Copies {
		c := CopyResult{Recipient: m.Original, ID: m.ID}
		switch {
		case r.removed[i]:
			continue
		case r.refused[i] != nil:
			c.Refused = r.refused[i]
		case m.Discard != nil:
			c.Refused = told(m.Discard)
		default:
			c.Kept = !durable[m.ID]
		}
		out = append(out, c)
	}
	return out
}

// told makes a discard a refusal: msg:discard may give any code.
func told(discard *smtp.Reply) *smtp.Reply {
	if discard.Refuses() {
		return discard
	}
	return smtp.NewReply(550, "5.7.0", discard.Text)
}
