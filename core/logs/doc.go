// Package logs writes the streams of reference/logs.md: mainlog, rejectlog,
// bouncelog, acctlog and paniclog, one function for each record, zap
// underneath. It runs in the core; every part calls it, at the top of its own
// error handling and nowhere else. Writers survive a reload and are reopened by
// SIGHUP and `reopen logs`.
//
// Next: nothing; a record is the end of a message's way.
package logs
