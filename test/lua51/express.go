package lua51

import (
	"fmt"
	"strings"
)

// any is an expression of any kind whose value can be shown.
func (g *generator) any(depth int) string { return g.expr(kind(g.r.IntN(int(kinds))), depth) }

func (g *generator) expr(k kind, depth int) string {
	if g.chance(100) {
		return pick(g, []string{"nil", "u4", "noSuchGlobal", "{}", "'odd'", "true", "print", "3"})
	}
	if v, ok := g.variable(k); ok && g.chance(2) {
		return v
	}
	switch k {
	case number:
		return g.number(depth)
	case text:
		return g.text(depth)
	case boolean:
		return g.condition(depth)
	case list:
		return g.list()
	case record:
		return fmt.Sprintf("{x = %s, y = %s, [%s] = %s}", g.number(depth-1), g.text(depth-1), g.text(0), g.number(0))
	}
	return fmt.Sprintf("(function(a, b) return %s end)", g.number(depth-1))
}

var numerals = []string{"0", "1", "2", "3", "7", "10", "255", "256", "-1", "-5", "0.5", "1.5", "2.25", "-0.125", "1e3", "1e15", "1e14", "123456789012",
	"1e100", "2^53", "2^31", "-2^31", "1/3", "100", "0x10", "0xff", ".5", "3.14159", "1e-5", "99999999999999", "math.pi", "#'four'", "1e300"}

func (g *generator) small() string { return fmt.Sprint(g.r.IntN(12) - 4) }

func (g *generator) number(depth int) string {
	if depth <= 0 || g.chance(4) {
		if g.chance(2) {
			return g.small()
		}
		return pick(g, numerals)
	}
	a, b := g.expr(number, depth-1), g.expr(number, depth-1)
	switch g.r.IntN(12) {
	case 0, 1, 2, 3, 4:
		return fmt.Sprintf("(%s %s %s)", a, pick(g, []string{"+", "-", "*", "/", "%"}), b)
	case 5:
		return fmt.Sprintf("%s ^ %s", parens(g.small()), pick(g, []string{"2", "3", "0.5", "-1", "0"}))
	case 6:
		return "-" + parens(a)
	case 7:
		return "#" + g.expr(text, depth-1)
	case 8:
		return fmt.Sprintf("#%s", parens(g.expr(list, depth-1)))
	case 9:
		return fmt.Sprintf("(%s and %s or %s)", g.condition(depth-1), a, b)
	case 10:
		return pick(g, mathCalls)(g, a, b)
	}
	return fmt.Sprintf("(%s + %s)", quote(pick(g, []string{"10", " 5 ", "0x1F", "1e2", "-3", ".5", "7."})), a)
}

var mathCalls = []func(g *generator, a, b string) string{
	func(_ *generator, a, _ string) string { return "math.floor(" + a + ")" },
	func(_ *generator, a, _ string) string { return "math.ceil(" + a + ")" },
	func(_ *generator, a, _ string) string { return "math.abs(" + a + ")" },
	func(_ *generator, a, b string) string { return "math.max(" + a + ", " + b + ")" },
	func(_ *generator, a, b string) string { return "math.min(" + a + ", " + b + ", 4)" },
	func(g *generator, a, _ string) string { return "math.fmod(" + a + ", " + g.nonzero() + ")" },
	func(_ *generator, a, _ string) string { return "(math.modf(" + a + "))" },
	func(_ *generator, a, _ string) string { return "select(2, math.frexp(" + a + "))" },
	func(g *generator, a, _ string) string { return "math.ldexp(" + a + ", " + g.small() + ")" },
	func(_ *generator, a, _ string) string { return "math.sqrt(math.abs(" + a + "))" },
}

func (g *generator) nonzero() string { return fmt.Sprint(1 + g.r.IntN(9)) }

// parens keeps a minus from making a comment, and a literal indexable.
func parens(s string) string { return "(" + s + ")" }

var texts = []string{"", "a", "abc", "hello world", "Hello World from Lua", "  trim  ", "key=value", "a,b,,c", "x@example.com", "192.0.2.17", "The (quick) [brown] {fox}",
	"10", "3.5", "tab\there", "line1\nline2", "nul\x00byte", "caf\xc3\xa9", "%d percent", "aaaaaaaaab", "((a)(b))", "THE (end) word", "\"quoted\"", "back\\slash"}

// quote is a text as a Lua literal.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func (g *generator) text(depth int) string {
	if depth <= 0 || g.chance(4) {
		return quote(pick(g, texts))
	}
	a := g.expr(text, depth-1)
	switch g.r.IntN(9) {
	case 0, 1:
		return fmt.Sprintf("(%s .. %s .. %s)", a, g.expr(pick(g, []kind{text, number}), depth-1), g.expr(text, 0))
	case 2:
		return g.shown(depth - 1) // of a table it would be an address
	case 3:
		return fmt.Sprintf("(%s):sub(%s, %s)", a, g.small(), g.small())
	case 4:
		return fmt.Sprintf("string.rep(%s, %s)", a, g.small())
	case 5:
		return fmt.Sprintf("(%s):%s()", a, pick(g, []string{"upper", "lower", "reverse"}))
	case 6:
		return fmt.Sprintf("table.concat(%s, %s)", g.expr(list, depth-1), quote(pick(g, []string{"", ",", " "})))
	case 7:
		return g.format()
	}
	return fmt.Sprintf("(%s and %s or %s)", g.condition(depth-1), a, g.expr(text, 0))
}

// shown is a tostring of what is no table or function, for sure.
func (g *generator) shown(depth int) string {
	return pick(g, []string{
		"tostring(tonumber(" + g.expr(number, depth) + "))",
		"tostring(not " + parens(g.expr(boolean, depth)) + ")",
		"tostring(" + parens(g.expr(text, depth)) + " .. '')",
	})
}

func (g *generator) condition(depth int) string {
	if depth <= 0 {
		return pick(g, []string{"true", "false", "nil", "u1 == 1", "u2", "not u4"})
	}
	k := pick(g, []kind{number, number, text})
	a, b := g.expr(k, depth-1), g.expr(k, depth-1)
	switch g.r.IntN(6) {
	case 0, 1:
		return fmt.Sprintf("(%s %s %s)", a, pick(g, []string{"==", "~=", "<", "<=", ">", ">="}), b)
	case 2:
		return fmt.Sprintf("not %s", parens(g.any(depth-1)))
	case 3:
		return fmt.Sprintf("(%s %s %s)", g.condition(depth-1), pick(g, []string{"and", "or"}), g.condition(depth-1))
	case 4:
		return fmt.Sprintf("(%s == %s)", g.any(depth-1), g.any(depth-1))
	}
	return fmt.Sprintf("(type(%s) == %s)", g.any(depth-1), quote(pick(g, []string{"number", "string", "table"})))
}

func (g *generator) list() string {
	var items []string
	k := pick(g, []kind{number, number, text})
	for range g.r.IntN(6) {
		items = append(items, parens(g.expr(k, 0)+" or 0")) // no holes
	}
	if len(items) > 0 && g.chance(8) {
		items = append(items, "unpack({1, 2, 3})")
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// format is a string.format with arguments that fit, mostly.
func (g *generator) format() string {
	var format strings.Builder
	var args []string
	for range 1 + g.r.IntN(3) {
		format.WriteString(pick(g, []string{"", "<", " - ", "%%"}))
		format.WriteString("%")
		letter := pick(g, []byte("ddisssqxXoucgfeGE"))
		g.spec(&format, letter)
		format.WriteByte(letter)
		args = append(args, g.formatArg(letter))
	}
	if g.chance(30) {
		format.WriteString(pick(g, []string{"%", "%y", "%5", "%123d", "%-+ #00d", "%.123f", "%s"}))
	}
	return "string.format(" + strings.Join(append([]string{quote(format.String())}, args...), ", ") + ")"
}

// spec writes flags, width and precision.
func (g *generator) spec(b *strings.Builder, letter byte) {
	if letter == 'q' {
		return
	}
	if g.chance(3) {
		flags := []string{"-", "+", " ", "0", "-0", "+0", "- ", "#"}
		if letter == 'g' || letter == 'G' { // of %#.5g and 99999.5 glibc makes 1.e+05
			flags = flags[:len(flags)-1]
		}
		b.WriteString(pick(g, flags))
	}
	if g.chance(2) {
		fmt.Fprint(b, 1+g.r.IntN(14))
	}
	if letter != 'c' && g.chance(2) {
		fmt.Fprintf(b, ".%d", g.r.IntN(10))
	}
}

func (g *generator) formatArg(letter byte) string {
	switch letter {
	case 's', 'q':
		return g.expr(pick(g, []kind{text, text, number}), 1)
	case 'c':
		return fmt.Sprint(32 + g.r.IntN(90))
	case 'x', 'X', 'o', 'u', 'd', 'i':
		return pick(g, []string{"0", "1", "42", "-7", "255", "3.99", "'12'", "123456789", "-1", "2^40"})
	}
	return pick(g, []string{"0", "1", "-1.5", "3.14159265", "1e20", "1e-7", "123456.789", "100", "0.1", "2/3", "1e300", "-0.00012345", "99999.5", "'2.5'"})
}
