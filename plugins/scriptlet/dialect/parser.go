package dialect

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/mtad/mtad/sdk"
)

// maxProblems is how many syntax errors are reported of one file.
const maxProblems = 10

// parser is recursive descent with one token of lookahead. At the first error
// the source seems to end, so that every rule unwinds by itself; recovery goes
// on at the next function that begins a line.
type parser struct {
	lex      lexer
	name     string
	tok      token
	ahead    token
	hasAhead bool
	prev     token // the token before tok
	fs       *funcState
	levels   int
	failed   bool
	bad      token // where it failed
	forLine  int   // of the statement just read, if it is a generic for
	resumed  int   // where parsing went on after an error
	problems []sdk.Problem
	ops      []opUse
	cost     *cost    // nil unless it counts
	marked   []string // strings of the script that begin like an op
	mark     string
	chainEnd ast.Expr // the last `..` call, to which a longer chain is added
	columns  map[ast.PositionHolder]int
	scopes   map[*ast.IdentExpr]string        // what names refer to; nil unless the chunk is compiled
	alias    map[*ast.IdentExpr]ast.Expr      // what a name of ours stands for
	loops    map[*ast.ArithmeticOpExpr]string // what is wrong where a loop's value is no number
}

// Parse reads a chunk. The tree is what gopher-lua's compiler takes, with the
// dialect's operators as calls of reserved string constants that only Compile
// resolves; so pass it to Lint or read it, but compile with Compile. The
// problems are syntax errors, with position, source line and caret.
func Parse(name string, src []byte) ([]ast.Stmt, []sdk.Problem) {
	p := newParser(name, src)
	p.lex.skipShebang()
	return p.chunk(), p.problems
}

func newParser(name string, src []byte) *parser {
	return &parser{lex: newLexer(string(src)), name: name}
}

// chunk is the whole file.
func (p *parser) chunk() []ast.Stmt {
	if strings.HasPrefix(p.lex.src, "\x1bLua") {
		p.fail(token{line: 1, col: 1}, "this is a compiled chunk; only source text is accepted")
		return nil
	}
	p.reset()
	p.next()
	var stmts []ast.Stmt
	for {
		stmts = append(stmts, p.block()...)
		if !p.failed && p.tok.kind != tEOF {
			p.expectedNear(p.tok, tEOF)
		}
		if !p.failed || len(p.problems) >= maxProblems || !p.resync() {
			break
		}
	}
	p.nameOps()
	return stmts
}

// reset forgets the functions that an error left open.
func (p *parser) reset() {
	p.failed = false
	p.levels = 0
	p.hasAhead = false
	p.fs = &funcState{vararg: true}
	p.fs.scope = &scope{}
}

// resync finds the next `function` or `local function` that begins a line:
// there the file's outermost level goes on.
func (p *parser) resync() bool {
	p.reset()
	p.lex.pos, p.lex.line, p.lex.lineStart = p.bad.off, p.bad.line, p.bad.off-p.bad.col+1
	for {
		p.next()
		if p.tok.kind == tEOF {
			return false
		}
		if p.tok.col != 1 || p.tok.off <= p.resumed {
			continue
		}
		if p.tok.kind == tFunction || p.tok.kind == tLocal && p.peek().kind == tFunction {
			p.resumed = p.tok.off
			return true
		}
	}
}

// next takes the token.
func (p *parser) next() {
	p.prev = p.tok
	switch {
	case p.failed:
		p.tok = token{kind: tEOF, line: p.tok.line, col: p.tok.col}
	case p.hasAhead:
		p.tok, p.hasAhead = p.ahead, false
	default:
		p.tok = p.lex.next()
	}
}

// peek is the token after the current one.
func (p *parser) peek() token {
	if !p.hasAhead && !p.failed {
		p.ahead, p.hasAhead = p.lex.next(), true
	}
	return p.ahead
}

// fail records the first error; what follows from it is not reported.
func (p *parser) fail(at token, format string, args ...any) {
	if p.failed {
		return
	}
	text := fmt.Sprintf(format, args...)
	if at.kind == tError {
		text = p.lex.text
	}
	p.problems = append(p.problems, p.problem(at.line, at.col, text))
	p.failed, p.bad = true, at
	p.hasAhead = false
	p.tok.kind = tEOF
}

func (p *parser) problem(line, col int, text string) sdk.Problem {
	return sdk.Problem{File: p.name, Line: line, Column: col, Text: text, Snippet: snippet(p.lex.src, line, col)}
}

// failNear is fail with what the error is at.
func (p *parser) failNear(at token, text string) {
	p.fail(at, "%s near '%s'", text, p.quote(at))
}

func (p *parser) unexpected() { p.failNear(p.tok, "unexpected symbol") }

func (p *parser) expectedNear(at token, k kind) {
	p.failNear(at, "'"+k.text()+"' expected")
}

// quote is the source text of a token.
func (p *parser) quote(t token) string {
	if t.kind == tEOF {
		return t.kind.text()
	}
	if t.kind == tUnknown {
		if c := p.lex.src[t.off]; c < ' ' || c == 0x7f {
			return fmt.Sprintf("char(%d)", c)
		}
	}
	if t.kind == tString && p.lex.src[t.off] != '[' { // as it is read, without escapes
		quote := p.lex.src[t.off : t.off+1]
		return near(quote + t.str + quote)
	}
	return near(p.lex.src[t.off:t.stop])
}

// accept takes the token if it is a k.
func (p *parser) accept(k kind) bool {
	if p.tok.kind != k {
		return false
	}
	p.next()
	return true
}

// expect takes a k, or fails.
func (p *parser) expect(k kind) {
	if !p.accept(k) {
		p.expectedNear(p.tok, k)
	}
}

// expectName takes a name.
func (p *parser) expectName() string {
	name := p.tok.str
	if p.tok.kind != tName {
		p.expectedNear(p.tok, tName)
		return ""
	}
	p.next()
	return name
}

// expectClosing takes the end of what began with open on a line.
func (p *parser) expectClosing(k, open kind, line int) {
	if p.accept(k) {
		return
	}
	if line == p.tok.line {
		p.expectedNear(p.tok, k)
		return
	}
	p.failNear(p.tok, fmt.Sprintf("'%s' expected (to close '%s' at line %d)", k.text(), open.text(), line))
}

// enter counts a level of nesting, so that the Go stack is bounded.
func (p *parser) enter() bool {
	if p.levels++; p.levels > maxLevels {
		p.fail(p.tok, "chunk has too many syntax levels")
	}
	return !p.failed
}

func (p *parser) leave() { p.levels-- }

// at sets where a node is; columns are kept for Lint.
func (p *parser) at(n ast.PositionHolder, t token) {
	n.SetLine(t.line)
	n.SetLastLine(t.line)
	if p.columns != nil {
		p.columns[n] = t.col
	}
}

// snippet is a source line and a caret below the column. Tabs stay tabs, so
// that the caret stands right.
func snippet(src string, line, col int) string {
	l := lexer{src: src, line: 1}
	for l.line < line && l.pos < len(src) {
		if c := src[l.pos]; c == '\n' || c == '\r' {
			l.newline()
		} else {
			l.pos++
		}
	}
	start := l.lineStart
	l.pos = start
	l.skipLine()
	text := src[start:l.pos]
	before := text[:min(max(col-1, 0), len(text))]
	if len(text) > 200 {
		return ""
	}
	var pad strings.Builder
	for _, r := range before {
		if r != '\t' {
			r = ' '
		}
		pad.WriteRune(r)
	}
	return text + "\n" + pad.String() + "^"
}

func itoa(n int) string { return strconv.Itoa(n) }
