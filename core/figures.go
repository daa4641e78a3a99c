package core

import (
	"context"
	"slices"

	"github.com/mtad/mtad/core/metrics"
)

// startMetrics serves Prometheus metrics where the configuration asks for it.
func (c *Core) startMetrics(context.Context) (err error) {
	addr := c.settings.Load().globals.MetricsListen
	if addr == "" {
		return nil
	}
	c.metrics, err = metrics.Start(addr, c.figures(), c.ready)
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
func (c *Core) figures() []metrics.Metric {
	return slices.Concat(c.meters.list(), c.totals(), c.levels(), c.spoolFigures(), []metrics.Metric{c.lostRecords()})
}

// totals are the metrics without labels.
func (c *Core) totals() []metrics.Metric {
	total := func(load func() int64) func() float64 { return func() float64 { return float64(load()) } }
	queued := func(pick func(active, delayed, damaged, connections int) int) func() float64 {
		return func() float64 { return float64(pick(c.queue.Totals())) }
	}
	return []metrics.Metric{
		metrics.Figure{Name: "delivered_messages_total", Total: true, Help: "Messages delivered.", Value: total(c.queue.Counters.Delivered.Load)},
		metrics.Figure{Name: "transient_failures_total", Total: true, Help: "Attempts that failed for now.", Value: total(c.queue.Counters.Transient.Load)},
		metrics.Figure{Name: "failed_messages_total", Total: true, Help: "Messages that failed for good.", Value: total(c.queue.Counters.Failed.Load)},
		metrics.Figure{Name: "queue_active_messages", Help: "Messages that are due.", Value: queued(func(a, _, _, _ int) int { return a })},
		metrics.Figure{Name: "queue_delayed_messages", Help: "Messages that wait for a retry.", Value: queued(func(_, d, _, _ int) int { return d })},
		metrics.Figure{Name: "queue_damaged_messages", Help: "Messages set aside, their metadata unreadable.", Value: queued(func(_, _, d, _ int) int { return d })},
		metrics.Figure{Name: "outbound_connections", Help: "Outbound connections.", Value: queued(func(_, _, _, n int) int { return n })},
		metrics.Figure{Name: "inbound_sessions", Help: "Live SMTP sessions.", Value: func() float64 { return float64(len(c.smtp.Sessions())) }},
		metrics.Figure{Name: "http_connections", Help: "Connections to http_listener.", Value: func() float64 { return float64(c.http.Connections()) }},
		metrics.Figure{Name: "queue_oldest_message_seconds", Help: "Age of the oldest message of the queue, exact to the minute.", Value: func() float64 {
			oldest, _ := c.queue.Ages()
			return oldest.Seconds()
		}},
		metrics.Figure{Name: "ready", Help: "1 where /readyz says 200, else 0.", Value: func() float64 {
			for _, check := range c.ready() {
				if check.Err != nil {
					return 0
				}
			}
			return 1
		}},
	}
}
