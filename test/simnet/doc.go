// Package simnet is an Internet in one process: name servers, thousands of
// domains with their exchangers, and hosts that are slow, refuse, break off,
// lie, greylist, shut out and offer bad TLS. Nothing leaves the process:
// connections are in memory, and every wait is a timer, so that inside a
// testing/synctest bubble a week takes seconds. It keeps a ledger of what the
// hosts took, and of how many connections each lane had open, which is what a
// test compares with the logs. What a host does is a function of the seed, the
// host, the recipient and the hour, never of who comes first. It runs in tests
// only.
//
// Next: core, whose courier and resolver are given Net.Dial and Net.DialDNS.
package simnet
