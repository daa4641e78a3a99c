// Package queue holds what waits to go out: one lane for each binding and
// domain, high priority first, then by time; throttles, retries, and what
// becomes of each attempt. It runs in the core. reception inserts, delivery
// pulls.
//
// Next: core/delivery takes batches from a lane; its results come back to
// Source.Settle.
package queue
