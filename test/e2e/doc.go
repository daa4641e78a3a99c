// Package e2e says what mtad must do, seen from outside: SMTP in, SMTP out, the
// console, the logs, policy scripts. Dialogues are in testdata/*.smtp and in
// the tests, in the protocol's words (see mtatest.Server.Play). It has tests
// only.
//
// Next: test/crash says what must survive, test/interop who else can talk to us.
package e2e
