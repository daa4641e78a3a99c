package smtp

import "strings"

// Address is an envelope address without its angle brackets, as policy sees it:
// "local@domain", or "" for the null sender (RFC 5321 §4.5.5). The local part
// keeps its quoting.
type Address string

// Split gives the local part and the domain. The domain is what follows the
// last @, since a quoted local part may hold one (RFC 5321 §4.1.2).
func (a Address) Split() (local, domain string) {
	i := strings.LastIndexByte(string(a), '@')
	if i < 0 {
		return string(a), ""
	}
	return string(a[:i]), string(a[i+1:])
}

// Domain is the part behind the last @, in lower case.
func (a Address) Domain() string {
	_, d := a.Split()
	return strings.ToLower(d)
}

// Path is the address in angle brackets, as MAIL and RCPT have it.
func (a Address) Path() string { return "<" + string(a) + ">" }

// Null reports the null sender.
func (a Address) Null() bool { return a == "" }
