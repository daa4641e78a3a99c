package convert

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/mtad/mtad/sdk/option"
)

// What ends a word without quotes (reference/config-syntax.md §1): more than
// the manual says is let through where its own examples have it.
const (
	valueEnds    = "{}[]()\"#;"
	itemEnds     = valueEnds + ","
	keyEnds      = itemEnds + "="
	instanceEnds = "{}()\"#;=" // "[::1]:25" has brackets
)

// word reads up to a blank or one of ends.
func (p *parser) word(ends string) string {
	from := p.at
	for !p.ended() && !isSpace(p.peek()) {
		rest := p.text[p.at:]
		if strings.HasPrefix(rest, "%{") { // a macro
			if n := strings.IndexAny(rest, "}\n"); n > 0 && rest[n] == '}' {
				p.at += n + 1
				continue
			}
		}
		if strings.IndexByte(ends, p.peek()) >= 0 {
			break
		}
		p.at++
	}
	return p.text[from:p.at]
}

// instance reads a scope's name. A regular expression and a path may stand
// there without quotes.
func (p *parser) instance() (string, bool) {
	if p.peek() == '"' || p.peek() == '\'' || p.atTypographic() {
		return p.quoted(), true
	}
	if p.peek() != '/' {
		word := p.word(instanceEnds)
		return word, word != ""
	}
	from := p.at
	line := p.text[from:]
	if n := strings.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	if end := regexEnd(line); end > 0 {
		p.at += end
		return line[:end], true
	}
	for !p.ended() && !isSpace(p.peek()) && p.peek() != '{' {
		p.at++
	}
	return p.text[from:p.at], true
}

// regexEnd is where /regex/ at the beginning of a line ends: at a slash behind
// which a brace or nothing is; 0 if there is none.
func regexEnd(line string) int {
	for i := 1; i < len(line); i++ {
		if line[i] == '\\' {
			i++
			continue
		}
		if line[i] == '/' {
			if rest := strings.TrimSpace(line[i+1:]); rest == "" || rest[0] == '{' {
				return i + 1
			}
		}
	}
	return 0
}

// value reads a word, a string, a list or a dictionary.
func (p *parser) value(depth int) (value, string) {
	v := value{Value: option.Value{Kind: option.KindString, Pos: p.src.pos(p.at)}}
	start, met := p.at, len(p.comment)
	var why string
	switch c := p.peek(); {
	case depth > maxLists:
		return v, fmt.Sprintf("lists are nested more than %d deep", maxLists)
	case p.address() != "":
		v.Text = p.address()
		p.at += len(v.Text)
	case c == '(':
		why = p.list(&v.Value, depth, ')')
	case c == '[':
		why = p.dict(&v.Value, depth)
	case c == '"' || c == '\'' || p.atTypographic():
		v.Text = p.quoted()
	default:
		if v.Text = p.bare(depth); v.Text == "" {
			return v, "this option has no value"
		}
	}
	v.lines = strings.Contains(p.text[start:p.at], "\n")
	if depth == 0 && (v.Kind == option.KindList || v.Kind == option.KindDict) {
		v.comments = append(v.comments, p.comment[met:]...)
		p.comment = p.comment[:met]
	}
	return v, why
}

var bracketed = regexp.MustCompile(`^\[(?:(?i:IPv6:)?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*|\*)\](?::[0-9]+)?`)

// address is "[2001:db8::1]:25" without quotes, which is no dictionary; "" for
// anything else.
func (p *parser) address() string {
	if p.peek() != '[' {
		return ""
	}
	return bracketed.FindString(p.text[p.at:])
}

// bare reads a word where a value is wanted.
func (p *parser) bare(depth int) string {
	if depth > 0 {
		return p.word(itemEnds)
	}
	if p.peek() != '/' {
		return p.word(valueEnds)
	}
	from := p.at // a path or a regular expression
	for !p.ended() && !isSpace(p.peek()) && p.peek() != '}' {
		p.at++
	}
	return p.text[from:p.at]
}

// list reads ( "a" "b" ); a comma between items is taken, too.
func (p *parser) list(v *option.Value, depth int, closing byte) string {
	v.Kind = option.KindList
	from := p.at
	for p.at++; ; {
		p.gap()
		switch c := p.peek(); {
		case p.ended() || c == '}' || c == '{' || c == '=' || c == ';':
			p.at = min(p.at, len(p.text))
			return fmt.Sprintf("this list is not closed; it begins in line %d", p.src.pos(from).Line)
		case c == closing:
			p.at++
			return ""
		case c == ',':
			p.at++
			continue
		case c == ')' || c == ']':
			return fmt.Sprintf("a list ends with %q, not %q", closing, c)
		}
		one, why := p.value(depth + 1)
		if why != "" {
			return why
		}
		v.List = append(v.List, one.Value)
	}
}

// dict reads [ a = "x" b = "y" ].
func (p *parser) dict(v *option.Value, depth int) string {
	from, met := p.at, p.comment
	v.Kind = option.KindDict
	for p.at++; ; {
		p.gap()
		switch c := p.peek(); {
		case p.ended() || c == '}' || c == '{' || c == '(' || c == ')' || c == ';':
			return fmt.Sprintf("this dictionary is not closed; it begins in line %d", p.src.pos(from).Line)
		case c == ']':
			p.at++
			return ""
		case c == ',':
			p.at++
			continue
		}
		key, ok := p.key()
		p.gap()
		if !ok || p.peek() != '=' || p.ended() {
			if len(v.Dict) > 0 {
				return fmt.Sprintf("a dictionary holds name = value, and %q has none", key)
			}
			p.at, p.comment = from, met
			p.wrong(from, "a list has parentheses; taken as one")
			return p.list(v, depth, ']')
		}
		p.at++
		p.gap()
		one, why := p.value(depth + 1)
		if why != "" {
			return why
		}
		v.Dict = append(v.Dict, option.Entry{Key: key, Value: one.Value})
	}
}

func (p *parser) key() (string, bool) {
	if p.peek() == '"' || p.peek() == '\'' || p.atTypographic() {
		return p.quoted(), true
	}
	word := p.word(keyEnds)
	return word, word != ""
}

// typographic are the quotes that a word processor makes of ".
var typographic = []string{"“", "”", "„"}

func (p *parser) atTypographic() bool {
	for _, q := range typographic {
		if strings.HasPrefix(p.text[p.at:], q) {
			return true
		}
	}
	return false
}

// quoted reads a string; it may go over several lines. A backslash keeps its
// meaning for whoever reads the value: no escapes are documented but \", and
// line ends in replies (escaped).
func (p *parser) quoted() string {
	from := p.at
	if p.atTypographic() {
		p.wrong(from, "typographic quotes, read as \"")
		p.at += len(typographic[0])
		n := strings.IndexAny(p.text[p.at:], "“”\"\n")
		if n < 0 {
			n = len(p.text) - p.at
		}
		text := p.text[p.at : p.at+n]
		p.at += n
		if p.atTypographic() {
			p.at += len(typographic[0])
		} else if p.peek() == '"' {
			p.at++
		}
		return text
	}
	quote := p.peek()
	for p.at++; !p.ended(); p.at++ {
		switch p.peek() {
		case '\\':
			p.at++
		case typographic[1][0]:
			if p.closesBadly(from) {
				inner := p.text[from+1 : p.at]
				p.wrong(p.at, "a typographic quote, read as \"")
				p.at += len(typographic[1])
				return inner
			}
		case quote:
			p.at++
			inner := p.text[from+1 : p.at-1]
			return strings.ReplaceAll(strings.ReplaceAll(inner, `\`+string(quote), string(quote)), "\r\n", "\n")
		}
	}
	p.at = from
	p.line()
	p.wrong(from, "this string is not closed")
	return strings.TrimRight(p.text[from+1:p.at], "\r")
}

// closesBadly reports a typographic quote that was meant to end a string.
func (p *parser) closesBadly(from int) bool {
	rest, ok := strings.CutPrefix(p.text[p.at:], typographic[1])
	if !ok || strings.Contains(p.text[from:p.at], typographic[0]) {
		return false
	}
	return rest == "" || isSpace(rest[0]) || strings.IndexByte(")]},", rest[0]) >= 0
}
