package rpc

import (
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

func queryToPB(q *sdk.Query) *pb.Query {
	out := &pb.Query{
		Datasource: valid(q.Datasource),
		Sql:        wire(q.SQL),
		Positional: datumsToPB(q.Positional),
		NoCache:    q.NoCache,
		Execute:    q.Execute,
		Generation: q.Generation,
	}
	for name, v := range q.Named {
		out.Named = append(out.Named, &pb.NamedDatum{Name: wire(name), Value: datumToPB(&v)})
	}
	return out
}

func (d *decoder) query(p *pb.Query) *sdk.Query {
	q := &sdk.Query{
		Datasource: d.str(p.Datasource),
		SQL:        d.text(p.Sql),
		Positional: d.datums(p.Positional),
		NoCache:    p.NoCache,
		Execute:    p.Execute,
		Generation: p.Generation,
	}
	if len(p.Named) > 0 {
		q.Named = make(map[string]sdk.Datum, len(p.Named))
	}
	for _, n := range p.Named {
		q.Named[d.text(n.Name)] = d.datum(n.Value)
	}
	return q
}

func datumToPB(v *sdk.Datum) *pb.Datum {
	return &pb.Datum{Kind: pb.DatumKind(v.Kind), Text: wire(v.Text), Int: v.Int, Float: v.Float}
}

func (d *decoder) datum(p *pb.Datum) sdk.Datum {
	if p == nil {
		return sdk.Datum{}
	}
	return sdk.Datum{Kind: enum[sdk.DatumKind](int32(p.Kind)), Text: d.text(p.Text), Int: p.Int, Float: p.Float}
}

func datumsToPB(list []sdk.Datum) []*pb.Datum {
	if len(list) == 0 {
		return nil
	}
	out := make([]*pb.Datum, len(list))
	for i := range list {
		out[i] = datumToPB(&list[i])
	}
	return out
}

func (d *decoder) datums(list []*pb.Datum) []sdk.Datum {
	if len(list) == 0 {
		return nil
	}
	out := make([]sdk.Datum, len(list))
	for i, p := range list {
		out[i] = d.datum(p)
	}
	return out
}

func rowsToPB(r *sdk.Rows) *pb.Rows {
	out := &pb.Rows{Rows: make([]*pb.Row, len(r.Rows))}
	for _, c := range r.Columns {
		out.Columns = append(out.Columns, valid(c))
	}
	for i, cells := range r.Rows {
		out.Rows[i] = &pb.Row{Cells: datumsToPB(cells)}
	}
	return out
}

func (d *decoder) rows(p *pb.Rows) *sdk.Rows {
	r := &sdk.Rows{Columns: d.strs(p.Columns)}
	for _, row := range p.Rows {
		r.Rows = append(r.Rows, d.datums(row.Cells))
	}
	return r
}

func sourceToPB(s *sdk.Source) *pb.Source {
	return &pb.Source{Name: valid(s.Name), Path: valid(s.Path), Text: s.Text}
}

// source copies the text: a module keeps it for its error messages.
func (d *decoder) source(p *pb.Source) *sdk.Source {
	return &sdk.Source{Name: d.str(p.Name), Path: d.str(p.Path), Text: append([]byte(nil), p.Text...)}
}

func dnsQueryToPB(q *sdk.DNSQuery) *pb.DNSQuery {
	return &pb.DNSQuery{Name: valid(q.Name), Type: valid(q.Type), Server: valid(q.Server), TimeoutUs: q.Timeout.Microseconds()}
}

func (d *decoder) dnsQuery(p *pb.DNSQuery) sdk.DNSQuery {
	return sdk.DNSQuery{
		Name: d.str(p.Name), Type: d.str(p.Type), Server: d.str(p.Server),
		Timeout: time.Duration(p.TimeoutUs) * time.Microsecond,
	}
}

func dnsAnswerToPB(a *sdk.DNSAnswer) *pb.DNSAnswer {
	out := &pb.DNSAnswer{Error: valid(a.Error)}
	for i := range a.Records {
		out.Records = append(out.Records, &pb.DNSRecord{Value: wire(a.Records[i].Value), Preference: int32(a.Records[i].Preference)})
	}
	return out
}

func (d *decoder) dnsAnswer(p *pb.DNSAnswer) *sdk.DNSAnswer {
	a := &sdk.DNSAnswer{Error: d.str(p.Error)}
	for _, r := range p.Records {
		a.Records = append(a.Records, sdk.DNSRecord{Value: d.text(r.Value), Preference: int(r.Preference)})
	}
	return a
}

func counterToPB(op *sdk.CounterOp) *pb.CounterOp {
	return &pb.CounterOp{Kind: pb.CounterKind(op.Kind), Path: valid(op.Path), Delta: op.Delta, Relaxed: op.Relaxed, Handle: op.Handle}
}

func (d *decoder) counter(p *pb.CounterOp) sdk.CounterOp {
	return sdk.CounterOp{Kind: enum[sdk.CounterKind](int32(p.Kind)), Path: d.str(p.Path), Delta: p.Delta, Relaxed: p.Relaxed, Handle: p.Handle}
}
