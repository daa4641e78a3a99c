package mail

import (
	"strconv"
	"strings"
)

// Params is a structured value such as that of Content-Type: a word and its
// parameters (RFC 2045 §5.1).
type Params struct {
	Value string // lower case: "text/plain", "attachment"
	List  []Param
}

// Param is one parameter; its name is in lower case.
type Param struct{ Name, Value string }

// maxParams bounds the parameters that are read of one field.
const maxParams = 200

// Get is the first parameter of that name, "" where there is none.
func (p *Params) Get(name string) string {
	for i := range p.List {
		if p.List[i].Name == name {
			return p.List[i].Value
		}
	}
	return ""
}

// ParseParams reads an unfolded value. What is broken is passed over; of a
// parameter that comes twice the first counts. Continued and charset-marked
// parameters (RFC 2231 §3, §4) come as one, in UTF-8.
func ParseParams(value string) Params {
	word, rest := cutValue(value)
	p := Params{Value: strings.ToLower(stripTrailingComment(word))}
	var pieces []Param
	for n := 0; rest != "" && n < maxParams; n++ {
		var one string
		one, rest = cutValue(rest)
		name, v, ok := strings.Cut(one, "=")
		name = strings.ToLower(strings.Trim(name, " \t"))
		if !ok || name == "" {
			continue
		}
		v = paramValue(v)
		if strings.Contains(name, "*") {
			pieces = append(pieces, Param{name, v})
		} else {
			p.List = append(p.List, Param{name, v})
		}
	}
	p.List = append(extended(pieces), p.List...)
	return p
}

// cutValue cuts at the next semicolon outside quotes.
func cutValue(s string) (one, rest string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			n := quotedLength(s[i:])
			if n == 0 { // unterminated: up to the next semicolon
				one, rest, _ = strings.Cut(s[i:], ";")
				return s[:i] + one, rest
			}
			i += n - 1
		case ';':
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func paramValue(v string) string {
	v = strings.Trim(v, " \t")
	if !strings.HasPrefix(v, `"`) {
		return stripTrailingComment(v)
	}
	if n := quotedLength(v); n > 0 {
		return unquote(v[1 : n-1])
	}
	return v[1:]
}

// stripTrailingComment drops a comment as in `us-ascii (Plain text)`.
func stripTrailingComment(v string) string {
	v = strings.Trim(v, " \t")
	if strings.HasSuffix(v, ")") {
		if i := strings.IndexByte(v, '('); i >= 0 {
			v = v[:i]
		}
	}
	return strings.Trim(v, " \t")
}

// unquote undoes the backslashes of a quoted string's inside.
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// extended joins name*, name*0, name*1* ... (RFC 2231 §4.1).
func extended(pieces []Param) []Param {
	var out []Param
	byName := map[string]map[string]string{}
	for _, p := range pieces {
		name, part, _ := strings.Cut(p.Name, "*")
		if byName[name] == nil {
			byName[name] = map[string]string{}
			out = append(out, Param{Name: name})
		}
		if _, twice := byName[name][part]; !twice {
			byName[name][part] = p.Value
		}
	}
	for i := range out {
		out[i].Value = joinExtended(byName[out[i].Name])
	}
	return out
}

func joinExtended(parts map[string]string) string {
	if v, ok := parts[""]; ok {
		charset, text := extendedCharset(v)
		return toCharset(charset, percentDecode(text))
	}
	charset := ""
	var raw []byte
	for n := 0; ; n++ {
		key := strconv.Itoa(n)
		if v, ok := parts[key+"*"]; ok {
			if n == 0 {
				charset, v = extendedCharset(v)
			}
			raw = append(raw, percentDecode(v)...)
		} else if v, ok := parts[key]; ok {
			raw = append(raw, v...)
		} else {
			return toCharset(charset, raw)
		}
	}
}

// extendedCharset takes apart charset'language'text.
func extendedCharset(v string) (charset, text string) {
	parts := strings.SplitN(v, "'", 3)
	if len(parts) < 3 {
		return "", v
	}
	return parts[0], parts[2]
}

func toCharset(charset string, raw []byte) string {
	if text, ok := decodeCharset(charset, raw); charset != "" && ok {
		return text
	}
	return toUTF8(string(raw))
}

func percentDecode(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hexValue(s[i+1]) >= 0 && hexValue(s[i+2]) >= 0 {
			out = append(out, byte(hexValue(s[i+1])<<4|hexValue(s[i+2])))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}

// String is the value as it is written, its parameters quoted where they must
// be (RFC 2045 §5.1), and marked with their charset where they are not ASCII
// (RFC 2231 §4).
func (p *Params) String() string {
	var b strings.Builder
	b.WriteString(p.Value)
	for _, one := range p.List {
		b.WriteString("; " + one.Name)
		switch v := cleanValue(one.Value); {
		case !isASCII(v):
			b.WriteString("*=utf-8''" + percentEncode(v))
		case isToken(v):
			b.WriteString("=" + v)
		default:
			b.WriteString(`="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`)
		}
	}
	return b.String()
}

// Set gives the parameter that value, adding it where it is not there.
func (p *Params) Set(name, value string) {
	for i := range p.List {
		if p.List[i].Name == name {
			p.List[i].Value = value
			return
		}
	}
	p.List = append(p.List, Param{name, value})
}

func percentEncode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; isTokenByte(c) && c != '*' && c != '\'' && c != '%' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// isTokenByte is RFC 2045 §5.1: no blank, no control, no tspecial.
func isTokenByte(c byte) bool {
	return c > ' ' && c < 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}
