// Package smtp holds the words of SMTP: addresses, replies and enhanced status
// codes. It does no I/O. It runs in every process; the core and every module
// speak in these types.
//
// Next: sdk, the contract that carries them.
package smtp
