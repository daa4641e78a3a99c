// Package spool keeps mail durable: the metadata of every message and the
// bodies that messages share. It runs in the core and is the only code that
// knows the files; everything else speaks of ids, metadata and body references.
//
// The spool is a log of segments with group commit. Sessions append bodies to
// the active segment as they arrive; one committer writes the batches that all
// sessions wait for and calls fdatasync once for them. A batch is one record:
// it is there whole after a crash or it never happened. Where each message's
// metadata and each body lie is kept in memory, rebuilt at a start from one
// block (the footer) of each sealed segment and from a scan of the others.
//
// record.go is the form of a record, entry.go of a message inside one,
// footer.go of a sealed segment's last block, scan.go reads past damage.
// index.go is what memory knows. body.go, commit.go with group.go, and change.go
// write, reader.go and each.go read, recover.go and rescan.go start, keep.go and
// compact.go clear up. tools.go and transfer.go work without the daemon. fs.go is
// all that is asked of a file system; spooltest has one that crashes.
//
// Four rules make it safe, and each stands at the code that keeps it:
//
//  1. Nothing is acknowledged before fdatasync of every segment that the batch
//     or its bodies are in.
//  2. Nothing is deleted before what made it garbage is durable.
//  3. A `done` is kept as long as any segment may hold the message it ends.
//  4. A body keeps its name (the place it was first written to) when
//     compaction moves it, so references in metadata stay good.
//
// Next: core/queue, which learns at a start what waits (Each), and reads back
// what it works on (Meta, OpenBody).
package spool
