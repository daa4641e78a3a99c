package convert

import (
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/mtad/mtad/sdk/option"
)

// page is the HCL of one file as it is written. Each line knows what it comes
// from, so that what is wrong with it can be told of the original.
type page struct {
	lines []line
}

// line is one line of HCL.
type line struct {
	text string
	pos  option.Pos
	item *item // nil: none that could be left out
}

func (g *page) put(it *item, pos option.Pos, text string) {
	for one := range strings.SplitSeq(text, "\n") {
		g.lines = append(g.lines, line{strings.TrimRight(one, " \t\r"), pos, it})
	}
}

// empty puts an empty line, but not at the beginning, and not two.
func (g *page) empty() {
	if n := len(g.lines); n > 0 && g.lines[n-1].text != "" && !strings.HasSuffix(g.lines[n-1].text, "{") {
		g.lines = append(g.lines, line{})
	}
}

// comments puts comments that stood between the words of an item above it.
func (g *page) comments(it *item) {
	for _, c := range it.inside {
		g.put(nil, c.pos, commentText(c.text))
	}
}

// asComment puts the original's text as a comment, with the reason in front.
func (g *page) asComment(it *item, why string) {
	at := it.pos()
	g.put(nil, at, "# not converted: "+printable(strings.ReplaceAll(why, "\n", " ")))
	text := it.text()
	if it.behind != "" && it.kind != scopeItem {
		text += " " + it.behind
	}
	margin := margin(text)
	for i, one := range strings.Split(text, "\n") {
		if i > 0 && len(one) >= margin {
			one = one[margin:]
		}
		at.Line = it.pos().Line + i
		g.put(nil, at, "#   "+printable(one))
	}
}

// margin is the indentation that all lines but the first have.
func margin(text string) int {
	_, rest, ok := strings.Cut(text, "\n")
	if !ok {
		return 0
	}
	least := len(rest)
	for one := range strings.SplitSeq(rest, "\n") {
		if n := len(one) - len(strings.TrimLeft(one, " \t")); n < len(one) {
			least = min(least, n)
		}
	}
	return least
}

// String is the page as hclfmt would have it.
func (g *page) String() string {
	var b strings.Builder
	for _, l := range g.lines {
		b.WriteString(l.text + "\n")
	}
	return string(hclwrite.Format([]byte(b.String())))
}

// printable keeps control characters out of comments: HCL does not take all.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
			return '?'
		}
		return r
	}, text)
}

// commentText is a comment as HCL takes it, which has the same two forms.
func commentText(text string) string {
	text = printable(strings.ReplaceAll(text, "\r", ""))
	if strings.HasPrefix(text, "/*") && !strings.HasSuffix(text, "*/") {
		return "# " + strings.ReplaceAll(text, "\n", "\n# ") // it was not closed
	}
	return text
}

// hclString is text in HCL's quotes: a template, so "${" and "%{" are doubled.
func hclString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case (r == '$' || r == '%') && strings.HasPrefix(text[i+1:], "{"):
			b.WriteString(string(r) + string(r))
		case !unicode.IsGraphic(r):
			b.WriteString(escape(r))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// escape is a character as HCL writes it by number.
func escape(r rune) string {
	const hex = "0123456789abcdef"
	out, digits := `\u`, 4
	if r > 0xffff {
		out, digits = `\U`, 8
	}
	for i := digits - 1; i >= 0; i-- {
		out += string(hex[r>>(4*i)&15])
	}
	return out
}
