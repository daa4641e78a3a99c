package dialect

import "github.com/yuin/gopher-lua/ast"

// block is statements up to a word that ends a block; break and return are the
// last of theirs.
func (p *parser) block() []ast.Stmt {
	stmts := []ast.Stmt{}
	if !p.enter() {
		return stmts
	}
	for last := false; !last && !p.blockEnds(); {
		var s ast.Stmt
		s, last = p.statement()
		if p.failed {
			break
		}
		stmts = append(stmts, s)
		p.accept(tSemi)
	}
	p.leave()
	return stmts
}

func (p *parser) blockEnds() bool {
	switch p.tok.kind {
	case tEOF, tElse, tElseif, tEnd, tUntil:
		return true
	}
	return false
}

// scoped is a block with a scope of its own.
func (p *parser) scoped(loop bool) []ast.Stmt {
	p.openScope(loop)
	stmts := p.block()
	p.closeScope()
	return stmts
}

func (p *parser) statement() (s ast.Stmt, last bool) {
	first := p.tok
	switch first.kind {
	case tIf:
		s = p.ifStmt()
	case tWhile:
		s = p.whileStmt()
	case tDo:
		s = p.doStmt()
	case tFor:
		s = p.forStmt()
	case tRepeat:
		s = p.repeatStmt()
	case tFunction:
		s = p.functionStmt()
	case tLocal:
		s = p.localStmt()
	case tReturn:
		s, last = p.returnStmt(), true
	case tBreak:
		s, last = p.breakStmt(), true
	default:
		s = p.exprStmt()
	}
	p.at(s, first)
	if p.forLine > 0 {
		s.SetLine(p.forLine)
		p.forLine = 0
	}
	s.SetLastLine(p.prev.end)
	return s, last
}

// ifStmt builds the elseifs as an if in the else of the one before.
func (p *parser) ifStmt() ast.Stmt {
	start := p.tok
	first := &ast.IfStmt{}
	cur := first
	for n := 0; ; n++ {
		p.next()
		p.label(3)
		cur.Condition = p.expr()
		p.expect(tThen)
		cur.Then = p.scoped(false)
		if p.tok.kind != tElseif {
			break
		}
		if n > maxChain {
			p.fail(p.tok, "chunk has too many syntax levels")
		}
		next := &ast.IfStmt{}
		p.at(next, p.tok)
		cur.Else = []ast.Stmt{next}
		cur = next
	}
	if p.accept(tElse) {
		cur.Else = p.scoped(false)
	}
	p.expectClosing(tEnd, tIf, start.line)
	return first
}

func (p *parser) whileStmt() ast.Stmt {
	start := p.tok
	p.next()
	p.label(3)
	cond := p.expr()
	p.expect(tDo)
	body := p.scoped(true)
	p.expectClosing(tEnd, tWhile, start.line)
	return p.whileLoop(start, cond, body)
}

func (p *parser) doStmt() ast.Stmt {
	start := p.tok
	p.next()
	body := p.scoped(false)
	p.expectClosing(tEnd, tDo, start.line)
	return &ast.DoBlockStmt{Stmts: body}
}

// repeatStmt: the condition sees the body's locals.
func (p *parser) repeatStmt() ast.Stmt {
	start := p.tok
	p.next()
	p.label(4)
	p.openScope(true)
	body := p.block()
	p.expectClosing(tUntil, tRepeat, start.line)
	cond := p.expr()
	p.closeScope()
	return &ast.RepeatStmt{Condition: cond, Stmts: p.landing(start, body)}
}

func (p *parser) forStmt() ast.Stmt {
	start := p.tok
	p.next()
	p.label(3)
	name := p.expectName()
	switch p.tok.kind {
	case tAssign:
		return p.numericFor(start, name)
	case tComma, tIn:
		return p.genericFor(start, name)
	}
	p.failNear(p.tok, "'=' or 'in' expected")
	return &ast.DoBlockStmt{}
}

func (p *parser) numericFor(start token, name string) ast.Stmt {
	p.next()
	s := &ast.NumberForStmt{Name: name}
	temps := p.fs.temps
	s.Init = p.expr()
	p.expect(tComma)
	p.hold(1)
	s.Limit = p.expr()
	p.hold(1)
	if p.accept(tComma) {
		s.Step = p.expr()
	}
	p.fs.temps = temps
	s.Init, s.Limit, s.Step = p.loopValue(s.Init, "initial value"), p.loopValue(s.Limit, "limit"), p.loopValue(s.Step, "step")
	s.Stmts = p.forBody(start, name)
	return s
}

func (p *parser) genericFor(start token, name string) ast.Stmt {
	names := []string{name}
	for p.accept(tComma) {
		names = append(names, p.expectName())
	}
	p.expect(tIn)
	at := p.tok
	temps := p.fs.temps
	p.hold(1)
	exprs := p.exprList()
	p.fs.temps = temps
	body := p.forBody(start, names...)
	p.forLine = at.end // where Lua 5.1 says that it cannot call what is there
	return &ast.GenericForStmt{Names: names, Exprs: p.iterated(at, exprs), Stmts: p.landing(start, body)}
}

// forBody: the loop keeps three values of its own below the variables.
func (p *parser) forBody(start token, names ...string) []ast.Stmt {
	p.expect(tDo)
	p.openScope(true)
	p.declare("(for 1)", "(for 2)", "(for 3)")
	p.declare(names...)
	body := p.block()
	p.closeScope()
	p.expectClosing(tEnd, tFor, start.line)
	return body
}

func (p *parser) functionStmt() ast.Stmt {
	start := p.tok
	p.next()
	at := p.tok
	name := p.expectName()
	p.fs.use(name)
	var fn ast.Expr = p.noted(&ast.IdentExpr{Value: name})
	p.at(fn, at)
	for p.tok.kind == tDot {
		p.next()
		fn = p.field(fn)
	}
	if !p.accept(tColon) {
		fn.SetLine(start.line) // as Lua 5.1: where the definition begins
		return &ast.FuncDefStmt{Name: &ast.FuncName{Func: fn}, Func: p.functionBody(start, false)}
	}
	method := p.expectName()
	return &ast.FuncDefStmt{Name: &ast.FuncName{Receiver: fn, Method: method}, Func: p.functionBody(start, true)}
}

func (p *parser) localStmt() ast.Stmt {
	p.next()
	if p.tok.kind == tFunction {
		start := p.tok
		p.next()
		name := p.expectName()
		p.declare(name) // the body may call it
		return &ast.LocalAssignStmt{Names: []string{name}, Exprs: []ast.Expr{p.functionBody(start, false)}}
	}
	names := []string{p.expectName()}
	for p.accept(tComma) {
		names = append(names, p.expectName())
	}
	exprs := []ast.Expr{}
	if p.accept(tAssign) {
		exprs = p.localValues(names)
	}
	p.declare(names...)
	return &ast.LocalAssignStmt{Names: names, Exprs: exprs}
}

func (p *parser) returnStmt() ast.Stmt {
	p.next()
	s := &ast.ReturnStmt{}
	if !p.blockEnds() && p.tok.kind != tSemi {
		temps := p.fs.temps
		s.Exprs = p.exprList()
		p.fs.temps = temps
	}
	return s
}

func (p *parser) breakStmt() ast.Stmt {
	at := p.tok
	p.next()
	s := &ast.BreakStmt{}
	in := p.fs.scope
	for in != nil && !in.loop {
		in = in.outer
	}
	if in == nil {
		p.failNear(p.tok, "no loop to break")
	}
	return p.breakOut(at, s)
}

// exprStmt is a call or an assignment.
func (p *parser) exprStmt() ast.Stmt {
	first, what := p.suffixed()
	if what == isCall {
		return &ast.FuncCallStmt{Expr: first}
	}
	targets := []ast.Expr{first}
	temps := p.fs.temps
	for {
		if what != isTarget {
			p.failNear(p.tok, "syntax error")
		}
		p.hold(3) // its object, its key and its value
		if !p.accept(tComma) {
			break
		}
		var target ast.Expr
		target, what = p.suffixed()
		targets = append(targets, target)
	}
	if len(targets) > maxLevels {
		p.fail(p.tok, "%s has more than %d variables in assignment", p.fs.title(), maxLevels)
	}
	at := p.tok
	p.expect(tAssign)
	values := p.exprList()
	p.fs.temps = temps
	return p.assignment(at, targets, values)
}
