// Package cidr keeps the lists of networks that scripts look addresses up in
// (msys.cidr; the original's cidrdb). It runs in the scriptlet module, once for
// all interpreters and generations: a list that the next configuration defines
// in the same way goes on as it is, and one that is read anew takes the place of
// the old one at once, so no lookup ever meets an empty list.
//
// Next: plugins/scriptlet/api, where msys.cidr.query asks.
package cidr
