// Package mailauth authenticates mail: SPF (RFC 7208), DKIM (RFC 6376 with RFC
// 8301 and RFC 8463), ARC (RFC 8617), DMARC (RFC 7489), and the header field that
// tells of it (RFC 8601). It does no I/O of its own: DNS, the time, keys and the
// body are handed in, and everything a sender can make large is bounded. It runs
// where its caller does: in the module mailauth inside the core, and in the
// scriptlet module for the functions of msys.validate.
//
// Signing and verifying of DKIM and ARC share their parts: fields, tag lists,
// canonical forms, keys. They are our own: go-msgauth's simple canonical form
// takes time in the square of a run of empty lines (2 MiB of them: 2.3 s), it
// keeps selector, key and flags to itself, and it has no part that ARC could
// use. The tests hold the two against each other.
//
// Next: plugins/mailauth puts the results where policy finds them.
package mailauth
