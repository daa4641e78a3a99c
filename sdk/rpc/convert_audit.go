package rpc

import (
	"context"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

func trafficToPB(q *sdk.TrafficQuery) *pb.TrafficQuery {
	return &pb.TrafficQuery{
		Figure: uint32(q.Figure), Monitor: valid(q.Monitor), Network: valid(q.Network), Start: small(q.Start), End: small(q.End),
	}
}

func (d *decoder) traffic(p *pb.TrafficQuery) *sdk.TrafficQuery {
	return &sdk.TrafficQuery{
		Figure: enum[sdk.TrafficFigure](int32(p.Figure)), Monitor: d.str(p.Monitor), Network: d.str(p.Network),
		Start: int(p.Start), End: int(p.End),
	}
}

func seriesToPB(op *sdk.SeriesOp) *pb.SeriesOp {
	s := &op.Series
	return &pb.SeriesOp{
		Kind: uint32(op.Kind), Name: valid(s.Name), Type: uint32(s.Type), IntervalUs: s.Interval.Microseconds(),
		Windows: small(s.Windows), Persist: s.Persist,
		Key: wire(op.Key), Delta: op.Delta, Start: small(op.Start), End: small(op.End),
	}
}

func (d *decoder) series(p *pb.SeriesOp) *sdk.SeriesOp {
	return &sdk.SeriesOp{
		Kind: enum[sdk.SeriesKind](int32(p.Kind)),
		Series: sdk.Series{
			Name: d.str(p.Name), Type: enum[sdk.SeriesType](int32(p.Type)),
			Interval: time.Duration(p.IntervalUs) * time.Microsecond, Windows: int(p.Windows), Persist: p.Persist,
		},
		Key: d.text(p.Key), Delta: p.Delta, Start: int(p.Start), End: int(p.End),
	}
}

func gaugeToPB(op *sdk.GaugeOp) *pb.GaugeOp {
	return &pb.GaugeOp{
		Kind: uint32(op.Kind), Cache: valid(op.Cache), Key: wire(op.Key), Delta: op.Delta,
		Max: small(op.Max), TtlUs: op.TTL.Microseconds(),
	}
}

func (d *decoder) gauge(p *pb.GaugeOp) *sdk.GaugeOp {
	return &sdk.GaugeOp{
		Kind: enum[sdk.GaugeKind](int32(p.Kind)), Cache: d.str(p.Cache), Key: d.text(p.Key), Delta: p.Delta,
		Max: int(p.Max), TTL: time.Duration(p.TtlUs) * time.Microsecond,
	}
}

// small keeps a count in what the wire carries.
func small(n int) int32 { return int32(max(min(n, 1<<31-1), -1<<31)) }

// answerHostAudit is answerHost for what the core counts.
func answerHostAudit(ctx context.Context, host sdk.Host, item, out *pb.HostItem) error {
	var n int64
	var err error
	d := &decoder{own: true}
	switch body := item.Body.(type) {
	case *pb.HostItem_Traffic:
		n, err = host.Traffic(ctx, d.traffic(body.Traffic))
	case *pb.HostItem_Series:
		n, err = host.Series(ctx, d.series(body.Series))
	case *pb.HostItem_Gauge:
		n, err = host.Gauge(ctx, d.gauge(body.Gauge))
	default:
		return sdk.ErrNotSupported
	}
	out.Body = &pb.HostItem_CounterValue{CounterValue: &pb.CounterValue{Value: n}}
	return err
}

// askValue asks what is answered with a number.
func (h *hostClient) askValue(ctx context.Context, fill func(i *pb.HostItem)) (int64, error) {
	item, err := h.ask(ctx, fill)
	if err != nil {
		return 0, err
	}
	body, ok := item.Body.(*pb.HostItem_CounterValue)
	if !ok {
		return 0, unexpected(item.Body)
	}
	return body.CounterValue.Value, nil
}

// Traffic asks for a figure of inbound SMTP.
func (h *hostClient) Traffic(ctx context.Context, q *sdk.TrafficQuery) (int64, error) {
	return h.askValue(ctx, func(i *pb.HostItem) { i.Body = &pb.HostItem_Traffic{Traffic: trafficToPB(q)} })
}

// Series works on a named series.
func (h *hostClient) Series(ctx context.Context, op *sdk.SeriesOp) (int64, error) {
	return h.askValue(ctx, func(i *pb.HostItem) { i.Body = &pb.HostItem_Series{Series: seriesToPB(op)} })
}

// Gauge works on a gauge cache.
func (h *hostClient) Gauge(ctx context.Context, op *sdk.GaugeOp) (int64, error) {
	return h.askValue(ctx, func(i *pb.HostItem) { i.Body = &pb.HostItem_Gauge{Gauge: gaugeToPB(op)} })
}
