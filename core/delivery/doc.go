// Package delivery is SMTP out: it finds the hosts for a lane's domain (routes,
// MX, addresses), connects to one of them, and hands over the lane's batches
// one after another on that connection, until the lane has no more. It runs in
// the core; the queue starts a Serve for each connection of a lane.
//
// What cannot be undone here: when the connection is lost between the final
// dot and the reply to it, nobody can know whether the peer took the message.
// It is tried again, so the recipient may get it twice (RFC 5321 §4.2.5 and
// §6.1 ask for that: better twice than never).
//
// Next: the outcome of each message goes back to core/queue by Source.Settle,
// which logs it and removes, retries or fails it.
package delivery
