// Package metrics serves Prometheus metrics over HTTP. It runs in the core and
// keeps no figures of its own: each is read from its owner when it is asked for.
//
// Next: nothing; the figures leave the server here.
package metrics
