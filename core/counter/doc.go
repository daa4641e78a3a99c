// Package counter keeps the named process counters of scripts and of the core
// (reference/lua-api.tsv, msys.counter). It runs in the core and survives a
// reload.
//
// Next: the console's counter commands, and core/metrics, show them.
package counter
