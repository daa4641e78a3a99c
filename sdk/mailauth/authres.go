package mailauth

import (
	"bytes"
	"strings"
)

// Item is one result of an Authentication-Results header field (RFC 8601 §2.2).
type Item struct {
	Method     string
	Result     Result
	Reason     string
	Properties []Property
}

// Property is what a result is about, as header.d=example.com.
type Property struct{ Name, Value string }

func (it Item) with(name, value string) Item {
	if value != "" {
		it.Properties = append(it.Properties, Property{name, value})
	}
	return it
}

// maxValue bounds a value from outside in a header field of ours.
const maxValue = 256

// AuthResults is the value of an Authentication-Results header field (RFC 8601
// §2.2), one result a line where mail.PrependHeader folds it.
func AuthResults(id string, items []Item) string {
	var b strings.Builder
	b.WriteString(word(id))
	if len(items) == 0 {
		b.WriteString("; none")
	}
	for _, it := range items {
		b.WriteString("; " + it.Method + "=" + string(it.Result))
		if it.Reason != "" {
			b.WriteString(" reason=" + quoted(it.Reason))
		}
		for _, p := range it.Properties {
			b.WriteString(" " + p.Name + "=" + address(p.Value))
		}
	}
	return b.String()
}

// Items are the results of DKIM for Authentication-Results; none where there was
// no signature (RFC 8601 §2.7.1).
func Items(list []*Signature) []Item {
	if len(list) == 0 {
		return []Item{{Method: "dkim", Result: None}}
	}
	var out []Item
	for _, s := range list[:min(len(list), DefaultMaxSignatures)] {
		it := Item{Method: "dkim", Result: s.Result(), Reason: s.Error}
		it = it.with("header.d", s.Domain).with("header.i", s.Identity).with("header.s", s.Selector)
		out = append(out, it.with("header.a", s.Algorithm).with("header.b", s.Mark))
	}
	return out
}

// word is a value as a token, quoted where it is none (RFC 2045 §5.1).
func word(s string) string {
	s = clean(s)
	if s != "" && !strings.ContainsAny(s, " ()<>@,;:\\\"/[]?=") {
		return s
	}
	return quoted(s)
}

// address is a value that may be an address or a name with "@" in it (RFC 8601
// §2.2, pvalue).
func address(s string) string {
	s = clean(s)
	if s != "" && !strings.ContainsAny(s, " ()<>,;:\\\"[]?=/") && strings.Count(s, "@") <= 1 {
		return s
	}
	return quoted(s)
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(clean(s)) + `"`
}

func comment(s string) string {
	return strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(clean(s))
}

// clean makes text from outside fit for a header field: printable, and not long.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxValue {
		s = strings.ToValidUTF8(s[:maxValue], "")
	}
	return s
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// StripForged takes out of a header section every Authentication-Results field
// that claims to be ours (RFC 8601 §5). The section itself is given back where
// there is none, so that a message nobody forged stays byte for byte.
func StripForged(section []byte, id string) ([]byte, bool) {
	var out []byte
	forged := false
	for at := 0; at < len(section); {
		end := at + fieldLength(section[at:])
		f := field{name: fieldName(section[at:end]), raw: section[at:end]}
		if f.name == "authentication-results" && Claims(f.value(), id) {
			if !forged {
				forged, out = true, append(make([]byte, 0, len(section)), section[:at]...)
			}
		} else if forged {
			out = append(out, section[at:end]...)
		}
		at = end
	}
	if !forged {
		return section, false
	}
	return out, true
}

// Claims reports whether the authserv-id of an Authentication-Results field is
// id, without case, with or without the dot at its end.
func Claims(value, id string) bool {
	got := authservID(value)
	return got != "" && strings.EqualFold(strings.TrimSuffix(got, "."), strings.TrimSuffix(id, "."))
}

// authservID is the first word of a field (RFC 8601 §2.2): comments go, quotes
// too.
func authservID(value string) string {
	s := skipCFWS(value)
	if strings.HasPrefix(s, `"`) {
		var b bytes.Buffer
		for i := 1; i < len(s) && s[i] != '"'; i++ {
			if s[i] == '\\' && i+1 < len(s) {
				i++
			}
			b.WriteByte(s[i])
		}
		return strings.Trim(b.String(), blanks)
	}
	if end := strings.IndexAny(s, blanks+";(/"); end >= 0 {
		return s[:end]
	}
	return s
}

// skipCFWS passes over blanks and comments, which may nest (RFC 5322 §3.2.2).
func skipCFWS(s string) string {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			i++
		case depth == 0 && strings.IndexByte(blanks, c) < 0:
			return s[i:]
		}
	}
	return ""
}
