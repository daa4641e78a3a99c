// Package metrics serves Prometheus metrics over HTTP, and whether the server is
// alive and ready. It runs in the core. Most figures are read from their owner
// when they are asked for; what has labels and is counted event by event is kept
// here, with a bound on the label values (docs/metrics.md).
//
// Next: nothing; the figures leave the server here.
package metrics
