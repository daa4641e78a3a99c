// Package dns is the core's resolver: questions to the configured recursive
// servers over UDP and TCP, one flight for each question however many ask it,
// and a cache bounded in bytes. It runs in the core; delivery asks it for
// routes, reception for policy, and modules through sdk.Host.LookupDNS.
//
// Next: core/delivery turns MX and address answers into hosts to connect to.
package dns
