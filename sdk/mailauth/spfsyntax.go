package mailauth

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// errSPFSyntax makes a record void wherever the fault stands in it: RFC 7208 §4.6
// has a permerror found before anything is evaluated. The library stops at the
// first match, and knows less of the grammar of §12.
var errSPFSyntax = errors.New("syntax error in the SPF record")

// checkRecord checks a record by the grammar of RFC 7208 §12.
func checkRecord(record string) error {
	seen := map[string]bool{}
	for i, term := range strings.Split(record, " ") {
		if i == 0 || term == "" {
			continue
		}
		if err := checkTerm(term, seen); err != nil {
			return fmt.Errorf("%w: %.60q: %w", errSPFSyntax, term, err)
		}
	}
	return nil
}

var (
	errSPFTerm   = errors.New("no such term")
	errSPFDomain = errors.New("not a domain")
	errSPFMacro  = errors.New("bad macro")
	errSPFMask   = errors.New("bad length of a prefix")
	errSPFTwice  = errors.New("it comes twice")
)

func checkTerm(term string, seen map[string]bool) error {
	// A modifier has "=" behind its name; in a mechanism ":" or "/" comes first.
	if at := strings.IndexAny(term, ":/="); at > 0 && term[at] == '=' {
		return checkModifier(strings.ToLower(term[:at]), term[at+1:], seen)
	}
	return checkMechanism(strings.TrimLeft(term[:1], "+-?~") + term[1:])
}

// checkModifier checks name=value. redirect and exp come once (RFC 7208 §6).
func checkModifier(name, value string, seen map[string]bool) error {
	if !isModifierName(name) {
		return errSPFTerm
	}
	if name != "redirect" && name != "exp" {
		return checkMacros(value)
	}
	if seen[name] {
		return errSPFTwice
	}
	seen[name] = true
	return checkDomainSpec(value)
}

func isModifierName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (i == 0 || !isDigit(c) && strings.IndexByte("-_.", c) < 0) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func checkMechanism(m string) error {
	name, rest := m, ""
	if at := strings.IndexAny(m, ":/"); at >= 0 {
		name, rest = m[:at], m[at:]
	}
	switch strings.ToLower(name) {
	case "all":
		return onlyIf(rest == "", errSPFTerm)
	case "include", "exists":
		if rest == "" {
			return errSPFDomain
		}
		return checkTarget(rest)
	case "a", "mx":
		rest, err := cutPrefixes(rest)
		if err != nil {
			return err
		}
		return checkTarget(rest)
	case "ptr":
		return checkTarget(rest)
	case "ip4", "ip6":
		return checkNetwork(rest, strings.EqualFold(name, "ip6"))
	}
	return errSPFTerm
}

func onlyIf(ok bool, otherwise error) error {
	if ok {
		return nil
	}
	return otherwise
}

// checkTarget checks [":" domain-spec].
func checkTarget(rest string) error {
	switch {
	case rest == "":
		return nil
	case rest[0] != ':':
		return errSPFDomain
	}
	return checkDomainSpec(rest[1:])
}

// cutPrefixes takes the lengths off the end: "/24", "//64" or "/24//64".
func cutPrefixes(s string) (string, error) {
	if at := strings.LastIndex(s, "//"); at >= 0 && digits(s[at+2:]) {
		if !prefixLength(s[at+2:], 128) {
			return "", errSPFMask
		}
		s = s[:at]
	}
	if at := strings.LastIndexByte(s, '/'); at >= 0 && digits(s[at+1:]) {
		if !prefixLength(s[at+1:], 32) {
			return "", errSPFMask
		}
		s = s[:at]
	} else if at == len(s)-1 && at >= 0 {
		return "", errSPFMask
	}
	return s, nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// prefixLength: no leading zeros, at most most.
func prefixLength(s string, most int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n <= most && (s == "0" || s[0] != '0')
}

func checkNetwork(rest string, six bool) error {
	addr, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return errSPFTerm
	}
	addr, length, hasLength := strings.Cut(addr, "/")
	most := 32
	if six {
		most = 128
	}
	if hasLength && (!digits(length) || !prefixLength(length, most)) {
		return errSPFMask
	}
	// Whether it is an address the library says.
	return onlyIf(strings.Contains(addr, ":") == six, errSPFTerm)
}

// checkDomainSpec checks macro-string domain-end: it ends in a macro, or in a
// label that could be a top-level domain.
func checkDomainSpec(s string) error {
	if err := checkMacros(s); err != nil {
		return err
	}
	if strings.HasSuffix(s, "}") {
		return nil
	}
	s = strings.TrimSuffix(s, ".")
	at := strings.LastIndexByte(s, '.')
	return onlyIf(at >= 0 && isTopLabel(s[at+1:]), errSPFDomain)
}

// isTopLabel: letters, digits and hyphens; not all digits, no hyphen at an end.
func isTopLabel(s string) bool {
	letter := false
	for i := 0; i < len(s); i++ {
		switch {
		case isLetter(s[i]):
			letter = true
		case s[i] == '-':
			letter = true
			if i == 0 || i == len(s)-1 {
				return false
			}
		case !isDigit(s[i]):
			return false
		}
	}
	return letter
}

// checkMacros checks a macro-string (RFC 7208 §7.1).
func checkMacros(s string) error {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			if s[i] < 0x21 || s[i] > 0x7e {
				return errSPFMacro
			}
			continue
		}
		i++
		if i == len(s) {
			return errSPFMacro
		}
		switch s[i] {
		case '%', '_', '-':
		case '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 || !isMacro(s[i+1:i+end]) {
				return errSPFMacro
			}
			i += end
		default:
			return errSPFMacro
		}
	}
	return nil
}

// isMacro is the inside of a macro: a letter, a number of parts, r, delimiters.
func isMacro(s string) bool {
	// c, r and t belong into explanations (RFC 7208 §7.2).
	if s == "" || strings.IndexByte("slodiphv", s[0]|0x20) < 0 {
		return false
	}
	rest := strings.TrimLeft(s[1:], "0123456789")
	if number := s[1 : len(s)-len(rest)]; number != "" && strings.Trim(number, "0") == "" {
		return false // RFC 7208 §7.3: not zero
	}
	if rest != "" && rest[0]|0x20 == 'r' {
		rest = rest[1:]
	}
	return strings.Trim(rest, ".-+,/_=") == ""
}
