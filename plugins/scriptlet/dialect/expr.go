package dialect

import "github.com/yuin/gopher-lua/ast"

// binaryOp is a binary operator. Its left operand ends where the priority
// falls to left, its right one where it falls to right.
type binaryOp struct {
	left, right int
	call        bool // compiled to a call of the Runtime
}

// registers is how many keep the left operand: a bit operator is a call.
func (o binaryOp) registers() int {
	if o.call {
		return 2
	}
	return 1
}

// priorityUnary lies between `* /` and `^`.
const priorityUnary = 8

var binaryOps = [kinds]binaryOp{
	tOr: {1, 1, false}, tAnd: {2, 2, false},
	tEq: {3, 3, false}, tNe: {3, 3, false}, tLt: {3, 3, false}, tLe: {3, 3, false}, tGt: {3, 3, false}, tGe: {3, 3, false},
	tConcat: {5, 4, false}, // right associative
	tPlus:   {6, 6, false}, tMinus: {6, 6, false}, tPipe: {6, 6, true}, tAmp: {6, 6, true}, tXor: {6, 6, true},
	tStar: {7, 7, false}, tSlash: {7, 7, false}, tPercent: {7, 7, true}, tShl: {7, 7, true}, tShr: {7, 7, true}, tBackslash: {7, 7, true},
	tCaret: {10, 9, false}, // right associative
}

func (p *parser) expr() ast.Expr { return p.subexpr(0) }

// subexpr is an operand and the operators after it that bind tighter than limit.
func (p *parser) subexpr(limit int) ast.Expr {
	if !p.enter() {
		return &ast.NilExpr{}
	}
	e := p.operand()
	for n := 0; ; n++ {
		op := binaryOps[p.tok.kind]
		if op.left <= limit {
			if !p.cost.chain(n) {
				p.fail(p.tok, tooCostly)
			}
			break
		}
		if n > maxChain {
			p.fail(p.tok, "chunk has too many syntax levels")
			break
		}
		at := p.tok
		p.next()
		temps := p.fs.temps
		p.hold(op.registers())
		rhs := p.subexpr(op.right)
		p.fs.temps = temps
		e = p.binary(at, e, rhs)
	}
	p.leave()
	return e
}

func (p *parser) operand() ast.Expr {
	at := p.tok
	switch at.kind {
	case tNot, tBang, tMinus, tHash, tTilde:
		p.next()
		temps := p.fs.temps
		p.hold(1)
		e := p.subexpr(priorityUnary)
		p.fs.temps = temps
		return p.unary(at, e)
	}
	return p.simple()
}

func (p *parser) unary(at token, operand ast.Expr) ast.Expr {
	var e ast.Expr
	switch at.kind {
	case tMinus:
		e = &ast.UnaryMinusOpExpr{Expr: operand}
	case tHash:
		e = &ast.UnaryLenOpExpr{Expr: operand}
	case tTilde:
		return p.call(at, opNot, operand)
	default:
		e = &ast.UnaryNotOpExpr{Expr: operand}
	}
	p.at(e, at)
	p.ended(e)
	return e
}

func (p *parser) binary(at token, lhs, rhs ast.Expr) ast.Expr {
	var e ast.Expr
	switch at.kind {
	case tOr, tAnd:
		p.label(5)
		e = &ast.LogicalOpExpr{Operator: at.kind.text(), Lhs: lhs, Rhs: rhs}
	case tEq, tNe, tLt, tLe, tGt, tGe:
		p.label(1)
		e = &ast.RelationalOpExpr{Operator: at.kind.text(), Lhs: lhs, Rhs: rhs}
	case tConcat:
		return p.concat(at, lhs, rhs)
	case tPlus, tMinus, tStar, tSlash, tCaret:
		e = &ast.ArithmeticOpExpr{Operator: at.kind.text(), Lhs: lhs, Rhs: rhs}
	default:
		return p.call(at, binaryCalls[at.kind], lhs, rhs)
	}
	p.at(e, at)
	p.ended(e)
	return e
}

// simple is an operand without operators.
func (p *parser) simple() ast.Expr {
	at := p.tok
	var e ast.Expr
	switch at.kind {
	case tNumber:
		e = &ast.NumberExpr{Value: at.str}
	case tString:
		e = &ast.StringExpr{Value: p.stringValue(at.str)}
	case tNil:
		e = &ast.NilExpr{}
	case tTrue:
		e = &ast.TrueExpr{}
	case tFalse:
		e = &ast.FalseExpr{}
	case tDots:
		if !p.fs.vararg {
			p.failNear(at, "cannot use '...' outside a vararg function")
		}
		e = &ast.Comma3Expr{}
	case tLbrace:
		return p.table()
	case tFunction:
		p.next()
		return p.functionBody(at, false)
	default:
		e, _ = p.suffixed()
		return e
	}
	p.next()
	p.at(e, at)
	return e
}

// what a suffixed expression can be used as
type suffixedKind uint8

const (
	isValue  suffixedKind = iota
	isTarget              // of an assignment
	isCall
)

// suffixed is a name or a parenthesis, and the indexes and calls on it.
func (p *parser) suffixed() (ast.Expr, suffixedKind) {
	e, what := p.primary()
	for n := 0; !p.failed; n++ {
		at := p.tok
		if n > maxChain {
			p.fail(at, "chunk has too many syntax levels")
		}
		switch at.kind {
		case tDot:
			p.next()
			e, what = p.field(e), isTarget
		case tLbracket:
			e, what = p.index(e), isTarget
		case tColon:
			p.next()
			method := p.expectName()
			e, what = p.arguments(&ast.FuncCallExpr{Receiver: e, Method: method}), isCall
		case tLparen, tString, tLbrace:
			e, what = p.arguments(&ast.FuncCallExpr{Func: e}), isCall
		default:
			return e, what
		}
	}
	return e, what
}

func (p *parser) primary() (ast.Expr, suffixedKind) {
	at := p.tok
	switch at.kind {
	case tName:
		p.next()
		p.fs.use(at.str)
		e := p.noted(&ast.IdentExpr{Value: at.str})
		p.at(e, at)
		return e, isTarget
	case tLparen:
		p.next()
		e := p.expr()
		p.expectClosing(tRparen, tLparen, at.line)
		return single(e), isValue
	}
	p.unexpected()
	return &ast.NilExpr{}, isTarget
}

// single cuts an expression to one value, as parentheses do.
func single(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}

// field is `.name`; the dot is taken.
func (p *parser) field(object ast.Expr) ast.Expr {
	at := p.tok
	key := &ast.StringExpr{Value: p.expectName()}
	p.at(key, at)
	e := &ast.AttrGetExpr{Object: object, Key: key}
	p.at(e, at)
	return e
}

func (p *parser) index(object ast.Expr) ast.Expr {
	at := p.tok
	p.next()
	temps := p.fs.temps
	p.hold(1)
	key := p.expr()
	p.fs.temps = temps
	p.expect(tRbracket)
	e := &ast.AttrGetExpr{Object: object, Key: key}
	p.at(e, at)
	p.ended(e)
	return e
}

// arguments completes a call. Lua 5.1 refuses a parenthesis on a new line,
// which could as well begin a statement.
func (p *parser) arguments(call *ast.FuncCallExpr) ast.Expr {
	at := p.tok
	p.at(call, at)
	call.SetLine(at.end) // of a long string
	temps := p.fs.temps
	p.hold(2) // the function and, for a method, its object
	switch at.kind {
	case tString, tLbrace:
		call.Args = []ast.Expr{p.simple()}
	case tLparen:
		if at.line != p.prev.end {
			p.failNear(at, "ambiguous syntax (function call x new statement)")
		}
		p.next()
		call.Args = []ast.Expr{}
		if p.tok.kind != tRparen {
			call.Args = p.exprList()
		}
		p.expectClosing(tRparen, tLparen, at.line)
	default:
		p.failNear(at, "function arguments expected")
	}
	p.fs.temps = temps
	return call
}

// exprList counts a register for each value; the caller restores fs.temps.
func (p *parser) exprList() []ast.Expr {
	exprs := []ast.Expr{p.expr()}
	for p.accept(tComma) {
		p.hold(1)
		exprs = append(exprs, p.expr())
	}
	return exprs
}

// functionBody is what follows the word function and the name.
func (p *parser) functionBody(start token, method bool) *ast.FunctionExpr {
	fn := &ast.FunctionExpr{ParList: &ast.ParList{Names: []string{}}}
	p.at(fn, start)
	p.fs = &funcState{outer: p.fs, line: start.line}
	p.openScope(false)
	if method {
		p.declare("self")
	}
	p.parameters(fn.ParList)
	fn.Stmts = p.block()
	fn.SetLastLine(p.tok.line)
	p.expectClosing(tEnd, tFunction, start.line)
	p.fs = p.fs.outer
	return fn
}

// parameters: a vararg function also has a local `arg` (LUA_COMPAT_VARARG).
func (p *parser) parameters(list *ast.ParList) {
	p.expect(tLparen)
	for p.tok.kind != tRparen && !p.failed {
		switch p.tok.kind {
		case tDots:
			p.next()
			list.HasVargs = true
		case tName:
			list.Names = append(list.Names, p.expectName())
		default:
			p.failNear(p.tok, "<name> or '...' expected")
		}
		if list.HasVargs || !p.accept(tComma) {
			break
		}
		if p.tok.kind == tRparen {
			p.failNear(p.tok, "<name> or '...' expected")
		}
	}
	p.expect(tRparen)
	p.declare(list.Names...)
	if list.HasVargs {
		p.fs.vararg = true
		p.declare("arg")
	}
}

func (p *parser) table() ast.Expr {
	at := p.tok
	t := &ast.TableExpr{Fields: []*ast.Field{}}
	p.at(t, at)
	p.next()
	temps := p.fs.temps
	p.hold(1)
	for pending := 0; p.tok.kind != tRbrace && !p.failed; {
		f := p.tableField()
		t.Fields = append(t.Fields, f)
		if f.Key == nil {
			if pending++; pending == flushAt { // stored, and the registers are free again
				p.fs.temps, pending = temps+1, 0
			} else {
				p.hold(1)
			}
		}
		if !p.accept(tComma) && !p.accept(tSemi) {
			break
		}
	}
	p.fs.temps = temps
	p.expectClosing(tRbrace, tLbrace, at.line)
	return p.stored(at, t)
}

// tableField: a keyed value is cut to one, or gopher-lua would store all of a
// last call's values by index.
func (p *parser) tableField() *ast.Field {
	at := p.tok
	temps := p.fs.temps
	defer func() { p.fs.temps = temps }()
	switch {
	case at.kind == tName && p.peek().kind == tAssign:
		p.next()
		p.next()
		p.hold(1)
		key := &ast.StringExpr{Value: at.str}
		p.at(key, at)
		return &ast.Field{Key: key, Value: single(p.expr())}
	case at.kind == tLbracket:
		p.next()
		key := p.expr()
		p.expect(tRbracket)
		p.expect(tAssign)
		p.hold(1)
		return &ast.Field{Key: key, Value: single(p.expr())}
	}
	return &ast.Field{Value: p.expr()}
}
