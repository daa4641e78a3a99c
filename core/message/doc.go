// Package message is one message for one recipient, as the queue, delivery and
// the logs know it, and its form in the spool. It runs in the core.
//
// Next: core/spool keeps it, core/queue decides when it goes out.
package message
