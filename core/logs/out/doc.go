// Package out carries log records to where they go: a file, a jlog with
// subscribers, a program's standard input, syslog, or a web server. What leaves
// the machine, and what another process takes, waits in an outbox on the disk, a
// jlog of its own, until it has arrived: each record arrives at least once, also
// after a kill -9. Disk use is bounded; a record beyond the bound is an error of
// Write, and core/logs decides what it means.
//
// Next: core/logs, whose streams write into destinations.
package out
