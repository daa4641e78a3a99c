package dialect

import "github.com/yuin/gopher-lua/ast"

// returns finds the ways through a callout that end without a value.
func (l *linter) returns() {
	if l.opt.NeedReturn == nil {
		return
	}
	known := set(l.opt.Callouts)
	done := map[*function]bool{}
	for _, k := range l.r.registeredKeys() {
		if k.fn == nil || k.fn.node == nil || done[k.fn] || !known[k.name] || !l.opt.NeedReturn(k.name) {
			continue
		}
		done[k.fn] = true
		w := &ways{}
		if w.block(k.fn.node.Stmts) {
			end := &ast.Node{}
			end.SetLine(k.fn.node.LastLine())
			l.find(NoReturnValue, end, k.name, "", "'"+k.name+"' may reach its end without returning a value")
		}
		for _, s := range w.bare {
			l.find(NoReturnValue, s, k.name, "", "'"+k.name+"' returns no value here")
		}
	}
}

// ways follows the control flow. breaks is whether the loop being read is left
// by a break.
type ways struct {
	bare   []*ast.ReturnStmt
	breaks bool
}

// block tells whether control can come out at its end.
func (w *ways) block(stmts []ast.Stmt) bool {
	for _, s := range stmts {
		if !w.stmt(s) {
			return false
		}
	}
	return true
}

func (w *ways) stmt(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ReturnStmt:
		if len(s.Exprs) == 0 || isNil(s.Exprs[0]) {
			w.bare = append(w.bare, s)
		}
		return false
	case *ast.BreakStmt:
		w.breaks = true
		return false
	case *ast.FuncCallStmt:
		c, ok := s.Expr.(*ast.FuncCallExpr)
		return !ok || pathText(c) != "error"
	case *ast.DoBlockStmt:
		return w.block(s.Stmts)
	case *ast.IfStmt:
		then := w.block(s.Then)
		return w.block(s.Else) || then
	case *ast.WhileStmt:
		_, breaks := w.loop(s.Stmts)
		_, forever := s.Condition.(*ast.TrueExpr)
		return breaks || !forever
	case *ast.RepeatStmt:
		through, breaks := w.loop(s.Stmts)
		return through || breaks
	case *ast.NumberForStmt:
		w.loop(s.Stmts)
	case *ast.GenericForStmt:
		w.loop(s.Stmts)
	}
	return true
}

func (w *ways) loop(body []ast.Stmt) (through, breaks bool) {
	outer := w.breaks
	w.breaks = false
	through = w.block(body)
	breaks, w.breaks = w.breaks, outer
	return through, breaks
}

func isNil(e ast.Expr) bool {
	_, ok := e.(*ast.NilExpr)
	return ok
}
