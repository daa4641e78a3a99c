package dialect

import "github.com/yuin/gopher-lua/ast"

// iterated makes a loop's values go through opIter, which calls __iter. That
// also makes up for gopher-lua's dropping what a call gives in
// `for k in f, state()`. The stock iterators need no such call.
func (p *parser) iterated(at token, exprs []ast.Expr) []ast.Expr {
	switch first := exprs[0].(type) {
	case *ast.FuncCallExpr:
		if len(exprs) == 1 && (p.isGlobal(first.Func, "pairs") || p.isGlobal(first.Func, "ipairs")) {
			return exprs
		}
	case *ast.IdentExpr:
		if p.isGlobal(first, "next") && !isMulti(exprs[len(exprs)-1]) {
			for len(exprs) < 3 { // the compiler leaves the third register as it is
				exprs = append(exprs, &ast.NilExpr{})
			}
			return exprs
		}
	}
	return []ast.Expr{p.multiCall(at, opIter, exprs)}
}

// loopValue is the start, limit or step of a numeric for. Lua 5.1 takes text
// that is a number, gopher-lua does not: taking nothing away from it makes it
// one.
func (p *parser) loopValue(e ast.Expr, what string) ast.Expr {
	if e == nil || isNumeral(e) {
		return e
	}
	zero := &ast.NumberExpr{Value: "0"}
	p.at(zero, p.tok)
	n := &ast.ArithmeticOpExpr{Operator: "-", Lhs: e, Rhs: zero}
	p.at(n, p.tok)
	if p.loops != nil {
		p.loops[n] = "'for' " + what + " must be a number"
	}
	return n
}

// isNumeral: a number, maybe with a minus.
func isNumeral(e ast.Expr) bool {
	if minus, ok := e.(*ast.UnaryMinusOpExpr); ok {
		e = minus.Expr
	}
	_, ok := e.(*ast.NumberExpr)
	return ok
}

// isGlobal: the expression is a global variable of that name.
func (p *parser) isGlobal(e ast.Expr, name string) bool {
	id, ok := e.(*ast.IdentExpr)
	if !ok || id.Value != name {
		return false
	}
	for f := p.fs; f != nil; f = f.outer {
		if f.find(name) >= 0 {
			return false
		}
	}
	return true
}

// breakOut is a break. gopher-lua's closes the loop's own variables, but not
// those of the blocks in between: a closure would go on sharing the register
// with whatever comes next.
func (p *parser) breakOut(at token, s *ast.BreakStmt) ast.Stmt {
	register, needed := p.fs.breakClose()
	if !needed {
		return s
	}
	c := p.multiCall(at, opClose, nil)
	p.ops[len(p.ops)-1].arg = byte(register)
	closing := &ast.FuncCallStmt{Expr: c}
	p.at(closing, at)
	p.at(s, at)
	return &ast.DoBlockStmt{Stmts: []ast.Stmt{closing, s}}
}

// whileLoop avoids a loop whose first instruction is a jump. gopher-lua makes
// a jump to a jump go to the end at once; of a jump back, which comes last, it
// then reads a target that it has already replaced by a distance.
func (p *parser) whileLoop(at token, cond ast.Expr, body []ast.Stmt) ast.Stmt {
	switch cond.(type) {
	case *ast.TrueExpr, *ast.NumberExpr, *ast.StringExpr: // no instruction
		return &ast.WhileStmt{Condition: cond, Stmts: p.landing(at, body)}
	}
	if !jumpsFirst(cond) {
		return &ast.WhileStmt{Condition: cond, Stmts: body}
	}
	leave := &ast.BreakStmt{}
	p.at(leave, at)
	test := &ast.IfStmt{Condition: cond, Else: []ast.Stmt{leave}}
	p.at(test, at)
	forever := &ast.TrueExpr{}
	p.at(forever, at)
	return &ast.WhileStmt{Condition: forever, Stmts: p.landing(at, append([]ast.Stmt{test}, body...))}
}

// landing puts an instruction before a loop's body that may begin with a jump.
func (p *parser) landing(at token, body []ast.Stmt) []ast.Stmt {
	if len(body) == 0 || !stmtJumpsFirst(body[0]) {
		return body
	}
	nothing := &ast.LocalAssignStmt{Names: []string{"(landing)"}, Exprs: []ast.Expr{}}
	p.at(nothing, at)
	block := &ast.DoBlockStmt{Stmts: []ast.Stmt{nothing}}
	p.at(block, at)
	return append([]ast.Stmt{block}, body...)
}

// stmtJumpsFirst: the statement's first instruction may be a jump.
func stmtJumpsFirst(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.AssignStmt:
		return jumpsFirst(s.Lhs...) || jumpsFirst(s.Rhs...)
	case *ast.LocalAssignStmt:
		return jumpsFirst(s.Exprs...)
	case *ast.ReturnStmt:
		return jumpsFirst(s.Exprs...)
	case *ast.NumberForStmt:
		return jumpsFirst(s.Init)
	case *ast.FuncCallStmt:
		return jumpsFirst(s.Expr)
	case *ast.IfStmt:
		return isLiteral(s.Condition) || jumpsFirst(s.Condition)
	case *ast.DoBlockStmt:
		return len(s.Stmts) == 0 || stmtJumpsFirst(s.Stmts[0])
	case *ast.RepeatStmt:
		return len(s.Stmts) == 0 || stmtJumpsFirst(s.Stmts[0])
	case *ast.WhileStmt, *ast.BreakStmt:
		return true
	}
	return false
}

// jumpsFirst: an expression begins with `and` or `or` of a literal, which is
// compiled to a jump. Where it stands does not matter much: an instruction too
// many is all that a wrong yes costs.
func jumpsFirst(exprs ...ast.Expr) bool {
	for _, e := range exprs {
		switch e := e.(type) {
		case *ast.LogicalOpExpr:
			if isLiteral(e.Lhs) || jumpsFirst(e.Lhs) {
				return true
			}
		case *ast.RelationalOpExpr:
			if jumpsFirst(e.Lhs, e.Rhs) {
				return true
			}
		case *ast.ArithmeticOpExpr:
			if jumpsFirst(e.Lhs, e.Rhs) {
				return true
			}
		case *ast.AttrGetExpr:
			if jumpsFirst(e.Object, e.Key) {
				return true
			}
		case *ast.FuncCallExpr:
			if jumpsFirst(e.Func, e.Receiver) {
				return true
			}
		case *ast.UnaryNotOpExpr:
			if isLiteral(e.Expr) || jumpsFirst(e.Expr) {
				return true
			}
		case *ast.UnaryMinusOpExpr:
			if jumpsFirst(e.Expr) {
				return true
			}
		case *ast.UnaryLenOpExpr:
			if jumpsFirst(e.Expr) {
				return true
			}
		}
	}
	return false
}

func isLiteral(e ast.Expr) bool {
	switch e.(type) {
	case *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr, *ast.NumberExpr, *ast.StringExpr:
		return true
	}
	return false
}
