package lua51

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Program makes program n of a seed.
func Program(seed, n uint64) string {
	g := &generator{r: rand.New(rand.NewPCG(seed, n))}
	g.line("local u1, u2, u3, u4 = %s, %s, %s, nil", g.number(1), g.text(1), g.list())
	g.vars = []variable{{"u1", number}, {"u2", text}, {"u3", list}}
	for range 4 + g.r.IntN(5) {
		g.section()
	}
	if g.chance(3) {
		g.line("%s", pick(g, failing)(g))
	}
	return g.b.String()
}

// kind is what an expression is meant to give. One in a hundred gives something
// else, so that errors are met in all places.
type kind int

const (
	number kind = iota
	text
	boolean
	list // a table with values from 1 on
	record
	function
	kinds
)

type variable struct {
	name string
	kind kind
}

type generator struct {
	r      *rand.Rand
	b      strings.Builder
	indent int
	vars   []variable
	names  int
}

func (g *generator) chance(oneIn int) bool { return g.r.IntN(oneIn) == 0 }

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *generator) line(format string, args ...any) {
	g.b.WriteString(strings.Repeat(" ", g.indent))
	fmt.Fprintf(&g.b, format, args...)
	g.b.WriteByte('\n')
}

// name is a new variable's.
func (g *generator) name() string {
	g.names++
	return fmt.Sprintf("v%d", g.names)
}

func (g *generator) declare(name string, k kind) { g.vars = append(g.vars, variable{name, k}) }

// section is a part of a program that catches its own errors.
func (g *generator) section() {
	vars := len(g.vars)
	g.line("print(pcall(function(...)")
	g.indent++
	for range 1 + g.r.IntN(4) {
		g.statement(3)
	}
	if g.chance(4) {
		g.line("%s", pick(g, failing)(g))
	} else {
		g.line("return %s", g.any(2))
	}
	g.indent--
	g.line("end, 1, nil, 'x'))")
	g.vars = g.vars[:vars]
}

func (g *generator) block(depth int) {
	vars := len(g.vars)
	g.indent++
	for range 1 + g.r.IntN(3) {
		g.statement(depth - 1)
	}
	g.indent--
	g.vars = g.vars[:vars]
}

// statement writes one statement, or a small idiom of several.
func (g *generator) statement(depth int) {
	if depth <= 0 {
		g.simple()
		return
	}
	switch g.r.IntN(16) {
	case 0, 1, 2, 3, 4:
		g.simple()
	case 5:
		g.line("if %s then", g.condition(2))
		g.block(depth)
		if g.chance(2) {
			g.line("elseif %s then", g.condition(2))
			g.block(depth)
		}
		if g.chance(2) {
			g.line("else")
			g.block(depth)
		}
		g.line("end")
	case 6:
		g.loop(depth)
	case 7:
		g.forLoop(depth)
	case 8:
		g.function(depth)
	default:
		pick(g, idioms)(g)
	}
}

func (g *generator) simple() {
	k := kind(g.r.IntN(int(function)))
	switch g.r.IntN(6) {
	case 0, 1:
		name, value := g.name(), g.expr(k, 2)
		g.line("local %s = %s", name, value)
		g.declare(name, k)
	case 2:
		if v, ok := g.variable(k); ok && g.chance(3) {
			g.line("%s = %s %s (%s %s %s) and %s", v, v, pick(g, []string{"or", "and"}), g.condition(1), pick(g, []string{"or", "and"}), v, v)
			return
		} else if ok {
			value := g.expr(k, 2)
			if k == text { // or a loop would double it each time
				value = "string.sub(" + value + ", 1, 50)"
			}
			g.line("%s = %s", v, value)
			return
		}
		g.line("print(%s)", g.any(2))
	case 3:
		a, b := g.name(), g.name()
		g.line("local %s, %s = %s, %s", a, b, g.expr(k, 2), g.expr(k, 1))
		g.declare(a, k)
		g.declare(b, k)
		if g.chance(2) {
			g.line("%s, %s = %s, %s", a, b, b, a)
		}
	default:
		g.line("print(%s, %s)", g.any(2), g.any(2))
	}
}

func (g *generator) loop(depth int) {
	i := g.name()
	g.line("local %s = 0", i)
	if g.chance(2) {
		g.line("while %s < %d do", i, 1+g.r.IntN(5))
		g.indent++
		g.line("%s = %s + 1", i, i)
		g.indent--
		g.block(depth)
		g.stop()
		g.line("end")
		return
	}
	g.line("repeat")
	g.indent++
	g.line("%s = %s + 1", i, i)
	g.line("local done = %s > %d", i, g.r.IntN(4))
	g.indent--
	g.block(depth)
	g.line("until done")
}

// stop leaves a loop early.
func (g *generator) stop() {
	if g.chance(3) {
		g.line(" if %s then break end", g.condition(1))
	}
}

func (g *generator) forLoop(depth int) {
	v := g.name()
	vars := len(g.vars)
	switch g.r.IntN(5) {
	case 0:
		g.line("for %s = %d, %d, %d do", v, 10+g.r.IntN(3), g.r.IntN(10), -1-g.r.IntN(4))
	case 1:
		g.line("for %s = %s, %s + 3, %s do", v, g.small(), g.small(), pick(g, []string{"1", "0.5", "'1'", "2", "0.25 * 3"}))
	case 2:
		g.line("for i, %s in ipairs(%s) do", v, g.expr(list, 1))
	case 3:
		g.line("for %s in (%s):gmatch(%s) do", v, g.expr(text, 1), quote(pick(g, goodPatterns)))
	default:
		g.line("for %s, w in (function(n, i) i = i + 1 if i <= n then return i, i * i end end), %d, 0 do", v, g.r.IntN(5))
	}
	g.declare(v, pick(g, []kind{number, number, text}))
	g.block(depth)
	g.stop()
	g.line("end")
	g.vars = g.vars[:vars]
}

func (g *generator) function(depth int) {
	f := g.name()
	vars := len(g.vars)
	dots := g.chance(3)
	params := "a, b"
	if dots {
		params = "a, ..."
	}
	if g.chance(2) {
		g.line("local function %s(%s)", f, params)
	} else {
		g.line("local %s = function(%s)", f, params)
	}
	g.declare("a", number)
	g.block(depth)
	switch {
	case dots:
		g.line(" return select('#', ...), arg and arg.n, ...")
	case g.chance(3):
		g.line(" return %s(%s)", pick(g, []string{"tonumber", "type", "(function(...) return ... end)"}), g.any(1))
	default:
		g.line(" return a, b, %s", g.any(1))
	}
	g.line("end")
	g.vars = g.vars[:vars]
	g.line("print(%s(%s, %s))", f, g.expr(number, 1), g.any(1))
	if g.chance(2) {
		g.line("print((%s(%s)), %s())", f, g.expr(number, 1), f)
	}
}

// variable is one of a kind that is in scope.
func (g *generator) variable(k kind) (string, bool) {
	var found []string
	for _, v := range g.vars {
		if v.kind == k {
			found = append(found, v.name)
		}
	}
	if len(found) == 0 {
		return "", false
	}
	return pick(g, found), true
}
