package core

import (
	"errors"
	"strings"

	"github.com/mtad/mtad/core/metrics"
	"github.com/mtad/mtad/sdk"
)

var errNotServing = errors.New("the server has not started yet")

// metricReads reads a metric by its selector. The metrics are collected at the
// first use: not all parts of the server are there before.
func (c *Core) metricReads() func(selector string) (int64, error) {
	read, err := metrics.NewReader(c.figures())
	if err != nil {
		return func(string) (int64, error) { return 0, err }
	}
	return read.Sum
}

// counterOf answers sdk.Host's Counter.
func (c *Core) counterOf(op sdk.CounterOp) (int64, error) {
	selector, isMetric := strings.CutPrefix(op.Path, sdk.MetricPath)
	switch {
	case !isMetric || op.Kind != sdk.CounterRead:
		return c.counters.Do(op)
	case !c.up.Load():
		return 0, errNotServing
	}
	return c.readMetric()(selector)
}
