package smtpd

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/mtad/mtad/sdk/smtp"
)

// Bounds of RFC 5321 §4.5.3.1.2 and RFC 1035 §2.3.4, in octets. The bound of 64
// on local parts is not among them: it is what a server must at least take, and
// rewritten bounce addresses exceed it every day.
const (
	maxDomain = 255
	maxLabel  = 63
)

// grammar is how strictly an address is read.
type grammar struct {
	strict bool // rfc2821_pedantic_address_rules
	blanks bool // allow_trailing_whitespace_in_commands
}

// path is an address as MAIL or RCPT gave it.
type path struct {
	addr    smtp.Address // "" is the null path
	domain  string       // "": there was none
	literal bool         // the domain is an address literal
	intl    bool         // it holds UTF-8 (RFC 6531 §3.3)
}

// parsePath reads the path that follows the colon of MAIL FROM: or RCPT TO:
// (RFC 5321 §4.1.2) and gives what is behind it.
func parsePath(s string, g grammar) (p path, rest string, ok bool) {
	if g.blanks || !g.strict {
		s = strings.TrimLeft(s, " ")
	}
	if !strings.HasPrefix(s, "<") {
		if g.strict {
			return p, "", false
		}
		return parseBare(s, g)
	}
	s = s[1:]
	if g.blanks {
		s = strings.TrimLeft(s, " ")
	}
	if strings.HasPrefix(s, "@") {
		if s, ok = skipRoute(s, g); !ok {
			return p, "", false
		}
	}
	n, ok := p.read(s, g)
	if !ok {
		return p, "", false
	}
	s = s[n:]
	if g.blanks {
		s = strings.TrimLeft(s, " ")
	}
	if !strings.HasPrefix(s, ">") {
		return p, "", false
	}
	return p, s[1:], true
}

// parseBare reads an address without angle brackets, which only the lenient
// grammar takes.
func parseBare(s string, g grammar) (p path, rest string, ok bool) {
	n, ok := p.read(s, g)
	if !ok || n == 0 {
		return p, "", false
	}
	return p, s[n:], true
}

// skipRoute skips a source route, which a server must take and should ignore
// (RFC 5321 §4.1.1.3, appendix C).
func skipRoute(s string, g grammar) (rest string, ok bool) {
	for {
		if !strings.HasPrefix(s, "@") {
			return "", false
		}
		n, _, ok := domainLength(s[1:], g)
		if !ok {
			return "", false
		}
		s = s[1+n:]
		switch {
		case strings.HasPrefix(s, ":"):
			return s[1:], true
		case strings.HasPrefix(s, ","):
			s = s[1:]
		default:
			return "", false
		}
	}
}

// read reads a mailbox, a local part alone, or nothing, and gives its length.
func (p *path) read(s string, g grammar) (n int, ok bool) {
	n = localLength(s, g)
	if n < 0 {
		return 0, false
	}
	if n < len(s) && s[n] == '@' {
		if n == 0 {
			return 0, false
		}
		d, literal, ok := domainLength(s[n+1:], g)
		if !ok {
			return 0, false
		}
		p.domain, p.literal = s[n+1:n+1+d], literal
		n += 1 + d
	}
	p.addr = smtp.Address(s[:n])
	p.intl = !isASCII(s[:n])
	return n, !p.intl || utf8.ValidString(s[:n])
}

// localLength is the length of the local part at the front of s; -1 where it is
// malformed.
func localLength(s string, g grammar) int {
	if strings.HasPrefix(s, `"`) {
		return quotedLength(s)
	}
	n := 0
	for n < len(s) && isAtext(s[n], g) {
		n++
	}
	local := s[:n]
	// Dot-string = Atom *("." Atom)
	if g.strict && (strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..")) {
		return -1
	}
	return n
}

// quotedLength is the length of the Quoted-string that s starts with.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			i++
			if i == len(s) || s[i] < ' ' || s[i] >= 0x7f {
				return -1
			}
		case c < ' ' || c == 0x7f:
			return -1
		}
	}
	return -1
}

// isAtext reports a character of a dot-string, its dots included.
func isAtext(c byte, g grammar) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c >= 0x80:
		return true
	case c <= ' ' || c == 0x7f:
		return false
	}
	if g.strict {
		return strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0
	}
	return strings.IndexByte(`<>@"`, c) < 0
}

// domainLength is the length of the Domain or address-literal that s starts
// with.
func domainLength(s string, g grammar) (n int, literal, ok bool) {
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		return end + 1, true, end > 0 && isLiteral(s[1:end])
	}
	for n < len(s) && isDomainByte(s[n], g) {
		n++
	}
	return n, false, isDomain(s[:n], g)
}

func isDomainByte(c byte, g grammar) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c >= 0x80:
		return true
	}
	return c == '_' && !g.strict
}

// isDomain checks the labels of a domain (RFC 5321 §4.1.2: Let-dig [Ldh-str]).
func isDomain(s string, g grammar) bool {
	if s == "" || len(s) > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > maxLabel {
			return false
		}
		if g.strict && (label[0] == '-' || label[len(label)-1] == '-') {
			return false
		}
	}
	return true
}

// isLiteral reports the inside of an IPv4 or IPv6 address literal
// (RFC 5321 §4.1.3).
func isLiteral(s string) bool {
	if v6, ok := cutPrefixFold(s, "IPv6:"); ok {
		a, err := netip.ParseAddr(v6)
		return err == nil && a.Is6() && a.Zone() == ""
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

// cutPrefixFold is strings.CutPrefix without regard to case.
func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// mailParams are the parameters of MAIL that we know.
type mailParams struct {
	size     int64  // SIZE=, RFC 1870
	eightBit bool   // BODY=8BITMIME, RFC 6152
	utf8     bool   // SMTPUTF8, RFC 6531
	auth     bool   // AUTH=, RFC 4954; who it names is not used
	priority int    // MT-PRIORITY=, RFC 6710
	ret      string // RET=, RFC 3461
	envID    string // ENVID=
	text     string // all of them as they were sent, with the blank in front
}

// mailExtensions are those whose parameters MAIL may have in a session.
type mailExtensions struct{ size, eightBit, utf8, priority, dsn bool }

// parseMailParams reads what follows the path of MAIL. Each parameter may come
// once.
func parseMailParams(rest string, allow mailExtensions) (p mailParams, refusal *smtp.Reply) {
	if rest != "" && rest[0] != ' ' {
		return p, replyBadMail
	}
	p.text = strings.TrimRight(rest, " ")
	var seen [7]bool
	for field := range strings.FieldsSeq(rest) {
		key, value, hasValue := strings.Cut(field, "=")
		which, good := -1, false
		switch {
		case strings.EqualFold(key, "SIZE") && allow.size:
			which = 0
			p.size, good = parseSize(value)
		case strings.EqualFold(key, "BODY") && allow.eightBit:
			which = 1
			p.eightBit = strings.EqualFold(value, "8BITMIME")
			good = p.eightBit || strings.EqualFold(value, "7BIT")
		case strings.EqualFold(key, "SMTPUTF8") && allow.utf8:
			which = 2
			p.utf8, good = true, !hasValue
		case strings.EqualFold(key, "AUTH"):
			which = 3
			p.auth, good = true, isAuthParam(value)
		case strings.EqualFold(key, "MT-PRIORITY") && allow.priority:
			which = 4
			p.priority, good = parsePriority(value)
		case strings.EqualFold(key, "RET") && allow.dsn:
			which = 5
			p.ret, good = parseRet(value)
		case strings.EqualFold(key, "ENVID") && allow.dsn:
			which = 6
			p.envID, good = value, value != "" && len(value) <= maxEnvID && isXtext(value)
		default:
			return p, replyNoParam
		}
		if !good || seen[which] {
			return p, replyBadParam
		}
		seen[which] = true
	}
	return p, nil
}

// parseSize reads up to 20 digits (RFC 1870 §3); more than fits is as much as
// fits.
func parseSize(s string) (int64, bool) {
	if s == "" || len(s) > 20 {
		return 0, false
	}
	const most = 1<<63 - 1
	var n int64
	for i := 0; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		if n > (most-int64(d))/10 {
			n = most
			continue
		}
		n = n*10 + int64(d)
	}
	return n, true
}
