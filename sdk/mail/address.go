package mail

import "strings"

// Address is one mailbox of an address field (RFC 5322 §3.4).
type Address struct {
	Name   string // display name, decoded; may be empty
	Local  string // without quotes
	Domain string
}

// Component is a part of an address that policy asks for (msg:address_header).
type Component uint8

// The components.
const (
	ComponentAll       Component = iota // local@domain
	ComponentLocalpart                  // what is before the @
	ComponentUser                       // the local part before its +
	ComponentDetail                     // the local part behind its +
	ComponentDomain
)

// ParseComponent knows the components by name; "" is all.
func ParseComponent(name string) (Component, bool) {
	switch name {
	case "", "all":
		return ComponentAll, true
	case "localpart":
		return ComponentLocalpart, true
	case "user":
		return ComponentUser, true
	case "detail":
		return ComponentDetail, true
	case "domain":
		return ComponentDomain, true
	}
	return ComponentAll, false
}

// Component gives one component; "" where the address does not have it.
func (a Address) Component(c Component) string {
	user, detail, _ := strings.Cut(a.Local, "+")
	switch c {
	case ComponentLocalpart:
		return a.Local
	case ComponentUser:
		return user
	case ComponentDetail:
		return detail
	case ComponentDomain:
		return a.Domain
	}
	return a.String()
}

// String is the bare address, its local part quoted where it must be (RFC 5322
// §3.4.1).
func (a Address) String() string {
	if isDotAtom(a.Local) {
		return a.Local + "@" + a.Domain
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Local) + `"@` + a.Domain
}

func isDotAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f || strings.IndexByte(`()<>[]:;@\,"`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}

// maxAddresses bounds what is read of one field.
const maxAddresses = 10000

// ParseAddresses reads the addresses of an unfolded, undecoded value: lists,
// groups, comments, routes and quoted strings of RFC 5322 §3.4 and §4.4, and
// what is seen in practice. What is no address is passed over.
func ParseAddresses(value string) []Address {
	s := addressScanner{in: value}
	for s.at < len(value) && len(s.out) < maxAddresses {
		s.step()
	}
	s.finish()
	return s.out
}

// addressScanner reads one mailbox at a time into its two strings.
type addressScanner struct {
	in    string
	at    int
	plain strings.Builder // outside of angle brackets, comments left out
	note  string          // the last comment
	angle string          // inside angle brackets
	name  string          // in front of them
	hasA  bool
	out   []Address

	noQuote, noComment, noLiteral bool // such a thing does not end any more
}

func (s *addressScanner) step() {
	rest := s.in[s.at:]
	switch c := rest[0]; {
	case c == '"' && !s.noQuote:
		n := quotedLength(rest)
		s.noQuote = n == 0
		s.copy(max(n, 1))
	case c == '(' && !s.noComment:
		n := commentLength(rest)
		if s.noComment = n == 0; s.noComment {
			s.copy(1)
			return
		}
		s.note = rest[1 : n-1]
		s.at += n
	case c == '[' && !s.noLiteral:
		n := strings.IndexByte(rest, ']') + 1
		s.noLiteral = n == 0
		s.copy(max(n, 1))
	case c == '<':
		s.readAngle(rest)
	case c == ',' || c == ';':
		s.finish()
		s.at++
	case c == ':' && !s.hasA && !strings.Contains(s.plain.String(), "@"):
		s.plain.Reset() // the name of a group
		s.at++
	default:
		s.copy(1)
	}
}

func (s *addressScanner) copy(n int) {
	s.plain.WriteString(s.in[s.at : s.at+n])
	s.at += n
}

// readAngle reads "<...>", up to a comma where the closing one is missing.
func (s *addressScanner) readAngle(rest string) {
	if s.hasA { // a comma is missing between two mailboxes
		s.emit(s.angle, s.name)
	}
	s.name = strings.Trim(s.plain.String(), " \t\r\n")
	s.plain.Reset()
	// A route has commas of its own: <@one,@two:user@domain>.
	route := strings.HasPrefix(strings.TrimLeft(rest[1:], " \t"), "@")
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			if n := quotedLength(rest[i:]); n > 0 && !s.noQuote {
				i += n - 1
			} else {
				s.noQuote = true
			}
		case '>', ',':
			if rest[i] == ',' && route {
				continue
			}
			s.angle, s.hasA = rest[1:i], true
			s.at += i
			if rest[i] == '>' {
				s.at++
			}
			return
		}
	}
	s.angle, s.hasA = rest[1:], true
	s.at = len(s.in)
}

// finish ends a mailbox.
func (s *addressScanner) finish() {
	if s.hasA {
		s.emit(s.angle, s.name)
	} else {
		s.emit(bareAddress(strings.Trim(s.plain.String(), " \t\r\n")), s.note)
	}
	s.plain.Reset()
	s.note, s.hasA = "", false
}

func (s *addressScanner) emit(spec, name string) {
	a, ok := splitSpec(spec)
	if !ok {
		return
	}
	if n := quotedLength(name); strings.HasPrefix(name, `"`) && n == len(name) {
		name = unquote(name[1 : n-1])
	}
	a.Name = DecodeWords(name)
	s.out = append(s.out, a)
}

// bareAddress finds the address in text without angle brackets: blanks around
// "." and "@" are allowed there (RFC 5322 §4.4); of several words the one with
// the @ counts.
func bareAddress(text string) string {
	if !strings.ContainsAny(text, " \t") || strings.HasPrefix(text, `"`) {
		return text
	}
	text = joinAround(joinAround(text, "@"), ".")
	for _, w := range strings.Fields(text) {
		if strings.Contains(w, "@") {
			return w
		}
	}
	return text
}

func joinAround(text, sep string) string {
	if !strings.Contains(text, sep) {
		return text
	}
	parts := strings.Split(text, sep)
	for i := range parts {
		parts[i] = strings.Trim(parts[i], " \t")
	}
	return strings.Join(parts, sep)
}

// splitSpec takes local@domain apart, a route in front of it left out.
func splitSpec(spec string) (Address, bool) {
	spec = strings.Trim(withoutComments(spec), " \t\r\n")
	if strings.HasPrefix(spec, "@") { // RFC 5322 §4.4 obs-route
		_, spec, _ = strings.Cut(spec, ":")
		spec = strings.Trim(spec, " \t")
	}
	i := strings.LastIndexByte(spec, '@')
	if i <= 0 || i == len(spec)-1 {
		return Address{}, false
	}
	local, domain := strings.Trim(spec[:i], " \t"), strings.Trim(spec[i+1:], " \t")
	if n := quotedLength(local); strings.HasPrefix(local, `"`) && n == len(local) {
		local = unquote(local[1 : n-1])
	}
	return Address{Local: local, Domain: domain}, local != "" && domain != ""
}

// withoutComments leaves out the comments that stand outside of quotes.
func withoutComments(s string) string {
	if !strings.Contains(s, "(") {
		return s
	}
	var b strings.Builder
	broken := false
	for i := 0; i < len(s); {
		n := 1
		switch s[i] {
		case '"':
			if !broken {
				n = max(quotedLength(s[i:]), 1)
				broken = n == 1
			}
		case '(':
			if c := commentLength(s[i:]); c > 0 {
				i += c
				continue
			}
			b.WriteString(s[i:])
			return b.String()
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return b.String()
}

// commentLength is the length of the comment s begins with, comments inside it
// included (RFC 5322 §3.2.2); 0 where it does not end.
func commentLength(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}
