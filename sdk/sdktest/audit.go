package sdktest

import (
	"context"
	"fmt"

	"github.com/mtad/mtad/sdk"
)

// Traffic finds a figure in Figures.
func (h *Host) Traffic(_ context.Context, q *sdk.TrafficQuery) (int64, error) {
	n, ok := h.Figures[*q]
	if !ok && q.Figure != sdk.TrafficSessions {
		return 0, fmt.Errorf("inbound_audit has no monitor %q", q.Monitor)
	}
	return n, nil
}

// Series keeps one number for each key of a series; windows do not count.
func (h *Host) Series(_ context.Context, op *sdk.SeriesOp) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := "series " + op.Series.Name + " " + op.Key
	switch op.Kind {
	case sdk.SeriesAdd:
		h.add(key, op.Delta)
	case sdk.SeriesRemove:
		delete(h.counters, key)
	}
	return h.counters[key], nil
}

// Gauge keeps gauges without bounds.
func (h *Host) Gauge(_ context.Context, op *sdk.GaugeOp) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := "gauge " + op.Cache + " " + op.Key
	switch op.Kind {
	case sdk.GaugeAdd:
		h.add(key, op.Delta)
	case sdk.GaugeRemove:
		delete(h.counters, key)
	}
	return h.counters[key], nil
}

func (h *Host) add(key string, delta int64) {
	if h.counters == nil {
		h.counters = make(map[string]int64)
	}
	h.counters[key] += delta
}
