// Package bounce tells senders about mail that failed for good: it writes
// delivery status notifications (RFC 3464, RFC 6522) and classifies replies. It
// runs in the core; core/queue calls it before it lets a failed message go.
//
// Next: a notification goes back through the door, core/reception.
package bounce
