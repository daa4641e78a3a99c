// Package audit counts inbound SMTP by network and time (the original's
// inbound_audit): connections, receptions and rejections over monitors, the
// sessions open now, and the named series and gauge caches of scripts. It runs in
// the core. core/smtpd and the logs of core feed it; scripts ask it through
// sdk.Auditor and operators by the inbound_audit commands.
//
// Everything in it is bounded: tree.go keeps counts by network in so many nodes,
// and gives up detail, then history, where they do not suffice. Time is handed
// in.
//
// Next: plugins/scriptlet/api, where msys.audit and msys.audit_series ask.
package audit
