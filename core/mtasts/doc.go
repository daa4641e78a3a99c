// Package mtasts knows which domains ask for TLS and for what exchangers: MTA-STS
// policies (RFC 8461), fetched over HTTPS, kept in memory and on disk. It runs in
// the core.
//
// Next: core/delivery asks it before it connects.
package mtasts
