// Package crash says what survives: modules and the server itself are killed
// under load, and no message that was answered with 250 may be lost, doubled or
// damaged. It has tests only.
//
// Next: core/spool keeps the messages, core/modules brings modules back.
package crash
