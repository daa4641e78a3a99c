// Package trace shows SMTP dialogues to whoever looks for a fault: into a file, or
// live to a console. A tracer takes the connections that are made after it, by
// binding and domain or by the peer's address. Passwords and message content are
// left out, and what a tracer writes is bounded.
//
// Next: core/smtpd and core/delivery tell a Dialogue what goes over the wire,
// core's console makes tracers.
package trace
