package mailauth

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
)

// slashMark stands for a slash in a domain while the library has the record: it
// takes every slash for the beginning of a prefix length. No record that passes
// checkRecord holds one.
const slashMark = "\x01"

// rewritten is a record, checked already, in words that the library reads as
// RFC 7208 has them: slashes in domains are marked, and %{p} is expanded.
func rewritten(record string, name func() string) string {
	if !strings.ContainsAny(record, "/%") {
		return record
	}
	terms := strings.Split(record, " ")
	for i, term := range terms[1:] {
		terms[i+1] = expandP(markSlashes(term), name)
	}
	return strings.Join(terms, " ")
}

// markSlashes marks those of the domain-spec, outside of macros.
func markSlashes(term string) string {
	at := strings.IndexAny(term, ":/=")
	if at < 0 || term[at] == '/' {
		return term
	}
	name, spec := strings.ToLower(strings.TrimLeft(term[:at], "+-?~")), term[at:]
	lengths := ""
	switch name {
	case "a", "mx":
		domain, err := cutPrefixes(spec)
		if err != nil {
			return term
		}
		spec, lengths = domain, spec[len(domain):]
	case "ip4", "ip6":
		return term
	}
	return term[:at] + outsideMacros(spec) + lengths
}

func outsideMacros(spec string) string {
	var b strings.Builder
	inside := false
	for i := range len(spec) {
		switch c := spec[i]; {
		case c == '/' && !inside:
			b.WriteString(slashMark)
			continue
		case c == '{' && i > 0 && spec[i-1] == '%':
			inside = true
		case c == '}':
			inside = false
		}
		b.WriteByte(spec[i])
	}
	return b.String()
}

// expandP expands the macros of the letter p. A "%%" in front of a brace is no
// macro.
func expandP(term string, name func() string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(term, '%')
		if at < 0 || at+1 >= len(term) {
			return b.String() + term
		}
		end := strings.IndexByte(term[at:], '}')
		if term[at+1] != '{' || end < 0 || term[at+2]|0x20 != 'p' {
			b.WriteString(term[:at+2])
			term = term[at+2:]
			continue
		}
		value := MacroValue(name(), term[at+3:at+end])
		if term[at+2] == 'P' {
			value = url.QueryEscape(value)
		}
		b.WriteString(term[:at] + value)
		term = term[at+end+1:]
	}
}

// MacroValue is what a macro makes of its letter's value: spec is how many parts
// to keep, "r" to turn them round, and what separates them (RFC 7208 §7.3).
func MacroValue(value, spec string) string {
	if spec == "" {
		return value
	}
	rest := strings.TrimLeft(spec, "0123456789")
	keep := len(value) + 1
	if digits := spec[:len(spec)-len(rest)]; digits != "" {
		keep = 0
		for i := 0; i < len(digits) && keep <= len(value); i++ {
			keep = keep*10 + int(digits[i]-'0')
		}
	}
	delimiters, reverse := strings.CutPrefix(strings.ToLower(rest), "r")
	if delimiters == "" {
		delimiters = "."
	}
	// Delimiters that lead, trail or repeat make empty parts.
	parts := strings.Split(strings.Map(func(r rune) rune {
		if strings.ContainsRune(delimiters, r) {
			return 0
		}
		return r
	}, value), "\x00")
	if reverse {
		slices.Reverse(parts)
	}
	return strings.Join(parts[max(len(parts)-keep, 0):], ".")
}

// peerName is %{p} in the record of domain: a name that could be in a record,
// else "unknown".
func (r *ruled) peerName(ctx context.Context, domain string) string {
	name := "unknown"
	if r.peer.IsValid() {
		name = ValidatedName(ctx, r.Resolver, r.peer, strings.TrimSuffix(domain, "."))
	}
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("-_.", c) < 0 {
			return "unknown" // it is the peer that publishes its name
		}
	}
	return name
}

// LookupMX is part of Resolver.
func (r *ruled) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return r.Resolver.LookupMX(ctx, unmarked(name))
}

// LookupIPAddr is part of Resolver.
func (r *ruled) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	return r.Resolver.LookupIPAddr(ctx, unmarked(host))
}

func unmarked(name string) string { return strings.ReplaceAll(name, slashMark, "/") }
