// Package scan asks the daemons that look at content: clamd for viruses, spamd
// and rspamd for spam. Its clients are thin: one connection a scan, everything
// within one deadline, content streamed from where it is, answers bounded, and
// no more scans at a time than a Gate lets in. It decides nothing about mail.
//
// Next: plugins/scanner scans by configuration, msys.av, msys.spamc and
// msys.rspamd for scripts.
package scan
