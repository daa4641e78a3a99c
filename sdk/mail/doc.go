// Package mail reads and edits RFC 5322 messages and MIME bodies. Whatever an
// edit does not touch stays byte-exact. It has no policy and does no I/O. It
// runs in the core and in modules.
//
// Next: sdk.Apply edits headers with it; plugins/scriptlet/api reads with it.
package mail
