package core

import (
	"context"

	"github.com/mtad/mtad/core/metrics"
)

// startMetrics serves Prometheus metrics where the configuration asks for it.
func (c *Core) startMetrics(context.Context) (err error) {
	addr := c.settings.Load().globals.MetricsListen
	if addr == "" {
		return nil
	}
	c.metrics, err = metrics.Start(addr, c.figures())
	return err
}

func (c *Core) stopMetrics(ctx context.Context) {
	if c.metrics == nil {
		return
	}
	if err := c.metrics.Stop(ctx); err != nil {
		c.problem("metrics")(err.Error())
	}
}

// figures are the metrics there are.
func (c *Core) figures() []metrics.Figure {
	total := func(load func() int64) func() float64 { return func() float64 { return float64(load()) } }
	queued := func(pick func(active, delayed, damaged, connections int) int) func() float64 {
		return func() float64 { return float64(pick(c.queue.Totals())) }
	}
	return []metrics.Figure{
		{Name: "received_messages_total", Total: true, Help: "Messages accepted, one for each recipient.", Value: total(c.received.Load)},
		{Name: "rejections_total", Total: true, Help: "Commands and messages refused.", Value: total(c.rejected.Load)},
		{Name: "delivered_messages_total", Total: true, Help: "Messages delivered.", Value: total(c.queue.Counters.Delivered.Load)},
		{Name: "transient_failures_total", Total: true, Help: "Attempts that failed for now.", Value: total(c.queue.Counters.Transient.Load)},
		{Name: "failed_messages_total", Total: true, Help: "Messages that failed for good.", Value: total(c.queue.Counters.Failed.Load)},
		{Name: "queue_active_messages", Help: "Messages that are due.", Value: queued(func(a, _, _, _ int) int { return a })},
		{Name: "queue_delayed_messages", Help: "Messages that wait for a retry.", Value: queued(func(_, d, _, _ int) int { return d })},
		{Name: "queue_damaged_messages", Help: "Messages set aside, their metadata unreadable.", Value: queued(func(_, _, d, _ int) int { return d })},
		{Name: "outbound_connections", Help: "Outbound connections.", Value: queued(func(_, _, _, n int) int { return n })},
		{Name: "inbound_sessions", Help: "Live SMTP sessions.", Value: func() float64 { return float64(len(c.smtp.Sessions())) }},
		{Name: "module_restarts", Help: "Restarts of modules that died.", Value: func() float64 {
			n := 0
			for _, s := range c.modules.List() {
				n += s.Restarts
			}
			return float64(n)
		}},
	}
}
