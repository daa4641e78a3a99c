// Package interop has other people's programs talk to mtad: swaks, msmtp,
// Python's smtplib and Postfix's smtp-source submit, Postfix, Exim and OpenSMTPD
// relay to it, smtp-sink is the next hop. It has tests only; test/setup.sh
// installs the programs, test/peers.sh those that exclude each other.
//
// Next: test/need says which of them are missing.
package interop
