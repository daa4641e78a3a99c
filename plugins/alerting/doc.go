// Package alerting is the module that tells people: rules count events (failures,
// rejections) and watch figures (metrics, inbound_audit, the counters of
// scripts), and whoever is to be told gets mail, a webhook's POST or a syslog
// message when a limit is passed, and when that is over; once in a while and not
// each time. It runs in a process of its own, or in the core where isolation is
// "core" (docs/alerting.md).
//
// Next: an alert by mail is injected and goes out like any message.
package alerting
