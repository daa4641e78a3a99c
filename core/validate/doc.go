// Package validate runs hooks: it keeps a session's validation context, asks
// the modules of the session's generation in declaration order, and applies
// the changes they answer with. It runs in the core; core/smtpd calls it for
// every phase up to DATA, core/reception for those after it.
//
// Next: core/modules carries the call to the module; the reply goes back to
// the caller.
package validate
