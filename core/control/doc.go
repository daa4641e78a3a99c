// Package control is the console channel: a socket on which an operator asks
// and orders. Each part of the core contributes its commands as a table; this
// package finds the command, runs it, and carries the answer. It runs in the
// core; Console, the other end, runs in `mtad console`.
//
// A request is one line, a JSON array of words. The answer is a sequence of
// chunks, "+<length>\n" and that many bytes, and ends with ".<status>\n", where
// status 0 is success and 2 asks who is there: a JSON object with user and
// password answers that, where the endpoint has a Guard, and the command comes
// again.
//
// Next: the owner of the command, for example core/queue for mailq.
package control
