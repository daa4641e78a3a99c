package core

import (
	"context"

	"github.com/mtad/mtad/sdk"
)

// startAudit begins to count by network.
func (c *Core) startAudit(context.Context) error {
	c.audit.Use(c.settings.Load().audit)
	c.audit.Start()
	return nil
}

// Traffic is part of sdk.Host.
func (h host) Traffic(ctx context.Context, q *sdk.TrafficQuery) (int64, error) {
	return h.c.audit.Traffic(ctx, q)
}

// Series is part of sdk.Host.
func (h host) Series(ctx context.Context, op *sdk.SeriesOp) (int64, error) {
	return h.c.audit.Series(ctx, op)
}

// Gauge is part of sdk.Host.
func (h host) Gauge(ctx context.Context, op *sdk.GaugeOp) (int64, error) {
	return h.c.audit.Gauge(ctx, op)
}

// Traffic is part of sdk.Host.
func (checkHost) Traffic(context.Context, *sdk.TrafficQuery) (int64, error) { return 0, sdk.ErrNoIO }

// Series is part of sdk.Host.
func (checkHost) Series(context.Context, *sdk.SeriesOp) (int64, error) { return 0, sdk.ErrNoIO }

// Gauge is part of sdk.Host.
func (checkHost) Gauge(context.Context, *sdk.GaugeOp) (int64, error) { return 0, sdk.ErrNoIO }
