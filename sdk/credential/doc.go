// Package credential keeps passwords for what mtad connects to, encrypted with
// AES-GCM, and keeps passwords out of what people read. It does its own file
// access and nothing else; it runs in whatever process needs a password, and in
// `mtad credmgr`.
//
// Next: plugins/datasource, which puts a stored password in the place of a uri's.
package credential
