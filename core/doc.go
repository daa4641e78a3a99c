// Package core is the mail server put together: the ordered list of its parts,
// what each is given of the configuration, and the reload that moves all of
// them to a new one together. There is no logic of mail in it.
//
// Next: core/smtpd takes the first step of a message's way (docs/flow.md).
package core
