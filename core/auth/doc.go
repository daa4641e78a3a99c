// Package auth decides who somebody is: it looks credentials up in the stores
// that a listener's options name by uri, and speaks the server's side of the
// SASL mechanisms. It runs in the core; core/smtpd calls it for AUTH and
// core/control for a console.
//
// A store is a file (file:// and digest://, and groups:// for roles), a query
// to a datasource (an auth_ds scheme), or a function of a script
// (msys.registerAuth). Directory finds the one that a Target names. Credentials
// never leave this package but into a query or a script's function: no error
// and no log entry holds them.
//
// Next: core/smtpd, whose session takes the outcome to policy
// (core_validate_auth).
package auth
