// Package reception is the one door for new mail: from SMTP, from a script's
// inject, from our own bounces. A draft takes the content while it arrives;
// Accept runs the hooks of its origin, splits the transaction, binds each copy,
// commits all of them to the spool as one batch, and only then says yes. It
// runs in the core.
//
// Next: core/spool makes it durable, core/queue takes it from there.
package reception
