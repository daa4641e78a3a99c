package rpc

import (
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
	"github.com/mtad/mtad/sdk/smtp"
)

func answerToPB(a *sdk.Answer) *pb.Answer {
	out := &pb.Answer{Results: make([]*pb.PhaseResult, len(a.Results))}
	results := make([]pb.PhaseResult, len(a.Results))
	for i := range a.Results {
		r := &a.Results[i]
		p := &results[i]
		p.Verdict, p.Reply, p.Failed = pb.Verdict(r.Verdict), replyToPB(r.Reply), r.Failed
		p.Changes, p.Scripts = changesToPB(r.Changes), timesToPB(r.Scripts)
		out.Results[i] = p
	}
	return out
}

func (d *decoder) answer(p *pb.Answer) *sdk.Answer {
	a := &sdk.Answer{Results: make([]sdk.PhaseResult, len(p.Results))}
	for i, r := range p.Results {
		a.Results[i] = sdk.PhaseResult{
			Verdict: enum[sdk.Verdict](int32(r.Verdict)),
			Reply:   d.reply(r.Reply),
			Changes: d.changes(r.Changes),
			Failed:  r.Failed,
			Scripts: d.times(r.Scripts),
		}
	}
	return a
}

func changesToPB(list []sdk.Change) []*pb.Change {
	if len(list) == 0 {
		return nil
	}
	out := make([]*pb.Change, len(list))
	for i := range list {
		c := &list[i]
		out[i] = &pb.Change{
			Kind:       pb.ChangeKind(c.Kind),
			Target:     pb.Target(c.Target),
			Copy:       int32(c.Copy),
			Dictionary: pb.Dictionary(c.Dict),
			Name:       wire(c.Name),
			Value:      wire(c.Value),
			Values:     wires(c.Values),
			Number:     c.Number,
			Data:       c.Data,
		}
		if c.Injection != nil {
			out[i].Injection = injectionToPB(c.Injection)
		}
	}
	return out
}

func (d *decoder) changes(list []*pb.Change) []sdk.Change {
	if len(list) == 0 {
		return nil
	}
	out := make([]sdk.Change, len(list))
	for i, p := range list {
		out[i] = sdk.Change{
			Kind:   enum[sdk.ChangeKind](int32(p.Kind)),
			Target: enum[sdk.Target](int32(p.Target)),
			Copy:   int(p.Copy),
			Dict:   enum[sdk.DictID](int32(p.Dictionary)),
			Name:   d.text(p.Name),
			Value:  d.text(p.Value),
			Values: d.texts(p.Values),
			Number: p.Number,
			Data:   d.blob(p.Data),
		}
		if p.Injection != nil {
			out[i].Injection = d.injection(p.Injection)
		}
	}
	return out
}

func injectionToPB(in *sdk.Injection) *pb.Injection {
	return &pb.Injection{
		Sender:      wire(in.Sender),
		Recipients:  wires(in.Recipients),
		Header:      in.Header,
		BodySize:    in.Body.Size,
		Body:        inline(&in.Body),
		BodyHandle:  in.Body.Handle,
		BodyChanged: in.Body.Changed,
		Context:     wireDict(in.Context),
		Bounce:      in.Bounce,
		Protocol:    pb.Protocol(in.Protocol),
	}
}

func (d *decoder) injection(p *pb.Injection) *sdk.Injection {
	return &sdk.Injection{
		Sender:     smtp.Address(d.text(p.Sender)),
		Recipients: d.addresses(p.Recipients),
		Header:     d.blob(p.Header),
		Body:       sdk.Body{Size: p.BodySize, Inline: d.blob(p.Body), Handle: p.BodyHandle, Changed: p.BodyChanged},
		Context:    d.dict(p.Context),
		Bounce:     p.Bounce,
		Protocol:   enum[sdk.Protocol](int32(p.Protocol)),
	}
}
