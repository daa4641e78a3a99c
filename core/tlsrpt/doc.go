// Package tlsrpt counts how TLS with other domains went and tells those that ask
// for it, once a day (SMTP TLS Reporting, RFC 8460). It runs in the core.
//
// Next: a report goes through the door like any message of ours, or over HTTPS.
package tlsrpt
