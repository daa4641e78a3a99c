// Package spooltest is a file system in memory for tests of the spool: it loses
// what was not synced, tears writes at 512 bytes, lets them reach the disk in
// any order, forgets names that were not synced, fills up, and fails where it
// is told to. It runs in tests only.
//
// Next: core/spool, whose FS it is.
package spooltest
