package mailauth

import (
	"context"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mailauth"
)

// verifyTime bounds what verifying one message may take, DNS included.
const verifyTime = 30 * time.Second

// verify checks what is configured when the content is there, tells scripts in
// context variables, and the next hop in header fields.
func (t *task) verify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, verifyTime)
	defer cancel()
	var items []mailauth.Item
	var spf *mailauth.SPF
	if t.w.spf != nil || t.w.dmarc != nil {
		spf = t.checkSPF(ctx)
		if t.w.spf == nil || t.w.spf.AddResults {
			items = append(items, spf.Item())
		}
	}
	sigs, more, err := t.verifyDKIM(ctx)
	if err != nil {
		return err
	}
	items = append(items, more...)
	if t.w.arc != nil {
		a, err := mailauth.VerifyARC(ctx, t.content(ctx), t.options())
		if err != nil {
			return err
		}
		t.set("arc_cv", string(a.Result))
		if t.w.arc.AddResults {
			items = append(items, a.Item())
		}
	}
	if t.w.dmarc != nil {
		items = append(items, t.checkDMARC(ctx, spf, sigs)...)
	}
	return t.tell(items, spf)
}

func (t *task) content(ctx context.Context) mailauth.Message {
	return mailauth.Of(ctx, t.w.host, t.msg)
}

func (t *task) options() mailauth.VerifyOptions {
	o := mailauth.VerifyOptions{Resolver: t.resolver(), Now: t.w.now()}
	if v := t.w.validate; v != nil {
		o.MaxSignatures, o.PartialBody = int(v.MaxSignatures), v.PartialBody
	}
	return o
}

// verifyDKIM verifies all signatures. Mail without one says nothing of DKIM in
// its Authentication-Results, as the manual has it.
func (t *task) verifyDKIM(ctx context.Context) ([]*mailauth.Signature, []mailauth.Item, error) {
	if t.w.validate == nil && t.w.dmarc == nil {
		return nil, nil, nil
	}
	sigs, err := mailauth.VerifyDKIM(ctx, t.content(ctx), t.options())
	if err != nil {
		return nil, nil, err
	}
	t.set(mailauth.ResultsVariable, mailauth.EncodeResults(sigs))
	if len(sigs) == 0 || t.w.validate != nil && !t.w.validate.AddResults {
		return sigs, nil, nil
	}
	return sigs, mailauth.Items(sigs), nil
}

func (t *task) checkDMARC(ctx context.Context, spf *mailauth.SPF, sigs []*mailauth.Signature) []mailauth.Item {
	d := mailauth.CheckDMARC(ctx, t.resolver(), t.msg.Header, spf, sigs)
	t.set(t.w.dmarc.Variable, string(d.Result))
	t.set(t.w.dmarc.Variable+"_policy", d.Policy)
	if !t.w.dmarc.AddResults {
		return nil
	}
	return []mailauth.Item{d.Item()}
}

// tell puts Authentication-Results and Received-SPF on top. What claims to be
// ours and is not goes first (RFC 8601 §5), whatever we have to say.
func (t *task) tell(items []mailauth.Item, spf *mailauth.SPF) error {
	if section, forged := mailauth.StripForged(t.msg.Header, t.w.id); forged {
		if err := t.change(sdk.Change{Kind: sdk.HeaderSection, Data: section}); err != nil {
			return err
		}
	}
	if spf != nil && t.w.spf != nil && t.w.spf.AddHeaders {
		if err := t.prepend("Received-SPF", spf.Received(t.w.id)); err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return nil
	}
	return t.prepend("Authentication-Results", mailauth.AuthResults(t.w.id, items))
}

func (t *task) prepend(name, value string) error {
	return t.change(sdk.Change{Kind: sdk.HeaderPrepend, Name: name, Values: []string{value}})
}
