// Package scanner is the module of the content scanners: it owns their scopes
// (antivirus with its engines, clamav, spamassassin, rspamd), and shows each
// message that SMTP brings to the antivirus engines that are enabled, when the
// content is there. Spam scanners are asked by scripts alone, as in the
// original, and so are engines that are not enabled.
//
// It runs inside the core, so that nobody pays a hop for it: it streams and
// waits, in bounded time on bounded memory. isolation is not among its options.
//
// Next: sdk/scan talks to the daemons; policy sees the context variables in the
// next module.
package scanner
