// Package jlog is a queue of messages for several readers in a directory, each
// message kept until the last of them has had it. The format on the disk is that
// of OmniTI's libjlog, so its programs read what we write; numbers are in the
// machine's byte order:
//
//	metastore      number of the segment written to, its size limit, safety, magic
//	00000000       a segment: of each message magic, seconds, microseconds, length, content
//	cp.HEX         where a subscriber has read to: segment, message; HEX is its name
//
// Compressed jlogs are refused.
//
// Next: core/logs/out writes records into one, plugins/scriptlet/api what scripts
// write, cmd/mtad reads them.
package jlog
