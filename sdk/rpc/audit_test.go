package rpc

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk"
)

// askAudit asks a Host what it counts.
func askAudit(ctx context.Context, h sdk.Host) string {
	sessions, err1 := h.Traffic(ctx, &sdk.TrafficQuery{Figure: sdk.TrafficSessions, Network: "10.0.0.0/8"})
	series := sdk.Series{Name: "s", Type: sdk.SeriesString, Interval: time.Minute, Windows: 1}
	sum, err2 := h.Series(ctx, &sdk.SeriesOp{Kind: sdk.SeriesAdd, Series: series, Key: "k\xff", Delta: 7})
	gauge, err3 := h.Gauge(ctx, &sdk.GaugeOp{Kind: sdk.GaugeAdd, Cache: "c", Key: "k", Delta: -1, Max: 1, TTL: time.Second})
	_, failed := h.Traffic(ctx, &sdk.TrafficQuery{Monitor: "60,1"})
	if err1 != nil || err2 != nil || err3 != nil {
		return fmt.Sprint(err1, err2, err3)
	}
	return fmt.Sprint(sessions, sum, gauge, failed != nil)
}

// What crosses the wire comes back as it was.
func TestAuditCrossesTheWire(t *testing.T) {
	d := &decoder{}
	q := &sdk.TrafficQuery{Figure: sdk.TrafficRejections, Monitor: "60,1", Network: "::/0", Start: 1, End: -2}
	if diff := cmp.Diff(q, d.traffic(trafficToPB(q))); diff != "" {
		t.Error(diff)
	}
	op := &sdk.SeriesOp{
		Kind: sdk.SeriesRemove, Key: "\xff\x00", Delta: -5, Start: 3, End: 1 << 30,
		Series: sdk.Series{Name: "n", Type: sdk.SeriesCIDR6, Interval: 3 * time.Second, Windows: 9, Persist: true},
	}
	if diff := cmp.Diff(op, d.series(seriesToPB(op))); diff != "" {
		t.Error(diff)
	}
	g := &sdk.GaugeOp{Kind: sdk.GaugeRemove, Cache: "c", Key: "k", Delta: 1 << 40, Max: 5, TTL: time.Hour}
	if diff := cmp.Diff(g, d.gauge(gaugeToPB(g))); diff != "" {
		t.Error(diff)
	}
	if n := small(1 << 40); n != 1<<31-1 {
		t.Errorf("a large number is %d", n)
	}
	c := sdk.CounterOp{Kind: sdk.CounterAdd, Path: "p", Delta: 2, Handle: 1 << 50}
	if diff := cmp.Diff(c, d.counter(counterToPB(&c))); diff != "" {
		t.Error(diff)
	}
}
