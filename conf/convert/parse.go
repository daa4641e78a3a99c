package convert

import (
	"fmt"
	"strings"

	"github.com/mtad/mtad/sdk/option"
)

// Bounds on what is read: scopes in each other, and lists in each other.
const (
	maxScopes = 100
	maxLists  = 20
)

// parser reads the original's syntax (reference/config-syntax.md §1). There is
// no formal one, and its manual is not strict about its own: what can be
// understood is taken.
type parser struct {
	src     *source
	text    string
	at      int
	report  func(pos option.Pos, text string)
	comment []comment // met since the item began
}

// parse reads a file. What cannot be read is reported, and is there as junk.
func parse(s *source, report func(option.Pos, string)) {
	p := &parser{src: s, text: s.text, report: report}
	s.items = p.items(0)
}

func (p *parser) wrong(at int, format string, args ...any) {
	p.report(p.src.pos(min(at, len(p.text))), fmt.Sprintf(format, args...))
}

func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) ended() bool { return p.at >= len(p.text) }

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' }
func isSpace(c byte) bool { return isBlank(c) || c == '\n' }

// items reads up to the end of the file, or the "}" of the scope it is in.
func (p *parser) items(depth int) []*item {
	var list []*item
	for {
		above := p.space()
		switch c := p.peek(); {
		case p.ended():
			return list
		case c == '}' && depth > 0:
			return list
		case c == '}':
			p.wrong(p.at, "this } closes nothing")
			p.at++
		case c == ';':
			p.wrong(p.at, "a ; is no part of the syntax")
			p.at++
		case p.atComment():
			from := p.at
			p.skipComment()
			list = append(list, &item{kind: commentItem, src: p.src, from: from, to: p.at, above: above})
		default:
			it := p.item(depth)
			it.above = above
			list = append(list, it)
		}
	}
}

// space skips blanks and line ends, and tells of an empty line.
func (p *parser) space() (empty bool) {
	ends := 0
	for !p.ended() && isSpace(p.peek()) {
		if p.peek() == '\n' {
			ends++
		}
		p.at++
	}
	return ends > 1
}

func (p *parser) blanks() {
	for !p.ended() && isBlank(p.peek()) {
		p.at++
	}
}

// gap skips what may stand between two words, and keeps the comments.
func (p *parser) gap() {
	for {
		p.space()
		if !p.atComment() {
			return
		}
		from := p.at
		p.skipComment()
		p.comment = append(p.comment, comment{p.src.pos(from), p.text[from:p.at]})
	}
}

func (p *parser) atComment() bool {
	return p.peek() == '#' || strings.HasPrefix(p.text[p.at:], "/*")
}

// skipComment goes behind a comment, but not behind the end of its line.
func (p *parser) skipComment() {
	if p.peek() == '#' {
		p.line()
		return
	}
	if n := strings.Index(p.text[p.at+2:], "*/"); n >= 0 {
		p.at += n + 4
		return
	}
	p.wrong(p.at, "this comment is not closed")
	p.line()
}

// line goes to the end of the line.
func (p *parser) line() {
	if n := strings.IndexByte(p.text[p.at:], '\n'); n >= 0 {
		p.at += n
	} else {
		p.at = len(p.text)
	}
}

// behind reads a comment that ends the line.
func (p *parser) behind() string {
	start := p.at
	p.blanks()
	from := p.at
	if p.atComment() {
		block := p.peek() == '/'
		if !block || strings.Contains(p.text[from+2:], "*/") {
			p.skipComment()
			end := p.at
			p.blanks()
			if !block || !strings.Contains(p.text[from:end], "\n") && (p.ended() || p.peek() == '\n') {
				return p.text[from:end]
			}
		}
	}
	p.at = start
	return ""
}

// item reads an option, a scope or an include.
func (p *parser) item(depth int) *item {
	it := &item{kind: junkItem, src: p.src, from: p.at}
	p.comment = nil
	it.name = p.name()
	after := p.peek()
	if it.name == "" || !p.ended() && !isSpace(after) && !strings.ContainsRune(`={[("'#/}`, rune(after)) && !p.atTypographic() {
		return p.junk(it, depth, "this is no option and no scope")
	}
	why := p.rest(it, depth)
	it.inside = p.comment
	if why != "" {
		return p.junk(it, depth, why)
	}
	if it.to == 0 {
		it.to = p.at
	}
	if it.kind == scopeItem {
		it.after = p.behind()
	} else {
		it.behind = p.behind()
	}
	return it
}

func isNameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isNamePart(c byte) bool { return isNameStart(c) || c == '-' || c >= '0' && c <= '9' }

func (p *parser) name() string {
	from := p.at
	if p.ended() || !isNameStart(p.peek()) {
		return ""
	}
	for !p.ended() && isNamePart(p.peek()) {
		p.at++
	}
	return p.text[from:p.at]
}

// rest reads what is behind an item's name. It says what is wrong with it.
func (p *parser) rest(it *item, depth int) string {
	end := p.at
	p.gap()
	sameLine := !strings.Contains(p.text[end:p.at], "\n")
	switch c := p.peek(); {
	case p.ended() || c == '}':
		p.at = end
		return "this option has no value"
	case c == '=':
		p.at++
		behind, met := p.at, p.comment
		p.gap()
		if p.peek() != '{' {
			if strings.Contains(p.text[behind:p.at], "\n") && p.beginsItem() {
				p.at, p.comment = behind, met
				return "this option has no value"
			}
			return p.optionValue(it)
		}
		// The manual has ESMTP_Listener = { ... } once (§4 row 31).
		return p.scope(it, depth)
	case c == '{':
		return p.scope(it, depth)
	case c == '(' || c == '[' && p.address() == "":
		return p.optionValue(it)
	case c == '"' || c == '\'' || p.atTypographic():
		return p.named(it, depth)
	case !sameLine:
		p.at = end
		return "this option has no value"
	}
	return p.named(it, depth)
}

// beginsItem reports a name and a "=" or "{" at hand: what a value may not be.
func (p *parser) beginsItem() bool {
	start := p.at
	defer func() { p.at = start }()
	if p.name() == "" {
		return false
	}
	p.blanks()
	return p.peek() == '=' || p.peek() == '{'
}

// named reads a word behind a name: a scope's instance, what to include, or a
// value without "=".
func (p *parser) named(it *item, depth int) string {
	first := p.at
	var ok bool
	if it.instance, ok = p.instance(); !ok {
		return "this is no option and no scope"
	}
	end, met := p.at, p.comment
	p.gap()
	switch key := it.key(); {
	case p.peek() == '{' && !p.ended():
		it.named = true
		return p.scope(it, depth)
	case key == "include" || key == "readonly_include":
		it.kind = includeItem
	case p.peek() == '=':
		return "a name is too many in front of the ="
	default:
		it.kind = optionItem
		it.value.Value = option.Value{Kind: option.KindString, Text: it.instance, Pos: p.src.pos(first)}
	}
	p.at, p.comment = end, met // what follows belongs to the next item
	return ""
}

func (p *parser) optionValue(it *item) string {
	it.kind = optionItem
	var why string
	it.value, why = p.value(0)
	return why
}

func (p *parser) scope(it *item, depth int) string {
	if depth >= maxScopes {
		return fmt.Sprintf("scopes are nested more than %d deep", maxScopes)
	}
	it.kind = scopeItem
	p.at++
	it.behind = p.behind()
	met := p.comment
	it.items = p.items(depth + 1)
	p.comment = met
	if p.ended() {
		p.wrong(it.from, "scope %q is not closed", it.name)
	} else {
		p.at++
	}
	it.to = p.at
	return ""
}

// junk takes the rest of the line, but not a brace that closes the scope it is
// in; or, if the line opens a scope, all of that.
func (p *parser) junk(it *item, depth int, why string) *item {
	it.kind, it.inside, it.items = junkItem, nil, nil
	from := max(it.from, min(p.at, len(p.text)))
	p.at = from
	p.line()
	if opened := strings.IndexByte(p.text[it.from:p.at], '{'); opened >= 0 && strings.TrimRight(p.text[it.from:p.at], " \t\r")[opened:] == "{" {
		p.at = it.from + opened
		p.braces()
	} else if n := closes(p.text[from:p.at]); n >= 0 && depth > 0 {
		p.at = from + n
	}
	it.to = p.at
	for it.to > it.from+1 && isSpace(p.text[it.to-1]) {
		it.to--
	}
	if strings.HasPrefix(it.text(), "...") || strings.HasPrefix(it.text(), "…") {
		why = "this stands for what was left out"
	}
	it.why = why
	p.wrong(it.from, "%s", why)
	return it
}

// closes is where a line has a } that it has no { for; -1 if nowhere.
func closes(line string) int {
	open, quoted := 0, false
	for i := range len(line) {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			open++
		case c == '}':
			if open--; open < 0 {
				return i
			}
		}
	}
	return -1
}

// braces goes behind the brace that closes the one at hand.
func (p *parser) braces() {
	depth := 0
	for ; !p.ended(); p.at++ {
		switch c := p.peek(); {
		case p.atComment():
			p.skipComment()
			p.at--
		case c == '"':
			if n := strings.IndexByte(p.text[p.at+1:], '"'); n >= 0 {
				p.at += n + 1
			}
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				p.at++
				return
			}
		}
	}
}
