// Package httpd takes mail over HTTP: the listeners of http_listener scopes, who
// may use them, and POST /api/v1/inject, which answers 200 only when the mail is
// on the disk. It runs in the core. What it takes goes through the door that
// SMTP uses, as mail of protocol rest (docs/http.md).
//
// Next: core/reception, whose Submit has policy asked and makes it durable.
package httpd
