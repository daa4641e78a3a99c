// Package mailauth is the module that authenticates mail by configuration alone:
// SPF at MAIL FROM (scope spf_v1), DKIM (dkim_validate), DMARC (dmarc) and ARC
// (openarc) when the content is there, and DKIM signatures at the end (opendkim).
// What it finds is in context variables for scripts, and in Received-SPF and
// Authentication-Results for those behind us; it refuses nothing by itself.
//
// It runs inside the core, so that nobody pays a hop for it: it is Go that works
// in bounded time on bounded input. isolation is not among its options.
//
// Next: sdk/mailauth does the work; policy sees the results in the next module.
package mailauth
