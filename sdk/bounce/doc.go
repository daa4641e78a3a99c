// Package bounce knows bounces: the classes that replies and returned messages
// fall into (reference/logs.md, "Bounce classification codes"), and delivery
// status notifications (RFC 3464). It does no I/O. It runs in the core and in
// modules.
//
// Next: core/bounce logs with it; plugins/scriptlet/api answers scripts with it.
package bounce
