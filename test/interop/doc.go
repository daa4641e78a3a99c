// Package interop has other people's programs talk to mtad: swaks, Python's
// smtplib and Postfix's smtp-source submit, smtp-sink is the next hop. It has
// tests only; test/setup.sh installs the programs.
//
// Next: test/need says which of them are missing.
package interop
