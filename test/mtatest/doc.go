// Package mtatest runs a whole mtad in a test, from outside: it builds the
// binary, writes a configuration, starts the server, talks SMTP and console to
// it, plays the next hop and the name server, and reads the logs. It runs in
// tests only, on Linux: it looks at processes through /proc.
//
// Next: test/e2e and test/crash say what the server must do.
package mtatest
